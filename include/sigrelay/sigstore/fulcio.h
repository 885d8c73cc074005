/* Fulcio: the token's end, and what a good answer is.
 * Sources: fulcio pkg/server (v1 legacy: 201 PEM chain; v2: 200 JSON with
 * signedCertificateEmbeddedSct or signedCertificateDetachedSct). RFC 7519. */
#ifndef SIGRELAY_SIGSTORE_FULCIO_H
#define SIGRELAY_SIGSTORE_FULCIO_H

#include <stdbool.h>
#include <stdint.h>

#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>

/* The exp of the OIDC token that a signing request carries: in the
 * Authorization header (v1) or in credentials.oidcIdentityToken (v2). The token
 * is not verified, only read; every copy made is wiped. STATUS_NOT_FOUND when
 * there is no readable exp. */
enum status fulcio_token_exp(struct slice authorization, struct slice body, int64_t *exp) MUST_CHECK;
/* The exp of one JWT (three dot-separated parts). */
enum status jwt_exp(struct slice token, int64_t *exp) MUST_CHECK;

/* Is a 2xx to fulcio.sign a certificate chain, PEM or JSON with one? */
bool fulcio_sign_believed(struct slice path, struct slice body, const char **why);
/* Is a 2xx to fulcio.query what its path says (rootCert: PEM; others JSON)? */
bool fulcio_query_believed(struct slice path, struct slice body, const char **why);

#endif
