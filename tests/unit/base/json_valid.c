/* json_is_container against what RFC 8259 says, and against json_parse: where
 * the one takes a text, so must the other (but for nesting). */
#include <unit.h>

#include <sigrelay/base/json.h>
#include <sigrelay/base/rng.h>

static const char *const good[] = {
	"{}",
	"[]",
	" \t\r\n{ } \n",
	"[1]",
	"[0,-0,1.5,-2e10,3E+4,5e-6,0.1]",
	"{\"a\":{\"b\":[true,false,null]}}",
	"{\"a\":\"\",\"b\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\ude00\"}",
	"[\"ends with a backslash \\\\\"]",
	"[[[[[[]]]]]]",
};

static const char *const bad[] = {
	"",
	" ",
	"{",
	"}",
	"[",
	"]",
	"[1",
	"[1,]",
	"[,1]",
	"{\"a\"}",
	"{\"a\":}",
	"{\"a\":1,}",
	"{a:1}",
	"{1:2}",
	"[}",
	"{]",
	"[] []",
	"[]x",
	"[01]",
	"[1.]",
	"[.5]",
	"[+1]",
	"[1e]",
	"[-]",
	"[tru]",
	"[truex]",
	"[\"]",
	"[\"\\\"]",
	"[\"\\x\"]",
	"[\"\\u12\"]",
	"[\"\\u12g4\"]",
	"[\"\\u0000\"]",
	"\"text\"",
	"1",
	"null",
	"<html></html>",
};

static void test_takes_what_the_grammar_takes(void)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CU_ASSERT_TRUE(json_is_container(slice_str(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_FALSE(json_is_container(slice_str(bad[i])));
	CU_ASSERT_FALSE(json_is_container((struct slice){ "[\"a\0b\"]", 7 }));
	CU_ASSERT_FALSE(json_is_container((struct slice){ NULL, 0 }));
}

static void test_every_cut_of_a_text_is_none(void)
{
	struct slice text = slice_str("{\"a\":[1.5,true,\"x\\n\\u00e9\"],\"b\":{\"c\":null}}");
	CU_ASSERT_TRUE(json_is_container(text));
	for (size_t n = 0; n < text.n; n++)
		CU_ASSERT_FALSE(json_is_container((struct slice){ text.p, n }));
}

static void test_nesting_is_bounded(void)
{
	char text[4096];
	memset(text, '[', 2048);
	memset(text + 2048, ']', 2048);
	CU_ASSERT_FALSE(json_is_container((struct slice){ text, 4096 }));
	CU_ASSERT_TRUE(json_is_container((struct slice){ text + 2048 - 50, 100 }));
}

/* Random mutations of true texts: what it takes, the parser takes. */
static void test_takes_nothing_that_the_parser_refuses(void)
{
	static const char seed[] = "{\"a\":[1.5e3,true,\"x\\n\\u00e9\",null],\"b\":{\"c\":-0,\"d\":[]}}";
	static const char bytes[] = "{}[]\",:\\ue0123.-+tfn \x01\xff";
	struct rng rng;
	size_t taken = 0;
	rng_seed(&rng, 8259);
	for (int i = 0; i < 200000; i++) {
		char text[sizeof(seed)];
		memcpy(text, seed, sizeof(seed));
		for (uint64_t n = 1 + rng_below(&rng, 3); n; n--)
			text[rng_below(&rng, sizeof(seed) - 1)] = bytes[rng_below(&rng, sizeof(bytes) - 1)];
		struct slice s = { text, sizeof(seed) - 1 };
		if (!json_is_container(s))
			continue;
		cJSON *root = json_parse(s);
		taken++;
		CU_ASSERT_TRUE_FATAL(cJSON_IsObject(root) || cJSON_IsArray(root));
		cJSON_Delete(root);
	}
	CU_ASSERT_TRUE(taken > 1000);
}

TEST_SUITE(base_json_valid, TEST(test_takes_what_the_grammar_takes), TEST(test_every_cut_of_a_text_is_none),
	   TEST(test_nesting_is_bounded), TEST(test_takes_nothing_that_the_parser_refuses))
