#include "unit.h"

#include <sigrelay/commands/open_files.h>

static void test_upstreams_and_our_own_are_left_room_for(void)
{
	CU_ASSERT_EQUAL(open_files_clients(20000, 128), 20000 - 3 * 128 - 64);
}

static void test_upstreams_take_half_of_it_at_most(void)
{
	CU_ASSERT_EQUAL(open_files_clients(1024, 4096), 1024 / 2 - 64);
}

static void test_one_client_always_fits(void)
{
	CU_ASSERT_EQUAL(open_files_clients(64, 128), 1);
	CU_ASSERT_EQUAL(open_files_clients(0, 1), 1);
}

static void test_without_a_limit_everyone_fits(void)
{
	CU_ASSERT(open_files_clients(INT64_MAX, 100000) > INT64_MAX / 2);
}

TEST_SUITE(commands_open_files, TEST(test_upstreams_and_our_own_are_left_room_for),
	   TEST(test_upstreams_take_half_of_it_at_most), TEST(test_one_client_always_fits),
	   TEST(test_without_a_limit_everyone_fits))
