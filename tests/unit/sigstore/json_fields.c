#include <sigrelay/sigstore/json_fields.h>

#include "unit.h"
#include "vectors.h"

static bool fields(const char *text, struct json_field *f, size_t count)
{
	cJSON *root = cJSON_Parse(text);
	bool good = json_fields(root, f, count);
	for (size_t i = 0; i < count; i++)
		f[i].value = f[i].value ? (const cJSON *)"found" : NULL;
	cJSON_Delete(root);
	return good;
}

static void test_found_and_missing(void)
{
	struct json_field f[] = { { "a", NULL }, { "b", NULL }, { "c", NULL } };
	CU_ASSERT(fields("{\"b\":1,\"x\":2,\"X\":3,\"c\":null}", f, 3));
	CU_ASSERT_PTR_NULL(f[0].value);
	CU_ASSERT_PTR_NOT_NULL(f[1].value);
	CU_ASSERT_PTR_NULL(f[2].value);
}

static void test_ambiguous(void)
{
	static const char *const texts[] = {
		"{\"a\":1,\"a\":1}", "{\"a\":1,\"A\":1}", "{\"A\":1}", "{\"a\":null,\"a\":1}", "[]", "7", ""
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct json_field f[] = { { "a", NULL } };
		CU_ASSERT_FALSE(fields(texts[i], f, 1));
	}
}

static void test_raw_member(void)
{
	static const struct {
		const char *text, *value;
	} rows[] = {
		{ "{\"a\":1}", "1" },
		{ " { \"a\" : \"x\" } ", "\"x\"" },
		{ "{\"b\":[1,{\"a\":2}],\"a\":{\"c\":[]}}", "{\"c\":[]}" },
		{ "{\"b\":\"\\\\\",\"a\":3 }", "3" },
		{ "{\"b\":\"a\\\"a\",\"a\":4}", "4" },
		{ "{\"a\":5,\"a\":6}", "6" },
		{ "{\"a\":7,", "7" },
		{ "{\"a\":8", "" },
		{ "{\"a\":[9}", "" },
		{ "{\"a\":]}", "" },
		{ "{\"aa\":1}", "" },
		{ "{\"a\"}", "" },
		{ "{a:1}", "" },
		{ "[\"a\"]", "" },
		{ "{\"\\u0061\":1}", "" },
		{ "{\"a\":\"unended", "" },
		{ "{\"a\":\"\\", "" },
		{ "", "" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT(slice_eq_str(json_raw_member(slice_str(rows[i].text), "a"), rows[i].value));
}

static bool parses(struct slice text)
{
	cJSON *root = json_parse_bounded(text);
	cJSON_Delete(root);
	return root != NULL;
}

static void test_bounds(void)
{
	struct slice few = edited(repeated("0,", JSON_VALUES_FREE - 2), "0,", "[");
	*(char *)(uintptr_t)(few.p + few.n - 1) = ']';
	CU_ASSERT(parses(few));
	struct slice many = edited(repeated("0,", JSON_VALUES_FREE + 2), "0,", "[");
	*(char *)(uintptr_t)(many.p + many.n - 1) = ']';
	CU_ASSERT_FALSE(parses(many));
	/* As many, and longer ones. */
	struct slice wide =
	    edited(repeated("\"0123456789abcdef0123456789abcdef\",", JSON_VALUES_FREE + 2), "\"", "[\"");
	*(char *)(uintptr_t)(wide.p + wide.n - 1) = ']';
	CU_ASSERT(parses(wide));
}

TEST_SUITE(sigstore_json_fields, TEST(test_found_and_missing), TEST(test_ambiguous), TEST(test_raw_member),
	   TEST(test_bounds))
