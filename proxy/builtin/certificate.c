/* Certificates as Fulcio issues them, with an embedded signed certificate
 * timestamp (RFC 6962 sections 3.2 and 3.3). */
#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include <sigrelay/builtin/inside.h>

#define CERTIFICATE_LIFE 600 /* seconds */
#define OID_ISSUER_V1 "1.3.6.1.4.1.57264.1.1"
#define OID_ISSUER_V2 "1.3.6.1.4.1.57264.1.8"
#define OID_SCT_LIST "1.3.6.1.4.1.11129.2.4.2"

static enum status add_issuer(X509 *cert, const char *url)
{
	unsigned char *der = NULL;
	ASN1_UTF8STRING *text = ASN1_UTF8STRING_new();
	int n = text && ASN1_STRING_set(text, url, -1) == 1 ? i2d_ASN1_UTF8STRING(text, &der) : -1;
	enum status s = cert_extension_raw(cert, OID_ISSUER_V1, slice_str(url));
	if (s == STATUS_OK)
		s = n > 0 ? cert_extension_raw(cert, OID_ISSUER_V2,
					       (struct slice){ (const char *)der, (size_t)n })
			  : STATUS_NO_MEMORY;
	OPENSSL_free(der);
	ASN1_UTF8STRING_free(text);
	return s;
}

static enum status add_extensions(const struct builtin_log *l, X509 *cert, const struct identity *who)
{
	char name[sizeof(who->name) + 16];
	X509 *ca = l->keys.ca_cert;
	snprintf(name, sizeof(name), "critical,%s", who->name);
	enum status s = cert_extension(cert, ca, NID_key_usage, "critical,digitalSignature");
	if (s == STATUS_OK)
		s = cert_extension(cert, ca, NID_ext_key_usage, "codeSigning");
	if (s == STATUS_OK)
		s = cert_extension(cert, ca, NID_subject_key_identifier, "hash");
	if (s == STATUS_OK)
		s = cert_extension(cert, ca, NID_authority_key_identifier, "keyid:always");
	if (s == STATUS_OK)
		s = cert_extension(cert, ca, NID_subject_alt_name, name);
	return s == STATUS_OK ? add_issuer(cert, l->url) : s;
}

static enum status add_number(struct buf *out, uint64_t n, size_t bytes)
{
	unsigned char be[8];
	for (size_t i = 0; i < bytes; i++)
		be[i] = (unsigned char)(n >> (8 * (bytes - 1 - i)));
	return buf_add(out, be, bytes);
}

/* The hash over the CA's public key, which a precertificate entry names. */
static enum status issuer_key_hash(const struct builtin_log *l, struct digest *out)
{
	struct buf der;
	buf_init(&der, 1024);
	enum status s = key_der(l->keys.ca, &der);
	struct slice part = buf_slice(&der);
	if (s == STATUS_OK)
		s = sha256(out, &part, 1);
	buf_release(&der);
	return s;
}

/* digitally-signed struct { version, signature_type, timestamp, precert_entry,
 * issuer_key_hash, tbs, extensions } */
static enum status sct_input(const struct builtin_log *l, X509 *precert, uint64_t ms, struct buf *out)
{
	struct digest issuer;
	unsigned char *tbs = NULL;
	int n = i2d_re_X509_tbs(precert, &tbs);
	enum status s = n > 0 ? issuer_key_hash(l, &issuer) : STATUS_NO_MEMORY;
	if (s == STATUS_OK)
		s = buf_add(out, "\0\0", 2);
	if (s == STATUS_OK)
		s = add_number(out, ms, 8);
	if (s == STATUS_OK)
		s = add_number(out, 1, 2);
	if (s == STATUS_OK)
		s = buf_add(out, issuer.b, SHA256_SIZE);
	if (s == STATUS_OK)
		s = add_number(out, (uint64_t)n, 3);
	if (s == STATUS_OK)
		s = buf_add(out, tbs, (size_t)n);
	OPENSSL_free(tbs);
	return s == STATUS_OK ? add_number(out, 0, 2) : s;
}

/* One SCT: version, log id, timestamp, no extensions, SHA-256 with ECDSA, signature. */
static enum status sct(const struct builtin_log *l, X509 *precert, struct buf *out)
{
	uint64_t ms = (uint64_t)(clock_now().wall / USEC_PER_MSEC);
	struct buf input, sig;
	buf_init(&input, 64 * 1024);
	buf_init(&sig, 256);
	enum status s = sct_input(l, precert, ms, &input);
	if (s == STATUS_OK)
		s = key_sign(l->keys.ct, buf_slice(&input), &sig);
	if (s == STATUS_OK)
		s = add_number(out, 0, 1);
	if (s == STATUS_OK)
		s = buf_add(out, l->keys.ct_id.b, SHA256_SIZE);
	if (s == STATUS_OK)
		s = add_number(out, ms, 8);
	if (s == STATUS_OK)
		s = buf_add(out, "\0\0\4\3", 4);
	if (s == STATUS_OK)
		s = add_number(out, sig.n, 2);
	if (s == STATUS_OK)
		s = buf_add_slice(out, buf_slice(&sig));
	buf_release(&input);
	buf_release(&sig);
	return s;
}

static enum status add_octets(X509 *cert, const struct buf *list)
{
	unsigned char *der = NULL;
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	int n = octets && ASN1_OCTET_STRING_set(octets, (const unsigned char *)list->p, (int)list->n) == 1
		    ? i2d_ASN1_OCTET_STRING(octets, &der)
		    : -1;
	enum status s =
	    n > 0 ? cert_extension_raw(cert, OID_SCT_LIST, (struct slice){ (const char *)der, (size_t)n })
		  : STATUS_NO_MEMORY;
	OPENSSL_free(der);
	ASN1_OCTET_STRING_free(octets);
	return s;
}

/* Must come last: a verifier takes this extension out to get the precertificate. */
static enum status embed_sct(const struct builtin_log *l, X509 *cert)
{
	struct buf one, list;
	buf_init(&one, 1024);
	buf_init(&list, 1024);
	enum status s = sct(l, cert, &one);
	if (s == STATUS_OK)
		s = add_number(&list, one.n + 2, 2);
	if (s == STATUS_OK)
		s = add_number(&list, one.n, 2);
	if (s == STATUS_OK)
		s = buf_add_slice(&list, buf_slice(&one));
	if (s == STATUS_OK)
		s = add_octets(cert, &list);
	buf_release(&one);
	buf_release(&list);
	return s;
}

static enum status sign_cert(const struct builtin_log *l, X509 *cert)
{
	return X509_sign(cert, l->keys.ca, EVP_sha256()) > 0 ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status certificate_issue(const struct builtin_log *l, EVP_PKEY *key, const struct identity *who,
			      X509 **out)
{
	int64_t now = clock_now().wall / USEC_PER_SEC;
	X509 *cert = X509_new();
	enum status s = cert ? cert_start(cert, key, now, now + CERTIFICATE_LIFE) : STATUS_NO_MEMORY;
	if (s == STATUS_OK && X509_set_issuer_name(cert, X509_get_subject_name(l->keys.ca_cert)) != 1)
		s = STATUS_NO_MEMORY;
	if (s == STATUS_OK)
		s = add_extensions(l, cert, who);
	if (s == STATUS_OK)
		s = sign_cert(l, cert); /* so that the precertificate names its algorithm */
	if (s == STATUS_OK)
		s = embed_sct(l, cert);
	if (s == STATUS_OK)
		s = sign_cert(l, cert);
	if (s != STATUS_OK) {
		X509_free(cert);
		return s;
	}
	*out = cert;
	return STATUS_OK;
}
