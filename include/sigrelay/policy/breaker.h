/* A circuit breaker for one side (read or write) of one upstream. Pure.
 *
 *   from       event                                              to
 *   CLOSED     breaker_failures failures in a row                 OPEN
 *   CLOSED     failures >= breaker_rate of at least               OPEN
 *              breaker_min_requests in breaker_window
 *   OPEN       next_probe has come and breaker_begin_probe        HALF_OPEN
 *   HALF_OPEN  the probe succeeds                                 CLOSED (ramping)
 *   HALF_OPEN  the probe fails (429 too) or is abandoned          OPEN, interval grown
 *   any        a success of an attempt sent before it opened      OPEN stays; in OPEN it brings
 *              next_probe to now (the upstream was seen to work)
 *
 * The probe interval starts at probe_interval, doubles with jitter (+-20 %) to
 * probe_max; Retry-After of the failed probe is respected, up to probe_max.
 * While ramping, `ramp_limit` attempts may be in flight: 1, doubled by each
 * full round of successes, halved by a failure, until it passes ramp_done or
 * `max_in_flight` and the ramp is over. Nothing ramps at process start. */
#ifndef SIGRELAY_POLICY_BREAKER_H
#define SIGRELAY_POLICY_BREAKER_H

#include <stdbool.h>

#include <sigrelay/base/clock.h>
#include <sigrelay/base/rng.h>
#include <sigrelay/policy/outcome.h>

enum breaker_state { BREAKER_CLOSED, BREAKER_HALF_OPEN, BREAKER_OPEN };

struct breaker_config {
	unsigned failures;
	unsigned rate; /* percent; 0 = no rate condition */
	usec window;
	unsigned min_requests;
	usec probe_interval, probe_max;
	unsigned max_in_flight; /* where a ramp ends */
};

#define BREAKER_BUCKETS 10

struct breaker {
	struct breaker_config cfg;
	enum breaker_state state;
	usec since; /* when the state was entered */
	unsigned in_a_row;
	struct {
		usec start;
		unsigned ok, failed;
	} bucket[BREAKER_BUCKETS];
	usec interval;       /* the present probe interval */
	usec next_probe;     /* in OPEN */
	unsigned ramp_limit; /* 0 = not ramping */
	unsigned ramp_good;  /* successes in this round */
	usec opened_at;      /* start of the outage (CLOSED: 0) */
	usec outage_total;   /* of ended outages */
};

void breaker_init(struct breaker *b, const struct breaker_config *cfg, usec now);
void breaker_configure(struct breaker *b, const struct breaker_config *cfg); /* reload; keeps the state */
/* An attempt ended. `probe`: it was the probe. retry_after < 0: none named.
 * Returns true when the state changed. */
bool breaker_report(struct breaker *b, enum outcome o, bool probe, usec retry_after, usec now, struct rng *r);
/* OPEN and next_probe <= now: enters HALF_OPEN and returns true; the caller
 * sends exactly one attempt and reports it with probe = true. */
bool breaker_begin_probe(struct breaker *b, usec now);
/* When sending may next be possible: now in CLOSED, next_probe in OPEN,
 * USEC_NEVER in HALF_OPEN (the probe's end wakes). */
usec breaker_wake(const struct breaker *b, usec now);
/* How many attempts may be in flight on this side now: 0 in OPEN and
 * HALF_OPEN, ramp_limit while ramping, else cfg.max_in_flight. */
unsigned breaker_allowance(const struct breaker *b);
/* usec in which the breaker was not closed, up to now. */
usec breaker_outage(const struct breaker *b, usec now);
const char *breaker_state_name(enum breaker_state s); /* closed, half-open, open */

#endif
