#include "unit.h"

#include <sigrelay/policy/budget.h>

#define SEC USEC_PER_SEC

static unsigned take_all(struct budget *b, usec now)
{
	unsigned n = 0;
	while (n < 10000 && budget_take(b, now))
		n++;
	return n;
}

static void test_one_request_may_retry_at_once(void)
{
	struct budget b;
	budget_init(&b, 20, 10, 7);
	budget_deposit(&b, 7);
	CU_ASSERT_EQUAL(budget_ready(&b, 7), 7);
	CU_ASSERT_EQUAL(take_all(&b, 7), 10);
	CU_ASSERT_FALSE(budget_take(&b, 7));
}

static void test_deposits_pay_for_retries(void)
{
	struct budget b;
	budget_init(&b, 20, 0, 0);
	CU_ASSERT_FALSE(budget_take(&b, 0));
	for (int i = 0; i < 4; i++)
		budget_deposit(&b, 0);
	CU_ASSERT_FALSE(budget_take(&b, 0));
	budget_deposit(&b, 0); /* five fifths are a whole */
	CU_ASSERT_TRUE(budget_take(&b, 0));
	CU_ASSERT_FALSE(budget_take(&b, 0));
}

static void test_floor_comes_back_over_the_window(void)
{
	struct budget b;
	budget_init(&b, 0, 10, 0);
	take_all(&b, 0);
	usec ready = budget_ready(&b, 0);
	CU_ASSERT_TRUE(ready >= SEC && ready <= SEC + 2);
	CU_ASSERT_FALSE(budget_take(&b, ready - 10));
	CU_ASSERT_TRUE(budget_take(&b, ready));
	CU_ASSERT_EQUAL(take_all(&b, ready + BUDGET_WINDOW), 10);
	CU_ASSERT_EQUAL(take_all(&b, ready + 100 * BUDGET_WINDOW), 10); /* not more than the floor */
}

/* The promise to a sleeper: at budget_ready the take succeeds. */
static void test_ready_is_true(void)
{
	for (unsigned floor = 1; floor < 40; floor++) {
		struct budget b;
		budget_init(&b, 20, floor, 0);
		usec now = 0;
		for (int i = 0; i < 200; i++) {
			take_all(&b, now);
			now = budget_ready(&b, now);
			CU_ASSERT_TRUE_FATAL(budget_take(&b, now));
		}
	}
}

static void test_savings_fade(void)
{
	struct budget b;
	budget_init(&b, 20, 10, 0);
	for (int i = 0; i < 5000; i++)
		budget_deposit(&b, 0);
	struct budget half = b;
	CU_ASSERT_EQUAL(take_all(&half, BUDGET_WINDOW / 2), 510);
	CU_ASSERT_EQUAL(take_all(&b, BUDGET_WINDOW), 10);
}

/* In the long run: retries <= floor a window + share of first attempts. */
static void test_share_holds_in_a_brownout(void)
{
	struct budget b;
	budget_init(&b, 20, 10, 0);
	unsigned taken = 0, first = 0;
	for (usec now = 0; now < 60 * BUDGET_WINDOW; now += SEC / 15) {
		budget_deposit(&b, now);
		first++;
		taken += take_all(&b, now);
	}
	CU_ASSERT_TRUE(taken <= 10 + 10 * 60 + first / 5);
	CU_ASSERT_TRUE(taken >= first / 5 + 10 * 50);
}

static void test_off(void)
{
	struct budget b;
	budget_init(&b, 0, 0, 0);
	CU_ASSERT_TRUE(budget_is_off(&b));
	CU_ASSERT_FALSE(budget_take(&b, 100 * SEC));
	CU_ASSERT_EQUAL(budget_ready(&b, 0), USEC_NEVER);
	budget_configure(&b, 0, 1);
	CU_ASSERT_FALSE(budget_is_off(&b));
	CU_ASSERT_TRUE(budget_take(&b, 200 * SEC));
	budget_configure(&b, 1, 0);
	CU_ASSERT_FALSE(budget_is_off(&b));
}

static void test_clock_that_stands_still_or_steps_back(void)
{
	struct budget b;
	budget_init(&b, 20, 1, 50);
	CU_ASSERT_TRUE(budget_take(&b, 50));
	CU_ASSERT_FALSE(budget_take(&b, 20));
	CU_ASSERT_EQUAL(b.at, 50);
}

TEST_SUITE(policy_budget, TEST(test_one_request_may_retry_at_once), TEST(test_deposits_pay_for_retries),
	   TEST(test_floor_comes_back_over_the_window), TEST(test_ready_is_true), TEST(test_savings_fade),
	   TEST(test_share_holds_in_a_brownout), TEST(test_off),
	   TEST(test_clock_that_stands_still_or_steps_back))
