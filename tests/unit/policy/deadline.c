#include "unit.h"

#include <sigrelay/policy/deadline.h>

#define SEC USEC_PER_SEC

static const struct instant now = { .mono = 100 * SEC, .wall = 1700000000 * SEC };

static void test_earliest_reason_wins(void)
{
	struct deadline d = deadline_none();
	CU_ASSERT_TRUE(d.at == USEC_NEVER && d.reason == DEADLINE_NONE);
	d = deadline_add(d, 600 * SEC, DEADLINE_RETRY_FOR);
	d = deadline_add(d, 80 * SEC, DEADLINE_PATIENCE);
	d = deadline_add(d, 300 * SEC, DEADLINE_CERTIFICATE);
	CU_ASSERT_TRUE(d.at == 80 * SEC && d.reason == DEADLINE_PATIENCE);
}

static void test_tie_keeps_the_first(void)
{
	struct deadline d = deadline_add(deadline_none(), 5, DEADLINE_TOKEN);
	CU_ASSERT_EQUAL(deadline_add(d, 5, DEADLINE_DRAIN).reason, DEADLINE_TOKEN);
	CU_ASSERT_EQUAL(deadline_add(d, 4, DEADLINE_DRAIN).reason, DEADLINE_DRAIN);
	CU_ASSERT_EQUAL(deadline_add(deadline_none(), USEC_NEVER, DEADLINE_LOOKUP).reason, DEADLINE_NONE);
}

static void test_wall_time_becomes_monotonic(void)
{
	CU_ASSERT_EQUAL(deadline_from_wall(1700000600, 5 * SEC, now), (100 + 595) * SEC);
	CU_ASSERT_EQUAL(deadline_from_wall(1700000000, 0, now), 100 * SEC);
	CU_ASSERT_EQUAL(deadline_from_wall(1699999990, 5 * SEC, now), 85 * SEC); /* past already */
}

/* exp is a number that a stranger wrote. */
static void test_any_number_is_a_time(void)
{
	CU_ASSERT_EQUAL(deadline_from_wall(INT64_MAX, 5 * SEC, now), USEC_NEVER);
	CU_ASSERT_EQUAL(deadline_from_wall(USEC_NEVER / SEC, 0, now), USEC_NEVER);
	struct instant late = { .mono = 1600000000 * SEC, .wall = 10 };
	CU_ASSERT_EQUAL(deadline_from_wall(USEC_NEVER / SEC - 1, 0, late), USEC_NEVER);
	CU_ASSERT_TRUE(deadline_from_wall(INT64_MIN, 5 * SEC, now) < now.mono);
	CU_ASSERT_TRUE(deadline_from_wall(0, 0, now) < 0);
}

static void test_reason_names(void)
{
	CU_ASSERT_STRING_EQUAL(deadline_reason_name(DEADLINE_NONE), "none");
	CU_ASSERT_STRING_EQUAL(deadline_reason_name(DEADLINE_RETRY_FOR), "retry_for");
	CU_ASSERT_STRING_EQUAL(deadline_reason_name(DEADLINE_DRAIN), "drain");
}

TEST_SUITE(policy_deadline, TEST(test_earliest_reason_wins), TEST(test_tie_keeps_the_first),
	   TEST(test_wall_time_becomes_monotonic), TEST(test_any_number_is_a_time), TEST(test_reason_names))
