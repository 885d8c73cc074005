/* Watches the raw bytes of a request head, and says what is wrong with it before evhttp
 * does, which is lenient where this program must not be and words its own refusals as
 * pages of HTML: another request line than METHOD TARGET HTTP/1.1, folded lines
 * (RFC 9112 5.2), blanks before a colon, line ends without CR, control bytes, a body of
 * ambiguous or no length, one that is too large, a head that is too large. Pure: bytes
 * in, a verdict out.
 *
 * One guard a connection; guard_begin at each head. */
#ifndef SIGRELAY_RELAY_HEAD_GUARD_H
#define SIGRELAY_RELAY_HEAD_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUARD_HEAD_MAX 32768 /* bytes of a head */
/* Header lines. Each is looked up in every other: eight thousand of them, which fit in a
 * head, cost 0.2 s. No client sends more than some thirty. */
#define GUARD_LINES_MAX 256

struct head_guard {
	enum {
		GUARD_METHOD,
		GUARD_TARGET,
		GUARD_VERSION,
		GUARD_NAME,
		GUARD_VALUE,
		GUARD_CR,
		GUARD_LINE_START,
		GUARD_END_CR,
		GUARD_OUT
	} at;
	uint64_t body_max;
	size_t bytes;    /* of this head so far */
	size_t lines;    /* of headers */
	char word[24];   /* the beginning of the method, the version, a name or a value */
	size_t word_n;   /* its whole length */
	unsigned header; /* which of those that matter here the present line is */
	unsigned hosts;  /* Host headers */
	bool posts;      /* the method is POST */
	bool wants_body; /* the method comes with a body in any case */
	bool is_head;    /* the method is HEAD */
	bool old;        /* HTTP/1.0 */
	bool has_length; /* Content-Length was seen */
	bool has_coding; /* Transfer-Encoding was seen */
	bool expects;    /* Expect, of something else than 100-continue */
	uint64_t length; /* Content-Length; UINT64_MAX when it is even larger */
	int status;      /* the HTTP status that fits bad */
	const char *bad; /* what is wrong with it, a static phrase; NULL: nothing yet */
};

/* body_max: the largest Content-Length that is taken. */
void guard_begin(struct head_guard *g, uint64_t body_max);
/* Takes the next bytes; returns how many of them belong to the head. */
size_t guard_feed(struct head_guard *g, const char *p, size_t n);
/* Is the head complete? */
static inline bool guard_done(const struct head_guard *g)
{
	return g->at == GUARD_OUT;
}

#endif
