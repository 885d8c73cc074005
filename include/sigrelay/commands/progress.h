/* How a wait is told on stderr: on a terminal one line that is updated, else
 * (CI logs) a log line at the begin and then at most one a minute. */
#ifndef SIGRELAY_COMMANDS_PROGRESS_H
#define SIGRELAY_COMMANDS_PROGRESS_H

#include <stdbool.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/clock.h>

#define PROGRESS_EVERY (60 * USEC_PER_SEC)

struct progress {
	bool terminal; /* stderr is one, and can update a line */
	bool colour;
	usec begun;
	usec told; /* when the last log line was written; < 0: none yet */
};

/* One moment of the wait. Times are monotonic. */
struct progress_moment {
	const char *what; /* what is waited for: "rekor to take writes" */
	usec now, next;   /* next: when the next try goes, USEC_NEVER: not known */
	usec give_up;
};

/* env decides with stderr: NO_COLOR, TERM. p->told stays: set it to -1 before the
 * first of several waits, which then share the minute. */
void progress_begin(struct progress *p, char *const *env, usec now);
void progress_tell(struct progress *p, const struct progress_moment *m);
void progress_end(struct progress *p);

/* The line for a terminal, cut to `columns`: without control sequences but for
 * colour. */
enum status progress_line(const struct progress *p, const struct progress_moment *m, size_t columns,
			  struct buf *out) MUST_CHECK;
/* Is a log line due? */
bool progress_due(const struct progress *p, usec now);

#endif
