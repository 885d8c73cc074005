/* Fulcio, the timestamp authority and the token issuer beside the log. */
#include "unit.h"

#include <openssl/pem.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "builtin/talk.h"
#include <sigrelay/base/bytes.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/builtin/keys.h>

static struct slice body_of(const struct reply *r)
{
	return (struct slice){ r->body, r->body_n };
}

static void add_base64(struct buf *out, struct slice in)
{
	CU_ASSERT_EQUAL_FATAL(base64_encode(in, out), STATUS_OK);
}

/* The key's PEM and the proof over what, as JSON strings. */
struct proof {
	EVP_PKEY *key;
	struct buf pem, signature;
};

static void proof_init(struct proof *p, const char *what)
{
	struct buf raw;
	buf_init(&raw, 512);
	buf_init(&p->pem, 4096);
	buf_init(&p->signature, 4096);
	p->key = key_new();
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->key);
	CU_ASSERT_EQUAL_FATAL(key_pem(p->key, &p->pem), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(key_sign(p->key, slice_str(what), &raw), STATUS_OK);
	add_base64(&p->signature, buf_slice(&raw));
	buf_release(&raw);
}

static void proof_release(struct proof *p)
{
	EVP_PKEY_free(p->key);
	buf_release(&p->pem);
	buf_release(&p->signature);
}

static void post_v1(struct stage *s, const char *token, const struct proof *p, struct reply *r)
{
	struct talk t;
	struct buf body, der, key, headers;
	buf_init(&body, 65536);
	buf_init(&der, 4096);
	buf_init(&key, 4096);
	buf_init(&headers, 8192);
	CU_ASSERT_EQUAL_FATAL(key_der(p->key, &der), STATUS_OK);
	add_base64(&key, buf_slice(&der));
	CU_ASSERT_EQUAL_FATAL(buf_addf(&headers, "Authorization: Bearer %s\r\n", token), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(
	    buf_addf(
		&body,
		"{\"publicKey\":{\"content\":\"%s\",\"algorithm\":\"ecdsa\"},\"signedEmailAddress\":\"%s\"}",
		key.p, p->signature.p),
	    STATUS_OK);
	talk_init(&t, s);
	talk_request(&t, "POST", "/api/v1/signingCert", "application/json", headers.p, body.p, body.n);
	talk_hear(&t, r);
	talk_release(&t);
	buf_release(&body);
	buf_release(&der);
	buf_release(&key);
	buf_release(&headers);
}

static void post_v2(struct stage *s, const char *token, const struct proof *p, struct reply *r)
{
	cJSON *root = cJSON_CreateObject();
	cJSON_AddStringToObject(cJSON_AddObjectToObject(root, "credentials"), "oidcIdentityToken", token);
	cJSON *request = cJSON_AddObjectToObject(root, "publicKeyRequest");
	cJSON *key = cJSON_AddObjectToObject(request, "publicKey");
	cJSON_AddStringToObject(key, "algorithm", "ECDSA");
	cJSON_AddStringToObject(key, "content", p->pem.p);
	cJSON_AddStringToObject(request, "proofOfPossession", p->signature.p);
	char *body = cJSON_PrintUnformatted(root);
	ask(s, "POST", "/api/v2/signingCert", body, r);
	cJSON_free(body);
	cJSON_Delete(root);
}

/* Both certificates of a chain; the leaf signed by the root, and the root's key's own. */
static X509 *check_chain(struct slice pem)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	X509 *leaf = PEM_read_bio_X509(bio, NULL, NULL, NULL),
	     *root = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	CU_ASSERT_FATAL(leaf && root);
	CU_ASSERT_EQUAL(X509_verify(leaf, X509_get0_pubkey(root)), 1);
	CU_ASSERT_EQUAL(X509_verify(root, X509_get0_pubkey(root)), 1);
	X509_free(root);
	BIO_free(bio);
	return leaf;
}

static void check_leaf(X509 *leaf, EVP_PKEY *key, const char *email)
{
	int days = 0, seconds = 0;
	CU_ASSERT_EQUAL(EVP_PKEY_eq(X509_get0_pubkey(leaf), key), 1);
	CU_ASSERT_EQUAL(X509_check_email(leaf, email, 0, 0), 1);
	CU_ASSERT_EQUAL(X509_get_extended_key_usage(leaf), XKU_CODE_SIGN);
	CU_ASSERT_EQUAL(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(leaf), X509_get0_notAfter(leaf)),
			1);
	CU_ASSERT(days == 0 && seconds == 600);
	CU_ASSERT(X509_get_ext_by_NID(leaf, NID_ct_precert_scts, -1) >= 0);
	X509_free(leaf);
}

static void test_v1_certificate(void)
{
	struct stage s;
	struct reply r;
	struct proof p;
	char type[64];
	stage_init(&s, NULL);
	char *token = new_token(&s, "{\"email\":\"a@b.test\"}");
	proof_init(&p, "a@b.test");
	post_v1(&s, token, &p, &r);
	CU_ASSERT_EQUAL_FATAL(r.status, 201);
	reply_header(&r, "Content-Type", type, sizeof(type));
	CU_ASSERT_STRING_EQUAL(type, "application/pem-certificate-chain");
	check_leaf(check_chain(body_of(&r)), p.key, "a@b.test");
	reply_release(&r);
	proof_release(&p);
	mem_free(token);
	stage_release(&s);
}

static void test_v2_certificate(void)
{
	struct stage s;
	struct reply r;
	struct proof p;
	struct buf pem;
	const cJSON *item;
	stage_init(&s, NULL);
	buf_init(&pem, 65536);
	char *token = new_token(&s, NULL);
	proof_init(&p, "signer@sigrelay.test");
	post_v2(&s, token, &p, &r);
	CU_ASSERT_EQUAL_FATAL(r.status, 200);
	cJSON *root = json_parse(body_of(&r));
	cJSON_ArrayForEach(item, json_at(root, "signedCertificateEmbeddedSct", "chain", "certificates", NULL))
	    CU_ASSERT_EQUAL(buf_add_str(&pem, item->valuestring), STATUS_OK);
	check_leaf(check_chain(buf_slice(&pem)), p.key, "signer@sigrelay.test");
	cJSON_Delete(root);
	buf_release(&pem);
	reply_release(&r);
	proof_release(&p);
	mem_free(token);
	stage_release(&s);
}

static void test_a_csr_is_taken_too(void)
{
	struct stage s;
	struct reply r;
	struct buf body, text;
	char *pem = NULL;
	stage_init(&s, NULL);
	buf_init(&body, 65536);
	buf_init(&text, 65536);
	EVP_PKEY *key = key_new();
	X509_REQ *csr = X509_REQ_new();
	BIO *bio = BIO_new(BIO_s_mem());
	CU_ASSERT_FATAL(key && csr && bio && X509_REQ_set_pubkey(csr, key) == 1);
	CU_ASSERT_FATAL(X509_REQ_sign(csr, key, EVP_sha256()) > 0 && PEM_write_bio_X509_REQ(bio, csr) == 1);
	long n = BIO_get_mem_data(bio, &pem);
	add_base64(&text, (struct slice){ pem, (size_t)n });
	char *token = new_token(&s, NULL);
	CU_ASSERT_EQUAL(
	    buf_addf(&body,
		     "{\"credentials\":{\"oidcIdentityToken\":\"%s\"},\"certificateSigningRequest\":\"%s\"}",
		     token, text.p),
	    STATUS_OK);
	ask(&s, "POST", "/api/v2/signingCert", body.p, &r);
	CU_ASSERT_EQUAL(r.status, 200);
	reply_release(&r);
	BIO_free(bio);
	X509_REQ_free(csr);
	EVP_PKEY_free(key);
	buf_release(&body);
	buf_release(&text);
	mem_free(token);
	stage_release(&s);
}

static void refused(struct stage *s, const char *token, const char *proven, const char *message)
{
	struct reply r;
	struct proof p;
	char want[256];
	proof_init(&p, proven);
	post_v2(s, token, &p, &r);
	CU_ASSERT_EQUAL(r.status, 400);
	snprintf(want, sizeof(want), "{\"code\":3,\"message\":\"%s\",\"details\":[]}\n", message);
	CU_ASSERT(slice_eq_str(body_of(&r), want));
	reply_release(&r);
	proof_release(&p);
}

static void test_a_bad_token_or_proof_is_refused(void)
{
	static const char bad[] = "There was an error processing the identity token";
	struct stage s, other;
	stage_init(&s, NULL);
	stage_init(&other, NULL);
	char *token = new_token(&s, NULL), *foreign = new_token(&other, NULL);
	char *expired = new_token(&s, "{\"lifetime\":\"0s\"}"),
	     *elsewhere = new_token(&s, "{\"audience\":\"x\"}");
	refused(&s, "", "signer@sigrelay.test", bad);
	refused(&s, "a.b.c", "signer@sigrelay.test", bad);
	refused(&s, foreign, "signer@sigrelay.test", bad);
	refused(&s, expired, "signer@sigrelay.test", bad);
	refused(&s, elsewhere, "signer@sigrelay.test", bad);
	refused(&s, token, "somebody@else.test",
		"The signature supplied in the request could not be verified");
	char *dot = strchr(token, '.');
	dot[5] = dot[5] == 'A' ? 'B' : 'A'; /* a changed claim */
	refused(&s, token, "signer@sigrelay.test", bad);
	mem_free(token);
	mem_free(foreign);
	mem_free(expired);
	mem_free(elsewhere);
	stage_release(&other);
	stage_release(&s);
}

static struct slice key_of(struct stage *s, const char *name, struct reply *r)
{
	char path[128];
	snprintf(path, sizeof(path), "/_control/keys/%s", name);
	ask(s, "GET", path, NULL, r);
	CU_ASSERT_EQUAL_FATAL(r->status, 200);
	return body_of(r);
}

static void test_the_ci_gets_a_token_that_fulcio_takes(void)
{
	struct stage s;
	struct talk t;
	struct reply r;
	struct proof p;
	char headers[128];
	stage_init(&s, "token status 500");
	struct slice secret = slice_trim(key_of(&s, "actions_request_token", &r));
	snprintf(headers, sizeof(headers), "Authorization: bearer %.32s\r\n", secret.p);
	reply_release(&r);
	ask(&s, "GET", "/actions/idtoken?api-version=2.0&audience=sigstore", NULL, &r);
	CU_ASSERT_EQUAL(r.status, 500);
	reply_release(&r);
	ask(&s, "GET", "/actions/idtoken?api-version=2.0&audience=sigstore", NULL, &r);
	CU_ASSERT_EQUAL(r.status, 401);
	reply_release(&r);
	talk_init(&t, &s);
	talk_request(&t, "GET", "/actions/idtoken?api-version=2.0&audience=sigstore", NULL, headers, NULL, 0);
	talk_hear(&t, &r);
	CU_ASSERT_EQUAL_FATAL(r.status, 200);
	talk_release(&t);
	cJSON *root = json_parse(body_of(&r));
	char *token = mem_strdup(json_str_at(root, "value", NULL).p);
	cJSON_Delete(root);
	reply_release(&r);
	proof_init(&p, "repo:octo-org/octo-repo:ref:refs/heads/main");
	post_v1(&s, token, &p, &r);
	CU_ASSERT_EQUAL(r.status, 201);
	X509_free(check_chain(body_of(&r)));
	reply_release(&r);
	proof_release(&p);
	mem_free(token);
	stage_release(&s);
}

/* ---- timestamps ---- */

static const char artifact[] = "the signature that is stamped";

/* OpenSSL 3.4 gave them the names that say who owns what, and deprecated these. */
#if OPENSSL_VERSION_NUMBER < 0x30400000L
#define TS_VERIFY_CTX_set0_store TS_VERIFY_CTX_set_store
#define TS_VERIFY_CTX_set0_data TS_VERIFY_CTX_set_data
#endif

static TS_VERIFY_CTX *verifier(struct stage *s)
{
	struct reply r;
	TS_VERIFY_CTX *ctx = TS_VERIFY_CTX_new();
	X509_STORE *store = X509_STORE_new();
	struct slice pem = key_of(s, "tsa.pem", &r);
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n),
	    *data = BIO_new_mem_buf(artifact, sizeof(artifact) - 1);
	X509 *leaf = PEM_read_bio_X509(bio, NULL, NULL, NULL),
	     *root = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	CU_ASSERT_FATAL(ctx && store && data && leaf && root && X509_STORE_add_cert(store, root) == 1);
	X509_free(leaf);
	X509_free(root);
	BIO_free(bio);
	reply_release(&r);
	TS_VERIFY_CTX_set0_store(ctx, store);
	TS_VERIFY_CTX_set0_data(ctx, data);
	TS_VERIFY_CTX_set_flags(ctx, TS_VFY_SIGNATURE | TS_VFY_VERSION | TS_VFY_DATA);
	return ctx;
}

static TS_RESP *check_stamp(struct stage *s, const struct reply *r)
{
	char type[64];
	const unsigned char *p = (const unsigned char *)r->body;
	CU_ASSERT_EQUAL_FATAL(r->status, 200);
	reply_header(r, "Content-Type", type, sizeof(type));
	CU_ASSERT_STRING_EQUAL(type, "application/timestamp-reply");
	TS_RESP *resp = d2i_TS_RESP(NULL, &p, (long)r->body_n);
	CU_ASSERT_PTR_NOT_NULL_FATAL(resp);
	TS_VERIFY_CTX *ctx = verifier(s);
	CU_ASSERT_EQUAL(TS_RESP_verify_response(ctx, resp), 1);
	TS_VERIFY_CTX_free(ctx);
	return resp;
}

static void test_json_timestamp_keeps_a_long_nonce(void)
{
	struct stage s;
	struct reply r;
	struct digest d;
	struct buf body, hash;
	BIGNUM *nonce = NULL;
	stage_init(&s, NULL);
	buf_init(&body, 4096);
	buf_init(&hash, 4096);
	const struct slice part = SLICE_LIT(artifact);
	CU_ASSERT_EQUAL(sha256(&d, &part, 1), STATUS_OK);
	add_base64(&hash, (struct slice){ (const char *)d.b, SHA256_SIZE });
	CU_ASSERT_EQUAL(
	    buf_addf(&body,
		     "{\"artifactHash\":\"%s\",\"certificates\":true,\"hashAlgorithm\":\"sha256\","
		     "\"nonce\":123456789012345678901234567890}",
		     hash.p),
	    STATUS_OK);
	ask(&s, "POST", "/api/v1/timestamp", body.p, &r);
	TS_RESP *resp = check_stamp(&s, &r);
	BIGNUM *got = ASN1_INTEGER_to_BN(TS_TST_INFO_get_nonce(TS_RESP_get_tst_info(resp)), NULL);
	CU_ASSERT_FATAL(got && BN_dec2bn(&nonce, "123456789012345678901234567890") > 0);
	CU_ASSERT_EQUAL(BN_cmp(nonce, got), 0);
	BN_free(got);
	BN_free(nonce);
	TS_RESP_free(resp);
	reply_release(&r);
	buf_release(&body);
	buf_release(&hash);
	stage_release(&s);
}

/* A request as `openssl ts` makes it, from the same library. */
static unsigned char *der_request(int *n)
{
	unsigned char *der = NULL;
	struct digest d;
	const struct slice part = SLICE_LIT(artifact);
	TS_REQ *req = TS_REQ_new();
	TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
	X509_ALGOR *algorithm = X509_ALGOR_new();
	CU_ASSERT_FATAL(req && imprint && algorithm && sha256(&d, &part, 1) == STATUS_OK);
	X509_ALGOR_set_md(algorithm, EVP_sha256());
	CU_ASSERT_FATAL(TS_REQ_set_version(req, 1) == 1 && TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 &&
			TS_MSG_IMPRINT_set_msg(imprint, d.b, SHA256_SIZE) == 1 &&
			TS_REQ_set_msg_imprint(req, imprint) == 1 && TS_REQ_set_cert_req(req, 1) == 1);
	*n = i2d_TS_REQ(req, &der);
	X509_ALGOR_free(algorithm);
	TS_MSG_IMPRINT_free(imprint);
	TS_REQ_free(req);
	CU_ASSERT_FATAL(*n > 0);
	return der;
}

static void stamp(struct stage *s, const char *type, const unsigned char *body, size_t n, struct reply *r)
{
	struct talk t;
	talk_init(&t, s);
	talk_request(&t, "POST", "/api/v1/timestamp", type, NULL, (const char *)body, n);
	talk_hear(&t, r);
	talk_release(&t);
}

static void test_der_timestamp(void)
{
	struct stage s;
	struct reply r;
	int n;
	stage_init(&s, NULL);
	unsigned char *der = der_request(&n);
	stamp(&s, "application/timestamp-query", der, (size_t)n, &r);
	TS_RESP_free(check_stamp(&s, &r));
	reply_release(&r);
	stamp(&s, "application/timestamp-query", der, (size_t)n - 1, &r);
	CU_ASSERT_EQUAL(r.status, 400);
	reply_release(&r);
	stamp(&s, "text/plain", der, (size_t)n, &r);
	CU_ASSERT_EQUAL(r.status, 415);
	reply_release(&r);
	OPENSSL_free(der);
	stage_release(&s);
}

TEST_SUITE(builtin_services, TEST(test_v1_certificate), TEST(test_v2_certificate),
	   TEST(test_a_csr_is_taken_too), TEST(test_a_bad_token_or_proof_is_refused),
	   TEST(test_the_ci_gets_a_token_that_fulcio_takes), TEST(test_json_timestamp_keeps_a_long_nonce),
	   TEST(test_der_timestamp))
