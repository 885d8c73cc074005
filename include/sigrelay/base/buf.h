/* A growing byte buffer with a hard maximum (curl's dynbuf is the model).
 *
 * p is always terminated by a NUL that n does not count, once something was
 * added; NULL before. After a failed add the buffer is unchanged. */
#ifndef SIGRELAY_BASE_BUF_H
#define SIGRELAY_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>

struct buf {
	char *p;
	size_t n;
	size_t cap;
	size_t max; /* n never passes this */
};

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b); /* frees; the buffer can be used again */
void buf_wipe(struct buf *b);    /* overwrites the whole block, then frees */
void buf_reset(struct buf *b);   /* keeps the block, n = 0 */
enum status buf_add(struct buf *b, const void *p, size_t n) MUST_CHECK;
enum status buf_add_str(struct buf *b, const char *s) MUST_CHECK;
enum status buf_add_slice(struct buf *b, struct slice s) MUST_CHECK;
enum status buf_addf(struct buf *b, const char *fmt, ...) MUST_CHECK __attribute__((format(printf, 2, 3)));
enum status buf_reserve(struct buf *b, size_t n) MUST_CHECK; /* room for n more */
struct slice buf_slice(const struct buf *b);
/* Gives the block away: the caller frees it with mem_free. Never NULL unless
 * nothing was ever added. */
char *buf_take(struct buf *b);

#endif
