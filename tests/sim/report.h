/* What docs/outages.md shows: the table and the picture. */
#ifndef SIGRELAY_SIM_REPORT_H
#define SIGRELAY_SIM_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "world.h"

/* The outage of the report: the log answers 502 for so long, every job arrives
 * while it lasts, and the log that comes back is weak for two minutes. */
void report_plan(struct plan *p, enum mode mode, unsigned jobs, usec outage, uint64_t seed);

/* One row of the table, and what its requests were. */
bool report_one(enum mode mode, unsigned jobs, usec outage, uint64_t seed);
/* N creates whose leaves are queued at a log whose signer is paused. False: they
 * cannot all be asked for within their certificates' life. */
bool waiters_plan(struct plan *p, unsigned jobs, bool queued, bool limited, uint64_t seed);
struct waiters_seen {
	double mean; /* reads a second while everyone waits, */
	unsigned most;
	usec bound; /* from an entry's integration to its answer */
};
struct waiters_seen waiters_seen(const struct plan *p, const struct outcome_of_run *o);

bool report_table(uint64_t seed); /* Markdown; false when a property was violated on the way */
bool report_brown_outs(uint64_t seed);
bool report_failing(uint64_t seed); /* 30, 50 and 70 % fail: twenty seeds, the relay beside nothing */
bool report_waiters(uint64_t seed);
bool report_picture(const char *file, uint64_t seed);

#endif
