#include <sigrelay/sigstore/answers.h>

#include <sigrelay/base/json.h>

#include "unit.h"
#include "vectors.h"

#define DAY (86400 * USEC_PER_SEC)
#define NOON (INT64_C(784111777) * USEC_PER_SEC) /* Sun, 06 Nov 1994 08:49:37 GMT */

static usec after(const char *value, usec wall)
{
	return retry_after_parse(slice_str(value), wall);
}

static void test_seconds(void)
{
	CU_ASSERT_EQUAL(after("120", 0), 120 * USEC_PER_SEC);
	CU_ASSERT_EQUAL(after(" 0 ", 0), 0);
	CU_ASSERT_EQUAL(after("86400", 0), DAY);
	CU_ASSERT_EQUAL(after("86401", 0), DAY);
	CU_ASSERT_EQUAL(after("99999999999999999999999999", 0), DAY);
}

static void test_dates(void)
{
	CU_ASSERT_EQUAL(after("Sun, 06 Nov 1994 08:49:37 GMT", NOON - 5 * USEC_PER_SEC), 5 * USEC_PER_SEC);
	CU_ASSERT_EQUAL(after("Sunday, 06-Nov-94 08:49:37 GMT", NOON - 5 * USEC_PER_SEC), 5 * USEC_PER_SEC);
	CU_ASSERT_EQUAL(after("Sun Nov  6 08:49:37 1994", NOON - 5 * USEC_PER_SEC), 5 * USEC_PER_SEC);
	CU_ASSERT_EQUAL(after("Sun, 06 Nov 1994 08:49:37 GMT", NOON + 5), 0);
	CU_ASSERT_EQUAL(after("Sun, 06 Nov 1994 08:49:37 GMT", 0), DAY);
	CU_ASSERT_EQUAL(after("Fri, 31 Dec 9999 23:59:59 GMT", NOON), DAY);
}

static void test_neither(void)
{
	static const char *const values[] = {
		"",
		" ",
		"soon",
		"1.5",
		"-5",
		"+5",
		"5s",
		"0x10",
		"1, 2",
		"Sun, 06",
		"1e3",
		"Sun, 06 Nov 1994 08:49:37 GMT+1",
		"Sun, 06 Nov 1994 08:49:37 CET",
		"1 2",
		"Sun, 06 Nov 1994 08:49:37 GMT and a long tail that is no part of it"
	};
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		CU_ASSERT_EQUAL(after(values[i], 0), -1);
	CU_ASSERT_EQUAL(retry_after_parse(SLICE_LIT("5\0"), 0), -1);
	CU_ASSERT_EQUAL(retry_after_parse((struct slice){ NULL, 0 }, 0), -1);
}

static void test_400(void)
{
	struct slice path = slice_str("/api/v1/log/entries/retrieve");
	struct slice body = slice_str(
	    "{\"code\":400,\"message\":\"verifying signature: invalid signature when validating IEEE_P1363 "
	    "encoded signature\"}");
	CU_ASSERT(answer_400_is_transient(OP_REKOR_QUERY, path, body));
	CU_ASSERT_FALSE(answer_400_is_transient(OP_REKOR_QUERY, path, slice_str("{\"code\":400}")));
	CU_ASSERT_FALSE(answer_400_is_transient(OP_REKOR_QUERY, slice_str("/api/v1/log/proof"), body));
	CU_ASSERT_FALSE(answer_400_is_transient(OP_REKOR_CREATE, slice_str("/api/v1/log/entries"), body));
}

static bool believed(enum operation op, const char *path, struct slice body)
{
	const char *why = NULL;
	bool good = answer_believed(op, slice_str(path), slice_str(""), slice_str(""), body, &why);
	CU_ASSERT(good || why != NULL);
	return good;
}

static void test_every_operation_is_judged(void)
{
	CU_ASSERT(believed(OP_REKOR_CREATE, "/api/v1/log/entries", vector("dsse.entry.json")));
	CU_ASSERT(believed(OP_REKOR_GET, "/api/v1/log/entries/x", vector("dsse.entry.json")));
	CU_ASSERT(believed(OP_REKOR_QUERY, "/api/v1/log/entries/retrieve", vector("retrieve.json")));
	CU_ASSERT(believed(OP_FULCIO_SIGN, "/api/v1/signingCert", vector("chain.pem")));
	CU_ASSERT(believed(OP_FULCIO_QUERY, "/api/v1/rootCert", vector("chain.pem")));
	CU_ASSERT(believed(OP_TSA_TIMESTAMP, "/api/v1/timestamp", vector("tsa.reply")));
	CU_ASSERT(believed(OP_TSA_QUERY, "/api/v1/timestamp/certchain", vector("tsa.pem")));
	for (int op = 0; op < OP_COUNT; op++) {
		CU_ASSERT_FALSE(believed((enum operation)op, "/x", slice_str("<html>oops</html>")));
		CU_ASSERT_FALSE(believed((enum operation)op, "/x", (struct slice){ NULL, 0 }));
	}
}

static void check_body(enum service s, int status, const char *message, const char *expected)
{
	const char *type = NULL;
	struct buf out;
	buf_init(&out, 1024);
	CU_ASSERT_EQUAL(error_body(s, status, message, &out, &type), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(out.p, expected);
	CU_ASSERT_STRING_EQUAL(type, "application/json");
	buf_release(&out);
}

static void test_error_bodies(void)
{
	check_body(SERVICE_REKOR, 503, "gone", "{\"code\":503,\"message\":\"gone\"}");
	check_body(SERVICE_TSA, 504, "gone", "{\"code\":504,\"message\":\"gone\"}");
	check_body(SERVICE_FULCIO, 503, "gone", "{\"code\":14,\"message\":\"gone\",\"details\":[]}");
	check_body(SERVICE_FULCIO, 504, "gone", "{\"code\":4,\"message\":\"gone\",\"details\":[]}");
	check_body(SERVICE_FULCIO, 400, "gone", "{\"code\":3,\"message\":\"gone\",\"details\":[]}");
	check_body(SERVICE_FULCIO, 418, "gone", "{\"code\":2,\"message\":\"gone\",\"details\":[]}");
	check_body(SERVICE_REKOR, 503, "a \"b\"\n\\\x01",
		   "{\"code\":503,\"message\":\"a \\\"b\\\"\\n\\\\\\u0001\"}");
}

static void torture_error(void *arg)
{
	const char *type = NULL;
	struct buf out;
	(void)arg;
	buf_init(&out, 1024);
	enum status st = error_body(SERVICE_FULCIO, 503, "gone", &out, &type);
	CU_ASSERT(st == STATUS_OK || (st == STATUS_NO_MEMORY && out.n == 0 && !type));
	buf_release(&out);
}

static void test_torture(void)
{
	unit_torture(torture_error, NULL);
}

static void test_error_too_large(void)
{
	const char *type = NULL;
	struct buf out;
	buf_init(&out, 8);
	CU_ASSERT_EQUAL(error_body(SERVICE_REKOR, 503, "gone", &out, &type), STATUS_TOO_LARGE);
	CU_ASSERT_EQUAL(out.n, 0);
	buf_release(&out);
}

TEST_SUITE(sigstore_answers, TEST(test_seconds), TEST(test_dates), TEST(test_neither), TEST(test_400),
	   TEST(test_every_operation_is_judged), TEST(test_error_bodies), TEST(test_torture),
	   TEST(test_error_too_large))
