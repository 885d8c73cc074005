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
bool report_table(uint64_t seed); /* Markdown; false when a property was violated on the way */
bool report_picture(const char *file, uint64_t seed);

#endif
