/* What holds for the gate on every schedule: thousands of seeded ones, in
 * virtual time, against an upstream that is well, slow, failing, hanging or
 * throttling by turns, with clients that come, retry and leave. What each check
 * means stands beside it; the checks keep their own account, apart from the
 * gate's. A failure names its seed. */
#include "unit.h"

#include <stdio.h>

#include <sigrelay/policy/backoff.h>
#include <sigrelay/policy/gate.h>

#define MS USEC_PER_MSEC
#define SEC USEC_PER_SEC
#define CLIENTS 48
#define SCHEDULES 3000
#define CALM (120 * SEC) /* after it the upstream is well and nobody leaves */
#define END (3600 * SEC) /* by then every client must be done */

enum mood { MOOD_WELL, MOOD_SLOW, MOOD_FLAKY, MOOD_DOWN, MOOD_HANGING, MOOD_THROTTLING, MOOD_COUNT };
enum place { PLACE_AWAY, PLACE_BACKOFF, PLACE_LINE, PLACE_OUT, PLACE_DONE };

struct client {
	struct gate_ticket ticket;
	enum place place;
	usec event; /* comes, comes back, or the attempt ends; USEC_NEVER else */
	enum outcome outcome;
	unsigned failures;
};

struct world {
	uint64_t seed;
	struct rng rng, gate_rng;
	struct gate_config cfg;
	struct gate gate;
	struct client client[CLIENTS];
	usec now;
	enum mood mood[SIDE_COUNT];
	usec mood_ends;
	/* the checks' own account */
	double tokens, retries;
	usec tokens_at;
	usec probed_at[SIDE_COUNT];
	unsigned probes_out[SIDE_COUNT], sent[SIDE_COUNT], outages;
	unsigned fruitless;
};

static void check(const struct world *w, bool holds, const char *what)
{
	if (!holds)
		printf("gate_property: seed %llu at %lld us: %s\n", (unsigned long long)w->seed,
		       (long long)w->now, what);
	CU_ASSERT_TRUE_FATAL(holds);
}

static uint64_t dice(struct world *w, uint64_t n)
{
	return rng_below(&w->rng, n);
}

static struct gate_config any_config(struct world *w)
{
	static const unsigned caps[] = { 1, 2, 4, 8, 16, 128 }, rates[] = { 0, 60, 300, 900, 900 };
	return (struct gate_config){
		.breaker = { .failures = 1 + (unsigned)dice(w, 6),
			     .rate = 50,
			     .window = 30 * SEC,
			     .min_requests = 10,
			     .probe_interval = (usec)(1 + dice(w, 5)) * SEC,
			     .probe_max = (usec)(1 + dice(w, 30)) * SEC },
		.rate_per_minute = rates[dice(w, 5)],
		.rate_burst = 1 + (unsigned)dice(w, 60),
		.retry_budget = (unsigned)dice(w, 50),
		.retry_budget_floor = 1 + (unsigned)dice(w, 10),
		.max_in_flight = caps[dice(w, 6)],
	};
}

static void set_up(struct world *w, uint64_t seed)
{
	*w = (struct world){ .seed = seed, .now = (usec)seed };
	rng_seed(&w->rng, seed);
	rng_seed(&w->gate_rng, ~seed);
	w->cfg = any_config(w);
	w->tokens = w->cfg.rate_burst;
	w->retries = w->cfg.retry_budget_floor;
	w->tokens_at = w->now;
	gate_init(&w->gate, &w->cfg, &w->gate_rng, w->now);
	for (int s = 0; s < SIDE_COUNT; s++)
		w->probed_at[s] = -END;
	for (int i = 0; i < CLIENTS; i++) {
		/* half of them at once, as a fleet does; the rest as they like */
		usec comes = i % 2 ? w->now : w->now + (usec)dice(w, CALM);
		usec patience = (usec)(1 + dice(w, 300)) * SEC;
		w->client[i].event = comes;
		gate_ticket_init(&w->client[i].ticket, (enum side)dice(w, SIDE_COUNT), comes + patience);
		/* one in three was here before */
		if (i % 3 == 0)
			w->client[i].ticket.order -= (usec)dice(w, 300 * SEC);
	}
}

static enum outcome ill(struct world *w)
{
	static const enum outcome outcomes[] = { OUTCOME_SERVER_ERROR, OUTCOME_CONNECT, OUTCOME_RESET,
						 OUTCOME_JUNK,         OUTCOME_TOO_BIG, OUTCOME_THROTTLED };
	return outcomes[dice(w, 6)];
}

/* When the attempt will end and how, by the upstream's mood at its begin. */
static void play_upstream(struct world *w, struct client *c)
{
	usec takes = (usec)(1 + dice(w, 200)) * MS;
	c->outcome = dice(w, 4) == 0 ? OUTCOME_CONFLICT : OUTCOME_GOOD;
	switch (w->mood[c->ticket.side]) {
	case MOOD_SLOW:
		takes = (usec)(1 + dice(w, 20)) * SEC;
		break;
	case MOOD_FLAKY:
		c->outcome = dice(w, 2) ? ill(w) : OUTCOME_GOOD;
		break;
	case MOOD_DOWN:
		c->outcome = ill(w);
		break;
	case MOOD_HANGING:
		takes = 30 * SEC;
		c->outcome = dice(w, 8) ? OUTCOME_TIMEOUT : OUTCOME_GOOD;
		break;
	case MOOD_THROTTLING:
		c->outcome = OUTCOME_THROTTLED;
		break;
	case MOOD_WELL:
	case MOOD_COUNT:
		break;
	}
	c->event = w->now + takes;
}

/* Rate: never more than the burst and what the configured rate has brought.
 * Retries of a closed side: never more than floor a window and share of firsts. */
static void check_accounts(struct world *w, const struct client *c)
{
	double passed = (double)(w->now - w->tokens_at);
	w->tokens += passed * w->cfg.rate_per_minute / (60.0 * (double)SEC);
	w->tokens = w->tokens < w->cfg.rate_burst ? w->tokens : w->cfg.rate_burst;
	w->retries += passed * w->cfg.retry_budget_floor / (double)BUDGET_WINDOW;
	w->tokens_at = w->now;
	w->tokens -= 1;
	check(w, w->cfg.rate_per_minute == 0 || w->tokens > -1e-3, "more was sent than the rate allows");
	if (!c->ticket.retry)
		w->retries += w->cfg.retry_budget / 100.0;
	else if (c->ticket.lane == LANE_RETRY && !c->ticket.probe)
		w->retries -= 1;
	check(w, w->retries > -1e-3, "more retries than the budget allows");
}

/* Not closed: one attempt at most, a probe, one interval after the last one. */
static void check_probe(struct world *w, const struct client *c, enum breaker_state before)
{
	enum side side = c->ticket.side;
	check(w, c->ticket.probe == (before != BREAKER_CLOSED), "a probe is what goes out while not closed");
	if (!c->ticket.probe)
		return;
	check(w, before == BREAKER_OPEN && w->probes_out[side] == 0, "two probes are out");
	check(w, w->now - w->probed_at[side] >= w->cfg.breaker.probe_interval,
	      "two probes within a probe interval");
	w->probed_at[side] = w->now;
	w->probes_out[side]++;
}

/* Would a's turn have been the better spent one? With room for an answer the earlier
 * in order, without it the later deadline. */
static bool better(const struct gate_ticket *a, const struct gate_ticket *b, usec now)
{
	usec enough = now + GATE_SEND_ROOM;
	if (a->deadline < enough || b->deadline < enough)
		return b->deadline < enough && a->deadline > b->deadline;
	return a->order < b->order;
}

/* Nobody better stood in the same queue (the probe is chosen otherwise). */
static void check_order(struct world *w, const struct client *c)
{
	for (int i = 0; i < CLIENTS && !c->ticket.probe; i++) {
		const struct client *other = &w->client[i];
		bool behind = other->place == PLACE_LINE && other->ticket.side == c->ticket.side &&
			      other->ticket.lane == c->ticket.lane;
		check(w, !behind || !better(&other->ticket, &c->ticket, w->now),
		      "one whose turn it was has been passed by");
	}
}

static void check_in_flight(struct world *w, const struct client *c)
{
	const struct breaker *b = &w->gate.breaker[c->ticket.side];
	unsigned out = 0, epoch = 0;
	for (int i = 0; i < CLIENTS; i++) {
		const struct client *other = &w->client[i];
		out += other->place == PLACE_OUT;
		epoch += other->place == PLACE_OUT && other->ticket.side == c->ticket.side &&
			 other->ticket.number >= b->epoch;
	}
	check(w, out <= w->cfg.max_in_flight, "more is out than the cap allows");
	check(w, epoch <= breaker_allowance(b), "more is out than the ramp allows");
	check(w, out == w->gate.in_flight[SIDE_READ] + w->gate.in_flight[SIDE_WRITE], "miscounted");
}

static void on_sent(struct world *w, struct gate_ticket *t, const enum breaker_state before[SIDE_COUNT])
{
	struct client *c = heap_owner(t, struct client, ticket);
	check(w, c->place == PLACE_LINE && t->out, "a ticket that was not in line was sent");
	c->place = PLACE_OUT;
	w->sent[t->side]++;
	w->fruitless = 0;
	check_accounts(w, c);
	check_probe(w, c, before[t->side]);
	check_order(w, c);
	check_in_flight(w, c);
	play_upstream(w, c);
}

static size_t count(const struct world *w, enum place place)
{
	size_t n = 0;
	for (int i = 0; i < CLIENTS; i++)
		n += w->client[i].place == place;
	return n;
}

/* Asks until nobody may go. Returns when to ask again. */
static usec pump(struct world *w)
{
	usec wake = 0;
	for (;;) {
		enum breaker_state before[SIDE_COUNT] = { w->gate.breaker[0].state,
							  w->gate.breaker[1].state };
		struct gate_ticket *t = gate_next(&w->gate, w->now, &wake);
		if (!t)
			break;
		on_sent(w, t, before);
	}
	size_t waiting = count(w, PLACE_LINE);
	check(w, wake > w->now, "asked to be asked in the past");
	check(w, gate_waiting(&w->gate) == waiting, "a ticket was lost or invented");
	check(w, wake != USEC_NEVER || waiting == 0 || count(w, PLACE_OUT) > 0,
	      "tickets wait, and nothing will ever wake them");
	return wake;
}

static void get_in_line(struct world *w, struct client *c)
{
	c->event = USEC_NEVER;
	c->place = PLACE_LINE;
	c->ticket.retry = c->failures > 0;
	CU_ASSERT_EQUAL_FATAL(gate_wait(&w->gate, &c->ticket), STATUS_OK);
}

static void on_ended(struct world *w, struct client *c)
{
	struct backoff b = { .base = 250 * MS, .throttle_base = SEC, .max = 10 * SEC };
	usec retry_after = c->outcome == OUTCOME_THROTTLED && dice(w, 2) ? (usec)dice(w, 20 * SEC) : -1;
	w->probes_out[c->ticket.side] -= c->ticket.probe;
	w->outages += gate_report(&w->gate, &c->ticket, c->outcome, retry_after, w->now);
	c->place = PLACE_DONE;
	c->event = USEC_NEVER;
	if (!outcome_may_retry(c->outcome))
		return;
	c->place = PLACE_BACKOFF;
	c->event = w->now + backoff_wait(&b, ++c->failures, false, retry_after, &w->rng);
}

static void on_leaves(struct world *w, struct client *c)
{
	w->probes_out[c->ticket.side] -= c->place == PLACE_OUT && c->ticket.probe;
	gate_leave(&w->gate, &c->ticket, w->now);
	c->place = PLACE_DONE;
	c->event = USEC_NEVER;
}

static void change_mood(struct world *w)
{
	for (int s = 0; s < SIDE_COUNT; s++)
		w->mood[s] = w->now < CALM ? (enum mood)dice(w, MOOD_COUNT) : MOOD_WELL;
	w->mood_ends = w->now < CALM ? w->now + (usec)dice(w, 40 * SEC) : USEC_NEVER;
	w->fruitless = 0; /* this turn was not the gate's wish */
}

static void turn(struct world *w)
{
	if (w->now >= w->mood_ends)
		change_mood(w);
	for (int i = 0; i < CLIENTS; i++) {
		struct client *c = &w->client[i];
		if (c->event > w->now)
			continue;
		w->fruitless = 0;
		if (c->place == PLACE_OUT)
			on_ended(w, c);
		else
			get_in_line(w, c);
	}
	struct client *any = &w->client[dice(w, CLIENTS)];
	if (w->now < CALM && dice(w, 20) == 0 && (any->place == PLACE_LINE || any->place == PLACE_OUT))
		on_leaves(w, any);
}

static usec next_event(const struct world *w, usec wake)
{
	usec at = usec_min(wake, w->mood_ends);
	for (int i = 0; i < CLIENTS; i++)
		at = usec_min(at, w->client[i].event);
	return at;
}

/* One schedule to its end: the upstream is well again, so everybody gets done. */
static void run(struct world *w, uint64_t seed)
{
	set_up(w, seed);
	for (;;) {
		turn(w);
		usec at = next_event(w, pump(w));
		if (count(w, PLACE_DONE) == CLIENTS)
			break;
		check(w, ++w->fruitless < 6, "woken again and again for nothing");
		check(w, at < END, "somebody is never served");
		w->now = at;
	}
	check(w, gate_waiting(&w->gate) == 0, "the line is not empty at the end");
	check(w, w->gate.in_flight[0] + w->gate.in_flight[1] == 0, "something is out at the end");
	gate_release(&w->gate);
}

static void test_every_schedule(void)
{
	static struct world w;
	unsigned changes = 0;
	for (uint64_t seed = 1; seed <= SCHEDULES; seed++) {
		run(&w, seed);
		changes += w.outages;
	}
	CU_ASSERT_TRUE(changes > SCHEDULES); /* the schedules do meet outages */
}

/* An hour of 429s to a crowd that never gives up: the upstream sees a tenth of
 * the rate, a probe an interval at most, and never a burst. */
static void test_storm_of_429(void)
{
	static struct world w;
	set_up(&w, 7);
	w.cfg.rate_per_minute = 600;
	w.cfg.rate_burst = 60;
	w.cfg.max_in_flight = 128;
	w.cfg.retry_budget_floor = 10000; /* not the budget: the governor is on trial */
	gate_release(&w.gate);
	gate_init(&w.gate, &w.cfg, &w.gate_rng, w.now);
	unsigned sent = 0, late = 0;
	for (usec now = 0, wake = 0; now < 600 * SEC; now = usec_min(wake, now + SEC / 4)) {
		for (int i = 0; i < CLIENTS; i++) {
			w.client[i].ticket.retry = true;
			if (!w.client[i].ticket.out)
				CU_ASSERT_EQUAL_FATAL(gate_wait(&w.gate, &w.client[i].ticket), STATUS_OK);
		}
		struct gate_ticket *t;
		while ((t = gate_next(&w.gate, now, &wake))) {
			sent++;
			late += now > 60 * SEC;
			gate_report(&w.gate, t, OUTCOME_THROTTLED, -1, now);
		}
	}
	CU_ASSERT_EQUAL(w.gate.breaker[SIDE_READ].state, BREAKER_CLOSED); /* 429 trips nothing */
	CU_ASSERT_TRUE(sent < 700);
	CU_ASSERT_TRUE(late > 500 && late <= 541); /* one a second: a tenth of ten */
	gate_release(&w.gate);
}

/* Both sides crowded without end, with every kind of limit: each gets its half. */
static void test_neither_side_starves(void)
{
	static struct world w;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		set_up(&w, seed);
		w.cfg.rate_per_minute = 300;
		gate_configure(&w.gate, &w.cfg, w.now);
		unsigned sent[SIDE_COUNT] = { 0 };
		usec ends[CLIENTS] = { 0 }, start = w.now;
		for (usec now = start, wake = 0; now < start + 60 * SEC;
		     now = usec_min(wake, now + 50 * MS)) {
			for (int i = 0; i < CLIENTS; i++) {
				struct gate_ticket *t = &w.client[i].ticket;
				if (t->out && ends[i] <= now)
					gate_report(&w.gate, t, OUTCOME_GOOD, -1, now);
				if (t->out || heap_has(&t->node))
					continue;
				gate_ticket_init(t, i % 2 ? SIDE_READ : SIDE_WRITE,
						 now + (i % 2 ? SEC : 600 * SEC));
				CU_ASSERT_EQUAL_FATAL(gate_wait(&w.gate, t), STATUS_OK);
			}
			struct gate_ticket *t;
			while ((t = gate_next(&w.gate, now, &wake))) {
				sent[t->side]++;
				ends[heap_owner(t, struct client, ticket) - w.client] = now + 100 * MS;
			}
		}
		CU_ASSERT_TRUE(sent[SIDE_READ] > 100 && sent[SIDE_WRITE] > 100);
		CU_ASSERT_TRUE(sent[SIDE_READ] <= sent[SIDE_WRITE] + 2 + w.cfg.rate_burst / 8);
		CU_ASSERT_TRUE(sent[SIDE_WRITE] <= sent[SIDE_READ] + 2 + w.cfg.rate_burst / 8);
		gate_release(&w.gate);
	}
}

/* A log that has just come back takes so many a second and answers 503 to what is
 * more. Its crowd never sends it more than twice of that, and the one
 * token that was held, in any second, be it weaker than the
 * rate or not, and does most of what it can. */
struct weak_log {
	unsigned takes;
	usec second; /* begun at */
	unsigned in_second, good, most;
	usec ends[CLIENTS];
	enum outcome outcome[CLIENTS];
};

static void weak_log_asked(struct world *w, struct weak_log *l, struct gate_ticket *t, usec now)
{
	size_t i = (size_t)(heap_owner(t, struct client, ticket) - w->client);
	if (now >= l->second + SEC) {
		l->second = now;
		l->in_second = 0;
	}
	bool takes_it = ++l->in_second <= l->takes;
	l->most = l->in_second > l->most ? l->in_second : l->most;
	l->outcome[i] = takes_it ? OUTCOME_GOOD : OUTCOME_SERVER_ERROR;
	l->ends[i] = now + (takes_it ? 100 * MS + (usec)dice(w, 900 * MS) : 10 * MS);
}

static void weak_log_turn(struct world *w, struct weak_log *l, usec now)
{
	usec wake = 0;
	for (int i = 0; i < CLIENTS; i++) {
		struct gate_ticket *t = &w->client[i].ticket;
		if (t->out && l->ends[i] <= now) {
			l->good += l->outcome[i] == OUTCOME_GOOD;
			gate_report(&w->gate, t, l->outcome[i], -1, now);
		}
		if (t->out || heap_has(&t->node))
			continue;
		gate_ticket_init(t, SIDE_WRITE, now + 600 * SEC);
		CU_ASSERT_EQUAL_FATAL(gate_wait(&w->gate, t), STATUS_OK);
	}
	for (struct gate_ticket *t; (t = gate_next(&w->gate, now, &wake));)
		weak_log_asked(w, l, t, now);
}

static void test_release_is_bounded(void)
{
	static struct world w;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		set_up(&w, seed);
		w.cfg.breaker = (struct breaker_config){ 5, 50, 30 * SEC, 10, 5 * SEC, 60 * SEC, 0 };
		w.cfg.rate_per_minute = 900;
		w.cfg.rate_burst = 60;
		w.cfg.max_in_flight = 128;
		gate_release(&w.gate);
		gate_init(&w.gate, &w.cfg, &w.gate_rng, w.now);
		struct weak_log l = { .second = w.now };
		usec now = w.now;
		for (; w.gate.breaker[SIDE_WRITE].state == BREAKER_CLOSED; now += 5 * MS)
			weak_log_turn(&w, &l, now);
		l = (struct weak_log){ .takes = 4 + (unsigned)dice(&w, 17), .second = now };
		for (usec end = now + 90 * SEC; now < end; now += 5 * MS)
			weak_log_turn(&w, &l, now);
		unsigned possible = 90 * (l.takes < 15 ? l.takes : 15);
		check(&w, l.most <= 2 * l.takes + 1, "the release was more than twice what the log takes");
		check(&w, l.good > possible * 3 / 4, "the log was not asked for what it can do");
		gate_release(&w.gate);
	}
}

TEST_SUITE(policy_gate_property, TEST(test_every_schedule), TEST(test_storm_of_429),
	   TEST(test_neither_side_starves), TEST(test_release_is_bounded))
