#include "unit.h"

#include <sigrelay/base/json.h>

static void check_parses(const char *text, size_t n, bool good)
{
	cJSON *root = json_parse((struct slice){ text, n });
	CU_ASSERT_EQUAL(root != NULL, good);
	cJSON_Delete(root);
}

static void test_whole_text_or_nothing(void)
{
	check_parses("{}", 2, true);
	check_parses(" {\"a\":1} \r\n\t", 12, true);
	check_parses("{\"a\":1}{}", 9, false);
	check_parses("{\"a\":1}x", 8, false);
	check_parses("{\"a\":1", 6, false);
	check_parses("", 0, false);
	check_parses("<html>", 6, false);
	check_parses("{}\0", 3, false);
	check_parses("{}garbage", 2, true); /* n counts, not a NUL */
}

/* A NUL would end the C string: "a\u0000b" would pass for "a". */
static void test_nul_is_refused(void)
{
	static const char escaped[] = "{\"a\\u0000b\":1}", harmless[] = "{\"a\\\\u0000b\":1}",
			  raw[] = "{\"a\0b\":1}";
	check_parses(escaped, sizeof(escaped) - 1, false);
	check_parses(harmless, sizeof(harmless) - 1, true);
	check_parses(raw, sizeof(raw) - 1, false);
}

static void test_paths(void)
{
	cJSON *root = json_parse(SLICE_LIT("{\"a\":{\"b\":\"text\",\"n\":5,\"B\":null},\"l\":[1]}"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	CU_ASSERT_TRUE(slice_eq_str(json_str_at(root, "a", "b", NULL), "text"));
	CU_ASSERT_EQUAL(json_str_at(root, "a", "n", NULL).n, 0);
	CU_ASSERT_EQUAL(json_str_at(root, "a", "missing", "b", NULL).n, 0);
	CU_ASSERT_TRUE(cJSON_IsNull(json_at(root, "a", "B", NULL)));
	CU_ASSERT_PTR_NULL(json_at(root, "A", NULL));
	CU_ASSERT_PTR_NULL(json_at(root, "l", "0", NULL));
	CU_ASSERT_PTR_NULL(json_at(NULL, "a", NULL));
	cJSON_Delete(root);
}

static enum status whole(const char *text, int64_t *out)
{
	cJSON *root = json_parse(slice_str(text));
	enum status st = json_int(root, out);
	cJSON_Delete(root);
	return st;
}

static void test_whole_numbers(void)
{
	int64_t v = 7;
	CU_ASSERT_EQUAL(whole("-42", &v), STATUS_OK);
	CU_ASSERT_EQUAL(v, -42);
	CU_ASSERT_EQUAL(whole("9007199254740992", &v), STATUS_OK);
	CU_ASSERT_EQUAL(v, 9007199254740992);
	CU_ASSERT_EQUAL(whole("1.5", &v), STATUS_INVALID);
	CU_ASSERT_EQUAL(whole("1e300", &v), STATUS_INVALID);
	CU_ASSERT_EQUAL(whole("\"5\"", &v), STATUS_INVALID);
	CU_ASSERT_EQUAL(json_int(NULL, &v), STATUS_INVALID);
	CU_ASSERT_EQUAL(v, 9007199254740992);
}

static void torture(void *arg)
{
	(void)arg;
	cJSON *root = json_parse(SLICE_LIT("{\"a\":[1,\"two\",{\"b\":null}]}"));
	cJSON_Delete(root);
}

static void test_any_text_is_quoted(void)
{
	struct buf out;
	buf_init(&out, 256);
	CU_ASSERT_EQUAL(json_quote(SLICE_LIT("p\"a\\s\n\x7f\xff\xc3\xa9"), &out), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(out.p, "\"p\\\"a\\\\s\\u000a\\u007f\\ufffd\xc3\xa9\"");
	buf_reset(&out);
	CU_ASSERT_EQUAL(json_quote((struct slice){ NULL, 0 }, &out), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(out.p, "\"\"");
	buf_release(&out);
}

static void test_torture(void)
{
	unit_torture(torture, NULL);
}

TEST_SUITE(base_json, TEST(test_whole_text_or_nothing), TEST(test_nul_is_refused), TEST(test_paths),
	   TEST(test_whole_numbers), TEST(test_any_text_is_quoted), TEST(test_torture))
