#include <sigrelay/base/mem.h>

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static long fail_countdown = -1;
static bool fail_struck;

static bool fails_now(void)
{
	if (fail_countdown < 0)
		return false;
	if (fail_countdown-- > 0)
		return false;
	fail_struck = true;
	return true;
}

void *mem_alloc(size_t n)
{
	/* malloc(0) may be NULL, which here would read as "no memory". */
	return fails_now() ? NULL : malloc(n ? n : 1);
}

void *mem_calloc(size_t count, size_t size)
{
	size_t n;
	if (__builtin_mul_overflow(count, size, &n) || n > PTRDIFF_MAX)
		return NULL;
	if (n == 0)
		count = size = 1;
	return fails_now() ? NULL : calloc(count, size);
}

void *mem_realloc(void *p, size_t n)
{
	return fails_now() ? NULL : realloc(p, n ? n : 1);
}

char *mem_strdup(const char *s)
{
	return mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *s, size_t n)
{
	n = strnlen(s, n);
	char *copy = mem_alloc(n + 1);
	if (!copy)
		return NULL;
	memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

void mem_free(void *p)
{
	free(p);
}

void mem_wipe(void *p, size_t n)
{
	if (n > 0)
		explicit_bzero(p, n);
}

void mem_install_hooks(void)
{
	cJSON_Hooks hooks = { .malloc_fn = mem_alloc, .free_fn = mem_free };
	cJSON_InitHooks(&hooks);
}

void mem_fail_at(long n)
{
	fail_countdown = n;
	fail_struck = false;
}

int mem_fail_hit(void)
{
	return fail_struck;
}
