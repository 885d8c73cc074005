/* The relay's core: the services' gates and the lines before them, what is remembered,
 * and the clock that all share. No libevent, no libcurl: time comes in through
 * relay_set_now, bytes leave through the wire port.
 *
 * It knows nobody above it. An attempt's owner hears by the attempt's own callbacks, the
 * fleet by struct fleet_ops; what flights.h and waiters.h keep here is theirs alone.
 *
 * Owner: server.c in production, the tests and the simulator else. */
#ifndef SIGRELAY_RELAY_RELAY_H
#define SIGRELAY_RELAY_RELAY_H

#include <stdbool.h>
#include <sys/queue.h>

#include <sigrelay/base/clock.h>
#include <sigrelay/base/rng.h>
#include <sigrelay/base/settings.h>
#include <sigrelay/base/timers.h>
#include <sigrelay/policy/backoff.h>
#include <sigrelay/policy/gate.h>
#include <sigrelay/relay/creates.h>
#include <sigrelay/relay/memory.h>
#include <sigrelay/relay/mint_line.h>
#include <sigrelay/relay/places.h>
#include <sigrelay/relay/service_clock.h>
#include <sigrelay/relay/telemetry.h>
#include <sigrelay/relay/wire.h>
#include <sigrelay/sigstore/operation.h>

/* What of the settings the core acts on. */
struct relay_config {
	struct gate_config gate;
	struct backoff backoff;
	usec attempt_timeout, retry_for, poll_interval, poll_max, lookup_wait, hedge_after, notafter_margin;
	size_t max_parked, max_parked_memory, memory_entries;
};
void relay_config_from(struct relay_config *c, const struct settings *s);

struct flight;
struct fleet;
struct waiters;
struct upstream;

/* What an attempt's end did at one side of a gate. */
struct gate_news {
	enum breaker_state from;
	enum outcome outcome;
	double rate; /* the bucket's, before */
};

/* How the core tells the fleet what happens at its gates; fleet.c brings them. They may
 * ask Redis and set a gate's timer; they pump nothing from inside. */
struct fleet_ops {
	void (*wants)(struct fleet *f, struct upstream *up); /* its gate was asked */
	void (*judged)(struct fleet *f, struct upstream *up, enum side side, const struct gate_news *news);
};

struct upstream {
	struct relay *relay;
	enum service service;
	struct gate gate;
	struct timer wake; /* when the gate is to be asked again */
	bool pumping, pump_again;
	bool is_relay;                    /* it said so: another relay, which waits and hedges for us */
	char last_error[SIDE_COUNT][160]; /* for /status; "" when none */
};

struct relay {
	struct relay_config cfg;
	struct instant now; /* set by relay_set_now */
	usec wall_ahead;    /* of the monotonic clock, when that was last looked at */
	struct timers timers;
	struct rng rng;
	struct upstream upstream[SERVICE_COUNT];
	struct service_clock service_clock;
	struct memory memory;
	struct mint_line mint;
	struct places places;
	struct telemetry telemetry;
	struct fleet *fleet; /* borrowed; NULL: this relay works alone */
	const struct fleet_ops *fleet_ops;
	const struct wire_ops *wire;
	void *wire_arg;
	size_t exchanges; /* begun and not answered */
	bool draining;
	struct {
		uint64_t count;
		char last[256];
		usec last_at;
	} failures; /* exchanges that Sigstore failed: see server_failures */
	/* The flights': */
	TAILQ_HEAD(, flight) flights; /* those that survive their clients too */
	struct creates creates;
	struct waiters *waiters;
	struct flight *log_state; /* the last GET /api/v1/log that found none to share */
	usec hedges_paid;         /* when a hedge last learned its entry's id; 0: never */
	size_t held_bytes;        /* of the flights' requests */
};

enum status relay_init(struct relay *r, const struct relay_config *cfg, const struct wire_ops *wire,
		       void *wire_arg, uint64_t seed, struct instant now) MUST_CHECK;
/* After flights_release. */
void relay_release(struct relay *r);
void relay_configure(struct relay *r, const struct relay_config *cfg);

/* What time it is: call at the begin of every event. Fires nothing. True: the wall clock
 * has gone ahead, which flights_clock_set is to be told of. */
bool relay_set_now(struct relay *r, struct instant now) MUST_CHECK;
/* Fires what is due; returns when to call again (monotonic, USEC_NEVER: no timer). */
usec relay_run_timers(struct relay *r);

/* An attempt gets in the line of its upstream; it is sent when the gate lets
 * it. retry: it repeats or hedges one, and draws on the retry budget.
 * STATUS_NO_MEMORY: it is not in line. */
enum status relay_submit(struct relay *r, struct attempt *a, enum side side, usec deadline,
			 bool retry) MUST_CHECK;
/* The owner judged an attempt that has ended (call from done, exactly once). */
void relay_judge(struct relay *r, struct attempt *a, enum outcome o, usec retry_after, const char *why);
/* Not wanted any more, in line or on the wire; fine when it is neither. */
void relay_withdraw(struct relay *r, struct attempt *a);

/* What the fleet says of one side; why: a phrase for people. */
void relay_hear(struct relay *r, enum service s, enum side side, usec interval, const char *why);
void relay_hear_back(struct relay *r, enum service s, enum side side, const char *why);
/* Something outside the gate's own doings may have opened it. */
void relay_pump(struct relay *r, enum service s);

enum breaker_state relay_breaker(const struct relay *r, enum service s, enum side side);
size_t relay_in_line(const struct relay *r); /* before the gates and for a certificate */

#endif
