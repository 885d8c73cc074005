#include <sigrelay/builtin/canonical.h>

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sigrelay/base/bytes.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/builtin/keys.h>

#define ENTRY_MAX ((size_t)32 * 1024 * 1024)
#define VERIFIERS_MAX 8

static enum status refuse(struct refusal *why, int status, int code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static enum status refuse(struct refusal *why, int status, int code, const char *fmt, ...)
{
	va_list ap;
	why->status = status;
	why->code = code;
	va_start(ap, fmt);
	vsnprintf(why->message, sizeof(why->message), fmt, ap);
	va_end(ap);
	return STATUS_INVALID;
}

static enum status bad_entry(struct refusal *why, const char *what)
{
	return refuse(why, 400, 400, "error processing entry: %s", what);
}

/* A verifier as sent (PEM key or certificate) becomes a key to verify with and
 * the PEM that the log stores. */
struct verifier {
	EVP_PKEY *key;
	struct buf pem;
};

/* A certificate may bring its chain; the log stores all of it. */
static enum status certificates_parse(struct slice text, struct verifier *v)
{
	BIO *bio = BIO_new_mem_buf(text.p, (int)text.n);
	enum status s = bio ? STATUS_OK : STATUS_NO_MEMORY;
	X509 *cert;
	while (s == STATUS_OK && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		if (!v->key)
			v->key = X509_get_pubkey(cert);
		s = cert_pem(cert, &v->pem);
		X509_free(cert);
	}
	BIO_free(bio);
	return s;
}

static enum status verifier_parse(struct slice text, struct verifier *v)
{
	buf_init(&v->pem, ENTRY_MAX);
	enum status s = certificates_parse(text, v);
	if (v->key || s != STATUS_OK)
		return s;
	v->key = slice_contains(text, "-----BEGIN") ? key_parse(text) : NULL;
	return v->key ? key_pem(v->key, &v->pem) : STATUS_INVALID;
}

static void verifier_release(struct verifier *v)
{
	EVP_PKEY_free(v->key);
	buf_release(&v->pem);
}

static enum status verifier_from_base64(struct slice text, struct verifier *v)
{
	struct buf pem;
	buf_init(&pem, ENTRY_MAX);
	enum status s = base64_decode(text, &pem);
	if (s == STATUS_OK)
		s = verifier_parse(buf_slice(&pem), v);
	buf_release(&pem);
	return s;
}

/* Keys go in in JCS order; cJSON writes the strings that occur here as JCS does. */
static enum status print_canonical(cJSON *root, bool whole, struct buf *out)
{
	char *text = whole ? cJSON_PrintUnformatted(root) : NULL;
	enum status s = text ? buf_add_str(out, text) : STATUS_NO_MEMORY;
	cJSON_free(text);
	cJSON_Delete(root);
	return s;
}

static cJSON *entry_head(const char *kind, cJSON **spec)
{
	cJSON *root = cJSON_CreateObject();
	bool ok = cJSON_AddStringToObject(root, "apiVersion", "0.0.1") &&
		  cJSON_AddStringToObject(root, "kind", kind);
	*spec = ok ? cJSON_AddObjectToObject(root, "spec") : NULL;
	return root;
}

static bool add_hash(cJSON *parent, const char *name, const char *algorithm, const char *value)
{
	cJSON *hash = cJSON_AddObjectToObject(parent, name);
	return cJSON_AddStringToObject(hash, "algorithm", algorithm) &&
	       cJSON_AddStringToObject(hash, "value", value);
}

static enum status encode(struct slice in, struct buf *out)
{
	buf_init(out, 2 * ENTRY_MAX);
	return base64_encode(in, out);
}

static enum status hashedrekord_print(const char *algorithm, const char *hash, const char *signature,
				      const struct verifier *v, struct buf *out)
{
	cJSON *spec;
	struct buf pem;
	enum status s = encode(buf_slice(&v->pem), &pem);
	cJSON *root = s == STATUS_OK ? entry_head("hashedrekord", &spec) : NULL;
	cJSON *data = root ? cJSON_AddObjectToObject(spec, "data") : NULL;
	bool ok = data && add_hash(data, "hash", algorithm, hash);
	cJSON *sig = ok ? cJSON_AddObjectToObject(spec, "signature") : NULL;
	ok = ok && cJSON_AddStringToObject(sig, "content", signature);
	cJSON *key = ok ? cJSON_AddObjectToObject(sig, "publicKey") : NULL;
	ok = key && cJSON_AddStringToObject(key, "content", pem.p);
	buf_release(&pem);
	return print_canonical(root, ok, out);
}

static const struct hash_kind {
	const char *name, *openssl;
	size_t size;
} hash_kinds[] = { { "sha256", "SHA256", 32 }, { "sha384", "SHA384", 48 }, { "sha512", "SHA512", 64 } };

static const struct hash_kind *hash_kind(struct slice name)
{
	for (size_t i = 0; i < 3; i++) {
		if (slice_eq_str(name, hash_kinds[i].name))
			return &hash_kinds[i];
	}
	return NULL;
}

static enum status hashedrekord_verify(const struct hash_kind *kind, struct slice hash,
				       struct slice signature, const struct verifier *v, struct refusal *why)
{
	uint8_t digest[64];
	struct buf sig;
	buf_init(&sig, ENTRY_MAX);
	if (hex_decode(hash, digest, kind->size) != STATUS_OK)
		return bad_entry(why, "invalid value for hash");
	enum status s = base64_decode(signature, &sig);
	if (s == STATUS_OK &&
	    !key_verify_hash(v->key, kind->openssl, (struct slice){ (const char *)digest, kind->size },
			     buf_slice(&sig)))
		s = STATUS_INVALID;
	buf_release(&sig);
	return s == STATUS_INVALID
		   ? bad_entry(why, "verifying signature: invalid signature when validating ASN.1 "
				    "encoded signature")
		   : s;
}

static enum status hashedrekord(const cJSON *spec, struct buf *out, struct refusal *why)
{
	struct slice hash = json_str_at(spec, "data", "hash", "value", NULL);
	struct slice signature = json_str_at(spec, "signature", "content", NULL);
	struct slice key = json_str_at(spec, "signature", "publicKey", "content", NULL);
	const struct hash_kind *kind = hash_kind(json_str_at(spec, "data", "hash", "algorithm", NULL));
	struct verifier v = { .key = NULL };
	if (!signature.n)
		return bad_entry(why, "missing signature");
	if (!key.n)
		return bad_entry(why, "missing public key");
	if (!hash.n || !kind)
		return bad_entry(
		    why, hash.n ? "validation failure list:\ndata.hash.algorithm in body should be one "
				  "of [sha256 sha384 sha512]"
				: "missing hash value");
	enum status s = verifier_from_base64(key, &v);
	if (s == STATUS_INVALID)
		s = bad_entry(why, "invalid public key: failure decoding PEM");
	if (s == STATUS_OK)
		s = hashedrekord_verify(kind, hash, signature, &v, why);
	if (s == STATUS_OK)
		s = hashedrekord_print(kind->name, hash.p, signature.p, &v, out);
	verifier_release(&v);
	return s;
}

/* ---- dsse ---- */

struct signed_by {
	const char *signature; /* base64, as the envelope has it */
	const struct verifier *by;
};

struct dsse {
	struct verifier verifiers[VERIFIERS_MAX];
	size_t n_verifiers;
	struct signed_by signatures[VERIFIERS_MAX];
	size_t n_signatures;
	struct buf payload, pae;
};

static enum status read_verifiers(const cJSON *list, struct dsse *d)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, list)
	{
		if (d->n_verifiers == VERIFIERS_MAX || !cJSON_IsString(item))
			return STATUS_INVALID;
		enum status s =
		    verifier_from_base64(slice_str(item->valuestring), &d->verifiers[d->n_verifiers++]);
		if (s != STATUS_OK)
			return s;
	}
	return d->n_verifiers ? STATUS_OK : STATUS_INVALID;
}

/* DSSE's pre-authentication encoding: "DSSEv1 LEN TYPE LEN PAYLOAD". */
static enum status read_payload(const cJSON *envelope, struct dsse *d)
{
	struct slice type = json_str_at(envelope, "payloadType", NULL);
	enum status s = base64_decode(json_str_at(envelope, "payload", NULL), &d->payload);
	if (s == STATUS_OK)
		s = buf_addf(&d->pae, "DSSEv1 %zu %.*s %zu ", type.n, (int)type.n, type.n ? type.p : "",
			     d->payload.n);
	return s == STATUS_OK ? buf_add_slice(&d->pae, buf_slice(&d->payload)) : s;
}

static const struct verifier *signer_of(const struct dsse *d, struct slice signature)
{
	for (size_t i = 0; i < d->n_verifiers; i++) {
		if (key_verify(d->verifiers[i].key, buf_slice(&d->pae), signature))
			return &d->verifiers[i];
	}
	return NULL;
}

static enum status read_signatures(const cJSON *list, struct dsse *d)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, list)
	{
		struct slice text = json_str_at(item, "sig", NULL);
		struct buf raw;
		buf_init(&raw, ENTRY_MAX);
		enum status s = base64_decode(text, &raw);
		const struct verifier *by = s == STATUS_OK ? signer_of(d, buf_slice(&raw)) : NULL;
		buf_release(&raw);
		if (!by || d->n_signatures == VERIFIERS_MAX)
			return s == STATUS_OK ? STATUS_INVALID : s;
		d->signatures[d->n_signatures++] = (struct signed_by){ text.p, by };
	}
	return d->n_signatures ? STATUS_OK : STATUS_INVALID;
}

static int by_signature(const void *a, const void *b)
{
	return strcmp(((const struct signed_by *)a)->signature, ((const struct signed_by *)b)->signature);
}

static enum status hex_hash(struct slice of, char out[2 * SHA256_SIZE + 1])
{
	struct digest d;
	enum status s = sha256(&d, &of, 1);
	if (s == STATUS_OK)
		hex_encode(d.b, SHA256_SIZE, out);
	return s;
}

static bool add_signature(cJSON *list, const struct signed_by *sig)
{
	struct buf pem;
	cJSON *item = cJSON_CreateObject();
	if (!item || !cJSON_AddItemToArray(list, item)) {
		cJSON_Delete(item);
		return false;
	}
	bool ok = encode(buf_slice(&sig->by->pem), &pem) == STATUS_OK &&
		  cJSON_AddStringToObject(item, "signature", sig->signature) &&
		  cJSON_AddStringToObject(item, "verifier", pem.p);
	buf_release(&pem);
	return ok;
}

static enum status dsse_print(struct dsse *d, struct slice envelope, struct buf *out)
{
	char envelope_hash[2 * SHA256_SIZE + 1], payload_hash[2 * SHA256_SIZE + 1];
	cJSON *spec;
	enum status s = hex_hash(envelope, envelope_hash);
	if (s == STATUS_OK)
		s = hex_hash(buf_slice(&d->payload), payload_hash);
	if (s != STATUS_OK)
		return s;
	qsort(d->signatures, d->n_signatures, sizeof(d->signatures[0]), by_signature);
	cJSON *root = entry_head("dsse", &spec);
	bool ok = spec && add_hash(spec, "envelopeHash", "sha256", envelope_hash) &&
		  add_hash(spec, "payloadHash", "sha256", payload_hash);
	cJSON *list = ok ? cJSON_AddArrayToObject(spec, "signatures") : NULL;
	ok = list != NULL;
	for (size_t i = 0; ok && i < d->n_signatures; i++)
		ok = add_signature(list, &d->signatures[i]);
	return print_canonical(root, ok, out);
}

static enum status dsse_read(const cJSON *spec, const cJSON *envelope, struct dsse *d, struct refusal *why)
{
	enum status s = read_verifiers(json_at(spec, "proposedContent", "verifiers", NULL), d);
	if (s == STATUS_INVALID)
		return bad_entry(why, "could not parse public key as PEM");
	if (s == STATUS_OK)
		s = read_payload(envelope, d);
	if (s == STATUS_OK)
		s = read_signatures(json_at(envelope, "signatures", NULL), d);
	return s == STATUS_INVALID ? bad_entry(why, "could not verify envelope") : s;
}

static enum status dsse(const cJSON *spec, struct buf *out, struct refusal *why)
{
	struct slice text = json_str_at(spec, "proposedContent", "envelope", NULL);
	if (!text.n)
		return bad_entry(why, "proposed content envelope is missing");
	cJSON *envelope = json_parse(text);
	if (!envelope)
		return bad_entry(why, "the envelope is not JSON");
	struct dsse d = { .n_verifiers = 0 };
	buf_init(&d.payload, ENTRY_MAX);
	buf_init(&d.pae, 2 * ENTRY_MAX);
	enum status s = dsse_read(spec, envelope, &d, why);
	if (s == STATUS_OK)
		s = dsse_print(&d, text, out);
	for (size_t i = 0; i < d.n_verifiers; i++)
		verifier_release(&d.verifiers[i]);
	buf_release(&d.payload);
	buf_release(&d.pae);
	cJSON_Delete(envelope);
	return s;
}

/* ---- both ---- */

enum status canonical_from_json(const cJSON *entry, struct buf *out, struct refusal *why)
{
	static const char *const required[] = { "apiVersion", "spec" };
	struct slice kind = json_str_at(entry, "kind", NULL);
	if (!slice_eq_str(kind, "hashedrekord") && !slice_eq_str(kind, "dsse"))
		return refuse(
		    why, 400, 400,
		    "parsing proposedEntry body from \"\" failed, because invalid kind value: \"%.*s\"",
		    (int)(kind.n < 60 ? kind.n : 60), kind.n ? kind.p : "");
	for (size_t i = 0; i < 2; i++) {
		if (!json_at(entry, required[i], NULL))
			return refuse(why, 422, 602, "%s in body is required", required[i]);
	}
	struct slice version = json_str_at(entry, "apiVersion", NULL);
	if (!slice_eq_str(version, "0.0.1"))
		return refuse(why, 400, 400,
			      "error processing entry: entry type %s version '%.*s' is not supported", kind.p,
			      (int)(version.n < 20 ? version.n : 20), version.n ? version.p : "");
	const cJSON *spec = json_at(entry, "spec", NULL);
	return slice_eq_str(kind, "dsse") ? dsse(spec, out, why) : hashedrekord(spec, out, why);
}

enum status canonical_entry(struct slice body, struct buf *out, struct refusal *why)
{
	cJSON *entry = json_parse(body);
	if (!entry)
		return refuse(why, 400, 400,
			      "parsing proposedEntry body from \"\" failed, because invalid character");
	enum status s = canonical_from_json(entry, out, why);
	cJSON_Delete(entry);
	return s;
}

static enum status filler(EVP_PKEY *key, struct buf *out)
{
	char message[32], hash[2 * SHA256_SIZE + 1];
	struct verifier v = { .key = key };
	struct buf sig, text;
	buf_init(&v.pem, ENTRY_MAX);
	buf_init(&sig, ENTRY_MAX);
	buf_init(&text, ENTRY_MAX);
	struct slice m = { message, sizeof(message) };
	enum status s =
	    RAND_bytes((unsigned char *)message, sizeof(message)) == 1 ? hex_hash(m, hash) : STATUS_NO_MEMORY;
	if (s == STATUS_OK)
		s = key_sign(key, m, &sig);
	if (s == STATUS_OK)
		s = base64_encode(buf_slice(&sig), &text);
	if (s == STATUS_OK)
		s = key_pem(key, &v.pem);
	if (s == STATUS_OK)
		s = hashedrekord_print("sha256", hash, text.p, &v, out);
	buf_release(&v.pem);
	buf_release(&sig);
	buf_release(&text);
	return s;
}

enum status canonical_filler(struct buf *out)
{
	EVP_PKEY *key = key_new();
	enum status s = key ? filler(key, out) : STATUS_NO_MEMORY;
	EVP_PKEY_free(key);
	return s;
}
