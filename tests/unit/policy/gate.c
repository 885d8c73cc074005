#include "unit.h"

#include <sigrelay/policy/gate.h>

#define SEC USEC_PER_SEC
#define MANY 64

static const struct gate_config defaults = {
	.breaker = { .failures = 5,
		     .rate = 50,
		     .window = 30 * SEC,
		     .min_requests = 10,
		     .probe_interval = 5 * SEC,
		     .probe_max = 60 * SEC },
	.rate_per_minute = 0,
	.rate_burst = 60,
	.retry_budget = 20,
	.retry_budget_floor = 10,
	.max_in_flight = 128,
};

static struct rng rng;
static struct gate gate;
static struct gate_ticket ticket[MANY];

static void begin(struct gate_config cfg)
{
	rng_seed(&rng, 1);
	gate_init(&gate, &cfg, &rng, 0);
}

/* Deadlines of less than a second are an order only: far away, all of them. */
static usec far(usec deadline)
{
	return deadline < SEC ? deadline + 1000 * SEC : deadline;
}

static void wait_in_line(struct gate_ticket *t, enum side side, usec deadline)
{
	gate_ticket_init(t, side, far(deadline));
	CU_ASSERT_EQUAL_FATAL(gate_wait(&gate, t), STATUS_OK);
}

static void wait_to_retry(struct gate_ticket *t, usec deadline)
{
	gate_ticket_init(t, SIDE_READ, far(deadline));
	t->retry = true;
	CU_ASSERT_EQUAL_FATAL(gate_wait(&gate, t), STATUS_OK);
}

static struct gate_ticket *next(usec now)
{
	usec wake = 0;
	return gate_next(&gate, now, &wake);
}

static usec nobody(usec now)
{
	usec wake = 0;
	CU_ASSERT_PTR_NULL_FATAL(gate_next(&gate, now, &wake));
	CU_ASSERT_TRUE(wake > now);
	return wake;
}

static void open_side(enum side side, usec now)
{
	for (int i = 0; i < 5; i++) {
		struct gate_ticket t;
		wait_in_line(&t, side, now);
		CU_ASSERT_PTR_EQUAL_FATAL(next(now), &t);
		gate_report(&gate, &t, OUTCOME_TIMEOUT, -1, now);
	}
	CU_ASSERT_EQUAL_FATAL(gate.breaker[side].state, BREAKER_OPEN);
}

static void test_closed_gate_lets_through_at_once(void)
{
	begin(defaults);
	CU_ASSERT_EQUAL(nobody(0), USEC_NEVER);
	wait_in_line(&ticket[0], SIDE_WRITE, 9);
	CU_ASSERT_EQUAL(gate_waiting(&gate), 1);
	CU_ASSERT_EQUAL(gate_parked(&gate), 0);
	CU_ASSERT_PTR_EQUAL(next(0), &ticket[0]);
	CU_ASSERT_TRUE(ticket[0].out && !ticket[0].probe);
	CU_ASSERT_EQUAL(gate.in_flight[SIDE_WRITE], 1);
	CU_ASSERT_FALSE(gate_report(&gate, &ticket[0], OUTCOME_GOOD, -1, 1));
	CU_ASSERT_EQUAL(gate.in_flight[SIDE_WRITE], 0);
	CU_ASSERT_FALSE(gate_report(&gate, &ticket[0], OUTCOME_GOOD, -1, 1)); /* once is enough */
	CU_ASSERT_EQUAL(gate.in_flight[SIDE_WRITE], 0);
	gate_release(&gate);
}

static void test_earliest_deadline_first(void)
{
	static const usec deadline[] = { 50, 20, 90, 20, USEC_NEVER, 10 };
	static const int order[] = { 5, 1, 3, 0, 2, 4 };
	begin(defaults);
	for (int i = 0; i < 6; i++)
		wait_in_line(&ticket[i], SIDE_READ, deadline[i]);
	for (int i = 0; i < 6; i++)
		CU_ASSERT_PTR_EQUAL(next(0), &ticket[order[i]]);
	gate_release(&gate);
}

/* Where the line is longer than its tickets live, a turn is not given to one that
 * is about to give up. */
static void test_a_turn_goes_to_one_who_lives_to_use_it(void)
{
	static const usec deadline[] = { SEC, 3 * SEC, 2 * SEC - 1, 5 * SEC, 1500 * SEC };
	static const int order[] = { 1, 3, 4, 2, 0 }; /* with room the earliest, without the latest */
	begin(defaults);
	for (int i = 0; i < 5; i++)
		wait_in_line(&ticket[i], SIDE_READ, deadline[i]);
	for (int i = 0; i < 5; i++)
		CU_ASSERT_PTR_EQUAL(next(0), &ticket[order[i]]);
	gate_release(&gate);
}

/* Its place is that of an earlier arrival; whether a turn is of use to it, its
 * deadline says. */
static void test_order_is_apart_from_the_deadline(void)
{
	struct gate_config cfg = defaults;
	cfg.max_in_flight = 1;
	begin(cfg);
	usec deadlines[] = { 100 * SEC, 200 * SEC, SEC }, orders[] = { 100 * SEC, 50 * SEC, 0 };
	for (int i = 0; i < 3; i++) {
		gate_ticket_init(&ticket[i], SIDE_WRITE, deadlines[i]);
		ticket[i].order = orders[i];
		CU_ASSERT_EQUAL_FATAL(gate_wait(&gate, &ticket[i]), STATUS_OK);
	}
	static const int want[] = { 1, 0, 2 };
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_PTR_EQUAL_FATAL(next(0), &ticket[want[i]]);
		gate_report(&gate, &ticket[want[i]], OUTCOME_GOOD, -1, 0);
	}
	gate_release(&gate);
}

static void test_waiting_twice_and_waiting_while_out(void)
{
	begin(defaults);
	wait_in_line(&ticket[0], SIDE_READ, 9);
	CU_ASSERT_EQUAL(gate_wait(&gate, &ticket[0]), STATUS_OK);
	CU_ASSERT_EQUAL(gate_waiting(&gate), 1);
	next(0);
	CU_ASSERT_EQUAL(gate_wait(&gate, &ticket[0]), STATUS_INVALID);
	CU_ASSERT_EQUAL(gate_waiting(&gate), 0);
	gate_release(&gate);
}

static void test_cap_holds_over_both_sides(void)
{
	struct gate_config cfg = defaults;
	cfg.max_in_flight = 4;
	begin(cfg);
	for (int i = 0; i < 8; i++)
		wait_in_line(&ticket[i], i % 2 ? SIDE_READ : SIDE_WRITE, i);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_PTR_NOT_NULL(next(0));
	CU_ASSERT_EQUAL(nobody(0), USEC_NEVER);
	gate_report(&gate, &ticket[0], OUTCOME_GOOD, -1, 1);
	CU_ASSERT_PTR_NOT_NULL(next(1));
	CU_ASSERT_EQUAL(nobody(1), USEC_NEVER);
	gate_release(&gate);
}

static void test_cap_of_nought_is_one(void)
{
	struct gate_config cfg = defaults;
	cfg.max_in_flight = 0;
	begin(cfg);
	wait_in_line(&ticket[0], SIDE_READ, 1);
	wait_in_line(&ticket[1], SIDE_READ, 2);
	CU_ASSERT_PTR_EQUAL(next(0), &ticket[0]);
	CU_ASSERT_EQUAL(nobody(0), USEC_NEVER);
	gate_report(&gate, &ticket[0], OUTCOME_GOOD, -1, 1);
	CU_ASSERT_PTR_EQUAL(next(0), &ticket[1]);
	gate_release(&gate);
}

/* POSTs that hang, the polls that rescue them get through. */
static void test_hanging_writes_leave_room_for_reads(void)
{
	struct gate_config cfg = defaults;
	cfg.max_in_flight = 16;
	begin(cfg);
	for (int i = 0; i < 20; i++)
		wait_in_line(&ticket[i], SIDE_WRITE, i);
	int out = 0;
	while (next(0))
		out++;
	CU_ASSERT_EQUAL(out, 14);
	wait_in_line(&ticket[20], SIDE_READ, 100);
	CU_ASSERT_PTR_EQUAL(next(0), &ticket[20]);
	gate_release(&gate);
}

/* Stragglers of an outage count against the side's share, if not against its ramp. */
static void test_stragglers_leave_room_for_reads(void)
{
	struct gate_config cfg = defaults;
	cfg.max_in_flight = 16;
	begin(cfg);
	for (int i = 0; i < 30; i++)
		wait_in_line(&ticket[i], SIDE_WRITE, 600 * SEC);
	while (next(0))
		;
	for (int i = 0; i < 5; i++)
		gate_report(&gate, &ticket[i], OUTCOME_TIMEOUT, -1, 0);
	usec now = nobody(0);
	gate_report(&gate, next(now), OUTCOME_GOOD, -1, now);
	for (int round = 1; round <= 4; round *= 2) {
		struct gate_ticket *t[4];
		for (int i = 0; i < round; i++)
			t[i] = next(now);
		for (int i = 0; i < round; i++)
			gate_report(&gate, t[i], OUTCOME_GOOD, -1, now);
	}
	CU_ASSERT_EQUAL(breaker_allowance(&gate.breaker[SIDE_WRITE]), 7); /* what the 429s left */
	while (next(now))
		;
	CU_ASSERT_EQUAL(gate.in_flight[SIDE_WRITE], 14); /* 9 stragglers and no more than 5 */
	wait_in_line(&ticket[40], SIDE_READ, 600 * SEC);
	CU_ASSERT_PTR_EQUAL(next(now), &ticket[40]);
	gate_release(&gate);
}

static void test_sides_take_turns_for_the_rate(void)
{
	struct gate_config cfg = defaults;
	cfg.rate_per_minute = 60;
	cfg.rate_burst = 1;
	begin(cfg);
	for (int i = 0; i < 20; i++) /* reads with the nearer deadlines, all of them */
		wait_in_line(&ticket[i], i < 10 ? SIDE_READ : SIDE_WRITE, i);
	int sent[SIDE_COUNT] = { 0 };
	for (usec now = 0; now < 10 * SEC;) {
		struct gate_ticket *t;
		while ((t = next(now)))
			sent[t->side]++;
		now = nobody(now);
	}
	CU_ASSERT_EQUAL(sent[SIDE_READ], 5);
	CU_ASSERT_EQUAL(sent[SIDE_WRITE], 5);
	gate_release(&gate);
}

static void test_outage_parks_and_probes(void)
{
	begin(defaults);
	open_side(SIDE_WRITE, 0);
	for (int i = 0; i < 10; i++)
		wait_in_line(&ticket[i], SIDE_WRITE, (100 + i) * SEC);
	CU_ASSERT_EQUAL(gate_parked(&gate), 10);
	usec at = nobody(0);
	CU_ASSERT_TRUE(at >= 5 * SEC && at <= 6 * SEC);
	CU_ASSERT_PTR_EQUAL(next(at), &ticket[0]);
	CU_ASSERT_TRUE(ticket[0].probe);
	CU_ASSERT_EQUAL(nobody(at), USEC_NEVER);
	CU_ASSERT_TRUE(gate_report(&gate, &ticket[0], OUTCOME_TIMEOUT, -1, at + SEC));
	CU_ASSERT_TRUE(nobody(at + SEC) >= at + 9 * SEC);
	/* the other side goes on */
	wait_in_line(&ticket[20], SIDE_READ, 1);
	CU_ASSERT_PTR_EQUAL(next(at + SEC), &ticket[20]);
	gate_release(&gate);
}

static void test_parked_are_released_in_a_ramp(void)
{
	begin(defaults);
	open_side(SIDE_WRITE, 0);
	for (int i = 0; i < 16; i++)
		wait_in_line(&ticket[i], SIDE_WRITE, (100 + i) * SEC);
	usec now = nobody(0);
	CU_ASSERT_PTR_EQUAL(next(now), &ticket[0]);
	CU_ASSERT_TRUE(gate_report(&gate, &ticket[0], OUTCOME_GOOD, -1, now));
	int sent = 1;
	for (int round = 1; round <= 8; round *= 2) {
		int first = sent;
		while (next(now))
			sent++;
		CU_ASSERT_EQUAL(sent - first, round);
		for (int i = first; i < sent; i++)
			gate_report(&gate, &ticket[i], OUTCOME_GOOD, -1, now);
	}
	CU_ASSERT_EQUAL(gate_waiting(&gate), 0);
	gate_release(&gate);
}

static void test_probe_lives_to_tell(void)
{
	begin(defaults);
	open_side(SIDE_WRITE, 0);
	usec at = gate.breaker[SIDE_WRITE].next_probe;
	wait_in_line(&ticket[0], SIDE_WRITE, at + SEC);
	wait_in_line(&ticket[1], SIDE_WRITE, at + 4 * SEC);
	CU_ASSERT_PTR_EQUAL(next(at), &ticket[1]); /* none has room: the latest */
	gate_leave(&gate, &ticket[1], at);
	at = gate.breaker[SIDE_WRITE].next_probe;
	wait_in_line(&ticket[2], SIDE_WRITE, at + 300 * SEC);
	wait_in_line(&ticket[3], SIDE_WRITE, at + 200 * SEC);
	wait_in_line(&ticket[4], SIDE_WRITE, at + 2 * SEC);
	CU_ASSERT_PTR_EQUAL(next(at), &ticket[3]); /* the earliest with room */
	gate_release(&gate);
}

static void test_abandoned_probe_does_not_block(void)
{
	begin(defaults);
	open_side(SIDE_READ, 0);
	wait_in_line(&ticket[0], SIDE_READ, 100 * SEC);
	wait_in_line(&ticket[1], SIDE_READ, 200 * SEC);
	usec at = nobody(0);
	CU_ASSERT_PTR_EQUAL(next(at), &ticket[0]);
	gate_leave(&gate, &ticket[0], at + SEC);
	CU_ASSERT_FALSE(ticket[0].out);
	CU_ASSERT_EQUAL(gate.in_flight[SIDE_READ], 0);
	CU_ASSERT_EQUAL(nobody(at + SEC), at + 5 * SEC);
	CU_ASSERT_PTR_EQUAL(next(at + 5 * SEC), &ticket[1]);
	CU_ASSERT_TRUE(ticket[1].probe);
	gate_release(&gate);
}

static void test_leaving_at_any_time(void)
{
	begin(defaults);
	gate_ticket_init(&ticket[0], SIDE_READ, 5);
	gate_leave(&gate, &ticket[0], 0); /* neither in line nor out */
	wait_in_line(&ticket[0], SIDE_READ, 5);
	wait_in_line(&ticket[1], SIDE_READ, 6);
	gate_leave(&gate, &ticket[0], 0);
	gate_leave(&gate, &ticket[0], 0);
	CU_ASSERT_PTR_EQUAL(next(0), &ticket[1]);
	gate_leave(&gate, &ticket[1], 0);
	CU_ASSERT_EQUAL(gate.in_flight[SIDE_READ], 0);
	CU_ASSERT_EQUAL(gate_waiting(&gate), 0);
	gate_release(&gate);
}

static void test_release_takes_tickets_out(void)
{
	begin(defaults);
	wait_in_line(&ticket[0], SIDE_READ, 5);
	wait_in_line(&ticket[1], SIDE_WRITE, 5);
	gate_release(&gate);
	CU_ASSERT_FALSE(heap_has(&ticket[0].node));
	CU_ASSERT_FALSE(heap_has(&ticket[1].node));
}

static void test_rate_holds_probes_too(void)
{
	struct gate_config cfg = defaults;
	cfg.rate_per_minute = 6;
	cfg.rate_burst = 5;
	begin(cfg);
	open_side(SIDE_WRITE, 0); /* spends the burst */
	wait_in_line(&ticket[0], SIDE_WRITE, 100 * SEC);
	usec at = nobody(0);
	CU_ASSERT_TRUE(at < 10 * SEC);
	usec token = nobody(at);
	CU_ASSERT_TRUE(token > 10 * SEC && token < 20 * SEC); /* the last warning has halved the rate */
	CU_ASSERT_PTR_EQUAL(next(token), &ticket[0]);
	CU_ASSERT_TRUE(ticket[0].probe);
	gate_release(&gate);
}

static void test_429_slows_both_sides(void)
{
	struct gate_config cfg = defaults;
	cfg.rate_per_minute = 60;
	begin(cfg);
	wait_in_line(&ticket[0], SIDE_READ, 1);
	next(0);
	CU_ASSERT_FALSE(gate_report(&gate, &ticket[0], OUTCOME_THROTTLED, -1, 0));
	wait_in_line(&ticket[1], SIDE_WRITE, 1);
	usec at = nobody(0);
	CU_ASSERT_TRUE(at > SEC && at < 2 * SEC); /* 0.7 a second, and more after a second */
	CU_ASSERT_PTR_EQUAL(next(at), &ticket[1]);
	gate_release(&gate);
}

static void test_retries_wait_for_the_budget(void)
{
	begin(defaults);
	for (int i = 0; i < 15; i++)
		wait_to_retry(&ticket[i], 100 - i);
	for (int i = 0; i < 10; i++) /* the floor, the earliest deadlines */
		CU_ASSERT_PTR_EQUAL(next(0), &ticket[14 - i]);
	usec at = nobody(0);
	CU_ASSERT_TRUE(at >= SEC && at <= SEC + 2);
	wait_in_line(&ticket[20], SIDE_READ, 1000);
	CU_ASSERT_PTR_EQUAL(next(0), &ticket[20]); /* first attempts pass by */
	for (int i = 21; i < 25; i++) {
		wait_in_line(&ticket[i], SIDE_READ, 1000);
		CU_ASSERT_PTR_EQUAL(next(0), &ticket[i]);
	}
	CU_ASSERT_PTR_EQUAL(next(0), &ticket[4]); /* five of them have paid for one */
	nobody(0);
	gate_release(&gate);
}

static void test_retry_and_first_by_deadline(void)
{
	begin(defaults);
	wait_in_line(&ticket[0], SIDE_READ, 20);
	wait_to_retry(&ticket[1], 10);
	wait_in_line(&ticket[2], SIDE_READ, 5);
	CU_ASSERT_PTR_EQUAL(next(0), &ticket[2]);
	CU_ASSERT_PTR_EQUAL(next(0), &ticket[1]);
	CU_ASSERT_PTR_EQUAL(next(0), &ticket[0]);
	gate_release(&gate);
}

/* The limit governs who was parked; a thousand of them must not wait for a
 * budget of one a second once the outage is over. */
static void test_parked_retries_do_not_need_the_budget(void)
{
	struct gate_config cfg = defaults;
	cfg.retry_budget = cfg.retry_budget_floor = 0;
	begin(cfg);
	open_side(SIDE_READ, 0);
	for (int i = 0; i < 8; i++)
		wait_to_retry(&ticket[i], (100 + i) * SEC);
	usec now = nobody(0);
	int done = 0;
	struct gate_ticket *t;
	while ((t = next(now))) {
		gate_report(&gate, t, OUTCOME_GOOD, -1, now);
		done++;
	}
	CU_ASSERT_EQUAL(done, 8);
	wait_to_retry(&ticket[9], 100 * SEC); /* closed again: now it does */
	CU_ASSERT_EQUAL(nobody(now), USEC_NEVER);
	gate_release(&gate);
}

/* A crowd sends, the upstream falls over; those that were out come home late. */
static void test_stragglers_after_the_outage(void)
{
	begin(defaults);
	for (int i = 0; i < 40; i++)
		wait_in_line(&ticket[i], SIDE_WRITE, 600 * SEC);
	while (next(0))
		;
	for (int i = 0; i < 5; i++)
		gate_report(&gate, &ticket[i], OUTCOME_TIMEOUT, -1, SEC);
	CU_ASSERT_EQUAL(gate.breaker[SIDE_WRITE].state, BREAKER_OPEN);
	CU_ASSERT_FALSE(gate_report(&gate, &ticket[5], OUTCOME_GOOD, -1, 2 * SEC));
	wait_in_line(&ticket[50], SIDE_WRITE, 600 * SEC);
	CU_ASSERT_PTR_EQUAL(next(2 * SEC), &ticket[50]); /* good news: the probe goes now */
	CU_ASSERT_TRUE(gate_report(&gate, &ticket[50], OUTCOME_GOOD, -1, 2 * SEC));
	for (int i = 6; i < 40; i++)
		CU_ASSERT_FALSE(gate_report(&gate, &ticket[i], OUTCOME_TIMEOUT, -1, 3 * SEC));
	CU_ASSERT_EQUAL(gate.breaker[SIDE_WRITE].state, BREAKER_CLOSED);
	CU_ASSERT_EQUAL(gate.in_flight[SIDE_WRITE], 0);
	gate_release(&gate);
}

static void test_configure_takes_hold(void)
{
	begin(defaults);
	struct gate_config cfg = defaults;
	cfg.max_in_flight = 2;
	cfg.rate_per_minute = 600;
	gate_configure(&gate, &cfg, 0);
	for (int i = 0; i < 4; i++)
		wait_in_line(&ticket[i], SIDE_READ, i);
	CU_ASSERT_PTR_NOT_NULL(next(0));
	CU_ASSERT_PTR_NOT_NULL(next(0));
	nobody(0);
	CU_ASSERT_EQUAL(breaker_allowance(&gate.breaker[SIDE_READ]), 2);
	gate_release(&gate);
}

static void crowd_with_failing_memory(void *arg)
{
	(void)arg;
	begin(defaults);
	size_t in_line = 0;
	for (int i = 0; i < MANY; i++) {
		gate_ticket_init(&ticket[i], i % 3 ? SIDE_READ : SIDE_WRITE, MANY - i);
		ticket[i].retry = i % 2;
		enum status s = gate_wait(&gate, &ticket[i]);
		CU_ASSERT_TRUE(s == STATUS_OK || s == STATUS_NO_MEMORY);
		CU_ASSERT_EQUAL(heap_has(&ticket[i].node), s == STATUS_OK);
		in_line += s == STATUS_OK;
	}
	CU_ASSERT_EQUAL(gate_waiting(&gate), in_line);
	size_t sent = 0;
	usec wake = 0;
	for (usec now = 0; gate_waiting(&gate) > 0; now = wake)
		while (gate_next(&gate, now, &wake))
			sent++;
	CU_ASSERT_EQUAL(sent, in_line);
	gate_release(&gate);
}

static void test_torture(void)
{
	unit_torture(crowd_with_failing_memory, NULL);
}

static unsigned answered_at_once(usec now)
{
	unsigned n = 0;
	for (struct gate_ticket *t; (t = next(now)) != NULL; n++)
		gate_report(&gate, t, OUTCOME_GOOD, -1, now);
	return n;
}

/* The log that has just come back answers at once: what was not sent in the outage
 * does not come all in one second. */
static void test_recovery_holds_no_burst(void)
{
	struct gate_config cfg = defaults;
	cfg.rate_per_minute = 900;
	begin(cfg);
	open_side(SIDE_WRITE, 0);
	for (int i = 0; i < MANY; i++)
		wait_in_line(&ticket[i], SIDE_WRITE, (100 + i) * SEC);
	usec now = nobody(0);
	CU_ASSERT_PTR_EQUAL_FATAL(next(now), &ticket[0]);
	CU_ASSERT_TRUE(gate_report(&gate, &ticket[0], OUTCOME_GOOD, -1, now));
	unsigned sent = 0;
	static const unsigned in_all[] = { 2, 5, 11, 23, 38 }; /* 1, and 1.5, 3, 6, 12, 15 a second */
	for (usec after = 0; after < 5; after++) {
		for (usec ms = 0; ms < 1000; ms += 10)
			sent += answered_at_once(now + after * SEC + ms * USEC_PER_MSEC);
		CU_ASSERT_TRUE(sent >= in_all[after] - 1 && sent <= in_all[after] + 1);
	}
	gate_release(&gate);
}

/* Opened at 0, closed by the probe; returns when. */
static usec comes_back(void)
{
	open_side(SIDE_WRITE, 0);
	wait_in_line(&ticket[0], SIDE_WRITE, 1000 * SEC);
	usec now = nobody(0);
	CU_ASSERT_PTR_EQUAL_FATAL(next(now), &ticket[0]);
	CU_ASSERT_TRUE(gate_report(&gate, &ticket[0], OUTCOME_GOOD, -1, now));
	CU_ASSERT_EQUAL(gate.bucket.pace, BUCKET_DOUBLING);
	return now;
}

static struct gate_config with_a_rate(void)
{
	struct gate_config cfg = defaults;
	cfg.rate_per_minute = 900;
	return cfg;
}

static void test_the_release_is_over_when_nobody_waits(void)
{
	begin(with_a_rate());
	usec now = comes_back() + 100 * SEC;
	wait_in_line(&ticket[1], SIDE_WRITE, 2000 * SEC);
	CU_ASSERT_PTR_EQUAL(next(now), &ticket[1]);
	CU_ASSERT_NOT_EQUAL(gate.bucket.pace, BUCKET_STEADY);
	nobody(now);
	CU_ASSERT_EQUAL(gate.bucket.pace, BUCKET_STEADY);
	gate_release(&gate);
}

static void test_what_fails_on_either_side_ends_the_doubling(void)
{
	begin(with_a_rate());
	usec now = comes_back() + 2 * SEC;
	wait_in_line(&ticket[1], SIDE_READ, 2000 * SEC);
	CU_ASSERT_PTR_EQUAL(next(now), &ticket[1]);
	gate_report(&gate, &ticket[1], OUTCOME_REFUSED, -1, now);
	CU_ASSERT_EQUAL(gate.bucket.pace, BUCKET_DOUBLING);
	wait_in_line(&ticket[1], SIDE_READ, 2000 * SEC);
	CU_ASSERT_PTR_EQUAL(next(now + SEC), &ticket[1]);
	gate_report(&gate, &ticket[1], OUTCOME_SERVER_ERROR, -1, now + SEC);
	CU_ASSERT_EQUAL(gate.bucket.pace, BUCKET_RISING);
	gate_release(&gate);
}

static void test_what_was_sent_before_the_outage_says_nothing_of_the_rate(void)
{
	begin(with_a_rate());
	wait_in_line(&ticket[1], SIDE_WRITE, 2000 * SEC);
	CU_ASSERT_PTR_EQUAL(next(0), &ticket[1]);
	usec now = comes_back();
	gate_report(&gate, &ticket[1], OUTCOME_TIMEOUT, -1, now);
	CU_ASSERT_EQUAL(gate.bucket.pace, BUCKET_DOUBLING);
	gate_release(&gate);
}

static void test_side_names(void)
{
	CU_ASSERT_STRING_EQUAL(side_name(SIDE_READ), "read");
	CU_ASSERT_STRING_EQUAL(side_name(SIDE_WRITE), "write");
}

TEST_SUITE(policy_gate, TEST(test_closed_gate_lets_through_at_once), TEST(test_earliest_deadline_first),
	   TEST(test_a_turn_goes_to_one_who_lives_to_use_it), TEST(test_order_is_apart_from_the_deadline),
	   TEST(test_waiting_twice_and_waiting_while_out), TEST(test_cap_holds_over_both_sides),
	   TEST(test_cap_of_nought_is_one), TEST(test_hanging_writes_leave_room_for_reads),
	   TEST(test_stragglers_leave_room_for_reads), TEST(test_sides_take_turns_for_the_rate),
	   TEST(test_outage_parks_and_probes), TEST(test_parked_are_released_in_a_ramp),
	   TEST(test_probe_lives_to_tell), TEST(test_abandoned_probe_does_not_block),
	   TEST(test_leaving_at_any_time), TEST(test_release_takes_tickets_out),
	   TEST(test_rate_holds_probes_too), TEST(test_429_slows_both_sides),
	   TEST(test_retries_wait_for_the_budget), TEST(test_retry_and_first_by_deadline),
	   TEST(test_parked_retries_do_not_need_the_budget), TEST(test_stragglers_after_the_outage),
	   TEST(test_configure_takes_hold), TEST(test_torture), TEST(test_recovery_holds_no_burst),
	   TEST(test_the_release_is_over_when_nobody_waits),
	   TEST(test_what_fails_on_either_side_ends_the_doubling),
	   TEST(test_what_was_sent_before_the_outage_says_nothing_of_the_rate), TEST(test_side_names))
