#include <sigrelay/sigstore/answers.h>

#include <string.h>
#include <time.h>

#include <sigrelay/base/json.h>
#include <sigrelay/sigstore/fulcio.h>
#include <sigrelay/sigstore/rekor.h>
#include <sigrelay/sigstore/tsa.h>

#define DAY (86400 * USEC_PER_SEC)

/* The program never leaves the C locale, so the names are English. */
int64_t http_date(struct slice value)
{
	static const char *const forms[] = {
		"%a, %d %b %Y %H:%M:%S GMT",
		"%A, %d-%b-%y %H:%M:%S GMT",
		"%a %b %e %H:%M:%S %Y",
	};
	char text[64];
	if (!value.n || value.n >= sizeof(text) || memchr(value.p, '\0', value.n))
		return -1;
	memcpy(text, value.p, value.n);
	text[value.n] = '\0';
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = { .tm_isdst = 0 };
		const char *end = strptime(text, forms[i], &tm);
		if (end && *end == '\0')
			return timegm(&tm);
	}
	return -1;
}

static bool all_digits(struct slice value)
{
	size_t i = 0;
	while (i < value.n && value.p[i] >= '0' && value.p[i] <= '9')
		i++;
	return value.n > 0 && i == value.n;
}

usec retry_after_parse(struct slice value, usec wall)
{
	uint64_t seconds;
	value = slice_trim(value);
	if (all_digits(value)) {
		bool fits = slice_u64(value, &seconds) == STATUS_OK && seconds < 86400;
		return fits ? (usec)seconds * USEC_PER_SEC : DAY;
	}
	int64_t at = http_date(value);
	if (at < 0)
		return -1;
	return usec_max(0, usec_min(at * USEC_PER_SEC - wall, DAY));
}

/* sigstore pkg/signature/ecdsa.go ("… IEEE_P1363 encoded …"), by way of rekor
 * pkg/api/entries.go (searchLogQuery answers 400 to it). */
bool answer_400_is_transient(enum operation op, struct slice path, struct slice body)
{
	return op == OP_REKOR_QUERY && slice_eq_str(path, "/api/v1/log/entries/retrieve") &&
	       slice_contains(body, "IEEE_P1363");
}

static bool entry_believed(struct slice body, const char **why)
{
	struct entry entry;
	enum belief b = rekor_entry_check(body, (struct slice){ NULL, 0 }, &entry);
	*why = belief_name(b);
	return b == BELIEF_TRUE;
}

bool answer_believed(enum operation op, struct slice path, struct slice query, struct slice content_type,
		     struct slice body, const char **why)
{
	switch (op) {
	case OP_REKOR_CREATE:
	case OP_REKOR_GET:
		return entry_believed(body, why);
	case OP_REKOR_QUERY:
		return rekor_query_believed(path, query, content_type, body, why);
	case OP_FULCIO_SIGN:
		return fulcio_sign_believed(path, body, why);
	case OP_FULCIO_QUERY:
		return fulcio_query_believed(path, body, why);
	case OP_TSA_TIMESTAMP:
		return tsa_timestamp_believed(body, why);
	case OP_TSA_QUERY:
		return tsa_query_believed(body, why);
	case OP_COUNT:
		break;
	}
	*why = "no such operation";
	return false;
}

/* google.rpc.Code, by the mapping that grpc-gateway does the other way round
 * (runtime/errors.go). */
static int grpc_code(int http_status)
{
	static const struct {
		int http, grpc;
	} codes[] = {
		{ 400, 3 },  { 401, 16 }, { 403, 7 },  { 404, 5 },  { 405, 12 },
		{ 408, 4 },  { 409, 6 },  { 413, 8 },  { 429, 8 },  { 499, 1 },
		{ 500, 13 }, { 501, 12 }, { 502, 14 }, { 503, 14 }, { 504, 4 },
	};
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (codes[i].http == http_status)
			return codes[i].grpc;
	}
	return 2; /* unknown */
}

/* rekor and timestamp-authority: models.Error of pkg/api/error.go; fulcio:
 * google.rpc.Status as grpc-gateway writes it. */
static enum status error_print(enum service s, int http_status, const char *message, cJSON *root,
			       struct buf *out)
{
	bool rpc = s == SERVICE_FULCIO;
	if (!cJSON_AddNumberToObject(root, "code", rpc ? grpc_code(http_status) : http_status) ||
	    !cJSON_AddStringToObject(root, "message", message) ||
	    (rpc && !cJSON_AddArrayToObject(root, "details")))
		return STATUS_NO_MEMORY;
	char *text = cJSON_PrintUnformatted(root);
	if (!text)
		return STATUS_NO_MEMORY;
	enum status st = buf_add_str(out, text);
	cJSON_free(text);
	return st;
}

enum status error_body(enum service s, int http_status, const char *message, struct buf *out,
		       const char **content_type)
{
	cJSON *root = cJSON_CreateObject();
	if (!root)
		return STATUS_NO_MEMORY;
	enum status st = error_print(s, http_status, message, root, out);
	cJSON_Delete(root);
	if (st == STATUS_OK)
		*content_type = "application/json";
	return st;
}
