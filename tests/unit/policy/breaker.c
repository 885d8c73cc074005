#include "unit.h"

#include <sigrelay/policy/breaker.h>

#define SEC USEC_PER_SEC

static const struct breaker_config defaults = { .failures = 5,
						.rate = 50,
						.window = 30 * SEC,
						.min_requests = 10,
						.probe_interval = 5 * SEC,
						.probe_max = 60 * SEC,
						.max_in_flight = 128 };

static struct rng rng;

static struct breaker fresh(void)
{
	struct breaker b;
	rng_seed(&rng, 1);
	breaker_init(&b, &defaults, 0);
	return b;
}

static bool attempt(struct breaker *b, enum outcome o, usec now)
{
	return breaker_report(b, breaker_send(b, now), o, -1, now, &rng);
}

static struct breaker opened(usec now)
{
	struct breaker b = fresh();
	for (int i = 0; i < 5; i++)
		attempt(&b, OUTCOME_SERVER_ERROR, now);
	CU_ASSERT_EQUAL_FATAL(b.state, BREAKER_OPEN);
	return b;
}

/* Sends the probe when it is due; returns that time. */
static usec probe(struct breaker *b, enum outcome o)
{
	usec at = breaker_wake(b, b->since);
	CU_ASSERT_TRUE(attempt(b, o, at));
	return at;
}

static void test_closed_at_first_and_not_ramping(void)
{
	struct breaker b = fresh();
	CU_ASSERT_EQUAL(b.state, BREAKER_CLOSED);
	CU_ASSERT_EQUAL(breaker_allowance(&b), 128);
	CU_ASSERT_EQUAL(breaker_wake(&b, 7), 7);
	CU_ASSERT_EQUAL(breaker_outage(&b, 100 * SEC), 0);
}

static void test_opens_on_failures_in_a_row(void)
{
	struct breaker b = fresh();
	for (int i = 0; i < 4; i++)
		CU_ASSERT_FALSE(attempt(&b, OUTCOME_TIMEOUT, 0));
	CU_ASSERT_FALSE(attempt(&b, OUTCOME_ABSENT, 0)); /* a 404 shows a server that works */
	for (int i = 0; i < 4; i++)
		CU_ASSERT_FALSE(attempt(&b, OUTCOME_CONNECT, 0));
	CU_ASSERT_TRUE(attempt(&b, OUTCOME_JUNK, 3 * SEC));
	CU_ASSERT_EQUAL(b.state, BREAKER_OPEN);
	CU_ASSERT_EQUAL(b.since, 3 * SEC);
	CU_ASSERT_EQUAL(breaker_allowance(&b), 0);
}

static void test_every_outcome_counts_as_its_weight_says(void)
{
	for (enum outcome o = 0; o < OUTCOME_COUNT; o++) {
		struct breaker b = fresh();
		for (int i = 0; i < 20; i++)
			if (b.state == BREAKER_CLOSED)
				attempt(&b, o, 0);
		bool opened_it = b.state == BREAKER_OPEN;
		CU_ASSERT_EQUAL(opened_it, outcome_weight(o) == WEIGHT_FAILURE);
	}
}

/* After an outage that ended within the window. */
static struct breaker doubted(const struct breaker_config *c, usec *now)
{
	struct breaker b;
	rng_seed(&rng, 1);
	breaker_init(&b, c, 0);
	while (b.state == BREAKER_CLOSED)
		attempt(&b, OUTCOME_SERVER_ERROR, 0);
	*now = probe(&b, OUTCOME_GOOD);
	CU_ASSERT_EQUAL_FATAL(b.state, BREAKER_CLOSED);
	return b;
}

/* `failures` failures after each success, none of which opens it. */
static void fails_a_share(struct breaker *b, int times, int failures, usec now)
{
	for (int i = 0; i < times; i++) {
		attempt(b, OUTCOME_GOOD, now);
		for (int n = 0; n < failures; n++)
			CU_ASSERT_FALSE(attempt(b, OUTCOME_TIMEOUT, now));
	}
}

static void test_opens_on_a_failure_rate(void)
{
	struct breaker b = fresh();
	fails_a_share(&b, 4, 1, 0);
	attempt(&b, OUTCOME_GOOD, 0);
	CU_ASSERT_TRUE(attempt(&b, OUTCOME_TIMEOUT, 0)); /* the tenth: 5 of 10 */
	CU_ASSERT_EQUAL(b.state, BREAKER_OPEN);
}

static void test_rate_looks_at_the_window_only(void)
{
	struct breaker b = fresh();
	fails_a_share(&b, 4, 1, SEC);
	attempt(&b, OUTCOME_GOOD, 40 * SEC);
	CU_ASSERT_FALSE(attempt(&b, OUTCOME_TIMEOUT, 40 * SEC));
	CU_ASSERT_EQUAL(b.state, BREAKER_CLOSED);
}

static void test_in_doubt_a_share_has_to_be_beyond_chance(void)
{
	usec now;
	struct breaker b = doubted(&defaults, &now);
	fails_a_share(&b, 4, 4, now); /* 16 of 20 might be chance at a half */
	attempt(&b, OUTCOME_GOOD, now);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_FALSE(attempt(&b, OUTCOME_TIMEOUT, now));
	CU_ASSERT_TRUE(attempt(&b, OUTCOME_TIMEOUT, now)); /* 20 of 25: three times 2.5 above it */
}

static void test_in_doubt_half_of_all_requests_failing_is_no_outage(void)
{
	usec now;
	struct breaker b = doubted(&defaults, &now);
	fails_a_share(&b, 500, 1, now);
	CU_ASSERT_EQUAL(b.state, BREAKER_CLOSED);
}

static void test_in_doubt_a_row_has_to_be_beyond_chance(void)
{
	usec now;
	struct breaker b = doubted(&defaults, &now);
	fails_a_share(&b, 50, 1, now); /* 0.5^13 is 1.2 in 10,000 */
	for (int i = 0; i < 12; i++)
		CU_ASSERT_FALSE(attempt(&b, OUTCOME_CONNECT, now));
	CU_ASSERT_TRUE(attempt(&b, OUTCOME_CONNECT, now));
}

/* A failure in ten explains none, nor do a few requests, nor what the window has lost. */
static void test_five_in_a_row_are_an_outage_where_it_was_well_before(void)
{
	usec now;
	struct breaker b = doubted(&defaults, &now);
	for (int i = 0; i < 50; i++)
		attempt(&b, i % 10 == 9 ? OUTCOME_TIMEOUT : OUTCOME_GOOD, now);
	attempt(&b, OUTCOME_GOOD, now);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_FALSE(attempt(&b, OUTCOME_CONNECT, now));
	CU_ASSERT_TRUE(attempt(&b, OUTCOME_CONNECT, now));
	b = doubted(&defaults, &now);
	fails_a_share(&b, 4, 1, now);
	attempt(&b, OUTCOME_GOOD, now);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_FALSE(attempt(&b, OUTCOME_CONNECT, now));
	CU_ASSERT_TRUE(attempt(&b, OUTCOME_CONNECT, now));
	b = doubted(&defaults, &now);
	fails_a_share(&b, 50, 1, now);
	now += 40 * SEC;
	attempt(&b, OUTCOME_GOOD, now);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_FALSE(attempt(&b, OUTCOME_CONNECT, now));
	CU_ASSERT_TRUE(attempt(&b, OUTCOME_CONNECT, now));
}

static void test_no_row_is_longer_than_four_times_as_many(void)
{
	usec now;
	struct breaker_config c = defaults;
	c.rate = 0;
	struct breaker b = doubted(&c, &now);
	fails_a_share(&b, 20, 4, now); /* 0.8^20 is one in a hundred */
	attempt(&b, OUTCOME_GOOD, now);
	for (int i = 0; i < 19; i++)
		CU_ASSERT_FALSE(attempt(&b, OUTCOME_CONNECT, now));
	CU_ASSERT_TRUE(attempt(&b, OUTCOME_CONNECT, now));
}

/* It ends ten windows after the last time that chance looked like an outage. */
static void test_doubt_ends(void)
{
	usec now;
	struct breaker b = doubted(&defaults, &now);
	usec end = now + BREAKER_DOUBT * defaults.window;
	fails_a_share(&b, 6, 1, end - 1);
	CU_ASSERT_EQUAL(b.doubt_until, end - 1 + BREAKER_DOUBT * defaults.window);
	b = doubted(&defaults, &now);
	fails_a_share(&b, 4, 1, end);
	attempt(&b, OUTCOME_GOOD, end);
	CU_ASSERT_TRUE(attempt(&b, OUTCOME_TIMEOUT, end));
}

static void test_a_long_outage_casts_no_doubt(void)
{
	struct breaker b = opened(0);
	usec now = 0;
	while (now < defaults.window)
		now = probe(&b, OUTCOME_TIMEOUT);
	now = probe(&b, OUTCOME_GOOD);
	fails_a_share(&b, 4, 1, now);
	attempt(&b, OUTCOME_GOOD, now);
	CU_ASSERT_TRUE(attempt(&b, OUTCOME_TIMEOUT, now));
}

static void test_conditions_can_be_off(void)
{
	struct breaker_config c = defaults;
	c.failures = c.rate = 0;
	struct breaker b;
	breaker_init(&b, &c, 0);
	for (int i = 0; i < 100; i++)
		attempt(&b, OUTCOME_TIMEOUT, 0);
	CU_ASSERT_EQUAL(b.state, BREAKER_CLOSED);
}

static void test_first_probe_after_the_interval(void)
{
	struct breaker b = opened(SEC);
	CU_ASSERT_TRUE(b.next_probe >= 6 * SEC && b.next_probe <= 7 * SEC);
	CU_ASSERT_EQUAL(breaker_wake(&b, SEC), b.next_probe);
	usec at = b.next_probe;
	breaker_send(&b, at);
	CU_ASSERT_EQUAL(b.state, BREAKER_HALF_OPEN);
	CU_ASSERT_EQUAL(breaker_wake(&b, at), USEC_NEVER); /* one probe, no more */
	CU_ASSERT_EQUAL(breaker_wake(&b, at + 600 * SEC), USEC_NEVER);
}

static void test_failed_probes_space_out_to_the_cap(void)
{
	struct breaker b = opened(0);
	usec interval = 5 * SEC, before = probe(&b, OUTCOME_TIMEOUT);
	for (int i = 0; i < 40; i++) {
		interval = usec_min(interval * 2, 60 * SEC);
		usec at = probe(&b, i % 2 ? OUTCOME_THROTTLED : OUTCOME_RESET);
		CU_ASSERT_TRUE(at - before >= interval * 8 / 10 &&
			       at - before <= usec_min(interval * 12 / 10, 60 * SEC));
		before = at;
	}
}

static struct breaker after(unsigned good, unsigned failed)
{
	struct breaker b = fresh();
	for (unsigned i = 0; i < good; i++)
		attempt(&b, OUTCOME_GOOD, 0);
	for (unsigned i = 0; i < failed; i++)
		attempt(&b, OUTCOME_SERVER_ERROR, 0);
	return b;
}

/* Until four probes of the same chance would have failed, it is no reason to wait longer. */
static void test_probes_of_a_brown_out_fail_by_chance(void)
{
	struct breaker b = fresh();
	for (int i = 0; i < 5; i++) {
		attempt(&b, OUTCOME_GOOD, 0);
		attempt(&b, OUTCOME_SERVER_ERROR, 0);
	}
	CU_ASSERT_EQUAL_FATAL(b.state, BREAKER_OPEN);
	for (int i = 0; i < 4; i++) {
		probe(&b, OUTCOME_SERVER_ERROR);
		CU_ASSERT_EQUAL(b.interval, 5 * SEC);
	}
	probe(&b, OUTCOME_SERVER_ERROR);
	CU_ASSERT_EQUAL(b.interval, 10 * SEC);
	probe(&b, OUTCOME_SERVER_ERROR);
	CU_ASSERT_EQUAL(b.interval, 20 * SEC);
}

static void test_no_probe_fails_by_chance_where_it_was_well(void)
{
	struct breaker b = after(100, 5);
	CU_ASSERT_EQUAL_FATAL(b.state, BREAKER_OPEN);
	probe(&b, OUTCOME_SERVER_ERROR);
	CU_ASSERT_EQUAL(b.interval, 10 * SEC);
}

static void test_no_probe_fails_by_chance_where_nearly_all_failed(void)
{
	struct breaker_config cfg = defaults;
	struct breaker b = fresh();
	cfg.failures = 0;
	breaker_configure(&b, &cfg);
	attempt(&b, OUTCOME_GOOD, 0);
	for (int i = 0; i < 9; i++)
		attempt(&b, OUTCOME_SERVER_ERROR, 0);
	CU_ASSERT_EQUAL_FATAL(b.state, BREAKER_OPEN);
	probe(&b, OUTCOME_SERVER_ERROR);
	CU_ASSERT_EQUAL(b.interval, 10 * SEC);
}

static void test_a_429_is_no_chance(void)
{
	struct breaker b = after(5, 0);
	for (int i = 0; i < 3; i++)
		attempt(&b, OUTCOME_SERVER_ERROR, 0);
	attempt(&b, OUTCOME_GOOD, 0);
	attempt(&b, OUTCOME_SERVER_ERROR, 0);
	attempt(&b, OUTCOME_SERVER_ERROR, 0);
	attempt(&b, OUTCOME_SERVER_ERROR, 0);
	CU_ASSERT_EQUAL_FATAL(b.state, BREAKER_OPEN);
	probe(&b, OUTCOME_THROTTLED);
	CU_ASSERT_EQUAL(b.interval, 10 * SEC);
}

static void test_retry_after_of_the_probe_is_respected(void)
{
	struct breaker b = opened(0);
	usec at = b.next_probe;
	breaker_report(&b, breaker_send(&b, at), OUTCOME_SERVER_ERROR, 40 * SEC, at, &rng);
	CU_ASSERT_TRUE(b.next_probe >= at + 40 * SEC && b.next_probe <= at + 44 * SEC);
	at = b.next_probe;
	breaker_report(&b, breaker_send(&b, at), OUTCOME_SERVER_ERROR, 3600 * SEC, at, &rng);
	CU_ASSERT_EQUAL(b.next_probe, at + 60 * SEC);
}

static void test_good_probe_closes_and_ramps(void)
{
	struct breaker b = opened(0);
	usec at = probe(&b, OUTCOME_CONFLICT);
	CU_ASSERT_EQUAL(b.state, BREAKER_CLOSED);
	for (unsigned limit = 1; limit < 128; limit *= 2) {
		CU_ASSERT_EQUAL(breaker_allowance(&b), limit);
		uint64_t epoch = 0;
		for (unsigned i = 0; i < limit; i++) {
			CU_ASSERT_EQUAL(breaker_wake(&b, at), at);
			epoch = breaker_send(&b, at);
		}
		CU_ASSERT_EQUAL(breaker_wake(&b, at), USEC_NEVER); /* the round is full */
		for (unsigned i = 0; i < limit; i++)
			breaker_report(&b, epoch, OUTCOME_GOOD, -1, at, &rng);
	}
	CU_ASSERT_EQUAL(breaker_allowance(&b), 128);
}

/* As many as are allowed, all at once. */
static void full_round(struct breaker *b, enum outcome o, usec at)
{
	unsigned n = breaker_allowance(b);
	uint64_t first = 0;
	for (unsigned i = 0; i < n; i++) {
		uint64_t number = breaker_send(b, at);
		first = i ? first : number;
	}
	for (unsigned i = 0; i < n; i++)
		breaker_report(b, first + i, o, -1, at, &rng);
}

static void test_failures_and_429_halve_the_ramp(void)
{
	struct breaker b = opened(0);
	usec at = probe(&b, OUTCOME_GOOD);
	for (int i = 0; i < 3; i++)
		full_round(&b, OUTCOME_GOOD, at);
	CU_ASSERT_EQUAL(breaker_allowance(&b), 8);
	attempt(&b, OUTCOME_TIMEOUT, at);
	CU_ASSERT_EQUAL(breaker_allowance(&b), 4);
	full_round(&b, OUTCOME_THROTTLED, at);
	CU_ASSERT_EQUAL(breaker_allowance(&b), 2);
	full_round(&b, OUTCOME_CANCELLED, at);
	CU_ASSERT_EQUAL(breaker_allowance(&b), 2);
	for (int i = 0; i < 10; i++)
		full_round(&b, OUTCOME_THROTTLED, at);
	CU_ASSERT_EQUAL(breaker_allowance(&b), 1); /* and never 0: somebody must be able to try */
	CU_ASSERT_EQUAL(b.state, BREAKER_CLOSED);
}

/* A closed breaker, and a log that is asked too much: fewer requests before none. */
static void test_the_last_warning_halves_what_may_be_sent(void)
{
	struct breaker b = fresh();
	full_round(&b, OUTCOME_GOOD, 0);
	for (int i = 0; i < 128; i++)
		breaker_send(&b, 0);
	uint64_t first = b.limit.sent - 128;
	for (uint64_t i = 0; i < 3; i++)
		breaker_report(&b, first + i, OUTCOME_SERVER_ERROR, -1, 0, &rng);
	CU_ASSERT_EQUAL(breaker_allowance(&b), 128);
	breaker_report(&b, first + 3, OUTCOME_SERVER_ERROR, -1, 0, &rng);
	CU_ASSERT_EQUAL(breaker_allowance(&b), 64);
	CU_ASSERT_EQUAL(breaker_wake(&b, 0), USEC_NEVER);
	CU_ASSERT_TRUE(breaker_report(&b, first + 4, OUTCOME_SERVER_ERROR, -1, 0, &rng));
	/* What it was cut to is where the next ramp slows down. */
	usec at = probe(&b, OUTCOME_GOOD);
	for (int i = 0; i < 6; i++)
		full_round(&b, OUTCOME_GOOD, at);
	CU_ASSERT_EQUAL(breaker_allowance(&b), 64);
	full_round(&b, OUTCOME_GOOD, at);
	CU_ASSERT_EQUAL(breaker_allowance(&b), 65);
}

static void test_a_429_halves_a_full_window(void)
{
	struct breaker b = fresh();
	full_round(&b, OUTCOME_THROTTLED, 0);
	CU_ASSERT_EQUAL(breaker_allowance(&b), 64); /* once: they were all sent before it */
	CU_ASSERT_EQUAL(b.state, BREAKER_CLOSED);
}

static void test_old_failures_are_forgotten_after_recovery(void)
{
	struct breaker b = opened(0);
	usec at = probe(&b, OUTCOME_GOOD);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_FALSE(attempt(&b, OUTCOME_TIMEOUT, at));
	CU_ASSERT_TRUE(attempt(&b, OUTCOME_TIMEOUT, at));
}

static void test_old_rate_is_forgotten_after_recovery(void)
{
	struct breaker b = opened(0);
	usec at = probe(&b, OUTCOME_GOOD);
	for (int i = 0; i < 6; i++)
		attempt(&b, OUTCOME_GOOD, at);
	CU_ASSERT_FALSE(attempt(&b, OUTCOME_TIMEOUT, at)); /* with the old five: half of twelve */
}

/* Cancelled, or a body too big for the load balancer: nothing was learnt. */
static void test_probe_without_a_verdict(void)
{
	static const enum outcome none[] = { OUTCOME_CANCELLED, OUTCOME_TOO_BIG };
	for (size_t i = 0; i < 2; i++) {
		struct breaker b = opened(0);
		usec at = b.next_probe;
		uint64_t epoch = breaker_send(&b, at);
		CU_ASSERT_TRUE(breaker_report(&b, epoch, none[i], -1, at + SEC, &rng));
		CU_ASSERT_EQUAL(b.state, BREAKER_OPEN);
		CU_ASSERT_EQUAL(b.next_probe, at + 5 * SEC); /* the interval, from its begin, not grown */
		at = b.next_probe;
		epoch = breaker_send(&b, at);
		breaker_report(&b, epoch, none[i], -1, at + 30 * SEC, &rng);
		CU_ASSERT_EQUAL(b.next_probe, at + 30 * SEC); /* it hung longer than that: now */
	}
}

static void test_good_news_from_a_straggler_brings_the_probe(void)
{
	struct breaker b = fresh();
	uint64_t epoch = breaker_send(&b, 0);
	breaker_send(&b, 0);
	breaker_send(&b, 0);
	for (int i = 0; i < 5; i++)
		attempt(&b, OUTCOME_TIMEOUT, 0);
	CU_ASSERT_FALSE(breaker_report(&b, epoch, OUTCOME_GOOD, -1, SEC, &rng));
	CU_ASSERT_EQUAL(b.state, BREAKER_OPEN);
	CU_ASSERT_EQUAL(b.next_probe, SEC);
	attempt(&b, OUTCOME_TIMEOUT, SEC);
	breaker_report(&b, epoch, OUTCOME_GOOD, -1, 2 * SEC, &rng);
	CU_ASSERT_EQUAL(b.next_probe, 6 * SEC); /* never two probes within one interval */
	breaker_report(&b, epoch, OUTCOME_GOOD, -1, 9 * SEC, &rng);
	CU_ASSERT_TRUE(b.next_probe <= 9 * SEC);
}

static void test_straggler_is_not_the_probe(void)
{
	struct breaker b = fresh();
	uint64_t straggler = breaker_send(&b, 0);
	for (int i = 0; i < 5; i++)
		attempt(&b, OUTCOME_TIMEOUT, 0);
	usec at = b.next_probe;
	uint64_t epoch = breaker_send(&b, at);
	CU_ASSERT_FALSE(breaker_report(&b, straggler, OUTCOME_GOOD, -1, at, &rng));
	CU_ASSERT_EQUAL(b.state, BREAKER_HALF_OPEN);
	CU_ASSERT_TRUE(breaker_report(&b, epoch, OUTCOME_GOOD, -1, at, &rng));
	CU_ASSERT_EQUAL(b.state, BREAKER_CLOSED);
}

/* POSTs that hung before the outage time out after it: no new outage. */
static void test_straggling_failures_do_not_reopen(void)
{
	struct breaker b = fresh();
	uint64_t old = 0;
	for (int i = 0; i < 100; i++)
		old = breaker_send(&b, 0);
	for (int i = 0; i < 5; i++)
		attempt(&b, OUTCOME_TIMEOUT, 0);
	usec at = probe(&b, OUTCOME_GOOD);
	for (int i = 0; i < 100; i++)
		CU_ASSERT_FALSE(breaker_report(&b, old, OUTCOME_TIMEOUT, -1, at + SEC, &rng));
	CU_ASSERT_EQUAL(b.state, BREAKER_CLOSED);
	CU_ASSERT_EQUAL(breaker_wake(&b, at), at); /* nor do they fill the ramp */
}

static void test_outage_is_the_time_not_closed(void)
{
	struct breaker b = opened(10 * SEC);
	CU_ASSERT_EQUAL(breaker_outage(&b, 12 * SEC), 2 * SEC);
	probe(&b, OUTCOME_TIMEOUT);
	usec at = probe(&b, OUTCOME_GOOD);
	CU_ASSERT_EQUAL(breaker_outage(&b, at + 100 * SEC), at - 10 * SEC);
	for (int i = 0; i < 5; i++)
		attempt(&b, OUTCOME_TIMEOUT, at + 100 * SEC);
	CU_ASSERT_EQUAL(breaker_outage(&b, at + 101 * SEC), at - 9 * SEC);
}

static void test_configure_keeps_the_state(void)
{
	struct breaker b = opened(0);
	probe(&b, OUTCOME_TIMEOUT);
	struct breaker_config c = defaults;
	c.probe_interval = SEC;
	c.probe_max = 2 * SEC;
	c.window = SEC;
	breaker_configure(&b, &c);
	CU_ASSERT_EQUAL(b.state, BREAKER_OPEN);
	CU_ASSERT_TRUE(b.next_probe <= b.since + 2 * SEC);
	probe(&b, OUTCOME_GOOD);
	CU_ASSERT_EQUAL(breaker_allowance(&b), 1);
	c.max_in_flight = 1;
	breaker_configure(&b, &c);
	CU_ASSERT_EQUAL(breaker_allowance(&b), 1);
}

static void test_longest_interval_is_never_below_the_shortest(void)
{
	struct breaker b = fresh();
	CU_ASSERT_EQUAL(breaker_longest_interval(&b), 60 * SEC);
	b.cfg.probe_interval = 90 * SEC;
	CU_ASSERT_EQUAL(breaker_longest_interval(&b), 90 * SEC);
}

static void test_state_names(void)
{
	CU_ASSERT_STRING_EQUAL(breaker_state_name(BREAKER_CLOSED), "closed");
	CU_ASSERT_STRING_EQUAL(breaker_state_name(BREAKER_HALF_OPEN), "half-open");
	CU_ASSERT_STRING_EQUAL(breaker_state_name(BREAKER_OPEN), "open");
}

static void test_news_of_others_opens_and_closes(void)
{
	struct breaker b = fresh();
	CU_ASSERT_TRUE(breaker_hear(&b, 20 * SEC, SEC, &rng));
	CU_ASSERT_EQUAL(b.state, BREAKER_OPEN);
	CU_ASSERT_EQUAL(b.interval, 20 * SEC);
	CU_ASSERT(b.next_probe >= 17 * SEC && b.next_probe <= 25 * SEC);
	CU_ASSERT_FALSE(breaker_hear(&b, 900 * SEC, 2 * SEC, &rng));
	CU_ASSERT_EQUAL(b.interval, 60 * SEC);
	CU_ASSERT_FALSE(breaker_hear(&b, 0, 2 * SEC, &rng));
	CU_ASSERT_EQUAL(b.interval, 60 * SEC);
	CU_ASSERT_TRUE(breaker_hear_back(&b, 3 * SEC));
	CU_ASSERT_EQUAL(breaker_allowance(&b), 1); /* slow start */
	CU_ASSERT_EQUAL(breaker_outage(&b, 9 * SEC), 2 * SEC);
	CU_ASSERT_FALSE(breaker_hear_back(&b, 4 * SEC));
}

static void test_good_news_makes_the_probe_a_straggler(void)
{
	struct breaker b = opened(0);
	usec at = breaker_wake(&b, 0);
	uint64_t number = breaker_send(&b, at);
	CU_ASSERT_TRUE(breaker_hear_back(&b, at + 1));
	CU_ASSERT_FALSE(breaker_report(&b, number, OUTCOME_TIMEOUT, -1, at + 30 * SEC, &rng));
	CU_ASSERT_EQUAL(b.state, BREAKER_CLOSED);
	CU_ASSERT_EQUAL(b.out, 0);
}

static void test_a_probe_by_lease(void)
{
	struct breaker b = opened(0);
	breaker_by_lease(&b, true);
	usec due = b.next_probe;
	CU_ASSERT_EQUAL(breaker_wake(&b, due - 1), due);
	CU_ASSERT_FALSE(breaker_wants_lease(&b, due - 1));
	CU_ASSERT_TRUE(breaker_wants_lease(&b, due));
	CU_ASSERT_EQUAL(breaker_wake(&b, due), USEC_NEVER);
	breaker_put_off(&b, due + 3 * SEC);
	CU_ASSERT_EQUAL(breaker_wake(&b, due), due + 3 * SEC);
	due += 3 * SEC;
	breaker_lease(&b, due + 5 * SEC);
	CU_ASSERT_FALSE(breaker_wants_lease(&b, due));
	CU_ASSERT_EQUAL(breaker_wake(&b, due), due);
	CU_ASSERT_TRUE(breaker_wants_lease(&b, due + 5 * SEC)); /* it has run out */
	attempt(&b, OUTCOME_TIMEOUT, due);
	CU_ASSERT_TRUE(breaker_wants_lease(&b, b.next_probe)); /* one lease, one probe */
	breaker_by_lease(&b, false);
	CU_ASSERT_FALSE(breaker_wants_lease(&b, b.next_probe));
	CU_ASSERT_EQUAL(breaker_wake(&b, b.next_probe), b.next_probe);
}

TEST_SUITE(policy_breaker, TEST(test_closed_at_first_and_not_ramping), TEST(test_opens_on_failures_in_a_row),
	   TEST(test_every_outcome_counts_as_its_weight_says), TEST(test_opens_on_a_failure_rate),
	   TEST(test_rate_looks_at_the_window_only), TEST(test_in_doubt_a_share_has_to_be_beyond_chance),
	   TEST(test_in_doubt_half_of_all_requests_failing_is_no_outage),
	   TEST(test_in_doubt_a_row_has_to_be_beyond_chance),
	   TEST(test_five_in_a_row_are_an_outage_where_it_was_well_before),
	   TEST(test_no_row_is_longer_than_four_times_as_many), TEST(test_doubt_ends),
	   TEST(test_a_long_outage_casts_no_doubt), TEST(test_conditions_can_be_off),
	   TEST(test_first_probe_after_the_interval), TEST(test_failed_probes_space_out_to_the_cap),
	   TEST(test_probes_of_a_brown_out_fail_by_chance),
	   TEST(test_no_probe_fails_by_chance_where_it_was_well),
	   TEST(test_no_probe_fails_by_chance_where_nearly_all_failed), TEST(test_a_429_is_no_chance),
	   TEST(test_retry_after_of_the_probe_is_respected), TEST(test_good_probe_closes_and_ramps),
	   TEST(test_failures_and_429_halve_the_ramp), TEST(test_the_last_warning_halves_what_may_be_sent),
	   TEST(test_a_429_halves_a_full_window), TEST(test_old_failures_are_forgotten_after_recovery),
	   TEST(test_old_rate_is_forgotten_after_recovery), TEST(test_probe_without_a_verdict),
	   TEST(test_good_news_from_a_straggler_brings_the_probe), TEST(test_straggler_is_not_the_probe),
	   TEST(test_straggling_failures_do_not_reopen), TEST(test_outage_is_the_time_not_closed),
	   TEST(test_configure_keeps_the_state), TEST(test_longest_interval_is_never_below_the_shortest),
	   TEST(test_state_names), TEST(test_news_of_others_opens_and_closes),
	   TEST(test_good_news_makes_the_probe_a_straggler), TEST(test_a_probe_by_lease))
