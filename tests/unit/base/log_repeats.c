#include <sigrelay/base/log_repeats.h>

#include "../unit.h"

static void test_a_limit_in_a_while(void)
{
	struct log_repeats r = { .limit = 3 };
	for (int i = 0; i < 3; i++)
		CU_ASSERT(log_repeats_pass(&r, "retry", i));
	CU_ASSERT(!log_repeats_pass(&r, "retry", 4));
	CU_ASSERT(log_repeats_pass(&r, "breaker", 4)); /* each event for itself */
	CU_ASSERT(!log_repeats_pass(&r, "retry", LOG_REPEATS_WINDOW - 1));
}

static void test_what_was_left_out_is_told_once(void)
{
	struct log_repeats r = { .limit = 1 };
	uint64_t n = 0;
	CU_ASSERT(log_repeats_pass(&r, "retry", 0));
	for (int i = 0; i < 5; i++)
		CU_ASSERT(!log_repeats_pass(&r, "retry", 1));
	CU_ASSERT_PTR_NULL(log_repeats_told(&r, LOG_REPEATS_WINDOW - 1, &n));
	CU_ASSERT_STRING_EQUAL(log_repeats_told(&r, LOG_REPEATS_WINDOW, &n), "retry");
	CU_ASSERT_EQUAL(n, 5);
	CU_ASSERT_PTR_NULL(log_repeats_told(&r, LOG_REPEATS_WINDOW, &n));
	CU_ASSERT(log_repeats_pass(&r, "retry", LOG_REPEATS_WINDOW));
	CU_ASSERT(!log_repeats_pass(&r, "retry", LOG_REPEATS_WINDOW));
}

static void test_a_quiet_while_begins_anew(void)
{
	struct log_repeats r = { .limit = 2 };
	CU_ASSERT(log_repeats_pass(&r, "retry", 0));
	CU_ASSERT(log_repeats_pass(&r, "retry", LOG_REPEATS_WINDOW));
	CU_ASSERT(log_repeats_pass(&r, "retry", LOG_REPEATS_WINDOW));
	CU_ASSERT(!log_repeats_pass(&r, "retry", LOG_REPEATS_WINDOW));
}

static void test_no_limit_and_too_many_events(void)
{
	static char made[LOG_REPEATS_EVENTS + 1][4];
	struct log_repeats r = { .limit = 0 };
	for (int i = 0; i < 1000; i++)
		CU_ASSERT(log_repeats_pass(&r, "retry", 0));
	r.limit = 1;
	for (int i = 0; i <= LOG_REPEATS_EVENTS; i++) {
		made[i][0] = (char)('A' + i / 26);
		made[i][1] = (char)('a' + i % 26);
		CU_ASSERT(log_repeats_pass(&r, made[i], 0));
	}
	CU_ASSERT(!log_repeats_pass(&r, made[0], 0));
	CU_ASSERT(log_repeats_pass(&r, made[LOG_REPEATS_EVENTS], 0));
}

TEST_SUITE(base_log_repeats, TEST(test_a_limit_in_a_while), TEST(test_what_was_left_out_is_told_once),
	   TEST(test_a_quiet_while_begins_anew), TEST(test_no_limit_and_too_many_events))
