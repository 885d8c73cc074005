/* Sources: RFC 3161 2.4.2; timestamp-authority pkg/api/timestamp.go. */
#include <sigrelay/sigstore/tsa.h>

#include <limits.h>

#include <openssl/err.h>
#include <openssl/ts.h>

#include <sigrelay/sigstore/pem.h>

/* 0 granted, 1 granted with modifications: the two that carry a token. */
static bool granted(TS_RESP *resp)
{
	const ASN1_INTEGER *status = TS_STATUS_INFO_get0_status(TS_RESP_get_status_info(resp));
	int64_t v;
	return status && ASN1_INTEGER_get_int64(&v, status) == 1 && (v == 0 || v == 1) &&
	       TS_RESP_get_token(resp);
}

static TS_RESP *parse(struct slice body)
{
	if (body.n == 0 || body.n > INT_MAX)
		return NULL;
	const unsigned char *p = (const unsigned char *)body.p, *end = p + body.n;
	TS_RESP *resp = d2i_TS_RESP(NULL, &p, (long)body.n);
	if (resp && p != end) {
		TS_RESP_free(resp);
		return NULL;
	}
	return resp;
}

bool tsa_timestamp_believed(struct slice body, const char **why)
{
	TS_RESP *resp = parse(body);
	bool good = resp && granted(resp);
	*why = resp ? "a timestamp reply that grants no token" : "not a timestamp reply in DER";
	TS_RESP_free(resp);
	ERR_clear_error(); /* the thread's error queue belongs to TLS */
	return good;
}

bool tsa_query_believed(struct slice body, const char **why)
{
	*why = "not a certificate chain in PEM";
	return pem_is_certificates(body);
}
