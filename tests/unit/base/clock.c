#include "unit.h"

#include <sigrelay/base/clock.h>

static void check_format(usec t, const char *want)
{
	char text[32];
	usec_format(t, text);
	CU_ASSERT_STRING_EQUAL(text, want);
}

static void test_format(void)
{
	check_format(0, "0ms");
	check_format(250 * USEC_PER_MSEC, "250ms");
	check_format(USEC_PER_SEC, "1s");
	check_format(2500 * USEC_PER_MSEC, "2.5s");
	check_format(59970 * USEC_PER_MSEC, "1m");
	check_format(605 * USEC_PER_SEC, "10m 5s");
	check_format(600 * USEC_PER_SEC, "10m");
	check_format(7500 * USEC_PER_SEC, "2h 5m");
	check_format(USEC_NEVER, "never");
	check_format(-2 * USEC_PER_SEC, "-2s");
	check_format(USEC_NEVER - 1, "2562047788h");
}

static void test_add_stops_at_never(void)
{
	CU_ASSERT_EQUAL(usec_add(1, 2), 3);
	CU_ASSERT_EQUAL(usec_add(USEC_NEVER, 1), USEC_NEVER);
	CU_ASSERT_EQUAL(usec_add(USEC_NEVER - 1, 5), USEC_NEVER);
	CU_ASSERT_EQUAL(usec_min(1, 2), 1);
	CU_ASSERT_EQUAL(usec_max(1, 2), 2);
}

static void test_clocks_go(void)
{
	struct instant a = clock_now(), b = clock_now();
	CU_ASSERT_TRUE(b.mono >= a.mono);
	CU_ASSERT_TRUE(a.wall > (usec)1700000000 * USEC_PER_SEC);
}

TEST_SUITE(base_clock, TEST(test_format), TEST(test_add_stops_at_never), TEST(test_clocks_go))
