#include "unit.h"

#include <sigrelay/base/clock.h>
#include <sigrelay/base/rng.h>
#include <sigrelay/policy/limit.h>

/* So many at once as the window allows, all of which end so. */
static void rounds(struct limit *l, int n, bool good)
{
	while (n--) {
		unsigned window = l->window;
		uint64_t first = l->sent;
		for (unsigned i = 1; i <= window; i++)
			limit_send(l, i);
		for (unsigned i = 0; i < window; i++) {
			if (good)
				limit_succeeded(l, first + i);
			else
				limit_failed(l, first + i, false);
		}
	}
}

static void test_stands_at_the_cap(void)
{
	struct limit l;
	limit_init(&l, 100);
	CU_ASSERT_EQUAL(l.window, 100);
	rounds(&l, 5, true);
	CU_ASSERT_EQUAL(l.window, 100);
	limit_init(&l, 0);
	CU_ASSERT_EQUAL(l.window, 1);
}

static void test_slow_start_then_one_a_round(void)
{
	struct limit l;
	limit_init(&l, 100);
	rounds(&l, 1, false);
	CU_ASSERT_EQUAL(l.window, 50); /* one cut, though all of them failed */
	limit_recover(&l);
	static const unsigned want[] = { 1, 2, 4, 8, 16, 32, 50, 51, 52 };
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		CU_ASSERT_EQUAL(l.window, want[i]);
		rounds(&l, 1, true);
	}
	rounds(&l, 100, true);
	CU_ASSERT_EQUAL(l.window, 100);
}

static void test_one_failure_ends_a_slow_start(void)
{
	struct limit l;
	limit_init(&l, 100);
	limit_recover(&l);
	rounds(&l, 3, true);
	uint64_t first = l.sent;
	for (unsigned i = 1; i <= 8; i++)
		limit_send(&l, i);
	limit_failed(&l, first, false);
	for (unsigned i = 1; i < 8; i++) /* … of the same window: they say nothing of the new one */
		limit_succeeded(&l, first + i);
	CU_ASSERT_EQUAL(l.window, 4);
	rounds(&l, 2, true);
	CU_ASSERT_EQUAL(l.window, 6);
}

static void test_a_tolerated_share_cuts_nothing(void)
{
	struct limit l;
	limit_init(&l, 10);
	for (int round = 0; round < 50; round++) {
		uint64_t first = l.sent;
		for (unsigned i = 1; i <= 10; i++)
			limit_send(&l, i);
		for (unsigned i = 0; i < 4; i++)
			limit_failed(&l, first + i, false);
		for (unsigned i = 4; i < 10; i++)
			limit_succeeded(&l, first + i);
	}
	CU_ASSERT_EQUAL(l.window, 10);
	for (unsigned i = 1; i <= 10; i++)
		limit_send(&l, i);
	for (unsigned i = 10; i > 5; i--)
		limit_failed(&l, l.sent - i, false);
	CU_ASSERT_EQUAL(l.window, 5); /* the fifth of ten */
}

static void test_a_small_window_has_a_round_all_the_same(void)
{
	struct limit l;
	limit_init(&l, 2);
	for (int i = 0; i < 4; i++) {
		limit_failed(&l, limit_send(&l, 2), false);
		CU_ASSERT_EQUAL(l.window, 2);
	}
	limit_failed(&l, limit_send(&l, 2), false);
	CU_ASSERT_EQUAL(l.window, 1);
	rounds(&l, 20, false);
	CU_ASSERT_EQUAL(l.window, 1);
}

static void test_enough_is_enough(void)
{
	struct limit l;
	limit_init(&l, 100);
	uint64_t first = l.sent;
	for (unsigned i = 1; i <= 100; i++)
		limit_send(&l, i);
	for (unsigned i = 0; i < 100; i++)
		limit_failed(&l, first + i, true);
	CU_ASSERT_EQUAL(l.window, 50);
	limit_failed(&l, limit_send(&l, 50), true);
	CU_ASSERT_EQUAL(l.window, 25);
}

static void test_what_is_not_used_is_neither_tried_nor_to_blame(void)
{
	struct limit l;
	limit_init(&l, 100);
	for (int i = 0; i < 20; i++)
		limit_failed(&l, limit_send(&l, 3), true);
	CU_ASSERT_EQUAL(l.window, 100);
	limit_recover(&l);
	rounds(&l, 1, true);
	for (int i = 0; i < 20; i++)
		limit_succeeded(&l, limit_send(&l, 1));
	CU_ASSERT_EQUAL(l.window, 2);
}

static void test_configure(void)
{
	struct limit l;
	limit_init(&l, 100);
	limit_configure(&l, 200);
	CU_ASSERT_EQUAL(l.window, 200);
	rounds(&l, 1, false);
	limit_configure(&l, 300);
	CU_ASSERT_EQUAL(l.window, 100);
	limit_configure(&l, 8);
	CU_ASSERT_EQUAL(l.window, 8);
	limit_configure(&l, 0);
	CU_ASSERT_EQUAL(l.window, 1);
}

/* --- a log in virtual time ------------------------------------------------ */

#define CROWD 256
#define MS USEC_PER_MSEC
#define SEC USEC_PER_SEC

struct log_model {
	unsigned capacity; /* at once; what is more fails at once. 0: no bound */
	unsigned errors;   /* percent that fail anyway */
	usec takes;
};

struct run {
	struct limit l;
	struct rng rng;
	struct log_model log;
	struct {
		usec ends;
		uint64_t number;
		bool good, at_work;
	} out[CROWD];
	unsigned in_flight, at_work, row;
	uint64_t succeeded, failed;
	unsigned least, most; /* the window's, since the run began */
};

static void send_one(struct run *r, usec now)
{
	unsigned i = r->in_flight++;
	bool takes_it = r->log.capacity == 0 || r->at_work < r->log.capacity;
	usec takes = r->log.takes / 2 + (usec)rng_below(&r->rng, (uint64_t)r->log.takes);
	r->out[i].number = limit_send(&r->l, r->in_flight);
	r->out[i].at_work = takes_it;
	r->out[i].good = takes_it && rng_below(&r->rng, 100) >= r->log.errors;
	r->out[i].ends = now + (takes_it ? takes : 20 * MS);
	r->at_work += takes_it;
}

static void end_one(struct run *r, unsigned i)
{
	unsigned before = r->l.window;
	uint64_t number = r->out[i].number, since = r->l.since;
	bool good = r->out[i].good;
	r->at_work -= r->out[i].at_work;
	r->out[i] = r->out[--r->in_flight];
	r->succeeded += good;
	r->failed += !good;
	r->row = good ? 0 : r->row + 1;
	if (good)
		limit_succeeded(&r->l, number);
	else
		limit_failed(&r->l, number, r->row >= 4); /* as the breaker does with five */
	CU_ASSERT_FATAL(r->l.window >= 1 && r->l.window <= r->l.cap);
	if (r->l.window < before) /* once a round, by an attempt of this round */
		CU_ASSERT_FATAL(number >= since && r->l.since > number && !good);
	r->least = r->l.window < r->least ? r->l.window : r->least;
	r->most = r->l.window > r->most ? r->l.window : r->most;
}

/* A crowd without end, at most `rate` sent a second (0: no such bound). */
static void play(struct run *r, usec from, usec to, unsigned rate)
{
	usec next_token = from;
	r->succeeded = r->failed = 0;
	r->least = r->most = r->l.window;
	for (usec now = from; now < to; now += 5 * MS) {
		for (unsigned i = 0; i < r->in_flight;) {
			if (r->out[i].ends <= now)
				end_one(r, i);
			else
				i++;
		}
		while (r->in_flight < r->l.window && r->in_flight < CROWD && next_token <= now) {
			send_one(r, now);
			next_token = rate ? next_token + SEC / rate : next_token;
		}
	}
}

static void run_begin(struct run *r, uint64_t seed, struct log_model log)
{
	*r = (struct run){ .log = log };
	rng_seed(&r->rng, seed);
	limit_init(&r->l, 112);
	limit_recover(&r->l);
}

/* Errors of a log's own do not starve a crowd: nine tenths of what can succeed at
 * 15 a second, with a fifth failing. */
static void test_random_errors_leave_the_rate(void)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		static struct run r;
		unsigned errors = seed % 2 ? 10 : 20;
		run_begin(&r, seed, (struct log_model){ .errors = errors, .takes = 1100 * MS });
		play(&r, 0, 60 * SEC, 15);
		play(&r, 60 * SEC, 360 * SEC, 15);
		CU_ASSERT(r.succeeded + r.failed > 300 * 15 * 9 / 10);
	}
}

/* A log that fails because of load: the window stays near what it takes, its work is
 * nearly all it can do, and little is sent in vain. */
static void test_settles_near_the_capacity(void)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		static struct run r;
		unsigned capacity = 4 + (unsigned)seed;
		run_begin(&r, seed, (struct log_model){ .capacity = capacity, .takes = SEC });
		play(&r, 0, 120 * SEC, 0);
		play(&r, 120 * SEC, 420 * SEC, 0);
		CU_ASSERT(r.most <= 2 * capacity);
		CU_ASSERT(r.least >= capacity / 4);
		CU_ASSERT(r.succeeded > (uint64_t)capacity * 300 * 6 / 10);
		CU_ASSERT(r.failed < r.succeeded / 4);
	}
}

/* Any order of events at all. */
static void test_every_schedule(void)
{
	for (uint64_t seed = 1; seed <= 500; seed++) {
		static struct run r;
		run_begin(&r, seed, (struct log_model){ 0 });
		for (int i = 0; i < 60; i++) {
			r.log.capacity = (unsigned)rng_below(&r.rng, 40);
			r.log.errors = rng_below(&r.rng, 3) ? (unsigned)rng_below(&r.rng, 101) : 0;
			r.log.takes = (usec)(1 + rng_below(&r.rng, 3000)) * MS;
			if (rng_below(&r.rng, 20) == 0)
				limit_configure(&r.l, 1 + (unsigned)rng_below(&r.rng, 200));
			if (rng_below(&r.rng, 20) == 0)
				limit_recover(&r.l);
			play(&r, i * SEC, (i + 1) * SEC, rng_below(&r.rng, 2) ? 15 : 0);
		}
	}
}

TEST_SUITE(policy_limit, TEST(test_stands_at_the_cap), TEST(test_slow_start_then_one_a_round),
	   TEST(test_one_failure_ends_a_slow_start), TEST(test_a_tolerated_share_cuts_nothing),
	   TEST(test_a_small_window_has_a_round_all_the_same), TEST(test_enough_is_enough),
	   TEST(test_what_is_not_used_is_neither_tried_nor_to_blame), TEST(test_configure),
	   TEST(test_random_errors_leave_the_rate), TEST(test_settles_near_the_capacity),
	   TEST(test_every_schedule))
