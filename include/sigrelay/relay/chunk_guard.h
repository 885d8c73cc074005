/* Watches the raw bytes of a chunked body (RFC 9112 7.1) for what evhttp takes
 * and this program must not: sizes that strtoll() likes and the grammar does not
 * ("0x2", " 2", "+2"), data that is longer than its size says, and trailers,
 * which evhttp would mix with the headers; and for a body that grows too large.
 * Pure: bytes in, a verdict out.
 *
 *   from      byte                 to
 *   SIZE      hex digit            SIZE
 *   SIZE      CR                   SIZE_LF
 *   SIZE_LF   LF                   DATA, END when the size was 0, BAD when it is too large
 *   DATA      the last one         DATA_CR
 *   DATA_CR   CR                   DATA_LF
 *   DATA_LF   LF                   SIZE
 *   END       CR                   END_LF
 *   END_LF    LF                   DONE
 *   any       any other            BAD */
#ifndef SIGRELAY_RELAY_CHUNK_GUARD_H
#define SIGRELAY_RELAY_CHUNK_GUARD_H

#include <stddef.h>
#include <stdint.h>

struct chunk_guard {
	enum {
		CHUNK_SIZE,
		CHUNK_SIZE_LF,
		CHUNK_DATA,
		CHUNK_DATA_CR,
		CHUNK_DATA_LF,
		CHUNK_END,
		CHUNK_END_LF,
		CHUNK_DONE,
		CHUNK_BAD
	} at;
	unsigned digits; /* of the present size */
	uint64_t left;   /* the size, then what is left of the data */
	uint64_t room;   /* for the chunks to come */
	int status;      /* the HTTP status that fits bad */
	const char *bad; /* what is wrong, a static phrase; NULL: nothing yet */
};

/* body_max: the most that all chunks together may hold. */
void chunk_guard_begin(struct chunk_guard *g, uint64_t body_max);
/* Takes the next bytes; what comes after DONE is not the body's and is passed over. */
void chunk_guard_feed(struct chunk_guard *g, const char *p, size_t n);

#endif
