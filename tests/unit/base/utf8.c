#include "unit.h"

#include <sigrelay/base/utf8.h>

static void plain_is(struct slice text, size_t size, const char *wanted)
{
	char out[64];
	memset(out, 'X', sizeof(out));
	utf8_plain(text, out, size);
	CU_ASSERT_STRING_EQUAL(out, wanted);
}

static void test_what_may_not_be_shown_is_a_question_mark(void)
{
	plain_is(SLICE_LIT("plain \xc3\xa9"), 64, "plain \xc3\xa9");
	plain_is(SLICE_LIT("a\x1b[31m\nb\r\0c\x7f"), 64, "a?[31m b ?c?");
	plain_is(SLICE_LIT("\xff\xc3"), 64, "??");
	plain_is(SLICE_LIT("\xc2\x9b"), 64, "?");         /* CSI in one code point */
	plain_is(SLICE_LIT("\xe2\x80\xaexe"), 64, "?xe"); /* right to left */
	plain_is((struct slice){ NULL, 0 }, 64, "");
}

static void test_the_cut_is_between_code_points(void)
{
	plain_is(SLICE_LIT("abc"), 4, "abc");
	plain_is(SLICE_LIT("abc"), 3, "ab");
	plain_is(SLICE_LIT("ab\xc3\xa9"), 5, "ab\xc3\xa9");
	plain_is(SLICE_LIT("ab\xc3\xa9"), 4, "ab");
	plain_is(SLICE_LIT("ab"), 1, "");
}

TEST_SUITE(base_utf8, TEST(test_what_may_not_be_shown_is_a_question_mark),
	   TEST(test_the_cut_is_between_code_points))
