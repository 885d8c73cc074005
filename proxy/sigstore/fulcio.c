#include <sigrelay/sigstore/fulcio.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/bytes.h>
#include <sigrelay/base/mem.h>

#include <sigrelay/sigstore/json_fields.h>
#include <sigrelay/sigstore/pem.h>

static bool unquote(struct slice *value)
{
	if (value->n < 2 || value->p[0] != '"')
		return false;
	*value = (struct slice){ value->p + 1, value->n - 2 };
	return true;
}

/* RFC 7519: NumericDate may have a fraction; what is no time is no limit. */
static enum status numeric_date(struct slice number, int64_t *out)
{
	char text[32], *end;
	if (number.n == 0 || number.n >= sizeof(text))
		return STATUS_NOT_FOUND;
	memcpy(text, number.p, number.n);
	text[number.n] = '\0';
	double v = strtod(text, &end);
	/* 1e11 s is the year 5138: a larger number is in another unit. */
	if (*end != '\0' || !(v > 0 && v < 1e11))
		return STATUS_NOT_FOUND;
	*out = (int64_t)floor(v);
	return STATUS_OK;
}

/* The middle one of three parts. */
static bool jwt_claims(struct slice token, struct slice *claims)
{
	const char *end = token.p + token.n;
	const char *one = token.n > 0 ? memchr(token.p, '.', token.n) : NULL;
	const char *two = one ? memchr(one + 1, '.', (size_t)(end - one - 1)) : NULL;
	if (!two || memchr(two + 1, '.', (size_t)(end - two - 1)))
		return false;
	*claims = (struct slice){ one + 1, (size_t)(two - one - 1) };
	return claims->n > 0;
}

enum status jwt_exp(struct slice token, int64_t *exp)
{
	struct slice claims;
	struct buf text;
	if (!jwt_claims(slice_trim(token), &claims))
		return STATUS_NOT_FOUND;
	buf_init(&text, claims.n);
	enum status st = base64_decode(claims, &text);
	if (st == STATUS_OK)
		st = numeric_date(json_raw_member(buf_slice(&text), "exp"), exp);
	buf_wipe(&text);
	return st == STATUS_OK || st == STATUS_NO_MEMORY ? st : STATUS_NOT_FOUND;
}

/* credentials.oidcIdentityToken; the gateway takes the proto's own spelling too
 * (fulcio.proto: oidc_identity_token; protojson). Borrowed from body. */
static struct slice body_token(struct slice body)
{
	struct slice credentials = json_raw_member(body, "credentials");
	struct slice token = json_raw_member(credentials, "oidcIdentityToken");
	if (token.n == 0)
		token = json_raw_member(credentials, "oidc_identity_token");
	return unquote(&token) ? token : (struct slice){ NULL, 0 };
}

/* fulcio cmd/app/http.go (extractOIDCTokenFromAuthHeader). */
static struct slice header_token(struct slice authorization)
{
	static const char scheme[] = "Bearer ";
	struct slice value = slice_trim(authorization);
	size_t n = sizeof(scheme) - 1;
	if (value.n >= n && slice_eq_icase((struct slice){ value.p, n }, scheme))
		value = (struct slice){ value.p + n, value.n - n };
	return slice_trim(value);
}

/* fulcio pkg/server/grpc_server.go: the body's token counts, the header's where
 * the body has none. */
enum status fulcio_token_exp(struct slice authorization, struct slice body, int64_t *exp)
{
	struct slice token = body_token(body);
	return jwt_exp(token.n > 0 ? token : header_token(authorization), exp);
}

static const char not_pem[] = "not a certificate chain in PEM";
static const char not_json[] = "not JSON";

static bool believe_chain(const cJSON *certificates)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, certificates)
	{
		if (!pem_is_certificates(json_str(item)))
			return false;
	}
	return cJSON_IsArray(certificates) && certificates->child;
}

/* fulcio.proto (SigningCertificate): one of two members, each with a chain. */
static bool believe_json_chain(struct slice body, const char **why)
{
	cJSON *root = json_parse_bounded(body);
	*why = root ? "no certificate chain in the JSON" : not_json;
	bool good =
	    believe_chain(json_at(root, "signedCertificateEmbeddedSct", "chain", "certificates", NULL)) ||
	    believe_chain(json_at(root, "signedCertificateDetachedSct", "chain", "certificates", NULL));
	cJSON_Delete(root);
	return good;
}

bool fulcio_sign_believed(struct slice path, struct slice body, const char **why)
{
	if (slice_starts(path, "/api/v2/"))
		return believe_json_chain(body, why);
	*why = not_pem;
	return pem_is_certificates(body);
}

bool fulcio_query_believed(struct slice path, struct slice body, const char **why)
{
	if (slice_eq_str(path, "/api/v1/rootCert")) {
		*why = not_pem;
		return pem_is_certificates(body);
	}
	cJSON *root = json_parse_bounded(body);
	bool good = cJSON_IsObject(root);
	cJSON_Delete(root);
	*why = "not a JSON object";
	return good;
}
