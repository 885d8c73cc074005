/* The keys of the built-in services, and what they sign. Made at start, kept in
 * memory only. Thin over OpenSSL. */
#ifndef SIGRELAY_BUILTIN_KEYS_H
#define SIGRELAY_BUILTIN_KEYS_H

#include <openssl/x509.h>
#include <stdbool.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/bytes.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>

/* All ECDSA P-256. */
struct keys {
	EVP_PKEY *log, *ct, *issuer; /* Rekor's, the CT log's, the OIDC issuer's */
	EVP_PKEY *ca, *tsa_ca, *tsa;
	X509 *ca_cert, *tsa_ca_cert, *tsa_cert;
	struct digest log_id, ct_id; /* SHA-256 of the public key's DER */
};

enum status keys_init(struct keys *k) MUST_CHECK; /* k zeroed; on failure nothing is left */
void keys_release(struct keys *k);

/* SHA-256 and ECDSA, an ASN.1 signature appended to out. */
enum status key_sign(EVP_PKEY *key, struct slice message, struct buf *out) MUST_CHECK;
/* The same as two 32-byte integers, as JWS wants it. */
enum status key_sign_jws(EVP_PKEY *key, struct slice message, struct buf *out) MUST_CHECK;
bool key_verify_jws(EVP_PKEY *key, struct slice message, struct slice signature);
/* Any key: by its own usual hash (SHA-256; SHA-384 and 512 for larger curves;
 * none for Ed25519). */
bool key_verify(EVP_PKEY *key, struct slice message, struct slice signature);
/* The signature over a hash that was computed elsewhere. digest_name: "SHA256", … */
bool key_verify_hash(EVP_PKEY *key, const char *digest_name, struct slice hash, struct slice signature);

enum status key_pem(EVP_PKEY *key, struct buf *out) MUST_CHECK; /* the public half */
enum status key_der(EVP_PKEY *key, struct buf *out) MUST_CHECK;
enum status cert_pem(X509 *cert, struct buf *out) MUST_CHECK;
enum status cert_der(X509 *cert, struct buf *out) MUST_CHECK;
/* The x and y of a P-256 key, 32 bytes each. */
enum status key_point(EVP_PKEY *key, uint8_t x[32], uint8_t y[32]) MUST_CHECK;

/* PEM or DER public key; NULL if it is neither. */
EVP_PKEY *key_parse(struct slice text) MUST_CHECK;
EVP_PKEY *key_new(void) MUST_CHECK;

/* Adds an extension in OpenSSL's configuration words. */
enum status cert_extension(X509 *cert, X509 *issuer, int nid, const char *value) MUST_CHECK;
/* Adds an extension by OID whose value is these bytes. */
enum status cert_extension_raw(X509 *cert, const char *oid, struct slice value) MUST_CHECK;
/* Serial number, version, validity from..to (seconds since 1970) and key. */
enum status cert_start(X509 *cert, EVP_PKEY *key, int64_t from, int64_t to) MUST_CHECK;

#endif
