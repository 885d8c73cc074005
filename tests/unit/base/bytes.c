#include "unit.h"

#include <sigrelay/base/bytes.h>
#include <sigrelay/base/rng.h>

static void check_sha(const struct slice *parts, size_t count, const char *want)
{
	struct digest d;
	char hex[2 * SHA256_SIZE + 1];
	CU_ASSERT_EQUAL(sha256(&d, parts, count), STATUS_OK);
	hex_encode(d.b, sizeof(d.b), hex);
	CU_ASSERT_STRING_EQUAL(hex, want);
}

static void test_sha256_of_parts(void)
{
	static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	const struct slice whole[] = { SLICE_LIT("abc") };
	const struct slice parts[] = { SLICE_LIT("a"), { NULL, 0 }, SLICE_LIT("bc") };
	check_sha(whole, 1, abc);
	check_sha(parts, 3, abc);
	check_sha(NULL, 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_hex(void)
{
	uint8_t out[3] = { 9, 9, 9 };
	char text[7];
	CU_ASSERT_EQUAL(hex_decode(SLICE_LIT("00fFA0"), out, 3), STATUS_OK);
	hex_encode(out, 3, text);
	CU_ASSERT_STRING_EQUAL(text, "00ffa0");
	CU_ASSERT_EQUAL(hex_decode(SLICE_LIT("00fFA"), out, 3), STATUS_INVALID);
	CU_ASSERT_EQUAL(hex_decode(SLICE_LIT("00fFA011"), out, 3), STATUS_INVALID);
	CU_ASSERT_EQUAL(hex_decode(SLICE_LIT("11111g"), out, 3), STATUS_INVALID);
	CU_ASSERT_EQUAL(hex_decode(SLICE_LIT("11 111"), out, 3), STATUS_INVALID);
	CU_ASSERT_EQUAL(out[0], 0); /* untouched on failure */
}

static enum status decode(const char *text, const char *want, size_t n)
{
	struct buf b;
	buf_init(&b, 64);
	enum status st = base64_decode(slice_str(text), &b);
	if (st == STATUS_OK)
		CU_ASSERT_TRUE(slice_eq(buf_slice(&b), (struct slice){ want, n }));
	buf_release(&b);
	return st;
}

static void test_base64_decode(void)
{
	CU_ASSERT_EQUAL(decode("", "", 0), STATUS_OK);
	CU_ASSERT_EQUAL(decode("YQ==", "a", 1), STATUS_OK);
	CU_ASSERT_EQUAL(decode("YQ", "a", 1), STATUS_OK);
	CU_ASSERT_EQUAL(decode("YWI=", "ab", 2), STATUS_OK);
	CU_ASSERT_EQUAL(decode("YWJj", "abc", 3), STATUS_OK);
	CU_ASSERT_EQUAL(decode("-_8=", "\xfb\xff", 2), STATUS_OK);
	CU_ASSERT_EQUAL(decode("+/8=", "\xfb\xff", 2), STATUS_OK);
	static const char *const bad[] = { "Y",    "YQ=",   "YQ===",  "=",     "==",
					   "====", " YQ==", "YQ==\n", "Y Q=",  "YQ=a",
					   "Y=Q=", "YWJj=", "Y*==",   "YWJjY", "YWJj====" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_EQUAL(decode(bad[i], "", 0), STATUS_INVALID);
}

static void test_base64_round_trip(void)
{
	struct rng r;
	rng_seed(&r, 3);
	for (size_t n = 0; n < 100; n++) {
		char bytes[100];
		struct buf text, back;
		for (size_t i = 0; i < n; i++)
			bytes[i] = (char)rng_next(&r);
		buf_init(&text, 200);
		buf_init(&back, n); /* exactly: whole groups of three must not be asked for */
		CU_ASSERT_EQUAL(base64_encode((struct slice){ bytes, n }, &text), STATUS_OK);
		CU_ASSERT_EQUAL(text.n, (n + 2) / 3 * 4);
		CU_ASSERT_EQUAL(base64_decode(buf_slice(&text), &back), STATUS_OK);
		CU_ASSERT_TRUE(slice_eq(buf_slice(&back), (struct slice){ bytes, n }));
		buf_release(&text);
		buf_release(&back);
	}
}

static void test_base64_appends_within_the_maximum(void)
{
	struct buf b;
	buf_init(&b, 6);
	CU_ASSERT_EQUAL(buf_add_str(&b, "x:"), STATUS_OK);
	CU_ASSERT_EQUAL(base64_encode(SLICE_LIT("abcd"), &b), STATUS_TOO_LARGE);
	CU_ASSERT_EQUAL(base64_encode(SLICE_LIT("abc"), &b), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(b.p, "x:YWJj");
	CU_ASSERT_EQUAL(base64_decode(SLICE_LIT("YQ=="), &b), STATUS_TOO_LARGE);
	CU_ASSERT_STRING_EQUAL(b.p, "x:YWJj");
	buf_release(&b);
}

static void torture(void *arg)
{
	struct buf b;
	(void)arg;
	buf_init(&b, 200);
	enum status st = base64_encode(SLICE_LIT("some bytes"), &b);
	if (st == STATUS_OK)
		st = base64_decode(SLICE_LIT("c29tZSBieXRlcw=="), &b);
	CU_ASSERT_TRUE(st == STATUS_OK || st == STATUS_NO_MEMORY);
	buf_release(&b);
}

static void test_torture(void)
{
	unit_torture(torture, NULL);
}

TEST_SUITE(base_bytes, TEST(test_sha256_of_parts), TEST(test_hex), TEST(test_base64_decode),
	   TEST(test_base64_round_trip), TEST(test_base64_appends_within_the_maximum), TEST(test_torture))
