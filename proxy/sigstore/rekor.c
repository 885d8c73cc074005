/* Rekor v1 for those who relay it: the posted entry and what the log says of it. */
#include <sigrelay/sigstore/rekor.h>

#include <string.h>

#include <sigrelay/sigstore/hex_id.h>
#include <sigrelay/sigstore/json_fields.h>
#include <sigrelay/sigstore/pem.h>
#include <sigrelay/sigstore/rekor_body.h>

enum status rekor_posted_parse(struct slice body, struct posted *out)
{
	return rekor_body_read(body, true, out);
}

static bool same_digest(bool has_a, const struct digest *a, bool has_b, const struct digest *b)
{
	return !has_a || !has_b || memcmp(a->b, b->b, SHA256_SIZE) == 0;
}

static bool same_version(const char *a, const char *b)
{
	return a[0] == '\0' || b[0] == '\0' || strcmp(a, b) == 0;
}

/* The log takes only the very versions it implements and writes them back
 * (rekor pkg/types/versionmap.go). */
bool rekor_same_entry(const struct posted *posted, const struct entry *entry)
{
	const struct posted *a = posted, *b = &entry->stored;
	if (a->kind[0] == '\0')
		return true;
	return strcmp(a->kind, b->kind) == 0 && same_version(a->api_version, b->api_version) &&
	       same_digest(a->has_content, &a->content, b->has_content, &b->content) &&
	       same_digest(a->has_signature, &a->signature, b->has_signature, &b->signature) &&
	       same_digest(a->has_verifier, &a->verifier, b->has_verifier, &b->verifier);
}

/* Both ends belong to the life (RFC 5280 4.1.2.5); sigstore-go's verifier holds
 * integratedTime against it in the same way (pkg/verify/tlog.go). */
bool rekor_entry_late(const struct posted *posted, const struct entry *entry)
{
	if (posted->not_after == 0 || entry->integrated_time == 0)
		return false;
	return entry->integrated_time < posted->not_before || entry->integrated_time > posted->not_after;
}

static struct slice last_segment(struct slice location)
{
	location = slice_trim(location);
	for (size_t i = 0; i < location.n; i++) {
		if (location.p[i] == '?' || location.p[i] == '#')
			location.n = i;
	}
	while (location.n > 0 && location.p[location.n - 1] == '/')
		location.n--;
	const char *slash = location.n > 0 ? memrchr(location.p, '/', location.n) : NULL;
	if (!slash)
		return location;
	return (struct slice){ slash + 1, (size_t)(location.p + location.n - (slash + 1)) };
}

static struct slice last_word(struct slice message)
{
	const char *blank = message.n > 0 ? memrchr(message.p, ' ', message.n) : NULL;
	if (!blank)
		return message;
	return (struct slice){ blank + 1, (size_t)(message.p + message.n - (blank + 1)) };
}

static bool take_id(struct slice id, char *out)
{
	if (!hex_id_valid(id))
		return false;
	hex_id_lower(id, out);
	return true;
}

/* rekor pkg/api/entries.go sends a relative Location; pkg/api/error.go ends the
 * message with "… already exists in the transparency log with UUID %v". */
enum status rekor_conflict_id(struct slice location, struct slice body, char out[REKOR_ENTRY_ID_HEX + 1])
{
	if (take_id(last_segment(location), out))
		return STATUS_OK;
	cJSON *root = json_parse_bounded(body);
	bool found = take_id(last_word(json_str_at(root, "message", NULL)), out);
	cJSON_Delete(root);
	return found ? STATUS_OK : STATUS_NOT_FOUND;
}

/* The value of logIndex in a query, if it states one. */
static bool query_index(struct slice query, uint64_t *out)
{
	while (query.n > 0) {
		const char *end = memchr(query.p, '&', query.n);
		size_t n = end ? (size_t)(end - query.p) : query.n;
		struct slice param = { query.p, n };
		if (slice_starts(param, "logIndex="))
			return slice_u64((struct slice){ param.p + 9, n - 9 }, out) == STATUS_OK;
		query.p += end ? n + 1 : n;
		query.n -= end ? n + 1 : n;
	}
	return false;
}

static bool believe_index(struct slice query, struct slice body, const char **why)
{
	struct entry entry;
	uint64_t index;
	enum belief b = rekor_entry_check(body, (struct slice){ NULL, 0 }, &entry);
	if (b == BELIEF_TRUE && entry.log_index >= 0 && query_index(query, &index) &&
	    index != (uint64_t)entry.log_index)
		b = BELIEF_OTHER_ID;
	*why = belief_name(b);
	return b == BELIEF_TRUE;
}

static bool believe_entries(struct slice query, struct slice body, const char **why)
{
	(void)query;
	enum belief b = rekor_entries_check(body);
	*why = belief_name(b);
	return b == BELIEF_TRUE;
}

static bool believe_key(struct slice query, struct slice body, const char **why)
{
	(void)query;
	*why = "not a public key in PEM";
	return pem_is_public_key(body);
}

/* chi's heartbeat says "." (rekor configure_rekor_server.go). */
static bool believe_ping(struct slice query, struct slice body, const char **why)
{
	(void)query;
	struct slice text = slice_trim(body);
	*why = "an HTML page";
	return text.n == 0 || text.p[0] != '<';
}

/* LogInfo, ConsistencyProof: an object; the ids of /index/retrieve: an array. */
static bool believe_json(struct slice query, struct slice body, const char **why)
{
	(void)query;
	*why = "not a JSON object or array";
	return json_is_container(body);
}

static const struct {
	const char *path;
	bool (*believe)(struct slice query, struct slice body, const char **why);
} query_answers[] = {
	{ "/api/v1/log/entries", believe_index },
	{ "/api/v1/log/entries/retrieve", believe_entries },
	{ "/api/v1/log/publicKey", believe_key },
	{ "/ping", believe_ping },
};

bool rekor_query_believed(struct slice path, struct slice query, struct slice content_type, struct slice body,
			  const char **why)
{
	if (slice_contains(content_type, "text/html")) {
		*why = "an HTML page";
		return false;
	}
	for (size_t i = 0; i < sizeof(query_answers) / sizeof(query_answers[0]); i++) {
		if (slice_eq_str(path, query_answers[i].path))
			return query_answers[i].believe(query, body, why);
	}
	return believe_json(query, body, why);
}
