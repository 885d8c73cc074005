#include "unit.h"

#include <sigrelay/policy/backoff.h>

#define MS USEC_PER_MSEC
#define SEC USEC_PER_SEC
#define DRAWS 2000

static const struct backoff defaults = { .base = 250 * MS, .throttle_base = SEC, .max = 30 * SEC };

struct range {
	usec least, most;
};

static struct range draws(unsigned n, bool throttled, usec retry_after)
{
	struct rng r;
	rng_seed(&r, n + 1);
	struct range seen = { USEC_NEVER, -1 };
	for (int i = 0; i < DRAWS; i++) {
		usec w = backoff_wait(&defaults, n, throttled, retry_after, &r);
		seen.least = usec_min(seen.least, w);
		seen.most = usec_max(seen.most, w);
	}
	return seen;
}

/* Full jitter: the draws fill [0, ceiling], both ends of it. */
static void check_full(struct range seen, usec ceiling)
{
	CU_ASSERT_TRUE(seen.least >= 0 && seen.least < ceiling / 50);
	CU_ASSERT_TRUE(seen.most <= ceiling && seen.most > ceiling - ceiling / 50);
}

static void test_wait_doubles_with_each_failure(void)
{
	check_full(draws(1, false, -1), 250 * MS);
	check_full(draws(2, false, -1), 500 * MS);
	check_full(draws(5, false, -1), 4 * SEC);
}

static void test_wait_has_a_ceiling(void)
{
	check_full(draws(8, false, -1), 30 * SEC);
	check_full(draws(64, false, -1), 30 * SEC);
	check_full(draws(4000000000u, false, -1), 30 * SEC);
}

static void test_throttling_has_its_own_base(void)
{
	check_full(draws(1, true, -1), SEC);
	check_full(draws(3, true, -1), 4 * SEC);
}

static void test_ceiling_below_base(void)
{
	struct backoff b = { .base = 10 * SEC, .throttle_base = 20 * SEC, .max = SEC };
	struct rng r;
	rng_seed(&r, 1);
	for (int i = 0; i < DRAWS; i++)
		CU_ASSERT_TRUE(backoff_wait(&b, 3, i % 2, -1, &r) <= SEC);
}

static void test_no_base_means_no_wait(void)
{
	struct backoff b = { .base = 0, .throttle_base = 0, .max = SEC };
	struct rng r;
	rng_seed(&r, 1);
	CU_ASSERT_EQUAL(backoff_wait(&b, 9, false, -1, &r), 0);
}

static void test_retry_after_wins(void)
{
	struct range seen = draws(9, true, 20 * SEC);
	CU_ASSERT_TRUE(seen.least >= 20 * SEC && seen.most <= 22 * SEC);
	CU_ASSERT_TRUE(seen.most - seen.least > SEC);
	check_full(draws(1, false, 0), 250 * MS); /* no time: who says so again and again is not hammered */
	check_full(draws(3, true, 0), 4 * SEC);
	seen = draws(9, true, MS);
	CU_ASSERT_TRUE(seen.least >= MS && seen.most <= 2 * MS);
	CU_ASSERT_TRUE(draws(1, false, USEC_NEVER).least == USEC_NEVER); /* no overflow */
}

static void test_poll_grows_gently_to_max(void)
{
	struct rng r;
	rng_seed(&r, 3);
	usec mid = 250 * MS;
	for (unsigned n = 0; n < 300; n++) {
		for (int i = 0; i < 50; i++) {
			usec w = backoff_poll(250 * MS, 2 * SEC, n, &r);
			CU_ASSERT_TRUE(w >= mid - mid / 10 - 1 && w <= mid + mid / 10 + 1);
		}
		mid = usec_min(mid + mid / 128, 2 * SEC);
		if (n < 100) /* the first half minute */
			CU_ASSERT_TRUE(mid <= 550 * MS);
	}
}

static void test_poll_keeps_a_slow_first(void)
{
	struct rng r;
	rng_seed(&r, 3);
	CU_ASSERT_TRUE(backoff_poll(5 * SEC, 2 * SEC, 7, &r) >= 4 * SEC);
	CU_ASSERT_TRUE(backoff_poll(0, 10, 1000, &r) <= 11); /* grows from nothing too */
}

static void test_between_takes_its_ends(void)
{
	struct rng r;
	rng_seed(&r, 4);
	bool lo = false, hi = false;
	for (int i = 0; i < 200; i++) {
		usec w = backoff_between(5, 7, &r);
		CU_ASSERT_TRUE(w >= 5 && w <= 7);
		lo |= w == 5;
		hi |= w == 7;
	}
	CU_ASSERT_TRUE(lo && hi);
	CU_ASSERT_EQUAL(backoff_between(9, 3, &r), 9);
}

TEST_SUITE(policy_backoff, TEST(test_wait_doubles_with_each_failure), TEST(test_wait_has_a_ceiling),
	   TEST(test_throttling_has_its_own_base), TEST(test_ceiling_below_base),
	   TEST(test_no_base_means_no_wait), TEST(test_retry_after_wins), TEST(test_poll_grows_gently_to_max),
	   TEST(test_poll_keeps_a_slow_first), TEST(test_between_takes_its_ends))
