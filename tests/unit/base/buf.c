#include "unit.h"

#include <stdint.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/mem.h>

static void test_grows_and_terminates(void)
{
	struct buf b;
	buf_init(&b, 100000);
	CU_ASSERT_PTR_NULL(b.p);
	for (int i = 0; i < 10000; i++)
		CU_ASSERT_EQUAL_FATAL(buf_add(&b, "ab", 2), STATUS_OK);
	CU_ASSERT_EQUAL(b.n, 20000);
	CU_ASSERT_EQUAL(strlen(b.p), 20000);
	CU_ASSERT_EQUAL(b.p[19999], 'b');
	buf_reset(&b);
	CU_ASSERT_STRING_EQUAL(b.p, "");
	CU_ASSERT_EQUAL(buf_addf(&b, "%d-%s", 42, "x"), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(b.p, "42-x");
	buf_release(&b);
	CU_ASSERT_PTR_NULL(b.p);
}

static void test_maximum_is_exact_and_failure_changes_nothing(void)
{
	struct buf b;
	buf_init(&b, 5);
	CU_ASSERT_EQUAL(buf_add_str(&b, "12345"), STATUS_OK);
	CU_ASSERT_EQUAL(buf_add_str(&b, "6"), STATUS_TOO_LARGE);
	CU_ASSERT_EQUAL(buf_addf(&b, "%c", '6'), STATUS_TOO_LARGE);
	CU_ASSERT_EQUAL(buf_reserve(&b, SIZE_MAX), STATUS_TOO_LARGE);
	CU_ASSERT_STRING_EQUAL(b.p, "12345");
	CU_ASSERT_EQUAL(buf_add(&b, NULL, 0), STATUS_OK);
	buf_release(&b);
	/* An unlimited one must not wrap around. */
	buf_init(&b, SIZE_MAX);
	CU_ASSERT_EQUAL(buf_reserve(&b, SIZE_MAX), STATUS_TOO_LARGE);
	CU_ASSERT_EQUAL(buf_add_str(&b, "a"), STATUS_OK);
	CU_ASSERT_EQUAL(buf_reserve(&b, SIZE_MAX - 1), STATUS_TOO_LARGE);
	CU_ASSERT_STRING_EQUAL(b.p, "a");
	buf_release(&b);
}

static void test_binary_and_slices(void)
{
	struct buf b;
	buf_init(&b, 64);
	CU_ASSERT_EQUAL(buf_add_slice(&b, SLICE_LIT("a\0b")), STATUS_OK);
	CU_ASSERT_TRUE(slice_eq(buf_slice(&b), SLICE_LIT("a\0b")));
	buf_wipe(&b);
	CU_ASSERT_EQUAL(buf_slice(&b).n, 0);
}

static void test_take_gives_the_block_away(void)
{
	struct buf b;
	buf_init(&b, 64);
	CU_ASSERT_PTR_NULL(buf_take(&b));
	CU_ASSERT_EQUAL(buf_add_str(&b, ""), STATUS_OK);
	char *empty = buf_take(&b);
	CU_ASSERT_PTR_NOT_NULL_FATAL(empty);
	CU_ASSERT_STRING_EQUAL(empty, "");
	mem_free(empty);
	CU_ASSERT_EQUAL(buf_add_str(&b, "again"), STATUS_OK);
	CU_ASSERT_EQUAL(b.max, 64);
	buf_release(&b);
}

static void torture(void *arg)
{
	(void)arg;
	struct buf b;
	buf_init(&b, 4096);
	for (int i = 0; i < 50; i++) {
		size_t before = b.n;
		enum status st = buf_addf(&b, "%060d", i);
		if (st != STATUS_OK)
			CU_ASSERT_TRUE(st == STATUS_NO_MEMORY && b.n == before);
	}
	CU_ASSERT_EQUAL(b.p ? strlen(b.p) : 0, b.n);
	buf_wipe(&b);
}

static void test_torture(void)
{
	unit_torture(torture, NULL);
}

TEST_SUITE(base_buf, TEST(test_grows_and_terminates), TEST(test_maximum_is_exact_and_failure_changes_nothing),
	   TEST(test_binary_and_slices), TEST(test_take_gives_the_block_away), TEST(test_torture))
