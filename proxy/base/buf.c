#include <sigrelay/base/buf.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <sigrelay/base/mem.h>

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_release(struct buf *b)
{
	mem_free(b->p);
	buf_init(b, b->max);
}

void buf_wipe(struct buf *b)
{
	mem_wipe(b->p, b->cap);
	buf_release(b);
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	if (b->p)
		b->p[0] = '\0';
}

/* The next block's size: at least doubled, never beyond max and the NUL. */
static size_t grown(const struct buf *b, size_t need)
{
	size_t cap = b->cap > SIZE_MAX / 2 ? SIZE_MAX : b->cap * 2;
	if (cap < 64)
		cap = 64;
	if (b->max < SIZE_MAX && cap > b->max + 1)
		cap = b->max + 1;
	return cap < need ? need : cap;
}

enum status buf_reserve(struct buf *b, size_t n)
{
	if (n > b->max - b->n || b->n + n == SIZE_MAX)
		return STATUS_TOO_LARGE;
	size_t need = b->n + n + 1;
	if (need <= b->cap)
		return STATUS_OK;
	/* Not realloc: the block that is left behind may hold a secret, and
	 * buf_wipe must be able to promise that no copy of it stays. */
	size_t cap = grown(b, need);
	char *p = mem_alloc(cap);
	if (!p)
		return STATUS_NO_MEMORY;
	if (b->n > 0)
		memcpy(p, b->p, b->n);
	p[b->n] = '\0';
	mem_wipe(b->p, b->cap);
	mem_free(b->p);
	b->p = p;
	b->cap = cap;
	return STATUS_OK;
}

enum status buf_add(struct buf *b, const void *p, size_t n)
{
	enum status st = buf_reserve(b, n);
	if (st != STATUS_OK)
		return st;
	if (n > 0)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = '\0';
	return STATUS_OK;
}

enum status buf_add_str(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

enum status buf_add_slice(struct buf *b, struct slice s)
{
	return buf_add(b, s.p, s.n);
}

enum status buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return STATUS_INVALID;
	enum status st = buf_reserve(b, (size_t)n);
	if (st != STATUS_OK)
		return st;
	va_start(ap, fmt);
	vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
	return STATUS_OK;
}

struct slice buf_slice(const struct buf *b)
{
	return (struct slice){ b->p, b->n };
}

char *buf_take(struct buf *b)
{
	char *p = b->p;
	buf_init(b, b->max);
	return p;
}
