#include <sigrelay/sigstore/fulcio.h>

#include <sigrelay/base/bytes.h>

#include "unit.h"
#include "vectors.h"

static const char *why;

/* A token with these claims; the signature is never looked at. */
static const char *token_of(const char *claims, struct buf *out)
{
	buf_init(out, 4096);
	CU_ASSERT_EQUAL_FATAL(buf_add_str(out, "eyJhbGciOiJSUzI1NiJ9."), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(base64_encode(slice_str(claims), out), STATUS_OK);
	while (out->n > 0 && out->p[out->n - 1] == '=')
		out->p[--out->n] = '\0';
	CU_ASSERT_EQUAL_FATAL(buf_add_str(out, ".c2ln"), STATUS_OK);
	return out->p;
}

static int64_t exp_of(const char *claims)
{
	struct buf token;
	int64_t exp = -1;
	token_of(claims, &token);
	enum status st = jwt_exp(buf_slice(&token), &exp);
	CU_ASSERT((st == STATUS_OK) == (exp != -1));
	buf_release(&token);
	return exp;
}

static void test_exp(void)
{
	CU_ASSERT_EQUAL(exp_of("{\"iss\":\"a\",\"exp\":1795500000,\"sub\":\"x\"}"), 1795500000);
	CU_ASSERT_EQUAL(exp_of("{ \"exp\" : 1795500000.9 }"), 1795500000);
	CU_ASSERT_EQUAL(exp_of("{\"exp\":1.7955e9}"), 1795500000);
	CU_ASSERT_EQUAL(exp_of("{\"a\":{\"exp\":1},\"b\":[{\"exp\":2}],\"c\":\"}\\\"exp\\\":3\",\"exp\":4}"),
			4);
	CU_ASSERT_EQUAL(exp_of("{\"c\":\"a\\\"b\",\"exp\":4}"), 4);
	CU_ASSERT_EQUAL(exp_of("{\"exp\":5,\"exp\":6}"), 6); /* as Go reads it */
}

static void test_no_readable_exp(void)
{
	static const char *const claims[] = {
		"{}",
		"{\"exp\":\"1795500000\"}",
		"{\"exp\":null}",
		"{\"exp\":-5}",
		"{\"exp\":0}",
		"{\"exp\":1e400}",
		"{\"exp\":1795500000000}",
		"{\"exp\":nan}",
		"{\"exp\":99999999999999999999999999999999999}",
		"[]",
		"{\"a\":{\"exp\":1}}",
		"\"exp\"",
		"{\"exp\":",
		"{\"exp\"",
		"{\"\\u0065xp\":1}",
	};
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		CU_ASSERT_EQUAL(exp_of(claims[i]), -1);
}

static void test_not_a_token(void)
{
	static const char *const tokens[] = {
		"", ".", "..", "a.b", "a..c", "a.!!.c", "a.eyJleHAiOjF9.c.d", "a.e.c"
	};
	int64_t exp = 7;
	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
		CU_ASSERT_EQUAL(jwt_exp(slice_str(tokens[i]), &exp), STATUS_NOT_FOUND);
	CU_ASSERT_EQUAL(exp, 7);
}

static int64_t request_exp(const char *header, const char *body)
{
	int64_t exp = -1;
	enum status st = fulcio_token_exp(slice_str(header), slice_str(body), &exp);
	CU_ASSERT((st == STATUS_OK) == (exp != -1));
	return exp;
}

#define T1 "e30.eyJleHAiOjEwMDF9.s" /* {"exp":1001} */
#define T2 "e30.eyJleHAiOjEwMDJ9.s" /* {"exp":1002} */

static void test_where_the_token_is(void)
{
	CU_ASSERT_EQUAL(request_exp("Bearer " T1, "{\"publicKey\":{}}"), 1001);
	CU_ASSERT_EQUAL(request_exp("bearer  " T1 " ", ""), 1001);
	CU_ASSERT_EQUAL(request_exp(T1, ""), 1001);
	CU_ASSERT_EQUAL(request_exp("", "{\"credentials\":{\"oidcIdentityToken\":\"" T2 "\"}}"), 1002);
	CU_ASSERT_EQUAL(request_exp("", "{\"credentials\":{\"oidc_identity_token\":\"" T2 "\"}}"), 1002);
	/* The body's counts where both are there. */
	CU_ASSERT_EQUAL(request_exp("Bearer " T1, "{\"credentials\":{\"oidcIdentityToken\":\"" T2 "\"}}"),
			1002);
	CU_ASSERT_EQUAL(request_exp("Bearer " T1, "{\"credentials\":{\"oidcIdentityToken\":\"\"}}"), 1001);
	/* Not where it only looks like it. */
	CU_ASSERT_EQUAL(request_exp("", "{\"oidcIdentityToken\":\"" T2 "\"}"), -1);
	CU_ASSERT_EQUAL(request_exp("", "{\"x\":\"\\\"credentials\\\":{\"}"), -1);
	CU_ASSERT_EQUAL(request_exp("Basic dXNlcjpwYXNz", ""), -1);
	CU_ASSERT_EQUAL(request_exp("", "{\"credentials\":[[[[[[[["), -1);
}

static void test_signed(void)
{
	struct slice v1 = slice_str("/api/v1/signingCert"), v2 = slice_str("/api/v2/signingCert");
	struct slice pem = vector("chain.pem"), json = vector("signingCert.v2.json");
	CU_ASSERT(fulcio_sign_believed(v1, pem, &why));
	CU_ASSERT(fulcio_sign_believed(v2, json, &why));
	CU_ASSERT(fulcio_sign_believed(v2, edited(json, "EmbeddedSct", "DetachedSct"), &why));
	CU_ASSERT_FALSE(fulcio_sign_believed(v1, json, &why));
	CU_ASSERT_FALSE(fulcio_sign_believed(v2, pem, &why));
	CU_ASSERT_FALSE(fulcio_sign_believed(v2, edited(json, "EmbeddedSct", "OtherSct"), &why));
	CU_ASSERT_FALSE(fulcio_sign_believed(v2, edited(json, "-----BEGIN", "-----BEGUN"), &why));
	CU_ASSERT_FALSE(fulcio_sign_believed(
	    v2, slice_str("{\"signedCertificateEmbeddedSct\":{\"chain\":{\"certificates\":[]}}}"), &why));
	CU_ASSERT_FALSE(fulcio_sign_believed(v2, slice_str("{}"), &why));
	CU_ASSERT_FALSE(fulcio_sign_believed(v1, vector("key.pem"), &why));
}

static void test_spoilt_pem(void)
{
	struct slice v1 = slice_str("/api/v1/signingCert"), pem = vector("chain.pem");
	size_t accepted = 0;
	for (size_t n = 0; n < pem.n; n++)
		accepted += fulcio_sign_believed(v1, (struct slice){ pem.p, n }, &why);
	/* Cut where the first certificate ends (with and without its newline), or
	 * where only the last newline is missing. */
	CU_ASSERT_EQUAL(accepted, 3);
	CU_ASSERT_FALSE(fulcio_sign_believed(v1, edited(pem, "-----BEGIN", "<html>-----BEGIN"), &why));
	CU_ASSERT_FALSE(fulcio_sign_believed(v1, edited(pem, "MII", "MI!"), &why));
	CU_ASSERT_FALSE(fulcio_sign_believed(v1, edited(pem, "MII", "AAA"), &why));
	CU_ASSERT_FALSE(fulcio_sign_believed(v1, slice_str("<html>502 Bad Gateway</html>"), &why));
}

static void test_queries(void)
{
	CU_ASSERT(fulcio_query_believed(slice_str("/api/v1/rootCert"), vector("chain.pem"), &why));
	CU_ASSERT_FALSE(fulcio_query_believed(slice_str("/api/v1/rootCert"), slice_str("{}"), &why));
	CU_ASSERT(
	    fulcio_query_believed(slice_str("/api/v2/trustBundle"), slice_str("{\"chains\":[]}"), &why));
	CU_ASSERT_FALSE(fulcio_query_believed(slice_str("/api/v2/configuration"), slice_str("<html>"), &why));
}

static void torture_exp(void *arg)
{
	int64_t exp = 0;
	(void)arg;
	enum status st = fulcio_token_exp(slice_str("Bearer " T1), slice_str("{}"), &exp);
	CU_ASSERT(st == STATUS_NO_MEMORY || (st == STATUS_OK && exp == 1001));
}

static void torture_sign(void *arg)
{
	(void)arg;
	(void)fulcio_sign_believed(slice_str("/api/v2/signingCert"), vector("signingCert.v2.json"), &why);
}

static void test_torture(void)
{
	unit_torture(torture_exp, NULL);
	unit_torture(torture_sign, NULL);
}

TEST_SUITE(sigstore_fulcio, TEST(test_exp), TEST(test_no_readable_exp), TEST(test_not_a_token),
	   TEST(test_where_the_token_is), TEST(test_signed), TEST(test_spoilt_pem), TEST(test_queries),
	   TEST(test_torture))
