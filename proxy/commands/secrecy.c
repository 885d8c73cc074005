#include <sigrelay/commands/secrecy.h>

#include <curl/curl.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <sys/prctl.h>

#include <sigrelay/base/mem.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif

static void *crypto_alloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return mem_wiping_alloc(n);
}

static void *crypto_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return mem_wiping_realloc(p, n);
}

static void crypto_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	mem_wiping_free(p);
}

/* A request passes through buffers of each, which they free as they are. */
static void libraries_wipe(void)
{
	(void)CRYPTO_set_mem_functions(crypto_alloc, crypto_realloc, crypto_free);
	event_set_mem_functions(mem_wiping_alloc, mem_wiping_realloc, mem_wiping_free);
	(void)curl_global_init_mem(CURL_GLOBAL_DEFAULT, mem_wiping_alloc, mem_wiping_free, mem_wiping_realloc,
				   mem_wiping_strdup, mem_wiping_calloc);
}

void secrecy_begin(void)
{
	libraries_wipe();
#ifndef SANITIZED
	/* An rlimit would be the command's too; this ends with exec. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}
