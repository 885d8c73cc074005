#include <sigrelay/base/mem.h>

#include <cjson/cJSON.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static long fail_countdown = -1;
static bool fail_struck;
static long live;

static bool fails_now(void)
{
	if (fail_countdown < 0)
		return false;
	if (fail_countdown-- > 0)
		return false;
	fail_struck = true;
	return true;
}

static void *counted(void *p)
{
	live += p != NULL;
	return p;
}

void *mem_alloc(size_t n)
{
	/* malloc(0) may be NULL, which here would read as "no memory". */
	return fails_now() ? NULL : counted(malloc(n ? n : 1));
}

void *mem_calloc(size_t count, size_t size)
{
	size_t n;
	if (__builtin_mul_overflow(count, size, &n) || n > PTRDIFF_MAX)
		return NULL;
	if (n == 0)
		count = size = 1;
	return fails_now() ? NULL : counted(calloc(count, size));
}

void *mem_realloc(void *p, size_t n)
{
	if (fails_now())
		return NULL;
	void *next = realloc(p, n ? n : 1);
	return p ? next : counted(next);
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
	live -= p != NULL;
	free(p);
}

void mem_wipe(void *p, size_t n)
{
	if (n > 0)
		explicit_bzero(p, n);
}

void *mem_wiping_alloc(size_t n)
{
	return malloc(n);
}

void *mem_wiping_calloc(size_t count, size_t size)
{
	return calloc(count, size);
}

/* Not realloc where it may move: what it leaves behind is not wiped. */
void *mem_wiping_realloc(void *p, size_t n)
{
	size_t old = malloc_usable_size(p);
	if (p && n > 0 && n <= old && n > old / 2)
		return p;
	void *next = n > 0 ? malloc(n) : NULL;
	if (n > 0 && !next)
		return NULL;
	if (p && next)
		memcpy(next, p, old < n ? old : n);
	mem_wiping_free(p);
	return next;
}

char *mem_wiping_strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = malloc(n);
	return copy ? memcpy(copy, s, n) : NULL;
}

void mem_wiping_free(void *p)
{
	if (!p)
		return;
	mem_wipe(p, malloc_usable_size(p));
	free(p);
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

long mem_live(void)
{
	return live;
}
