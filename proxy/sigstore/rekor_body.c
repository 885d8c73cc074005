/* Entry bodies by kind. The same reader takes a body as it was posted and as
 * the log stores it, because the log's form is the posted one with some fields
 * replaced by their hashes. Sources: rekor pkg/types/<kind>/<version>/entry.go
 * (Unmarshal, Canonicalize) and pkg/pki/x509/x509.go (CanonicalValue). */
#include <sigrelay/sigstore/rekor_body.h>

#include <stdlib.h>
#include <string.h>

#include <sigrelay/sigstore/json_fields.h>
#include <sigrelay/sigstore/pem.h>

/* Signatures and verifiers that are compared; an entry with more is compared by
 * what else it has. cosign and its like send one. */
#define SET_MAX 16

/* A set of digests: the log sorts the signatures of an envelope and drops those
 * that come twice, so neither order nor number may count. */
struct set {
	struct digest v[SET_MAX];
	size_t n;
	bool broken; /* an element could not be read, or there were too many */
};

struct reading {
	struct posted *out;
	bool with_life;
	struct set signatures, verifiers;
	enum status status;
};

static void fail(struct reading *r, enum status st)
{
	if (st == STATUS_NO_MEMORY)
		r->status = st;
}

static void set_add(struct set *set, const struct digest *d)
{
	if (set->n == SET_MAX)
		set->broken = true;
	else
		set->v[set->n++] = *d;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct digest));
}

static void set_sort(struct set *set)
{
	size_t n = 0;
	qsort(set->v, set->n, sizeof(set->v[0]), compare);
	for (size_t i = 0; i < set->n; i++) {
		if (n == 0 || compare(&set->v[n - 1], &set->v[i]) != 0)
			set->v[n++] = set->v[i];
	}
	set->n = n;
}

/* Sorts, and hashes into *out if there is something whole to hash. */
static bool set_close(struct reading *r, struct set *set, struct digest *out)
{
	set_sort(set);
	if (set->n == 0 || set->broken)
		return false;
	const struct slice all = { (const char *)set->v, set->n * sizeof(set->v[0]) };
	enum status st = sha256(out, &all, 1);
	fail(r, st);
	return st == STATUS_OK;
}

static enum status hash(struct slice bytes, struct digest *out)
{
	return sha256(out, &bytes, 1);
}

/* Text that decodes to something, in a buffer that the caller releases. */
static bool decode(struct reading *r, struct slice text, struct buf *out)
{
	buf_init(out, text.n);
	if (text.n == 0)
		return false;
	enum status st = base64_decode(text, out);
	fail(r, st);
	return st == STATUS_OK;
}

static void add_signature(struct reading *r, struct slice bytes)
{
	struct digest d;
	enum status st = bytes.n > 0 ? hash(bytes, &d) : STATUS_INVALID;
	fail(r, st);
	if (st == STATUS_OK)
		set_add(&r->signatures, &d);
	else
		r->signatures.broken = true;
}

static void add_signature_base64(struct reading *r, struct slice text)
{
	struct buf raw;
	bool good = decode(r, text, &raw);
	add_signature(r, good ? buf_slice(&raw) : (struct slice){ NULL, 0 });
	buf_release(&raw);
}

static void narrow_life(struct posted *p, const struct pem_facts *facts)
{
	if (facts->not_after == 0)
		return;
	if (facts->not_before > p->not_before)
		p->not_before = facts->not_before;
	if (p->not_after == 0 || facts->not_after < p->not_after)
		p->not_after = facts->not_after;
}

/* A key or certificate chain: base64 of PEM. The log writes the PEM anew, with
 * the same DER in it (x509.go: CanonicalValue). A chain's life is its leaf's,
 * the first (x509.go: CryptoPubKey): that is the one that verifiers hold
 * against integratedTime. */
static void add_verifier(struct reading *r, struct slice text)
{
	struct buf pem;
	struct pem_facts facts;
	bool good = decode(r, text, &pem) && pem_read(buf_slice(&pem), r->with_life, &facts) == STATUS_OK;
	buf_release(&pem);
	if (!good) {
		r->verifiers.broken = true;
		return;
	}
	set_add(&r->verifiers, &facts.der);
	narrow_life(r->out, &facts);
}

static void set_content(struct reading *r, struct slice bytes)
{
	enum status st = hash(bytes, &r->out->content);
	fail(r, st);
	r->out->has_content = st == STATUS_OK;
}

/* A hash that the body states: {"algorithm", "value"}. SHA-256 is kept as it
 * is, so that it compares with one computed here; longer ones are hashed. */
static void set_content_hex(struct reading *r, struct slice hex)
{
	uint8_t raw[64];
	if (hex.n > 2 * sizeof(raw) || hex_decode(hex, raw, hex.n / 2) != STATUS_OK)
		return;
	if (hex.n == 2 * SHA256_SIZE) {
		memcpy(r->out->content.b, raw, SHA256_SIZE);
		r->out->has_content = true;
	} else if (hex.n > 0) {
		set_content(r, (struct slice){ (const char *)raw, hex.n / 2 });
	}
}

/* hashedrekord/v0.0.1: data.hash, signature.content and publicKey.content all
 * survive, the PEM written anew. */
static void read_hashedrekord(struct reading *r, const cJSON *spec)
{
	set_content_hex(r, json_str_at(spec, "data", "hash", "value", NULL));
	add_signature_base64(r, json_str_at(spec, "signature", "content", NULL));
	add_verifier(r, json_str_at(spec, "signature", "publicKey", "content", NULL));
}

/* rekord/v0.0.1: data.content is replaced by its hash. Signatures and keys of
 * formats other than x509 (pgp, minisign, ssh) are written anew in ways that
 * are theirs (pkg/pki), so they are not compared. */
static void read_rekord(struct reading *r, const cJSON *spec)
{
	struct buf data;
	struct slice stated = json_str_at(spec, "data", "hash", "value", NULL);
	if (stated.n > 0) {
		set_content_hex(r, stated);
	} else {
		if (decode(r, json_str_at(spec, "data", "content", NULL), &data))
			set_content(r, buf_slice(&data));
		buf_release(&data);
	}
	if (!slice_eq_str(json_str_at(spec, "signature", "format", NULL), "x509"))
		return;
	add_signature_base64(r, json_str_at(spec, "signature", "content", NULL));
	add_verifier(r, json_str_at(spec, "signature", "publicKey", "content", NULL));
}

static void set_payload(struct reading *r, struct slice base64)
{
	struct buf payload;
	if (decode(r, base64, &payload))
		set_content(r, buf_slice(&payload));
	buf_release(&payload);
}

/* The envelope as a string of JSON: {"payload": base64, "signatures": [{"sig"}]}. */
static void read_envelope(struct reading *r, struct slice text, bool with_signatures)
{
	cJSON *envelope = json_parse_bounded(text);
	const cJSON *signatures = with_signatures ? json_at(envelope, "signatures", NULL) : NULL;
	const cJSON *signature;
	set_payload(r, json_str_at(envelope, "payload", NULL));
	cJSON_ArrayForEach(signature, signatures)
	{
		add_signature(r, json_str_at(signature, "sig", NULL));
	}
	cJSON_Delete(envelope);
}

/* dsse/v0.0.1: proposedContent {envelope, verifiers} becomes envelopeHash,
 * payloadHash and signatures [{signature, verifier}], the signature as the
 * string that stood in the envelope. The envelope's own hash is not compared:
 * the payload's and the signatures say the same. Verifiers that no signature
 * needed are left out by the log (verifyEnvelope), so several are not compared. */
static void read_dsse_proposed(struct reading *r, const cJSON *proposed)
{
	const cJSON *verifier;
	read_envelope(r, json_str_at(proposed, "envelope", NULL), true);
	cJSON_ArrayForEach(verifier, json_at(proposed, "verifiers", NULL))
	{
		add_verifier(r, json_str(verifier));
	}
	set_sort(&r->verifiers);
	if (r->verifiers.n > 1)
		r->verifiers.broken = true;
}

static void read_dsse(struct reading *r, const cJSON *spec)
{
	const cJSON *proposed = json_at(spec, "proposedContent", NULL);
	if (cJSON_IsObject(proposed)) {
		read_dsse_proposed(r, proposed);
		return;
	}
	const cJSON *signature;
	set_content_hex(r, json_str_at(spec, "payloadHash", "value", NULL));
	cJSON_ArrayForEach(signature, json_at(spec, "signatures", NULL))
	{
		add_signature(r, json_str_at(signature, "signature", NULL));
		add_verifier(r, json_str_at(signature, "verifier", NULL));
	}
}

/* intoto/v0.0.1: the envelope is a string, and only its hashes and the key are
 * kept; the signatures are gone. payloadHash is missing in old entries. */
static void read_intoto_001(struct reading *r, const cJSON *spec)
{
	struct slice envelope = json_str_at(spec, "content", "envelope", NULL);
	if (envelope.n > 0)
		read_envelope(r, envelope, false);
	else
		set_content_hex(r, json_str_at(spec, "content", "payloadHash", "value", NULL));
	add_verifier(r, json_str_at(spec, "publicKey", NULL));
}

/* The payload is base64 twice over: the field's own, and DSSE's within it. */
static void set_payload_twice(struct reading *r, struct slice text)
{
	struct buf inner;
	if (decode(r, text, &inner))
		set_payload(r, buf_slice(&inner));
	buf_release(&inner);
}

/* intoto/v0.0.2: the envelope is an object; its payload is replaced by
 * payloadHash (computed by the log, whatever was posted), its signatures and
 * keys are kept byte for byte. */
static void read_intoto_002(struct reading *r, const cJSON *spec)
{
	const cJSON *envelope = json_at(spec, "content", "envelope", NULL), *signature;
	struct slice payload = json_str_at(envelope, "payload", NULL);
	if (payload.n > 0)
		set_payload_twice(r, payload);
	else
		set_content_hex(r, json_str_at(spec, "content", "payloadHash", "value", NULL));
	cJSON_ArrayForEach(signature, json_at(envelope, "signatures", NULL))
	{
		add_signature_base64(r, json_str_at(signature, "sig", NULL));
		add_verifier(r, json_str_at(signature, "publicKey", NULL));
	}
}

static void read_intoto(struct reading *r, const cJSON *spec)
{
	if (cJSON_IsObject(json_at(spec, "content", "envelope", NULL)))
		read_intoto_002(r, spec);
	else
		read_intoto_001(r, spec);
}

/* Kinds that are not here are compared by their name alone: nothing of them is
 * known to survive. */
static const struct {
	const char *kind;
	void (*read)(struct reading *r, const cJSON *spec);
} kinds[] = {
	{ "hashedrekord", read_hashedrekord },
	{ "dsse", read_dsse },
	{ "intoto", read_intoto },
	{ "rekord", read_rekord },
};

/* False when the name does not fit: it is then not understood. */
static bool copy_name(struct slice from, char *to, size_t room)
{
	if (from.n >= room)
		return false;
	memcpy(to, from.p ? from.p : "", from.n);
	to[from.n] = '\0';
	return true;
}

static void read_spec(struct reading *r, const cJSON *spec)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(r->out->kind, kinds[i].kind) == 0)
			kinds[i].read(r, spec);
	}
	r->out->has_signature = set_close(r, &r->signatures, &r->out->signature);
	r->out->has_verifier = set_close(r, &r->verifiers, &r->out->verifier);
}

enum status rekor_body_read(struct slice body, bool with_life, struct posted *out)
{
	struct posted made = { .kind = "" };
	struct reading r = { .out = &made, .with_life = with_life };
	cJSON *root = json_parse_bounded(body);
	if (copy_name(json_str_at(root, "kind", NULL), made.kind, sizeof(made.kind)) &&
	    copy_name(json_str_at(root, "apiVersion", NULL), made.api_version, sizeof(made.api_version)))
		read_spec(&r, json_at(root, "spec", NULL));
	cJSON_Delete(root);
	if (r.status != STATUS_OK)
		return r.status;
	*out = made;
	return STATUS_OK;
}
