#include <sigrelay/builtin/keys.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#define YEAR ((int64_t)365 * 24 * 3600)

EVP_PKEY *key_new(void)
{
	return EVP_EC_gen("P-256");
}

enum status key_sign(EVP_PKEY *key, struct slice message, struct buf *out)
{
	unsigned char sig[256];
	size_t n = sizeof(sig);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
		  EVP_DigestSign(ctx, sig, &n, (const unsigned char *)message.p, message.n) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? buf_add(out, sig, n) : STATUS_NO_MEMORY;
}

enum status key_sign_jws(EVP_PKEY *key, struct slice message, struct buf *out)
{
	unsigned char raw[64];
	struct buf der;
	buf_init(&der, 256);
	enum status s = key_sign(key, message, &der);
	const unsigned char *p = (const unsigned char *)der.p;
	ECDSA_SIG *sig = s == STATUS_OK ? d2i_ECDSA_SIG(NULL, &p, (long)der.n) : NULL;
	bool ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32) == 32 &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32) == 32;
	ECDSA_SIG_free(sig);
	buf_release(&der);
	return ok ? buf_add(out, raw, sizeof(raw)) : STATUS_NO_MEMORY;
}

/* What LoadDefaultVerifier of sigstore takes for a key of this kind. */
static const EVP_MD *default_hash(EVP_PKEY *key)
{
	if (EVP_PKEY_is_a(key, "ED25519"))
		return NULL;
	int bits = EVP_PKEY_get_bits(key);
	if (EVP_PKEY_is_a(key, "EC") && bits > 256)
		return bits > 384 ? EVP_sha512() : EVP_sha384();
	return EVP_sha256();
}

bool key_verify(EVP_PKEY *key, struct slice message, struct slice signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestVerifyInit(ctx, NULL, default_hash(key), NULL, key) == 1 &&
		  EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n,
				   (const unsigned char *)message.p, message.n) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

bool key_verify_jws(EVP_PKEY *key, struct slice message, struct slice signature)
{
	if (signature.n != 64)
		return false;
	const unsigned char *raw = (const unsigned char *)signature.p;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, 32, NULL), *s = BN_bin2bn(raw + 32, 32, NULL);
	if (!sig || !r || !s || ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		ECDSA_SIG_free(sig);
		return false;
	}
	unsigned char *der = NULL;
	int n = i2d_ECDSA_SIG(sig, &der);
	bool ok = n > 0 && key_verify(key, message, (struct slice){ (const char *)der, (size_t)n });
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	return ok;
}

bool key_verify_hash(EVP_PKEY *key, const char *digest_name, struct slice hash, struct slice signature)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	const EVP_MD *md = EVP_get_digestbyname(digest_name);
	bool ok = ctx && md && EVP_PKEY_verify_init(ctx) == 1 &&
		  EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 &&
		  EVP_PKEY_verify(ctx, (const unsigned char *)signature.p, signature.n,
				  (const unsigned char *)hash.p, hash.n) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/* Moves what a writer left in a memory BIO to out, and frees the BIO. */
static enum status drain(BIO *bio, bool written, struct buf *out)
{
	char *p = NULL;
	long n = written ? BIO_get_mem_data(bio, &p) : -1;
	enum status s = n < 0 ? STATUS_NO_MEMORY : buf_add(out, p, (size_t)n);
	BIO_free(bio);
	return s;
}

enum status key_pem(EVP_PKEY *key, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	return drain(bio, bio && PEM_write_bio_PUBKEY(bio, key) == 1, out);
}

enum status key_der(EVP_PKEY *key, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	return drain(bio, bio && i2d_PUBKEY_bio(bio, key) == 1, out);
}

enum status cert_pem(X509 *cert, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	return drain(bio, bio && PEM_write_bio_X509(bio, cert) == 1, out);
}

enum status cert_der(X509 *cert, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	return drain(bio, bio && i2d_X509_bio(bio, cert) == 1, out);
}

static bool coordinate(EVP_PKEY *key, const char *name, uint8_t out[32])
{
	BIGNUM *n = NULL;
	bool ok = EVP_PKEY_get_bn_param(key, name, &n) == 1 && BN_bn2binpad(n, out, 32) == 32;
	BN_free(n);
	return ok;
}

enum status key_point(EVP_PKEY *key, uint8_t x[32], uint8_t y[32])
{
	bool ok =
	    coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X, x) && coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y, y);
	return ok ? STATUS_OK : STATUS_NO_MEMORY;
}

EVP_PKEY *key_parse(struct slice text)
{
	BIO *bio = BIO_new_mem_buf(text.p, (int)text.n);
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	const unsigned char *p = (const unsigned char *)text.p;
	return key ? key : d2i_PUBKEY(NULL, &p, (long)text.n);
}

enum status cert_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	bool ok = e && X509_add_ext(cert, e, -1) == 1;
	X509_EXTENSION_free(e);
	return ok ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status cert_extension_raw(X509 *cert, const char *oid, struct slice value)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	X509_EXTENSION *e = NULL;
	if (object && octets &&
	    ASN1_OCTET_STRING_set(octets, (const unsigned char *)value.p, (int)value.n) == 1)
		e = X509_EXTENSION_create_by_OBJ(NULL, object, 0, octets);
	bool ok = e && X509_add_ext(cert, e, -1) == 1;
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(octets);
	ASN1_OBJECT_free(object);
	return ok ? STATUS_OK : STATUS_NO_MEMORY;
}

static bool random_serial(ASN1_INTEGER *out)
{
	unsigned char bytes[19];
	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] |= 1; /* never zero */
	BIGNUM *n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	bool ok = n && BN_to_ASN1_INTEGER(n, out) == out;
	BN_free(n);
	return ok;
}

enum status cert_start(X509 *cert, EVP_PKEY *key, int64_t from, int64_t to)
{
	bool ok = X509_set_version(cert, X509_VERSION_3) == 1 && random_serial(X509_get_serialNumber(cert)) &&
		  ASN1_TIME_set(X509_getm_notBefore(cert), from) &&
		  ASN1_TIME_set(X509_getm_notAfter(cert), to) && X509_set_pubkey(cert, key) == 1;
	return ok ? STATUS_OK : STATUS_NO_MEMORY;
}

struct extension {
	int nid;
	const char *value;
};

static bool set_name(X509_NAME *name, const char *organization, const char *common_name)
{
	return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)organization, -1,
					  -1, 0) == 1 &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1,
					  -1, 0) == 1;
}

/* issuer NULL: self-signed. extensions end with nid 0. */
static enum status certify(X509 **out, EVP_PKEY *key, const char *common_name, X509 *issuer,
			   EVP_PKEY *issuer_key, const struct extension *extensions)
{
	int64_t now = time(NULL);
	X509 *cert = X509_new();
	enum status s = cert ? cert_start(cert, key, now - 3600, now + YEAR) : STATUS_NO_MEMORY;
	if (s == STATUS_OK &&
	    (!set_name(X509_get_subject_name(cert), "sigrelay built-in", common_name) ||
	     X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert)) != 1))
		s = STATUS_NO_MEMORY;
	for (; s == STATUS_OK && extensions->nid; extensions++)
		s = cert_extension(cert, issuer ? issuer : cert, extensions->nid, extensions->value);
	if (s == STATUS_OK && X509_sign(cert, issuer_key, EVP_sha256()) == 0)
		s = STATUS_NO_MEMORY;
	if (s != STATUS_OK) {
		X509_free(cert);
		return s;
	}
	*out = cert;
	return STATUS_OK;
}

static enum status key_id(EVP_PKEY *key, struct digest *out)
{
	struct buf der;
	buf_init(&der, 1024);
	enum status s = key_der(key, &der);
	struct slice part = buf_slice(&der);
	if (s == STATUS_OK)
		s = sha256(out, &part, 1);
	buf_release(&der);
	return s;
}

static enum status make_keys(struct keys *k)
{
	EVP_PKEY **all[] = { &k->log, &k->ct, &k->issuer, &k->ca, &k->tsa_ca, &k->tsa };
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		*all[i] = key_new();
		if (!*all[i])
			return STATUS_NO_MEMORY;
	}
	enum status s = key_id(k->log, &k->log_id);
	return s == STATUS_OK ? key_id(k->ct, &k->ct_id) : s;
}

static enum status make_certs(struct keys *k)
{
	static const struct extension ca[] = {
		{ NID_basic_constraints, "critical,CA:TRUE" },
		{ NID_key_usage, "critical,keyCertSign,cRLSign" },
		{ NID_subject_key_identifier, "hash" },
		{ 0, NULL },
	};
	static const struct extension tsa[] = {
		{ NID_key_usage, "critical,digitalSignature" },
		{ NID_ext_key_usage, "critical,timeStamping" },
		{ NID_subject_key_identifier, "hash" },
		{ NID_authority_key_identifier, "keyid:always" },
		{ 0, NULL },
	};
	enum status s = certify(&k->ca_cert, k->ca, "certificate authority", NULL, k->ca, ca);
	if (s == STATUS_OK)
		s = certify(&k->tsa_ca_cert, k->tsa_ca, "timestamp root", NULL, k->tsa_ca, ca);
	if (s == STATUS_OK)
		s = certify(&k->tsa_cert, k->tsa, "timestamp authority", k->tsa_ca_cert, k->tsa_ca, tsa);
	return s;
}

enum status keys_init(struct keys *k)
{
	enum status s = make_keys(k);
	if (s == STATUS_OK)
		s = make_certs(k);
	if (s != STATUS_OK)
		keys_release(k);
	return s;
}

void keys_release(struct keys *k)
{
	EVP_PKEY *keys[] = { k->log, k->ct, k->issuer, k->ca, k->tsa_ca, k->tsa };
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		EVP_PKEY_free(keys[i]);
	X509_free(k->ca_cert);
	X509_free(k->tsa_ca_cert);
	X509_free(k->tsa_cert);
	memset(k, 0, sizeof(*k));
}
