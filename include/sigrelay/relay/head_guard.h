/* Watches the raw bytes of a request head for what evhttp takes and this
 * program must not: folded lines (RFC 9112 5.2), blanks before a colon, line
 * ends without CR, NUL and other control bytes, a method with a body and no
 * length (evhttp would read to the end of the stream). Pure: bytes in, a verdict out.
 *
 * One guard a connection; guard_begin at each head. */
#ifndef SIGRELAY_RELAY_HEAD_GUARD_H
#define SIGRELAY_RELAY_HEAD_GUARD_H

#include <stdbool.h>
#include <stddef.h>

struct head_guard {
	enum {
		GUARD_START,
		GUARD_LINE,
		GUARD_NAME,
		GUARD_VALUE,
		GUARD_CR,
		GUARD_LINE_START,
		GUARD_END_CR,
		GUARD_OUT
	} at;
	size_t bytes;                    /* of this head so far */
	char first;                      /* the method's first byte */
	size_t name_at;                  /* within the present header's name */
	bool maybe_length, maybe_coding; /* the name so far is the beginning of this one */
	bool has_length;                 /* Content-Length was seen */
	bool has_coding;                 /* Transfer-Encoding was seen */
	const char *bad;                 /* what is wrong with it, a static phrase; NULL: nothing yet */
};

void guard_begin(struct head_guard *g);
/* Takes the next bytes; returns how many of them belong to the head. */
size_t guard_feed(struct head_guard *g, const char *p, size_t n);
/* Is the head complete? */
static inline bool guard_done(const struct head_guard *g)
{
	return g->at == GUARD_OUT;
}

#endif
