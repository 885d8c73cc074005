/* A client's place in a distributed trace: the header traceparent of W3C Trace
 * Context (https://www.w3.org/TR/trace-context/, 3.2). The relay takes part in a
 * trace and begins none: what a client did not bring is not made up. Pure. */
#ifndef SIGRELAY_BASE_TRACE_H
#define SIGRELAY_BASE_TRACE_H

#include <stdint.h>

#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>

#define TRACE_ID_HEX 32
#define TRACE_PARENT_MAX (2 + 1 + TRACE_ID_HEX + 1 + 16 + 1 + 2)

struct trace {
	char id[TRACE_ID_HEX + 1]; /* "": none */
	unsigned char flags;       /* those that version 00 knows */
};

/* STATUS_INVALID: no traceparent that may be used; *t is untouched. A later version
 * is read as far as this one goes, as 3.2.4 wants it. */
enum status trace_parse(struct trace *t, struct slice traceparent) MUST_CHECK;
/* The traceparent, of version 00, of one request under it. parent: that request's own
 * id, not 0. "" when there is no trace. */
void trace_write(const struct trace *t, uint64_t parent, char out[TRACE_PARENT_MAX + 1]);
/* For a log line, which leaves NULL out: the trace-id, or NULL. */
const char *trace_id(const struct trace *t);

#endif
