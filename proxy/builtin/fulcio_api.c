/* Fulcio's HTTP API (fulcio.proto, fulcio_legacy.proto; pkg/server/grpc_server.go). */
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include <sigrelay/builtin/inside.h>

#define BODY_MAX ((size_t)4 * 1024 * 1024)

static const char bad_token[] = "There was an error processing the identity token";
static const char bad_proof[] = "The signature supplied in the request could not be verified";
static const char bad_key[] = "The public key supplied in the request could not be parsed";
static const char bad_csr[] = "The certificate signing request could not be parsed";

/* A request of either version; strings borrowed from its JSON. */
struct request {
	struct slice token, key, proof, csr;
};

static void refuse(struct builtin_log *l, struct call *c, const char *message)
{
	struct response a;
	response_init(&a, 400, NULL);
	builtin_answer_or_reset(l, c, &a, service_error(PLACE_SIGN, 400, message, &a));
}

static void read_v1(const struct call *c, const cJSON *body, struct request *r)
{
	struct slice given = call_header(c, "Authorization");
	if (given.n > 7 && slice_eq_icase((struct slice){ given.p, 7 }, "bearer "))
		r->token = slice_trim((struct slice){ given.p + 7, given.n - 7 });
	r->key = json_str_at(body, "publicKey", "content", NULL);
	r->proof = json_str_at(body, "signedEmailAddress", NULL);
	r->csr = json_str_at(body, "certificateSigningRequest", NULL);
}

static void read_v2(const struct call *c, const cJSON *body, struct request *r)
{
	struct request v1 = { .csr = { NULL, 0 } };
	read_v1(c, body, &v1);
	r->token = json_str_at(body, "credentials", "oidcIdentityToken", NULL);
	if (!r->token.n)
		r->token = v1.token;
	r->key = json_str_at(body, "publicKeyRequest", "publicKey", "content", NULL);
	r->proof = json_str_at(body, "publicKeyRequest", "proofOfPossession", NULL);
	r->csr = v1.csr;
}

/* The key of a CSR that is signed by it; NULL: it is not. */
static EVP_PKEY *csr_key(struct slice base64)
{
	struct buf pem;
	buf_init(&pem, BODY_MAX);
	BIO *bio = base64_decode(base64, &pem) == STATUS_OK ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
	X509_REQ *csr = bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;
	EVP_PKEY *key = csr ? X509_REQ_get_pubkey(csr) : NULL;
	if (key && X509_REQ_verify(csr, key) != 1) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	X509_REQ_free(csr);
	BIO_free(bio);
	buf_release(&pem);
	return key;
}

/* v1 sends the key's DER or PEM in base64, v2 its PEM as text. */
static EVP_PKEY *plain_key(struct slice text)
{
	EVP_PKEY *key = slice_starts(text, "-----BEGIN") ? key_parse(text) : NULL;
	struct buf raw;
	buf_init(&raw, BODY_MAX);
	if (!key && base64_decode(text, &raw) == STATUS_OK && raw.n)
		key = key_parse(buf_slice(&raw));
	buf_release(&raw);
	return key;
}

static bool proves_possession(EVP_PKEY *key, struct slice proof, const char *subject)
{
	struct buf raw;
	buf_init(&raw, BODY_MAX);
	bool ok = base64_decode(proof, &raw) == STATUS_OK && raw.n &&
		  key_verify(key, slice_str(subject), buf_slice(&raw));
	buf_release(&raw);
	return ok;
}

/* The key to certify. NULL: *why says what Fulcio answers. */
static EVP_PKEY *requested_key(const struct request *r, const struct identity *who, const char **why)
{
	EVP_PKEY *key;
	if (r->csr.n) {
		*why = bad_csr;
		return csr_key(r->csr);
	}
	*why = bad_key;
	key = plain_key(r->key);
	if (key && !proves_possession(key, r->proof, who->subject)) {
		*why = bad_proof;
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

static enum status print_v1(const struct buf *leaf, const struct buf *ca, struct response *a)
{
	a->status = 201;
	a->content_type = "application/pem-certificate-chain";
	enum status s = buf_add_slice(&a->body, buf_slice(leaf));
	return s == STATUS_OK ? buf_add_slice(&a->body, slice_trim((struct slice){ ca->p, ca->n - 1 })) : s;
}

static bool add_chain(cJSON *parent, const char *leaf, const char *ca)
{
	const char *const pems[] = { leaf, ca };
	cJSON *list = cJSON_AddArrayToObject(parent, "certificates");
	for (size_t i = leaf ? 0 : 1; list && i < 2; i++) {
		cJSON *item = cJSON_CreateString(pems[i]);
		if (!item || !cJSON_AddItemToArray(list, item)) {
			cJSON_Delete(item);
			return false;
		}
	}
	return list != NULL;
}

static enum status print_v2(const struct buf *leaf, const struct buf *ca, struct response *a)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *cert = cJSON_AddObjectToObject(root, "signedCertificateEmbeddedSct");
	cJSON *chain = cert ? cJSON_AddObjectToObject(cert, "chain") : NULL;
	if (chain && add_chain(chain, leaf->p, ca->p))
		return response_json(a, root);
	cJSON_Delete(root);
	return STATUS_NO_MEMORY;
}

static enum status issue(struct builtin_log *l, EVP_PKEY *key, const struct identity *who, bool v2,
			 struct response *a)
{
	X509 *cert = NULL;
	struct buf leaf, ca;
	buf_init(&leaf, BODY_MAX);
	buf_init(&ca, BODY_MAX);
	enum status s = certificate_issue(l, key, who, &cert);
	if (s == STATUS_OK)
		s = cert_pem(cert, &leaf);
	if (s == STATUS_OK)
		s = cert_pem(l->keys.ca_cert, &ca);
	if (s == STATUS_OK)
		s = v2 ? print_v2(&leaf, &ca, a) : print_v1(&leaf, &ca, a);
	X509_free(cert);
	buf_release(&leaf);
	buf_release(&ca);
	return s;
}

static void sign(struct builtin_log *l, struct call *c, bool v2)
{
	const char *why = bad_token;
	struct identity who;
	struct request r = { .csr = { NULL, 0 } };
	EVP_PKEY *key = NULL;
	cJSON *body = json_parse(buf_slice(&c->body));
	(v2 ? read_v2 : read_v1)(c, body, &r);
	if (token_check(l, r.token, &who) == STATUS_OK)
		key = requested_key(&r, &who, &why);
	if (key) {
		struct response a;
		response_init(&a, 200, "application/json");
		enum status s = issue(l, key, &who, v2, &a);
		builtin_answer_or_reset(l, c, &a, s);
	} else {
		refuse(l, c, why);
	}
	EVP_PKEY_free(key);
	cJSON_Delete(body);
}

void fulcio_api_v1(struct builtin_log *l, struct call *c)
{
	sign(l, c, false);
}

void fulcio_api_v2(struct builtin_log *l, struct call *c)
{
	sign(l, c, true);
}

void fulcio_api_root(struct builtin_log *l, struct call *c)
{
	struct response a;
	response_init(&a, 200, "application/pem-certificate-chain");
	builtin_answer_or_reset(l, c, &a, cert_pem(l->keys.ca_cert, &a.body));
}

void fulcio_api_bundle(struct builtin_log *l, struct call *c)
{
	struct response a;
	struct buf ca;
	response_init(&a, 200, "application/json");
	buf_init(&ca, BODY_MAX);
	enum status s = cert_pem(l->keys.ca_cert, &ca);
	cJSON *root = cJSON_CreateObject();
	cJSON *chains = cJSON_AddArrayToObject(root, "chains");
	cJSON *chain = cJSON_CreateObject();
	bool ok = s == STATUS_OK && chain && cJSON_AddItemToArray(chains, chain);
	if (!ok)
		cJSON_Delete(chain);
	ok = ok && add_chain(chain, NULL, ca.p);
	s = response_json(&a, root);
	buf_release(&ca);
	builtin_answer_or_reset(l, c, &a, ok ? s : STATUS_NO_MEMORY);
}

void fulcio_api_configuration(struct builtin_log *l, struct call *c)
{
	struct response a;
	response_init(&a, 200, "application/json");
	enum status s = buf_addf(&a.body,
				 "{\"issuers\":[{\"issuerUrl\":\"%s\",\"audience\":\"sigstore\","
				 "\"challengeClaim\":\"email\",\"spiffeTrustDomain\":\"\"}]}\n",
				 l->url);
	builtin_answer_or_reset(l, c, &a, s);
}
