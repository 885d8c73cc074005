#include <sigrelay/sigstore/patience.h>

#include "unit.h"

static struct patience of(const char *user_agent, enum operation op)
{
	return patience_of(slice_str(user_agent), op);
}

static void test_clients(void)
{
	static const struct {
		const char *user_agent, *client;
		enum operation op;
		usec wait;
		bool honours, comes_back;
	} rows[] = {
		{ "cosign/v2.5.0 (linux; amd64)", "cosign", OP_REKOR_CREATE, USEC_NEVER, true, true },
		{ "cosign/v2.5.0 (linux; amd64)", "cosign", OP_REKOR_GET, USEC_NEVER, true, true },
		{ "cosign/v2.5.0 (linux; amd64)", "cosign", OP_FULCIO_SIGN, USEC_NEVER, false, false },
		{ "Go-http-client/1.1", "Go-http-client", OP_TSA_TIMESTAMP, 9000000, false, false },
		{ "Go-http-client/1.1", "Go-http-client", OP_REKOR_CREATE, USEC_NEVER, false, false },
		{ "sigstore-go/v1.2.1", "sigstore-go", OP_REKOR_CREATE, 88000000, true, true },
		{ "sigstore-go", "sigstore-go", OP_FULCIO_SIGN, 28000000, false, true },
		{ "sigstore-go/(devel)", "sigstore-go", OP_TSA_TIMESTAMP, 28000000, false, true },
		{ "sigstore-js/4.1.1 (Node v22.1.0) (linux/x64)", "sigstore-js", OP_REKOR_CREATE, 4500000,
		  false, true },
		{ "sigstore-python/4.5.0 (python-requests/2.32.3)", "sigstore-python", OP_REKOR_CREATE,
		  USEC_NEVER, false, false },
		{ "sigstore-python/4.5.0 (python-requests/2.32.3)", "sigstore-python", OP_TSA_TIMESTAMP,
		  4500000, false, false },
		{ "sigstoreJavaClient/2.2.0", "sigstoreJavaClient", OP_REKOR_CREATE, 58000000, true, true },
		{ "gitsign", "gitsign", OP_REKOR_CREATE, 28000000, true, true },
		{ "gitsign", "gitsign", OP_FULCIO_SIGN, USEC_NEVER, false, false },
		{ "curl/7.88.1", "unknown", OP_REKOR_CREATE, USEC_NEVER, false, false },
		{ "", "unknown", OP_REKOR_CREATE, USEC_NEVER, false, false },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct patience p = of(rows[i].user_agent, rows[i].op);
		CU_ASSERT_STRING_EQUAL(p.client, rows[i].client);
		CU_ASSERT_EQUAL(p.wait, rows[i].wait);
		CU_ASSERT_EQUAL(p.honours_retry_after, rows[i].honours);
		CU_ASSERT_EQUAL(p.comes_back, rows[i].comes_back);
	}
}

static void test_only_the_whole_first_product_counts(void)
{
	CU_ASSERT_STRING_EQUAL(of("cosigner/1", OP_REKOR_CREATE).client, "unknown");
	CU_ASSERT_STRING_EQUAL(of("curl/8 cosign/2", OP_REKOR_CREATE).client, "unknown");
	CU_ASSERT_STRING_EQUAL(of(" COSIGN/2", OP_REKOR_CREATE).client, "cosign");
	CU_ASSERT_STRING_EQUAL(patience_of((struct slice){ NULL, 0 }, OP_TSA_QUERY).client, "unknown");
}

static void test_behind_another_relay(void)
{
	struct patience cosign = patience_of(SLICE_LIT("cosign/v2.5.0"), OP_REKOR_CREATE);
	struct patience js = patience_of(SLICE_LIT("sigstore-js/3"), OP_REKOR_CREATE);
	CU_ASSERT_EQUAL(cosign.wait, USEC_NEVER);
	struct patience p = patience_of_relay(cosign, 29 * USEC_PER_SEC);
	CU_ASSERT_EQUAL(p.wait, 27 * USEC_PER_SEC);
	CU_ASSERT(p.comes_back && p.honours_retry_after);
	/* A client that waits no longer than that is served as before. */
	CU_ASSERT_EQUAL(patience_of_relay(js, 29 * USEC_PER_SEC).wait, js.wait);
}

TEST_SUITE(sigstore_patience, TEST(test_clients), TEST(test_only_the_whole_first_product_counts),
	   TEST(test_behind_another_relay))
