/* What stands in for cosign in the demo: signs a file keyless and verifies it,
 * and gives up where cosign does.
 *
 * Retries as read from cosign 2.5 (go-retryablehttp in rekor's client: four
 * attempts without a wait; on 409 one GET of the entry, whose 404 is final) and
 * cosign 3.1 (two attempts; a 409 is final). Fulcio is asked once. */
#include <sigrelay/commands/demo.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sigrelay/base/bytes.h>
#include <sigrelay/base/file.h>
#include <sigrelay/base/json.h>
#include <sigrelay/builtin/keys.h>
#include <sigrelay/sigstore/rekor.h>

#define FILE_MAX ((size_t)16 << 20)
#define CREATE_PATH "/api/v1/log/entries"

/* What is signed, with what, and what came of it. The entry posted is kept in
 * the bundle beside the log's answer. */
struct signing {
	EVP_PKEY *key;
	struct buf artifact, signature, chain, entry, answer;
};

static int failed(const char *what, const char *why)
{
	printf("Error: %s: %s\n", what, why);
	return 1;
}

static void signing_init(struct signing *s)
{
	memset(s, 0, sizeof(*s));
	struct buf *all[] = { &s->artifact, &s->signature, &s->chain, &s->entry, &s->answer };
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		buf_init(all[i], FILE_MAX);
}

static void signing_release(struct signing *s)
{
	struct buf *all[] = { &s->artifact, &s->signature, &s->chain, &s->entry, &s->answer };
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		buf_release(all[i]);
	EVP_PKEY_free(s->key);
}

static enum status read_named(const char *variable, struct buf *out)
{
	const char *path = getenv(variable);
	return path ? file_read(path, out) : STATUS_NOT_FOUND;
}

/* ---- the certificate ---- */

static enum status base64_of(struct slice in, struct buf *out)
{
	buf_init(out, FILE_MAX);
	return base64_encode(in, out);
}

/* The body of POST /api/v1/signingCert. */
static enum status certificate_request(EVP_PKEY *key, struct buf *out)
{
	struct buf der, proof, key64, proof64 = { 0 };
	buf_init(&der, 4096);
	buf_init(&proof, 4096);
	enum status s = key_der(key, &der);
	if (s == STATUS_OK)
		s = key_sign(key, slice_str(DEMO_SIGNER), &proof);
	enum status t = base64_of(buf_slice(&der), &key64);
	if (s == STATUS_OK && t == STATUS_OK)
		s = base64_of(buf_slice(&proof), &proof64);
	if (s == STATUS_OK)
		s = t;
	if (s == STATUS_OK)
		s = buf_addf(out,
			     "{\"publicKey\":{\"algorithm\":\"ecdsa\",\"content\":\"%s\"},"
			     "\"signedEmailAddress\":\"%s\"}",
			     key64.p, proof64.p);
	buf_release(&der);
	buf_release(&proof);
	buf_release(&key64);
	buf_release(&proof64);
	return s;
}

static enum status post_certificate(const char *token, struct slice body, struct demo_answer *a)
{
	char url[256];
	struct buf bearer;
	buf_init(&bearer, 16384);
	enum status s = buf_addf(&bearer, "Bearer %s", token);
	snprintf(url, sizeof(url), "%s/api/v1/signingCert", getenv("COSIGN_FULCIO_URL"));
	if (s == STATUS_OK)
		demo_http(&(struct demo_request){ url, "application/json", bearer.p, body }, a);
	buf_wipe(&bearer);
	return s;
}

static int get_certificate(struct signing *s)
{
	struct buf token, body;
	struct demo_answer a = { .status = 0 };
	int code = 1;
	buf_init(&token, 16384);
	buf_init(&body, 65536);
	s->key = key_new();
	if (!s->key || read_named("BUILTIN_LOG_TOKEN", &token) != STATUS_OK ||
	    certificate_request(s->key, &body) != STATUS_OK ||
	    post_certificate(token.p, buf_slice(&body), &a) != STATUS_OK)
		failed("getting a certificate", "no token, or no memory");
	else if (a.status != 201)
		failed("getting a certificate", a.status ? a.body.p : a.why);
	else
		code = buf_add_slice(&s->chain, buf_slice(&a.body)) == STATUS_OK ? 0 : 1;
	demo_answer_release(&a);
	buf_wipe(&token);
	buf_release(&body);
	return code;
}

/* ---- the entry ---- */

static X509 *leaf_of(const struct buf *chain)
{
	BIO *bio = BIO_new_mem_buf(chain->p, (int)chain->n);
	X509 *leaf = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	return leaf;
}

static enum status leaf_base64(const struct buf *chain, struct buf *out)
{
	struct buf pem;
	X509 *leaf = leaf_of(chain);
	buf_init(&pem, 65536);
	enum status s = leaf ? cert_pem(leaf, &pem) : STATUS_INVALID;
	enum status t = base64_of(buf_slice(&pem), out);
	X509_free(leaf);
	buf_release(&pem);
	return s == STATUS_OK ? t : s;
}

static enum status hash_hex(struct slice of, char hex[2 * SHA256_SIZE + 1])
{
	struct digest d;
	enum status s = sha256(&d, &of, 1);
	if (s == STATUS_OK)
		hex_encode(d.b, SHA256_SIZE, hex);
	return s;
}

/* The hashedrekord that is posted. */
static enum status make_entry(struct signing *s)
{
	char hash[2 * SHA256_SIZE + 1];
	struct buf sig, cert;
	enum status st = base64_of(buf_slice(&s->signature), &sig);
	enum status t = leaf_base64(&s->chain, &cert);
	if (st == STATUS_OK)
		st = t;
	if (st == STATUS_OK)
		st = hash_hex(buf_slice(&s->artifact), hash);
	if (st == STATUS_OK)
		st = buf_addf(
		    &s->entry,
		    "{\"apiVersion\":\"0.0.1\",\"kind\":\"hashedrekord\",\"spec\":{\"data\":{\"hash\":"
		    "{\"algorithm\":\"sha256\",\"value\":\"%s\"}},\"signature\":{\"content\":\"%s\","
		    "\"publicKey\":{\"content\":\"%s\"}}}}",
		    hash, sig.p, cert.p);
	buf_release(&sig);
	buf_release(&cert);
	return st;
}

static bool worth_another(const struct demo_answer *a)
{
	return a->status == 0 || a->status == 429 || (a->status >= 500 && a->status != 501);
}

static void post_entry(const struct signing *s, int attempts, struct demo_answer *a)
{
	char url[256];
	snprintf(url, sizeof(url), "%s" CREATE_PATH, getenv("COSIGN_REKOR_URL"));
	for (int i = 0; i < attempts; i++) {
		if (i)
			demo_answer_release(a);
		demo_http(&(struct demo_request){ url, "application/json", NULL, buf_slice(&s->entry) }, a);
		if (!worth_another(a))
			return;
	}
}

/* cosign 2's way with a 409: one GET, and whatever it says is final. */
static int look_up(struct signing *s, const char *location)
{
	char url[512];
	const char *id = strrchr(location, '/');
	struct demo_answer a;
	snprintf(url, sizeof(url), "%s" CREATE_PATH "/%s", getenv("COSIGN_REKOR_URL"), id ? id + 1 : "");
	demo_http(&(struct demo_request){ .url = url }, &a);
	int code = 0;
	if (a.status == 404)
		code = failed("signing", "[GET /api/v1/log/entries/{entryUUID}][404] " DEMO_ERROR_LOOKUP);
	else if (a.status != 200)
		code = failed("signing", a.status ? a.body.p : a.why);
	else if (buf_add_slice(&s->answer, buf_slice(&a.body)) != STATUS_OK)
		code = failed("signing", "no memory");
	demo_answer_release(&a);
	return code;
}

static int put_entry(struct signing *s, bool as_cosign3)
{
	struct demo_answer a;
	int code = 0;
	post_entry(s, as_cosign3 ? 2 : 4, &a);
	if (a.status == 409 && as_cosign3)
		code = failed("signing", "[POST /api/v1/log/entries][409] " DEMO_ERROR_CONFLICT);
	else if (a.status == 409)
		code = look_up(s, a.location);
	else if (a.status != 201)
		code = failed("signing", a.status ? a.body.p : a.why);
	else if (buf_add_slice(&s->answer, buf_slice(&a.body)) != STATUS_OK)
		code = failed("signing", "no memory");
	demo_answer_release(&a);
	return code;
}

/* ---- the bundle ---- */

static int write_bundle(const struct signing *s, const char *path)
{
	cJSON *root = cJSON_CreateObject();
	bool ok = cJSON_AddStringToObject(root, "chain", s->chain.p) &&
		  cJSON_AddStringToObject(root, "proposed", s->entry.p) &&
		  cJSON_AddStringToObject(root, "entry", s->answer.p);
	char *text = ok ? cJSON_Print(root) : NULL;
	enum status st = text ? file_write_private(path, slice_str(text)) : STATUS_NO_MEMORY;
	cJSON_free(text);
	cJSON_Delete(root);
	return st == STATUS_OK ? 0 : failed("writing the bundle", status_name(st));
}

static int sign(const char *file, const char *bundle, bool as_cosign3)
{
	struct signing s;
	signing_init(&s);
	int code = file_read(file, &s.artifact) == STATUS_OK ? get_certificate(&s) : failed("reading", file);
	if (code == 0 && (key_sign(s.key, buf_slice(&s.artifact), &s.signature) != STATUS_OK ||
			  make_entry(&s) != STATUS_OK))
		code = failed("signing", "cannot make the entry");
	if (code == 0)
		code = put_entry(&s, as_cosign3);
	if (code == 0)
		code = write_bundle(&s, bundle);
	if (code == 0)
		printf("Signed, and the entry is in the log.\n");
	signing_release(&s);
	return code;
}

/* ---- verification ---- */

static const char *check_certificate(X509 *leaf)
{
	struct buf pem;
	buf_init(&pem, 65536);
	X509 *root = read_named("SIGSTORE_ROOT_FILE", &pem) == STATUS_OK ? leaf_of(&pem) : NULL;
	const char *wrong = NULL;
	if (!leaf || !root || X509_verify(leaf, X509_get0_pubkey(root)) != 1)
		wrong = "the certificate is not of this authority";
	else if (X509_check_email(leaf, DEMO_SIGNER, 0, 0) != 1)
		wrong = "the certificate names somebody else";
	X509_free(root);
	buf_release(&pem);
	return wrong;
}

static const char *check_signature(X509 *leaf, const cJSON *proposed, struct slice artifact)
{
	char hash[2 * SHA256_SIZE + 1];
	struct buf sig;
	buf_init(&sig, 4096);
	bool ok =
	    hash_hex(artifact, hash) == STATUS_OK &&
	    slice_eq_str(json_str_at(proposed, "spec", "data", "hash", "value", NULL), hash) &&
	    base64_decode(json_str_at(proposed, "spec", "signature", "content", NULL), &sig) == STATUS_OK &&
	    key_verify(X509_get0_pubkey(leaf), artifact, buf_slice(&sig));
	buf_release(&sig);
	return ok ? NULL : "the signature is not over this file";
}

/* The log's promise: its signature over body, integratedTime, logID, logIndex. */
static bool promised(const cJSON *entry, EVP_PKEY *log)
{
	int64_t when, index;
	struct slice body = json_str_at(entry, "body", NULL), id = json_str_at(entry, "logID", NULL);
	struct buf said, sig;
	buf_init(&said, FILE_MAX);
	buf_init(&sig, 4096);
	bool ok =
	    json_int(json_at(entry, "integratedTime", NULL), &when) == STATUS_OK &&
	    json_int(json_at(entry, "logIndex", NULL), &index) == STATUS_OK && body.n && id.n &&
	    base64_decode(json_str_at(entry, "verification", "signedEntryTimestamp", NULL), &sig) ==
		STATUS_OK &&
	    buf_addf(&said, "{\"body\":\"%s\",\"integratedTime\":%lld,\"logID\":\"%s\",\"logIndex\":%lld}",
		     body.p, (long long)when, id.p, (long long)index) == STATUS_OK &&
	    key_verify(log, buf_slice(&said), buf_slice(&sig));
	buf_release(&said);
	buf_release(&sig);
	return ok;
}

static const char *check_promise(struct slice answer)
{
	struct buf pem;
	buf_init(&pem, 65536);
	EVP_PKEY *log =
	    read_named("SIGSTORE_REKOR_PUBLIC_KEY", &pem) == STATUS_OK ? key_parse(buf_slice(&pem)) : NULL;
	cJSON *root = json_parse(answer);
	bool ok = log && root && root->child && promised(root->child, log);
	cJSON_Delete(root);
	EVP_PKEY_free(log);
	buf_release(&pem);
	return ok ? NULL : "the entry is not signed by this log";
}

static const char *check_entry(struct slice proposed, struct slice answer)
{
	struct posted posted;
	struct entry entry;
	enum belief b = rekor_entry_check(answer, (struct slice){ NULL, 0 }, &entry);
	if (b != BELIEF_TRUE)
		return belief_name(b);
	if (rekor_posted_parse(proposed, &posted) != STATUS_OK || !rekor_same_entry(&posted, &entry))
		return "the log's entry is about something else";
	if (rekor_entry_late(&posted, &entry))
		return "the entry came after the certificate's end";
	return check_promise(answer);
}

static const char *check_bundle(const cJSON *bundle, struct slice artifact)
{
	struct slice chain = json_str_at(bundle, "chain", NULL),
		     proposed = json_str_at(bundle, "proposed", NULL);
	struct buf pem;
	buf_init(&pem, 65536);
	X509 *leaf = buf_add_slice(&pem, chain) == STATUS_OK && pem.n ? leaf_of(&pem) : NULL;
	cJSON *entry = json_parse(proposed);
	const char *wrong = check_certificate(leaf);
	if (!wrong)
		wrong = check_signature(leaf, entry, artifact);
	if (!wrong)
		wrong = check_entry(proposed, json_str_at(bundle, "entry", NULL));
	cJSON_Delete(entry);
	X509_free(leaf);
	buf_release(&pem);
	return wrong;
}

static int verify(const char *file, const char *path)
{
	struct buf artifact, text;
	buf_init(&artifact, FILE_MAX);
	buf_init(&text, FILE_MAX);
	const char *wrong = "cannot read the file and its bundle";
	if (file_read(file, &artifact) == STATUS_OK && file_read(path, &text) == STATUS_OK) {
		cJSON *bundle = json_parse(buf_slice(&text));
		wrong = check_bundle(bundle, buf_slice(&artifact));
		cJSON_Delete(bundle);
	}
	buf_release(&artifact);
	buf_release(&text);
	if (wrong)
		return failed("verifying", wrong);
	printf("Verified OK: certificate, signature, log entry, inclusion proof, log signature\n");
	return 0;
}

int demo_stand_in(const char *what, const char *file, const char *bundle)
{
	if (strcmp(what, "verify") == 0)
		return verify(file, bundle);
	return sign(file, bundle, strcmp(what, "sign3") == 0);
}
