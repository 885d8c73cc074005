/* Lines of one event beyond a number in a while are left out and counted: an
 * outage with thousands of clients does not fill a disk. Pure. */
#ifndef SIGRELAY_BASE_LOG_REPEATS_H
#define SIGRELAY_BASE_LOG_REPEATS_H

#include <stdbool.h>
#include <stdint.h>

#include <sigrelay/base/clock.h>

#define LOG_REPEATS_WINDOW (10 * USEC_PER_SEC)
#define LOG_REPEATS_EVENTS 64 /* kinds of events; those beyond are never left out */

struct log_repeats {
	unsigned limit; /* lines of one event in LOG_REPEATS_WINDOW; 0: no limit */
	unsigned count, looked;
	struct log_repeat {
		const char *event; /* a literal */
		usec since;
		unsigned passed;
		uint64_t left_out;
	} v[LOG_REPEATS_EVENTS];
};

/* May a line of that event be written? event: a string literal. */
bool log_repeats_pass(struct log_repeats *r, const char *event, usec now);
/* An event whose while is over and of which lines were left out: its name, with
 * how many; from then on that is told. NULL: none just now. Looks at one event a call. */
const char *log_repeats_told(struct log_repeats *r, usec now, uint64_t *left_out);

#endif
