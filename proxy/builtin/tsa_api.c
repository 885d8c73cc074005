/* The timestamp authority's HTTP API (timestamp-authority pkg/api/timestamp.go, RFC 3161). */
#include <openssl/ts.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <sigrelay/builtin/inside.h>

#define POLICY "1.3.6.1.4.1.57264.2"

static void refuse(struct builtin_log *l, struct call *c, int status, const char *message)
{
	struct response a;
	response_init(&a, status, NULL);
	builtin_answer_or_reset(l, c, &a, service_error(PLACE_STAMP, status, message, &a));
}

static const EVP_MD *hash_named(struct slice name)
{
	if (slice_eq_icase(name, "sha256"))
		return EVP_sha256();
	if (slice_eq_icase(name, "sha384"))
		return EVP_sha384();
	return slice_eq_icase(name, "sha512") ? EVP_sha512() : NULL;
}

static bool set_imprint(TS_REQ *req, const EVP_MD *md, const struct buf *hash)
{
	TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
	X509_ALGOR *algorithm = X509_ALGOR_new();
	bool ok = imprint && algorithm && (size_t)EVP_MD_get_size(md) == hash->n;
	if (ok)
		X509_ALGOR_set_md(algorithm, md);
	unsigned char *p = (unsigned char *)hash->p;
	ok = ok && TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 &&
	     TS_MSG_IMPRINT_set_msg(imprint, p, (int)hash->n) == 1 &&
	     TS_REQ_set_msg_imprint(req, imprint) == 1;
	X509_ALGOR_free(algorithm);
	TS_MSG_IMPRINT_free(imprint);
	return ok;
}

/* A JSON number of any length: read from the text, a double would round it. */
static bool nonce_text(struct slice body, char out[128])
{
	const char *p = memmem(body.p, body.n, "\"nonce\"", 7);
	size_t n = 0;
	out[0] = '\0';
	if (!p)
		return true;
	p += 7;
	while (p < body.p + body.n && (*p == ' ' || *p == ':'))
		p++;
	while (p + n < body.p + body.n && n < 127 && p[n] >= '0' && p[n] <= '9')
		n++;
	memcpy(out, p, n);
	out[n] = '\0';
	return n < 127;
}

static bool set_nonce(TS_REQ *req, const char *text)
{
	BIGNUM *n = NULL;
	if (!text[0])
		return true;
	ASN1_INTEGER *nonce = BN_dec2bn(&n, text) > 0 ? BN_to_ASN1_INTEGER(n, NULL) : NULL;
	bool ok = nonce && TS_REQ_set_nonce(req, nonce) == 1;
	ASN1_INTEGER_free(nonce);
	BN_free(n);
	return ok;
}

static TS_REQ *request_of_json(struct slice body)
{
	char nonce[128];
	struct buf hash;
	buf_init(&hash, 1024);
	cJSON *root = json_parse(body);
	const EVP_MD *md = hash_named(json_str_at(root, "hashAlgorithm", NULL));
	TS_REQ *req = md ? TS_REQ_new() : NULL;
	bool ok = req && base64_decode(json_str_at(root, "artifactHash", NULL), &hash) == STATUS_OK &&
		  TS_REQ_set_version(req, 1) == 1 && set_imprint(req, md, &hash) && nonce_text(body, nonce) &&
		  set_nonce(req, nonce) &&
		  TS_REQ_set_cert_req(req, cJSON_IsTrue(json_at(root, "certificates", NULL))) == 1;
	cJSON_Delete(root);
	buf_release(&hash);
	if (ok)
		return req;
	TS_REQ_free(req);
	return NULL;
}

static TS_REQ *request_of_der(struct slice body)
{
	const unsigned char *p = (const unsigned char *)body.p;
	TS_REQ *req = d2i_TS_REQ(NULL, &p, (long)body.n);
	if (req && p == (const unsigned char *)body.p + body.n)
		return req;
	TS_REQ_free(req);
	return NULL;
}

static ASN1_INTEGER *next_serial(TS_RESP_CTX *ctx, void *arg)
{
	static uint64_t serial;
	(void)ctx, (void)arg;
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	if (n && ASN1_INTEGER_set_uint64(n, ++serial) != 1) {
		ASN1_INTEGER_free(n);
		n = NULL;
	}
	return n;
}

static TS_RESP_CTX *responder(const struct keys *k)
{
	static const char *const hashes[] = { "SHA256", "SHA384", "SHA512" };
	TS_RESP_CTX *ctx = TS_RESP_CTX_new();
	ASN1_OBJECT *policy = OBJ_txt2obj(POLICY, 1);
	bool ok = ctx && policy && TS_RESP_CTX_set_signer_cert(ctx, k->tsa_cert) == 1 &&
		  TS_RESP_CTX_set_signer_key(ctx, k->tsa) == 1 &&
		  TS_RESP_CTX_set_def_policy(ctx, policy) == 1 &&
		  TS_RESP_CTX_set_signer_digest(ctx, EVP_sha256()) == 1 &&
		  TS_RESP_CTX_set_ess_cert_id_digest(ctx, EVP_sha256()) == 1 &&
		  TS_RESP_CTX_set_accuracy(ctx, 1, 0, 0) == 1;
	for (size_t i = 0; ok && i < 3; i++)
		ok = TS_RESP_CTX_add_md(ctx, EVP_get_digestbyname(hashes[i])) == 1;
	ASN1_OBJECT_free(policy);
	if (!ok) {
		TS_RESP_CTX_free(ctx);
		return NULL;
	}
	TS_RESP_CTX_set_serial_cb(ctx, next_serial, NULL);
	return ctx;
}

static enum status respond(const struct keys *k, TS_REQ *req, struct buf *out)
{
	unsigned char *der = NULL;
	TS_RESP_CTX *ctx = responder(k);
	BIO *bio = BIO_new(BIO_s_mem());
	TS_RESP *resp =
	    ctx && bio && i2d_TS_REQ_bio(bio, req) == 1 ? TS_RESP_create_response(ctx, bio) : NULL;
	int n = resp ? i2d_TS_RESP(resp, &der) : -1;
	enum status s = n > 0 ? buf_add(out, der, (size_t)n) : STATUS_NO_MEMORY;
	OPENSSL_free(der);
	TS_RESP_free(resp);
	BIO_free(bio);
	TS_RESP_CTX_free(ctx);
	return s;
}

void tsa_api_timestamp(struct builtin_log *l, struct call *c)
{
	struct response a;
	struct slice type = call_header(c, "Content-Type");
	bool json = slice_starts(type, "application/json");
	if (!json && !slice_starts(type, "application/timestamp-query")) {
		refuse(l, c, 415, "Error generating timestamp response");
		return;
	}
	TS_REQ *req = json ? request_of_json(buf_slice(&c->body)) : request_of_der(buf_slice(&c->body));
	if (!req) {
		refuse(l, c, 400, "Error generating timestamp response");
		return;
	}
	response_init(&a, 200, "application/timestamp-reply");
	enum status s = respond(&l->keys, req, &a.body);
	TS_REQ_free(req);
	builtin_answer_or_reset(l, c, &a, s);
}

void tsa_api_chain(struct builtin_log *l, struct call *c)
{
	struct response a;
	response_init(&a, 200, "application/pem-certificate-chain");
	enum status s = cert_pem(l->keys.tsa_cert, &a.body);
	if (s == STATUS_OK)
		s = cert_pem(l->keys.tsa_ca_cert, &a.body);
	builtin_answer_or_reset(l, c, &a, s);
}
