#include "unit.h"

#include <stdint.h>

#include <sigrelay/base/slice.h>

static void test_compare(void)
{
	struct slice s = SLICE_LIT("Content-Type");
	CU_ASSERT_TRUE(slice_eq_str(s, "Content-Type"));
	CU_ASSERT_FALSE(slice_eq_str(s, "Content-Typ"));
	CU_ASSERT_TRUE(slice_eq_icase(s, "content-TYPE"));
	CU_ASSERT_FALSE(slice_eq_icase(s, "content-type2"));
	CU_ASSERT_FALSE(slice_eq_icase(SLICE_LIT("@"), "`")); /* differ by the case bit alone */
	CU_ASSERT_TRUE(slice_eq(slice_str(NULL), SLICE_LIT("")));
	CU_ASSERT_FALSE(slice_eq(SLICE_LIT("a\0b"), SLICE_LIT("a\0c")));
}

static void test_parts(void)
{
	struct slice s = SLICE_LIT("/api/v1/log");
	CU_ASSERT_TRUE(slice_starts(s, "/api"));
	CU_ASSERT_FALSE(slice_starts(s, "/api/v1/log/"));
	CU_ASSERT_TRUE(slice_ends(s, "/log"));
	CU_ASSERT_FALSE(slice_ends(s, "x/api/v1/log"));
	CU_ASSERT_TRUE(slice_contains(s, "v1"));
	CU_ASSERT_FALSE(slice_contains(s, "v2"));
	CU_ASSERT_TRUE(slice_starts(slice_str(NULL), "") && slice_ends(slice_str(NULL), ""));
	CU_ASSERT_TRUE(slice_contains(slice_str(NULL), ""));
	CU_ASSERT_TRUE(slice_eq_str(slice_trim(SLICE_LIT(" \ta b\t ")), "a b"));
	CU_ASSERT_EQUAL(slice_trim(SLICE_LIT(" \t ")).n, 0);
}

static void test_u64(void)
{
	uint64_t v = 7;
	CU_ASSERT_EQUAL(slice_u64(SLICE_LIT("18446744073709551615"), &v), STATUS_OK);
	CU_ASSERT_TRUE(v == UINT64_MAX);
	CU_ASSERT_EQUAL(slice_u64(SLICE_LIT("0"), &v), STATUS_OK);
	CU_ASSERT_TRUE(v == 0);
	v = 7;
	static const char *const bad[] = {
		"", "-1", "+1", " 1", "1 ", "1a", "0x1", "18446744073709551616", "99999999999999999999"
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_EQUAL(slice_u64(slice_str(bad[i]), &v), STATUS_INVALID);
	CU_ASSERT_TRUE(v == 7);
}

TEST_SUITE(base_slice, TEST(test_compare), TEST(test_parts), TEST(test_u64))
