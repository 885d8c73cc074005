#include "unit.h"

#include <sigrelay/commands/status_table.h>

static const char healthy[] =
    "{\"version\":\"0.1.0\",\"uptime_seconds\":3725,\"draining\":false,\"in_flight\":3,\"parked\":2,"
    "\"services\":{"
    "\"rekor\":{\"upstream\":\"https://rekor.corp\",\"read\":{\"state\":\"closed\",\"since_seconds\":60},"
    "\"write\":{\"state\":\"open\",\"since_seconds\":12.5,\"last_error\":\"502 \\u001b[31m\\nfrom\","
    "\"next_probe_seconds\":4}}},\"saved\":{\"conflict\":5,\"hedge\":1}}";

static enum status table(const char *json, bool colour, struct buf *out)
{
	cJSON *root = json_parse(slice_str(json));
	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	buf_init(out, 1 << 16);
	enum status st = status_table(root, colour, out);
	cJSON_Delete(root);
	return st;
}

static void test_says_what_a_relay_is_doing(void)
{
	struct buf out;
	CU_ASSERT_EQUAL_FATAL(table(healthy, false, &out), STATUS_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(out.p, "sigrelay 0.1.0, up "));
	CU_ASSERT_PTR_NOT_NULL(strstr(out.p, "3 in flight, 2 parked"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out.p, "rekor    write  open"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out.p, "https://rekor.corp"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out.p, "Saved by conflict 5, hedge 1"));
	CU_ASSERT_PTR_NULL(strstr(out.p, "draining"));
	buf_release(&out);
}

static void test_no_control_byte_reaches_the_terminal(void)
{
	struct buf out;
	CU_ASSERT_EQUAL_FATAL(table(healthy, false, &out), STATUS_OK);
	CU_ASSERT_PTR_NULL(strchr(out.p, '\033'));
	CU_ASSERT_PTR_NOT_NULL(strstr(out.p, "502 ?[31m from"));
	buf_release(&out);
}

static void test_colours_only_when_asked(void)
{
	struct buf out;
	CU_ASSERT_EQUAL_FATAL(table(healthy, true, &out), STATUS_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(out.p, "\033[31mopen"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out.p, "\033[32mclosed"));
	buf_release(&out);
}

static void test_what_is_no_status(void)
{
	static const char *const bad[] = { "{}", "[]", "{\"services\":{}}",
					   "{\"services\":[],\"in_flight\":1,\"parked\":0}",
					   "{\"services\":{},\"in_flight\":\"1\",\"parked\":0}" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct buf out;
		CU_ASSERT_EQUAL(table(bad[i], false, &out), STATUS_INVALID);
		buf_release(&out);
	}
}

TEST_SUITE(commands_status_table, TEST(test_says_what_a_relay_is_doing),
	   TEST(test_no_control_byte_reaches_the_terminal), TEST(test_colours_only_when_asked),
	   TEST(test_what_is_no_status))
