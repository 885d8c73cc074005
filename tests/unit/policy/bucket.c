#include "unit.h"

#include <sigrelay/base/rng.h>
#include <sigrelay/policy/bucket.h>

#define SEC USEC_PER_SEC

static unsigned take_all(struct bucket *b, usec now)
{
	unsigned n = 0;
	while (n < 100000 && bucket_take(b, now))
		n++;
	return n;
}

/* Sends as fast as the bucket lets, waking only when it says; counts. */
static unsigned run(struct bucket *b, usec from, usec to)
{
	unsigned n = 0;
	for (usec now = from; now < to; now = bucket_ready(b, now))
		n += take_all(b, now);
	return n;
}

/* … and looks at it in the end. */
static void use(struct bucket *b, usec from, usec to)
{
	run(b, from, to);
	bucket_share(b, b->relays, to);
}

static bool about(double value, double want)
{
	return value > want * 0.999999 && value < want * 1.000001;
}

static void test_starts_full_and_refills_at_the_rate(void)
{
	struct bucket b;
	bucket_init(&b, 900, 60, 5);
	CU_ASSERT_EQUAL(bucket_ready(&b, 5), 5);
	CU_ASSERT_EQUAL(take_all(&b, 5), 60);
	usec ready = bucket_ready(&b, 5);
	CU_ASSERT_TRUE(ready > 5 + SEC / 15 - 2 && ready < 5 + SEC / 15 + 2);
	CU_ASSERT_FALSE(bucket_take(&b, ready - 5));
	CU_ASSERT_TRUE(bucket_take(&b, ready));
	CU_ASSERT_EQUAL(take_all(&b, ready + 600 * SEC), 60);
}

static void test_a_minute_holds_what_was_configured(void)
{
	struct bucket b;
	bucket_init(&b, 900, 60, 0);
	unsigned n = run(&b, 0, 60 * SEC);
	CU_ASSERT_TRUE(n <= 960 && n >= 958);
}

static void test_no_limit(void)
{
	struct bucket b;
	bucket_init(&b, 0, 60, 0);
	CU_ASSERT_EQUAL(take_all(&b, 0), 100000);
	bucket_throttled(&b, 0);
	CU_ASSERT_TRUE(bucket_take(&b, 0));
	CU_ASSERT_EQUAL(bucket_ready(&b, 3), 3);
}

static void test_burst_of_nought_still_sends(void)
{
	struct bucket b;
	bucket_init(&b, 60, 0, 0);
	CU_ASSERT_EQUAL(take_all(&b, 0), 1);
	CU_ASSERT_TRUE(bucket_take(&b, bucket_ready(&b, 0)));
}

static void test_429_cuts_and_empties(void)
{
	struct bucket b;
	bucket_init(&b, 600, 60, 0);
	bucket_throttled(&b, 0);
	CU_ASSERT_TRUE(about(b.rate, 7));
	CU_ASSERT_FALSE(bucket_take(&b, 0));
	bucket_throttled(&b, SEC - 1); /* within the second: empties, cuts no more */
	CU_ASSERT_TRUE(about(b.rate, 7));
	CU_ASSERT_EQUAL(take_all(&b, SEC - 1), 0);
	bucket_throttled(&b, SEC);
	CU_ASSERT_TRUE(about(b.rate, 4.9));
}

static void test_storm_ends_at_a_tenth(void)
{
	struct bucket b;
	bucket_init(&b, 600, 60, 0);
	for (int i = 0; i < 100; i++)
		bucket_throttled(&b, i * SEC);
	CU_ASSERT_TRUE(about(b.rate, 1));
	usec ready = bucket_ready(&b, 99 * SEC);
	CU_ASSERT_TRUE(ready > 99 * SEC && ready <= 100 * SEC + 1);
}

static void test_quiet_seconds_give_the_rate_back(void)
{
	struct bucket b;
	bucket_init(&b, 600, 60, 0);
	bucket_throttled(&b, 0);
	bucket_take(&b, SEC - 1);
	CU_ASSERT_TRUE(about(b.rate, 7));
	bucket_take(&b, SEC);
	CU_ASSERT_TRUE(about(b.rate, 7.1));
	bucket_take(&b, 30 * SEC);
	CU_ASSERT_TRUE(about(b.rate, 10));
	bucket_take(&b, 900 * SEC);
	CU_ASSERT_TRUE(about(b.rate, 10)); /* and no more than it was */
}

static void test_another_429_delays_the_return(void)
{
	struct bucket b;
	bucket_init(&b, 600, 60, 0);
	bucket_throttled(&b, 0);
	bucket_throttled(&b, SEC / 2);
	bucket_take(&b, SEC + SEC / 4);
	CU_ASSERT_TRUE(about(b.rate, 7));
}

/* Tokens that came in while the rate was low are counted at the low rate. */
static void test_refill_follows_the_rate_as_it_was(void)
{
	struct bucket b;
	bucket_init(&b, 600, 1000, 0);
	for (int i = 0; i < 100; i++)
		bucket_throttled(&b, i * SEC);
	/* from 1/s, 0.1/s more each second: 1 + 1.1 + ... + 1.9 */
	CU_ASSERT_EQUAL(take_all(&b, 99 * SEC + 10 * SEC), 14);
}

/* The promise to a sleeper: at bucket_ready a take succeeds, and not before. */
static void test_ready_is_exact(void)
{
	struct rng r;
	rng_seed(&r, 1);
	for (int i = 0; i < 3000; i++) {
		struct bucket b;
		usec now = (usec)rng_below(&r, 1000000000);
		bucket_init(&b, 1 + (unsigned)rng_below(&r, 2000), (unsigned)rng_below(&r, 5), now);
		for (int k = 0; k < 6; k++) {
			if (rng_below(&r, 3) == 0)
				bucket_throttled(&b, now);
			take_all(&b, now);
			usec ready = bucket_ready(&b, now);
			struct bucket early = b;
			CU_ASSERT_TRUE_FATAL(ready > now);
			CU_ASSERT_FALSE_FATAL(bucket_take(&early, ready - 2));
			CU_ASSERT_TRUE_FATAL(bucket_take(&b, ready));
			now = ready + (usec)rng_below(&r, 3 * SEC);
		}
	}
}

static void test_configure_keeps_the_cut(void)
{
	struct bucket b;
	bucket_init(&b, 600, 60, 0);
	bucket_throttled(&b, 0);
	bucket_configure(&b, 1200, 10, 0);
	CU_ASSERT_TRUE(about(b.rate, 14));
	CU_ASSERT_EQUAL(take_all(&b, 0), 0);
	CU_ASSERT_EQUAL(take_all(&b, 100 * SEC), 10);
	bucket_configure(&b, 0, 10, 100 * SEC);
	CU_ASSERT_TRUE(bucket_take(&b, 100 * SEC));
	bucket_configure(&b, 60, 3, 100 * SEC);
	CU_ASSERT_EQUAL(take_all(&b, 100 * SEC), 3);
	CU_ASSERT_TRUE(about(b.rate, 1));
}

static void test_recovery_begins_anew(void)
{
	struct bucket b;
	bucket_init(&b, 600, 60, 0);
	bucket_recovered(&b, 0);
	CU_ASSERT_EQUAL(take_all(&b, 0), 1);
	static const double rate[] = { 1, 2, 4, 8, 10 };
	for (int i = 0; i < 5; i++) {
		CU_ASSERT_TRUE(about(b.rate, rate[i]));
		use(&b, i * SEC, (i + 1) * SEC);
	}
}

/* As many as are used are tried. */
static void test_what_is_not_used_does_not_double(void)
{
	struct bucket b;
	bucket_init(&b, 600, 60, 0);
	bucket_recovered(&b, 0);
	use(&b, 0, 2 * SEC);
	CU_ASSERT_TRUE(about(b.rate, 4));
	CU_ASSERT_TRUE(bucket_take(&b, 2 * SEC + SEC / 2));
	CU_ASSERT_TRUE(bucket_take(&b, 2 * SEC + SEC * 8 / 10));
	bucket_take(&b, 3 * SEC);
	CU_ASSERT_TRUE(about(b.rate, 4)); /* two of four */
	use(&b, 3 * SEC, 4 * SEC);
	CU_ASSERT_TRUE(about(b.rate, 8));
}

static void test_the_first_failure_ends_the_doubling(void)
{
	struct bucket b;
	bucket_init(&b, 600, 60, 0);
	bucket_recovered(&b, 0);
	use(&b, 0, 2 * SEC);
	bucket_answered(&b, false, 2 * SEC);
	CU_ASSERT_TRUE(about(b.rate, 4));
	bucket_answered(&b, true, 2 * SEC);
	CU_ASSERT_TRUE(about(b.rate, 2));
	use(&b, 2 * SEC, 3 * SEC);
	CU_ASSERT_TRUE(about(b.rate, 2.5));
	bucket_answered(&b, true, 3 * SEC); /* one failure of several is no reason now */
	CU_ASSERT_TRUE(about(b.rate, 2.5));
}

/* Nothing is saved up before the rate is whole and the release is over. */
static void test_recovery_saves_nothing_up(void)
{
	struct bucket b;
	bucket_init(&b, 600, 60, 0);
	bucket_recovered(&b, 0);
	use(&b, 0, 3 * SEC + SEC / 4);
	CU_ASSERT_TRUE(about(b.rate, 8));
	CU_ASSERT_EQUAL(take_all(&b, 3 * SEC + SEC * 9 / 10), 1); /* not the five that came in */
	bucket_released(&b, 3 * SEC + SEC * 9 / 10);
	CU_ASSERT_EQUAL(b.pace, BUCKET_DOUBLING); /* it is not whole */
	use(&b, 3 * SEC + SEC * 9 / 10, 6 * SEC);
	CU_ASSERT_TRUE(about(b.rate, 10));
	CU_ASSERT_EQUAL(take_all(&b, 20 * SEC), 1);
	bucket_released(&b, 20 * SEC);
	CU_ASSERT_EQUAL(b.pace, BUCKET_STEADY);
	CU_ASSERT_EQUAL(take_all(&b, 40 * SEC), 60);
}

static void test_too_much_after_recovery_rises_slowly(void)
{
	struct bucket b;
	bucket_init(&b, 600, 60, 0);
	bucket_recovered(&b, 0);
	use(&b, 0, 3 * SEC);
	bucket_slowed(&b, 3 * SEC);
	CU_ASSERT_TRUE(about(b.rate, 4));
	use(&b, 3 * SEC, 5 * SEC);
	CU_ASSERT_TRUE(about(b.rate, 5));
	for (int i = 0; i < 9; i++)
		bucket_slowed(&b, 5 * SEC);
	CU_ASSERT_TRUE(about(b.rate, 1)); /* a tenth, not less */
	use(&b, 5 * SEC, 25 * SEC);
	CU_ASSERT_TRUE(about(b.rate, 10));
}

static void test_quiet_seconds_after_recovery_give_the_rate_back(void)
{
	struct bucket b;
	bucket_init(&b, 600, 60, 0);
	bucket_recovered(&b, 0);
	bucket_released(&b, 10 * SEC);
	CU_ASSERT_TRUE(about(b.rate, 6)); /* ten times half a token a second more */
	bucket_released(&b, 1000 * SEC);
	CU_ASSERT_TRUE(about(b.rate, 10));
	CU_ASSERT_EQUAL(b.pace, BUCKET_STEADY);
}

static void answers(struct bucket *b, unsigned good, unsigned failed, usec now)
{
	for (unsigned i = 0; i < good + failed; i++)
		bucket_answered(b, i % 10 < 10 * failed / (good + failed), now);
}

static void test_failures_keep_it_from_rising(void)
{
	struct bucket b;
	bucket_init(&b, 600, 60, 0);
	bucket_slowed(&b, 0);
	answers(&b, 30, 30, 0);
	use(&b, 0, 10 * SEC);
	CU_ASSERT_TRUE(about(b.rate, 5));
	answers(&b, 40, 0, 10 * SEC);
	use(&b, 10 * SEC, 11 * SEC);
	CU_ASSERT_TRUE(about(b.rate, 5.5));
}

/* … but not below a fifth, where a few have to be sent at any rate. */
static void test_a_fifth_is_sent_whatever_fails(void)
{
	struct bucket b;
	bucket_init(&b, 600, 60, 0);
	for (int i = 0; i < 4; i++)
		bucket_slowed(&b, 0);
	CU_ASSERT_TRUE(about(b.rate, 1));
	answers(&b, 30, 30, 0);
	use(&b, 0, 10 * SEC);
	CU_ASSERT_TRUE(about(b.rate, 2.5)); /* the first above two */
}

/* A log of `takes` a second that fails what is more, and says so at once. */
static unsigned busiest_second(unsigned takes, usec phase)
{
	struct bucket b;
	unsigned most = 0, in_second = 0;
	int64_t second = -1;
	bucket_init(&b, 900, 60, 0);
	bucket_recovered(&b, 0);
	for (usec now = 0; now < 120 * SEC; now = bucket_ready(&b, now)) {
		if (!bucket_take(&b, now))
			continue;
		if ((now + phase) / SEC != second) {
			second = (now + phase) / SEC;
			in_second = 0;
		}
		bool failed = ++in_second > takes;
		most = in_second > most ? in_second : most;
		bucket_answered(&b, failed, now);
	}
	return most;
}

static void test_a_weak_log_sees_at_most_twice_what_it_takes(void)
{
	for (unsigned takes = 3; takes <= 15; takes++) {
		for (usec phase = 0; phase < SEC; phase += SEC / 50)
			CU_ASSERT_TRUE(busiest_second(takes, phase) <= 2 * takes);
	}
}

/* 500 a second, asked for each ten milliseconds. */
static void test_a_late_timer_keeps_no_high_rate_from_rising(void)
{
	struct bucket b;
	unsigned n = 0;
	bucket_init(&b, 30000, 60, 0);
	bucket_recovered(&b, 0);
	for (usec now = 0; now < 5 * SEC; now += SEC / 100)
		take_all(&b, now);
	CU_ASSERT_TRUE(about(b.rate, 500));
	for (usec now = 5 * SEC; now < 6 * SEC; now += SEC / 100)
		n += take_all(&b, now);
	CU_ASSERT(n >= 495 && n <= 505);
}

static void test_a_429_after_recovery_is_a_429(void)
{
	struct bucket b;
	bucket_init(&b, 600, 60, 0);
	bucket_recovered(&b, 0);
	use(&b, 0, 3 * SEC);
	bucket_throttled(&b, 3 * SEC);
	CU_ASSERT_TRUE(about(b.rate, 5.6));
	take_all(&b, 4 * SEC);
	CU_ASSERT_TRUE(about(b.rate, 5.7));
}

static void test_recovery_gives_nothing(void)
{
	struct bucket b;
	bucket_init(&b, 600, 60, 0);
	CU_ASSERT_EQUAL(take_all(&b, 0), 60);
	bucket_recovered(&b, 0);
	CU_ASSERT_FALSE(bucket_take(&b, 0));
	bucket_init(&b, 0, 60, 0);
	bucket_recovered(&b, 0);
	bucket_slowed(&b, 0);
	CU_ASSERT_TRUE(bucket_take(&b, 0));
}

static void test_tokens_that_are_fed(void)
{
	struct bucket b;
	bucket_init(&b, 900, 60, 0);
	bucket_be_fed(&b, true, 0);
	CU_ASSERT_EQUAL(take_all(&b, 0), 0);
	CU_ASSERT_EQUAL(take_all(&b, 600 * SEC), 0); /* time brings none */
	CU_ASSERT_EQUAL(bucket_ready(&b, 600 * SEC), USEC_NEVER);
	bucket_feed(&b, 3, 600 * SEC);
	CU_ASSERT_EQUAL(bucket_ready(&b, 600 * SEC), 600 * SEC);
	CU_ASSERT_EQUAL(take_all(&b, 600 * SEC + 1), 3);
	bucket_feed(&b, 3, 601 * SEC);
	CU_ASSERT_EQUAL(take_all(&b, 602 * SEC), 0); /* and they do not last */
	bucket_throttled(&b, 602 * SEC);
	CU_ASSERT_TRUE(about(b.rate, 15 * 0.7)); /* for when it has to do alone */
	bucket_be_fed(&b, false, 602 * SEC);
	CU_ASSERT_EQUAL(take_all(&b, 602 * SEC), 1);
	CU_ASSERT_TRUE(bucket_ready(&b, 602 * SEC) < 603 * SEC);
}

static void test_a_rate_that_is_shared(void)
{
	struct bucket b;
	bucket_init(&b, 900, 60, 0);
	bucket_share(&b, 10, 0);
	CU_ASSERT_EQUAL(take_all(&b, 0), 60);
	unsigned n = run(&b, 0, 60 * SEC);
	CU_ASSERT(n >= 89 && n <= 91);
}

TEST_SUITE(policy_bucket, TEST(test_starts_full_and_refills_at_the_rate),
	   TEST(test_a_minute_holds_what_was_configured), TEST(test_no_limit),
	   TEST(test_burst_of_nought_still_sends), TEST(test_429_cuts_and_empties),
	   TEST(test_storm_ends_at_a_tenth), TEST(test_quiet_seconds_give_the_rate_back),
	   TEST(test_another_429_delays_the_return), TEST(test_refill_follows_the_rate_as_it_was),
	   TEST(test_ready_is_exact), TEST(test_configure_keeps_the_cut), TEST(test_recovery_begins_anew),
	   TEST(test_what_is_not_used_does_not_double), TEST(test_the_first_failure_ends_the_doubling),
	   TEST(test_quiet_seconds_after_recovery_give_the_rate_back),
	   TEST(test_failures_keep_it_from_rising), TEST(test_a_fifth_is_sent_whatever_fails),
	   TEST(test_a_weak_log_sees_at_most_twice_what_it_takes), TEST(test_recovery_saves_nothing_up),
	   TEST(test_too_much_after_recovery_rises_slowly),
	   TEST(test_a_late_timer_keeps_no_high_rate_from_rising), TEST(test_a_429_after_recovery_is_a_429),
	   TEST(test_recovery_gives_nothing), TEST(test_tokens_that_are_fed),
	   TEST(test_a_rate_that_is_shared))
