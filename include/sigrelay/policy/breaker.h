/* A circuit breaker for one side (read or write) of one upstream. Pure.
 *
 *   from       event                                              to
 *   CLOSED     cfg.failures failures in a row                     OPEN
 *   CLOSED     a failure, with failures >= cfg.rate percent of    OPEN
 *              at least cfg.min_requests in cfg.window
 *   OPEN       next_probe has come and breaker_send               HALF_OPEN
 *   HALF_OPEN  the probe succeeds                                 CLOSED (slow start)
 *   HALF_OPEN  the probe fails (429 too)                          OPEN, interval doubled (or kept: below)
 *   HALF_OPEN  the probe is no verdict (cancelled, too big)       OPEN, interval kept
 *
 * An outage that ends within cfg.window was perhaps none: where half of all requests
 * fail at random, five in a row come every minute, and more than half of the last ten
 * half of the time, and parking everybody costs more signatures than asking again. So
 * such an outage casts doubt on the next ones for BREAKER_DOUBT windows, and for as
 * long as chance goes on to look like an outage. In doubt a condition that is met
 * opens it only when chance does not explain it:
 *   - a row of n, when a share q of what the window holds from before it had failed
 *     already, and q^n is BREAKER_CHANCE or more (small, because every request may be
 *     the first of a row). With q up to 15 %, or with fewer than min_requests before
 *     it, cfg.failures are enough, as ever; with 30 % it takes eight, with a half
 *     fourteen, and never more than BREAKER_ROW_MOST times cfg.failures;
 *   - a share, when it lies less than three standard deviations above cfg.rate: 50 % wants
 *     all of ten, 17 of 20, 65 of 100.
 *
 * A probe of such a service fails by chance, too. Where a share q of what the window holds
 * (before the row, if it was one) had failed when it opened, and that is BREAKER_BROWN
 * percent at the most, the interval stays as it is for so long as q^n, of n probes that
 * failed, is BREAKER_PROBE_CHANCE or more: four probes with a half, ten with three
 * quarters, none where it was well before or all failed.
 *
 * An attempt has a number; every change of state begins a new epoch with the
 * next one. An attempt of a past epoch (a straggler) says nothing of the
 * present: a POST that hung before the outage and times out after it must not
 * open the breaker again. Only in OPEN a straggler that succeeds is good news:
 * the next probe is due now.
 *
 * From the beginning of one probe to the next at least the probe interval
 * passes, whatever became of the first one: abandoned, or good news from
 * stragglers. The interval starts at probe_interval and doubles to probe_max,
 * drawn from +-20 % of that, never outside [probe_interval, probe_max]. A
 * Retry-After of the attempt that opened it is respected, up to probe_max.
 *
 * In a fleet (policy of many relays, relay/fleet.h) two more things happen:
 *
 *   CLOSED     others say that it is down (breaker_hear)          OPEN, no failure counted
 *   any other  others say that it is back (breaker_hear_back)     CLOSED (slow start)
 *
 * and while breaker_by_lease is on the probe needs a lease (breaker_lease), so that
 * one probe an interval goes out from all of them together.
 *
 * How many attempts may be in flight while it is closed is the limit's to say
 * (policy/limit.h): all of max_in_flight from the start, 1, 2, 4, … after an
 * outage, fewer in a brown-out. */
#ifndef SIGRELAY_POLICY_BREAKER_H
#define SIGRELAY_POLICY_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include <sigrelay/base/clock.h>
#include <sigrelay/base/rng.h>
#include <sigrelay/policy/limit.h>
#include <sigrelay/policy/outcome.h>

enum breaker_state { BREAKER_CLOSED, BREAKER_HALF_OPEN, BREAKER_OPEN };

struct breaker_config {
	unsigned failures; /* 0 = no such condition */
	unsigned rate;     /* percent; 0 = no rate condition */
	usec window;
	unsigned min_requests;
	usec probe_interval, probe_max;
	unsigned max_in_flight; /* the limit's cap */
};

#define BREAKER_BUCKETS 10
#define BREAKER_DOUBT 10
#define BREAKER_CHANCE 0.0001
#define BREAKER_ROW_MOST 4
#define BREAKER_BROWN 75 /* percent */
#define BREAKER_PROBE_CHANCE 0.05

struct breaker {
	struct breaker_config cfg;
	enum breaker_state state;
	usec since; /* when the state was entered */
	struct limit limit;
	uint64_t epoch;    /* the first attempt of the present one */
	unsigned out;      /* attempts of this epoch in flight */
	unsigned in_a_row; /* failures */
	struct {
		int64_t slot; /* time / slot width */
		unsigned ok, failed;
	} bucket[BREAKER_BUCKETS];
	double fails;        /* the share that failed when it opened; 0: it was well, or down */
	double chance;       /* that so many probes fail of such a service */
	usec interval;       /* the present probe interval */
	usec next_probe;     /* in OPEN */
	usec earliest_probe; /* … however good the news */
	bool by_lease;       /* a probe needs the fleet's leave */
	usec leased_until;   /* … and has it until then */
	usec doubt_until;    /* chance is asked first */
	usec opened_at;      /* start of the outage; meaningless in CLOSED */
	usec outage_total;   /* of ended outages */
};

void breaker_init(struct breaker *b, const struct breaker_config *cfg, usec now);
void breaker_configure(struct breaker *b, const struct breaker_config *cfg); /* reload; keeps the state */
/* When an attempt may be sent: now (or before) if one may be; next_probe in
 * OPEN; USEC_NEVER when something in flight has to end first (the probe, or the
 * limit is reached). */
usec breaker_wake(const struct breaker *b, usec now);
/* An attempt goes out (breaker_wake was not after now); in OPEN it is the probe
 * and enters HALF_OPEN. Returns its number, to be reported exactly once. */
uint64_t breaker_send(struct breaker *b, usec now);
/* That attempt ended; OUTCOME_CANCELLED when it was abandoned. retry_after < 0:
 * none named. Returns true when the state changed. */
bool breaker_report(struct breaker *b, uint64_t number, enum outcome o, usec retry_after, usec now,
		    struct rng *r);
/* Others have opened theirs; they probe each interval. True when the state changed. */
bool breaker_hear(struct breaker *b, usec interval, usec now, struct rng *r);
/* Another's probe succeeded. True when the state changed. A probe of its own that is
 * out is a straggler from now on. */
bool breaker_hear_back(struct breaker *b, usec now);
/* Off: probes need nobody's leave. */
void breaker_by_lease(struct breaker *b, bool on);
/* Is it time for a probe that lacks its lease? */
bool breaker_wants_lease(const struct breaker *b, usec now);
/* The probe may go out until then. */
void breaker_lease(struct breaker *b, usec until);
/* Another has the lease: the next probe is not before that. Only while OPEN. */
void breaker_put_off(struct breaker *b, usec until);
/* How many attempts sent in this epoch may be in flight: 0 in OPEN, 1 in
 * HALF_OPEN, the limit's window in CLOSED. */
unsigned breaker_allowance(const struct breaker *b);
/* The most that passes from one probe to the next: probe_max, unless probe_interval is longer. */
usec breaker_longest_interval(const struct breaker *b);
/* usec in which the breaker was not closed, up to now. */
usec breaker_outage(const struct breaker *b, usec now);
const char *breaker_state_name(enum breaker_state s); /* closed, half-open, open */

#endif
