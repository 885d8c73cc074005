#include <sigrelay/sigstore/tsa.h>

#include "unit.h"
#include "vectors.h"

static const char *why;

static void test_granted(void)
{
	CU_ASSERT(tsa_timestamp_believed(vector("tsa.reply"), &why));
}

static void test_refused(void)
{
	CU_ASSERT_FALSE(tsa_timestamp_believed(vector("tsa.refused"), &why));
	CU_ASSERT_STRING_EQUAL(why, "a timestamp reply that grants no token");
}

/* A token beside a status that grants none. */
static void test_the_status_counts(void)
{
	struct slice reply = edited(vector("tsa.reply"), "", "");
	char *status = memmem((void *)(uintptr_t)reply.p, reply.n, "\x02\x01\x00", 3);
	CU_ASSERT_PTR_NOT_NULL_FATAL(status);
	CU_ASSERT(tsa_timestamp_believed(reply, &why));
	status[2] = 1; /* granted with modifications */
	CU_ASSERT(tsa_timestamp_believed(reply, &why));
	for (char v = 2; v <= 5; v++) {
		status[2] = v;
		CU_ASSERT_FALSE(tsa_timestamp_believed(reply, &why));
	}
}

static void test_not_a_reply(void)
{
	struct slice reply = vector("tsa.reply");
	CU_ASSERT_FALSE(tsa_timestamp_believed((struct slice){ NULL, 0 }, &why));
	CU_ASSERT_FALSE(tsa_timestamp_believed(slice_str("<html>"), &why));
	CU_ASSERT_FALSE(tsa_timestamp_believed(slice_str("{\"code\":400}"), &why));
	for (size_t n = 0; n < reply.n; n++)
		CU_ASSERT_FALSE(tsa_timestamp_believed((struct slice){ reply.p, n }, &why));
	CU_ASSERT_STRING_EQUAL(why, "not a timestamp reply in DER");
	struct slice longer = { vector("tsa.reply").p, reply.n + 1 };
	CU_ASSERT_FALSE(tsa_timestamp_believed(longer, &why));
}

static void test_chain(void)
{
	CU_ASSERT(tsa_query_believed(vector("tsa.pem"), &why));
	CU_ASSERT_FALSE(tsa_query_believed(vector("key.pem"), &why));
	CU_ASSERT_FALSE(tsa_query_believed(slice_str(""), &why));
}

TEST_SUITE(sigstore_tsa, TEST(test_granted), TEST(test_refused), TEST(test_the_status_counts),
	   TEST(test_not_a_reply), TEST(test_chain))
