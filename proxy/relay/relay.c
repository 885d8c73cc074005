#include <sigrelay/relay/relay.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sigrelay/base/log.h>

#define POLL_MAX (2 * USEC_PER_SEC)
#define SILENCE (4 * USEC_PER_SEC) /* from then on a client that leaves says something of the service */
#define CLOCK_STEP USEC_PER_SEC    /* beyond what a clock drifts by in a moment */

void relay_config_from(struct relay_config *c, const struct settings *s)
{
	*c = (struct relay_config){
		.gate = {
			.breaker = {
				.failures = (unsigned)s->breaker_failures,
				.rate = (unsigned)s->breaker_rate,
				.window = s->breaker_window,
				.min_requests = (unsigned)s->breaker_min_requests,
				.probe_interval = s->probe_interval,
				.probe_max = usec_max(s->probe_interval, s->probe_max),
			},
			.rate_per_minute = (unsigned)s->rate_limit,
			.rate_burst = (unsigned)s->rate_burst,
			.retry_budget = (unsigned)s->retry_budget,
			.retry_budget_floor = (unsigned)s->retry_budget_floor,
			.max_in_flight = (unsigned)s->max_attempts_in_flight,
		},
		.backoff = { .base = s->backoff_base, .throttle_base = s->throttle_base, .max = s->backoff_max },
		.attempt_timeout = s->attempt_timeout,
		.retry_for = s->retry_for,
		.poll_interval = s->poll_interval,
		.poll_max = usec_max(s->poll_interval, POLL_MAX),
		.lookup_wait = s->lookup_wait,
		.hedge_after = s->hedge_after,
		.notafter_margin = s->notafter_margin,
		.max_parked = (size_t)s->max_parked,
		.max_parked_memory = (size_t)s->max_parked_memory,
		.memory_entries = (size_t)s->memory_entries,
	};
}

static void pump(struct upstream *up);

static void on_wake(void *arg, usec now)
{
	(void)now;
	pump(arg);
}

static uint64_t new_parent_id(struct relay *r)
{
	uint64_t id;
	do {
		id = rng_next(&r->rng);
	} while (id == 0);
	return id;
}

static void log_probe(const struct upstream *up, const struct attempt *a)
{
	log_event(LOG_INFO, "probe", LOG_S("service", service_name(up->service)),
		  LOG_S("side", side_name(a->ticket.side)), LOG_S("request", a->request->id),
		  LOG_S("trace", trace_id(&a->request->trace)),
		  LOG_S("next", "on success the parked are released, on failure the interval grows"));
}

static void pump_once(struct upstream *up)
{
	struct relay *r = up->relay;
	struct gate_ticket *t;
	usec wake = USEC_NEVER;
	while ((t = gate_next(&up->gate, r->now.mono, &wake))) {
		struct attempt *a = heap_owner(t, struct attempt, ticket);
		a->on_wire = true;
		a->sent_at = r->now.mono;
		a->parent_id = trace_id(&a->request->trace) ? new_parent_id(r) : 0;
		if (t->probe)
			log_probe(up, a);
		r->wire->send(r->wire_arg, a, r->cfg.attempt_timeout);
		if (a->began)
			a->began(a);
	}
	if (wake == USEC_NEVER)
		timer_clear(&up->wake);
	else
		timer_set(&up->wake, wake);
	if (r->fleet)
		r->fleet_ops->wants(r->fleet, up);
}

/* Lets through what may go. Called after anything that can open the gate; a
 * call from inside itself is put off until the present round is over. */
static void pump(struct upstream *up)
{
	if (up->pumping) {
		up->pump_again = true;
		return;
	}
	up->pumping = true;
	do {
		up->pump_again = false;
		pump_once(up);
	} while (up->pump_again);
	up->pumping = false;
}

static enum status upstream_init(struct relay *r, enum service s)
{
	struct upstream *up = &r->upstream[s];
	up->relay = r;
	up->service = s;
	gate_init(&up->gate, &r->cfg.gate, &r->rng, r->now.mono);
	return timer_init(&r->timers, &up->wake, on_wake, up);
}

static void mint_wants(void *arg)
{
	struct relay *r = arg;
	if (r->fleet)
		r->fleet_ops->wants(r->fleet, &r->upstream[SERVICE_REKOR]);
}

enum status relay_init(struct relay *r, const struct relay_config *cfg, const struct wire_ops *wire,
		       void *wire_arg, uint64_t seed, struct instant now)
{
	*r = (struct relay){
		.cfg = *cfg, .now = now, .wall_ahead = now.wall - now.mono, .wire = wire, .wire_arg = wire_arg
	};
	timers_init(&r->timers);
	rng_seed(&r->rng, seed);
	memory_init(&r->memory, cfg->memory_entries);
	enum status st = places_init(&r->places, cfg->max_parked);
	if (st == STATUS_OK)
		st = telemetry_init(&r->telemetry);
	r->service_clock.gauge = r->telemetry.service_clock_ahead;
	for (enum service s = 0; st == STATUS_OK && s < SERVICE_COUNT; s++)
		st = upstream_init(r, s);
	if (st == STATUS_OK)
		st = mint_line_init(&r->mint, &r->timers, &r->upstream[SERVICE_REKOR].gate, mint_wants, r);
	if (st != STATUS_OK)
		relay_release(r);
	return st;
}

void relay_release(struct relay *r)
{
	mint_line_release(&r->mint);
	for (enum service s = 0; s < SERVICE_COUNT; s++) {
		timer_release(&r->upstream[s].wake);
		gate_release(&r->upstream[s].gate);
	}
	memory_release(&r->memory);
	places_release(&r->places);
	telemetry_release(&r->telemetry);
	timers_release(&r->timers);
}

void relay_configure(struct relay *r, const struct relay_config *cfg)
{
	r->cfg = *cfg;
	memory_resize(&r->memory, cfg->memory_entries);
	places_resize(&r->places, cfg->max_parked);
	for (enum service s = 0; s < SERVICE_COUNT; s++) {
		gate_configure(&r->upstream[s].gate, &cfg->gate, r->now.mono);
		pump(&r->upstream[s]);
	}
}

/* The wall clock was set, or the machine slept, which the monotonic clock does not
 * count: certificates end by the wall clock, so what they bound is bound anew. */
bool relay_set_now(struct relay *r, struct instant now)
{
	usec ahead = now.wall - now.mono, by = ahead - r->wall_ahead;
	r->now = now;
	if (by > -CLOCK_STEP && by < CLOCK_STEP)
		return false;
	r->wall_ahead = ahead;
	service_clock_forget(&r->service_clock);
	log_event(LOG_WARN, "clock_set", LOG_T("by", by),
		  LOG_S("next", by > 0 ? "deadlines of certificates and tokens are taken anew" : "go on"));
	return by > 0;
}

usec relay_run_timers(struct relay *r)
{
	timers_run(&r->timers, r->now.mono);
	return timers_next(&r->timers);
}

enum status relay_submit(struct relay *r, struct attempt *a, enum side side, usec deadline, bool retry)
{
	struct upstream *up = &r->upstream[a->service];
	gate_ticket_init(&a->ticket, side, deadline);
	a->ticket.retry = retry;
	a->ticket.order = deadline - a->head_start;
	a->on_wire = false;
	enum status s = gate_wait(&up->gate, &a->ticket);
	if (s == STATUS_OK)
		pump(up);
	return s;
}

static void log_breaker(const struct upstream *up, enum side side, enum breaker_state from, const char *why)
{
	const struct breaker *b = &up->gate.breaker[side];
	const char *next = b->state == BREAKER_OPEN ? "exchanges are parked; one probe goes out each interval"
			   : b->state == BREAKER_CLOSED ? "the parked are released with growing concurrency"
							: "the probe is out";
	log_event(
	    LOG_WARN, "breaker", LOG_S("service", service_name(up->service)), LOG_S("side", side_name(side)),
	    LOG_S("from", breaker_state_name(from)), LOG_S("to", breaker_state_name(b->state)),
	    LOG_S("cause", why), LOG_D("parked", gate_parked(&up->gate)),
	    LOG_T("wait", b->state == BREAKER_OPEN ? usec_max(0, b->next_probe - up->relay->now.mono) : 0),
	    LOG_S("next", next));
}

void relay_judge(struct relay *r, struct attempt *a, enum outcome o, usec retry_after, const char *why)
{
	struct upstream *up = &r->upstream[a->service];
	enum side side = a->ticket.side;
	enum operation op = a->request->operation;
	enum breaker_state from = up->gate.breaker[side].state;
	double rate = up->gate.bucket.rate;

	a->on_wire = false;
	metric_add(r->telemetry.attempts[op][o], 1);
	metric_observe(r->telemetry.attempt_seconds[op], r->now.mono - a->sent_at);
	if (o == OUTCOME_JUNK)
		metric_add(r->telemetry.junk_answers, 1);
	if (outcome_weight(o) == WEIGHT_FAILURE || o == OUTCOME_THROTTLED)
		snprintf(up->last_error[side], sizeof(up->last_error[side]), "%s: %s", outcome_label(o), why);
	if (gate_report(&up->gate, &a->ticket, o, retry_after, r->now.mono))
		log_breaker(up, side, from, why);
	if (r->fleet)
		r->fleet_ops->judged(r->fleet, up, side, &(struct gate_news){ from, o, rate });
	pump(up);
	if (a->service == SERVICE_REKOR && side == SIDE_WRITE)
		mint_line_pump(&r->mint, r->now.mono);
}

/* Clients with less patience than attempt_timeout would keep a service that hangs from
 * ever being seen to. A create's POST hangs with a paused signer too, and its flight
 * outlives its clients: it has its time-out. */
static bool is_silence(const struct relay *r, const struct attempt *a)
{
	return a->on_wire && a->request->operation != OP_REKOR_CREATE && r->now.mono - a->sent_at >= SILENCE;
}

static void withdraw_from_gate(struct relay *r, struct attempt *a, bool silence)
{
	struct upstream *up = &r->upstream[a->service];
	enum side side = a->ticket.side;
	enum breaker_state from = up->gate.breaker[side].state;
	static const char why[] = "no answer for as long as the client waited";
	if (!silence) {
		gate_leave(&up->gate, &a->ticket, r->now.mono);
		return;
	}
	snprintf(up->last_error[side], sizeof(up->last_error[side]), "%s: %s", outcome_label(OUTCOME_TIMEOUT),
		 why);
	if (gate_report(&up->gate, &a->ticket, OUTCOME_TIMEOUT, -1, r->now.mono))
		log_breaker(up, side, from, why);
}

void relay_withdraw(struct relay *r, struct attempt *a)
{
	struct upstream *up = &r->upstream[a->service];
	if (!a->on_wire && !heap_has(&a->ticket.node))
		return;
	bool silence = is_silence(r, a);
	if (a->on_wire) {
		enum outcome o = silence ? OUTCOME_TIMEOUT : OUTCOME_CANCELLED;
		r->wire->cancel(r->wire_arg, a);
		metric_add(r->telemetry.attempts[a->request->operation][o], 1);
		a->on_wire = false;
	}
	withdraw_from_gate(r, a, silence);
	pump(up);
	if (a->service == SERVICE_REKOR && a->ticket.side == SIDE_WRITE)
		mint_line_pump(&r->mint, r->now.mono);
}

static void heard(struct upstream *up, enum side side, enum breaker_state from, const char *why)
{
	log_breaker(up, side, from, why);
	pump(up);
	if (up->service == SERVICE_REKOR && side == SIDE_WRITE)
		mint_line_pump(&up->relay->mint, up->relay->now.mono);
}

void relay_hear(struct relay *r, enum service s, enum side side, usec interval, const char *why)
{
	struct upstream *up = &r->upstream[s];
	if (up->gate.breaker[side].state == BREAKER_CLOSED)
		snprintf(up->last_error[side], sizeof(up->last_error[side]), "fleet: %s", why);
	if (gate_hear(&up->gate, side, interval, r->now.mono))
		heard(up, side, BREAKER_CLOSED, why);
}

void relay_hear_back(struct relay *r, enum service s, enum side side, const char *why)
{
	struct upstream *up = &r->upstream[s];
	enum breaker_state from = up->gate.breaker[side].state;
	if (gate_hear_back(&up->gate, side, r->now.mono))
		heard(up, side, from, why);
}

void relay_pump(struct relay *r, enum service s)
{
	pump(&r->upstream[s]);
	if (s == SERVICE_REKOR)
		mint_line_pump(&r->mint, r->now.mono);
}

enum breaker_state relay_breaker(const struct relay *r, enum service s, enum side side)
{
	return r->upstream[s].gate.breaker[side].state;
}

size_t relay_in_line(const struct relay *r)
{
	size_t n = mint_line_waiting(&r->mint);
	for (enum service s = 0; s < SERVICE_COUNT; s++)
		n += gate_parked(&r->upstream[s].gate);
	return n;
}
