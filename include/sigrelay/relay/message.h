/* A request as it will be sent upstream, and an answer as it came back.
 *
 * Both are shared: by joined exchanges, by retries, by the memory of entries.
 * They are counted; whoever keeps a pointer holds a reference. After they were
 * made nobody changes them. */
#ifndef SIGRELAY_RELAY_MESSAGE_H
#define SIGRELAY_RELAY_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/clock.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>
#include <sigrelay/base/trace.h>
#include <sigrelay/sigstore/operation.h>
#include <sigrelay/sigstore/route.h>

enum method { METHOD_GET, METHOD_HEAD, METHOD_POST };

#define REQUEST_ID_MAX 64

struct request {
	unsigned refs;
	enum operation operation;
	enum method method;
	char id[REQUEST_ID_MAX + 1];        /* X-Request-Id, the client's own or made here */
	char *target;                       /* path and query, no trailing slash */
	struct slice path, query, entry_id; /* views of target */
	/* Header lines for upstream, "Name: value" each ended by a NUL, one after
	 * the other: end-to-end ones only. */
	struct buf headers;
	size_t header_count;
	char *body; /* NULL when there is none; wiped when request_is_secret */
	size_t body_size;
	struct slice user_agent, authorization; /* views of headers; may be empty */
	/* Another relay's wish to hear within that time (Prefer: wait=N, RFC 7240 4.3);
	 * USEC_NEVER: none. */
	usec wait;
	/* The client's traceparent; not among the lines, for each attempt has its own. */
	struct trace trace;
	bool trace_seen, state_seen; /* a traceparent came, good or not; a tracestate did */
};

/* Copies what it needs. target is the route's. STATUS_NO_MEMORY. */
enum status request_new(struct request **out, const struct route *route, enum method method) MUST_CHECK;
/* Adds an end-to-end header; hop-by-hop ones and those the relay sets itself
 * (Host, Content-Length, Accept-Encoding, Expect, X-Request-Id, Prefer, traceparent, …) are
 * left out. A valid X-Request-Id is taken as the request's id, a wish to wait as its wait,
 * the one valid traceparent as its trace. */
enum status request_add_header(struct request *r, const char *name, const char *value) MUST_CHECK;
/* After the last header: sets the views, makes the id if there is none (id_seed), and drops
 * a tracestate that belongs to no trace. */
enum status request_seal(struct request *r, uint64_t id_seed) MUST_CHECK;
/* A plain GET of the log's state (/api/v1/log): the same for everyone who asks. */
bool request_is_log_state(const struct request *r);
/* How old an answer may be that it is content with (Cache-Control: max-age=N, RFC 9111
 * 5.2.1.1); 0: it is to be asked for. */
usec request_max_age(const struct request *r);
/* Does it carry a token? What held its bytes is then wiped, and not kept for another. */
bool request_is_secret(const struct request *r);
struct request *request_ref(struct request *r);
void request_unref(struct request *r);         /* NULL is fine */
size_t request_bytes(const struct request *r); /* of its head and body */

struct answer {
	unsigned refs;
	int status;
	struct buf head; /* "Name: value\r\n" lines, no status line */
	struct buf body; /* decoded */
};

#define ANSWER_HEAD_MAX (64u << 10)

/* An empty one, for the wire to fill or for an answer of our own. NULL: no memory. */
struct answer *answer_new(int status, size_t body_max) MUST_CHECK;
struct answer *answer_ref(struct answer *a);
void answer_unref(struct answer *a); /* NULL is fine */
/* Does it come from a relay that has waited as it was asked to? */
bool answer_waited(const struct answer *a);
/* The first header of that name, trimmed; empty when missing. */
struct slice answer_header(const struct answer *a, const char *name);
enum status answer_add_header(struct answer *a, const char *name, struct slice value) MUST_CHECK;
/* Walks the headers that a client may see: *at starts at 0; false at the end.
 * Hop-by-hop headers, what Connection lists, lengths and codings are passed over. */
bool answer_next_header(const struct answer *a, size_t *at, struct slice *name, struct slice *value);

/* Is this header of one connection only, or ours to set (RFC 9110 7.6.1)? */
bool header_is_ours(struct slice name);
/* Does the value of a Connection header list it? */
bool header_is_listed(struct slice connection, struct slice name);

#endif
