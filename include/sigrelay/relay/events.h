/* The last events of the log, for the page: text lines as they stand in a log, the
 * newest first. Taps the log from _new to _free; one at a time. */
#ifndef SIGRELAY_RELAY_EVENTS_H
#define SIGRELAY_RELAY_EVENTS_H

#include <stddef.h>

#include <sigrelay/base/log.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>

#define EVENTS_KEPT 50
#define EVENTS_LINE_MAX 480 /* bytes; the rest of a longer line is not kept */

struct events;
enum status events_new(struct events **out) MUST_CHECK;
void events_free(struct events *e); /* NULL is fine */

struct event_line {
	enum log_level level;
	struct slice
	    text; /* "2026-11-24T06:40:01.123Z warn breaker service=rekor …"; lent until the next event */
};
/* The n-th newest; false: there are not so many. */
bool events_at(const struct events *e, size_t n, struct event_line *out);

#endif
