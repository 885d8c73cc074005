#include "unit.h"

#include <stdint.h>

#include <sigrelay/base/mem.h>

static void test_nth_allocation_fails_once(void)
{
	mem_fail_at(1);
	void *first = mem_alloc(8), *second = mem_calloc(2, 8), *third = mem_realloc(NULL, 8);
	CU_ASSERT_PTR_NOT_NULL(first);
	CU_ASSERT_PTR_NULL(second);
	CU_ASSERT_PTR_NOT_NULL(third);
	CU_ASSERT_TRUE(mem_fail_hit());
	mem_fail_at(-1);
	CU_ASSERT_FALSE(mem_fail_hit());
	mem_free(first);
	mem_free(third);
}

static void test_zero_bytes_are_not_no_memory(void)
{
	void *a = mem_alloc(0), *b = mem_calloc(0, 8);
	CU_ASSERT_PTR_NOT_NULL(a);
	CU_ASSERT_PTR_NOT_NULL(b);
	mem_free(a);
	mem_free(b);
	mem_free(NULL);
}

static void test_impossible_sizes_are_refused(void)
{
	CU_ASSERT_PTR_NULL(mem_calloc(SIZE_MAX / 2, 4));
}

static void test_strndup_stops_at_nul_and_at_n(void)
{
	char *a = mem_strndup("abc\0def", 7), *b = mem_strndup("abcdef", 2);
	CU_ASSERT_STRING_EQUAL(a, "abc");
	CU_ASSERT_STRING_EQUAL(b, "ab");
	mem_free(a);
	mem_free(b);
}

static void test_wipe_overwrites(void)
{
	char secret[] = "token";
	mem_wipe(secret, 5);
	CU_ASSERT_EQUAL(memcmp(secret, "\0\0\0\0\0", 5), 0);
	mem_wipe(NULL, 0);
}

static void test_live_blocks_are_counted(void)
{
	long before = mem_live();
	void *a = mem_alloc(8), *b = mem_realloc(NULL, 8), *c = mem_calloc(1, 8);
	b = mem_realloc(b, 4096);
	CU_ASSERT_EQUAL(mem_live(), before + 3);
	mem_fail_at(0);
	CU_ASSERT_PTR_NULL(mem_alloc(8));
	CU_ASSERT_EQUAL(mem_live(), before + 3);
	mem_free(a);
	mem_free(b);
	mem_free(c);
	mem_free(NULL);
	CU_ASSERT_EQUAL(mem_live(), before);
}

/* That freed bytes are wiped is seen in a process's memory: tests/soak/tokens.py. */
static void test_wiping_realloc_keeps_what_fits(void)
{
	char *p = mem_wiping_realloc(NULL, 6);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	memcpy(p, "token", 6);
	p = mem_wiping_realloc(p, 10000);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	CU_ASSERT_STRING_EQUAL(p, "token");
	p[9999] = 'x';
	p = mem_wiping_realloc(p, 9999);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	p = mem_wiping_realloc(p, 6);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	CU_ASSERT_STRING_EQUAL(p, "token");
	CU_ASSERT_PTR_NULL(mem_wiping_realloc(p, 0));
	char *copy = mem_wiping_strdup("");
	CU_ASSERT_STRING_EQUAL(copy, "");
	mem_wiping_free(copy);
	mem_wiping_free(NULL);
}

TEST_SUITE(base_mem, TEST(test_nth_allocation_fails_once), TEST(test_zero_bytes_are_not_no_memory),
	   TEST(test_impossible_sizes_are_refused), TEST(test_strndup_stops_at_nul_and_at_n),
	   TEST(test_wipe_overwrites), TEST(test_live_blocks_are_counted),
	   TEST(test_wiping_realloc_keeps_what_fits))
