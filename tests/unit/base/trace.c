#include <sigrelay/base/trace.h>

#include <string.h>

#include <sigrelay/base/rng.h>

#include "../unit.h"

#define ID "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"
#define ZEROS "00000000000000000000000000000000"

static void good(const char *header, const char *id, unsigned flags)
{
	struct trace t = { .flags = 0xaa };
	CU_ASSERT_EQUAL_FATAL(trace_parse(&t, slice_str(header)), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(t.id, id);
	CU_ASSERT_EQUAL(t.flags, flags);
	CU_ASSERT_STRING_EQUAL(trace_id(&t), id);
}

static void bad(const char *header)
{
	struct trace t = { .id = "before", .flags = 7 };
	if (trace_parse(&t, slice_str(header)) != STATUS_INVALID) {
		fprintf(stderr, "taken for a traceparent: %s\n", header);
		CU_FAIL("an invalid traceparent was read");
	}
	CU_ASSERT(strcmp(t.id, "before") == 0 && t.flags == 7);
}

static void test_version_00(void)
{
	good("00-" ID "-" PARENT "-01", ID, 1);
	good("00-" ID "-" PARENT "-00", ID, 0);
	good("00-" ID "-0000000000000001-00", ID, 0);
	good("00-00000000000000000000000000000001-" PARENT "-01", "00000000000000000000000000000001", 1);
}

static void test_flags_that_nobody_knows_are_cleared(void)
{
	good("00-" ID "-" PARENT "-ff", ID, 3);
	good("00-" ID "-" PARENT "-fc", ID, 0);
	good("00-" ID "-" PARENT "-0a", ID, 2);
}

static void test_a_later_version_is_read_as_far_as_this_one_goes(void)
{
	good("01-" ID "-" PARENT "-01", ID, 1);
	good("cc-" ID "-" PARENT "-01-what-the-future-adds", ID, 1);
	good("fe-" ID "-" PARENT "-01-", ID, 1);
	bad("01-" ID "-" PARENT "-01.what");
	bad("ff-" ID "-" PARENT "-01");
	bad("ff-" ID "-" PARENT "-01-more");
}

static void test_what_is_none(void)
{
	static const char *const none[] = {
		"",
		"00",
		"00-" ID "-" PARENT "-0",
		"00-" ID "-" PARENT "-",
		"00-" ID "-" PARENT,
		"00-" ID "-" PARENT "-011",
		"00-" ID "-" PARENT "-01-",
		"00-" ID "-" PARENT "-01-more",
		"00-" ID "-" PARENT "-01, 00-" ID "-" PARENT "-01",
		"00-" ZEROS "-" PARENT "-01",
		"00-" ID "-0000000000000000-01",
		"00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01",
		"00-" ID "-B7AD6B7169203331-01",
		"00-" ID "-" PARENT "-0A",
		"0A-" ID "-" PARENT "-01",
		"00-" ID "-" PARENT "-0g",
		"0x-" ID "-" PARENT "-01",
		"00_" ID "-" PARENT "-01",
		"00-" ID "_" PARENT "-01",
		"00-" ID "-" PARENT "_01",
		"00-.af7651916cd43dd8448eb211c80319c-" PARENT "-01",
		"00-" ID "-b7ad6b716920333.-01",
		" 00-" ID "-" PARENT "-01",
		"00-" ID "-" PARENT "-01 ",
		"00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01",
	};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		bad(none[i]);
	static const char nul[] = "00-" ID "-" PARENT "\0"
				  "01";
	struct trace t;
	CU_ASSERT_EQUAL(trace_parse(&t, (struct slice){ nul, sizeof(nul) - 1 }), STATUS_INVALID);
}

static void test_writing(void)
{
	char out[TRACE_PARENT_MAX + 1];
	struct trace t = { .id = "" };
	trace_write(&t, 1, out);
	CU_ASSERT_STRING_EQUAL(out, "");
	CU_ASSERT_PTR_NULL(trace_id(&t));
	CU_ASSERT_EQUAL_FATAL(trace_parse(&t, SLICE_LIT("cc-" ID "-" PARENT "-03-more")), STATUS_OK);
	trace_write(&t, UINT64_C(0x1f), out);
	CU_ASSERT_STRING_EQUAL(out, "00-" ID "-000000000000001f-03");
}

static void test_what_is_written_can_be_read(void)
{
	struct rng rng;
	struct trace t, again;
	char out[TRACE_PARENT_MAX + 1];
	rng_seed(&rng, 1);
	CU_ASSERT_EQUAL_FATAL(trace_parse(&t, SLICE_LIT("00-" ID "-" PARENT "-01")), STATUS_OK);
	for (int i = 0; i < 1000; i++) {
		trace_write(&t, rng_next(&rng) | 1, out);
		CU_ASSERT_EQUAL_FATAL(trace_parse(&again, slice_str(out)), STATUS_OK);
		CU_ASSERT(strcmp(again.id, t.id) == 0 && again.flags == t.flags);
	}
}

TEST_SUITE(base_trace, TEST(test_version_00), TEST(test_flags_that_nobody_knows_are_cleared),
	   TEST(test_a_later_version_is_read_as_far_as_this_one_goes), TEST(test_what_is_none),
	   TEST(test_writing), TEST(test_what_is_written_can_be_read))
