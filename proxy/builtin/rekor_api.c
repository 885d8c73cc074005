/* Rekor v1's HTTP API (rekor openapi.yaml; pkg/api/{entries,tlog,error}.go). */
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/builtin/canonical.h>
#include <sigrelay/builtin/inside.h>

#define ENTRIES_PATH "/api/v1/log/entries"
#define WRITE_TIMEOUT (30 * USEC_PER_SEC) /* Rekor's HTTP server's */
#define FIRST_LOOK (100 * USEC_PER_MSEC)  /* Trillian's client waits 100 ms .. 10 s for a leaf */
#define LAST_LOOK (10 * USEC_PER_SEC)
#define MAX_QUERIES 10

static void refuse(struct builtin_log *l, struct call *c, int status, int code, const char *message)
{
	struct response a;
	response_init(&a, status, "application/json");
	cJSON *root = cJSON_CreateObject();
	bool ok =
	    cJSON_AddNumberToObject(root, "code", code) && cJSON_AddStringToObject(root, "message", message);
	enum status s = response_json(&a, root);
	builtin_answer_or_reset(l, c, &a, ok ? s : STATUS_NO_MEMORY);
}

/* What chi's NoCache middleware adds to the log's reads. */
static enum status no_cache(struct response *a)
{
	return buf_add_str(&a->head,
			   "Cache-Control: no-cache, no-store, no-transform, must-revalidate, private, "
			   "max-age=0\r\nExpires: Thu, 01 Jan 1970 00:00:00 UTC\r\nPragma: no-cache\r\n"
			   "Vary: Origin\r\nX-Accel-Expires: 0\r\n");
}

static void answer_not_found(struct builtin_log *l, struct call *c)
{
	struct response a;
	response_init(&a, 404, NULL);
	builtin_answer_or_reset(l, c, &a, no_cache(&a));
}

static void answer_read(struct builtin_log *l, struct call *c, cJSON *root)
{
	struct response a;
	response_init(&a, 200, "application/json");
	enum status s = no_cache(&a);
	if (s == STATUS_OK)
		s = response_json(&a, root);
	else
		cJSON_Delete(root);
	builtin_answer_or_reset(l, c, &a, s);
}

/* ---- an entry as the log tells it ---- */

static enum status entry_timestamp(const struct builtin_log *l, const char *body, const struct leaf *leaf,
				   const char *log_id, struct buf *out)
{
	struct buf payload, sig;
	buf_init(&payload, WIRE_BODY_MAX);
	buf_init(&sig, 1024);
	enum status s =
	    buf_addf(&payload, "{\"body\":\"%s\",\"integratedTime\":%lld,\"logID\":\"%s\",\"logIndex\":%lld}",
		     body, (long long)leaf->integrated_time, log_id, (long long)leaf->index);
	if (s == STATUS_OK)
		s = key_sign(l->keys.log, buf_slice(&payload), &sig);
	if (s == STATUS_OK)
		s = base64_encode(buf_slice(&sig), out);
	buf_release(&payload);
	buf_release(&sig);
	return s;
}

static bool add_hashes(cJSON *parent, const struct tree_proof *proof)
{
	cJSON *list = cJSON_AddArrayToObject(parent, "hashes");
	for (size_t i = 0; list && i < proof->n; i++) {
		char hex[2 * SHA256_SIZE + 1];
		hex_encode(proof->v[i].b, SHA256_SIZE, hex);
		cJSON *item = cJSON_CreateString(hex);
		if (!item || !cJSON_AddItemToArray(list, item)) {
			cJSON_Delete(item);
			return false;
		}
	}
	return list != NULL;
}

static bool add_root(const struct builtin_log *l, cJSON *parent, size_t size)
{
	struct digest root;
	char hex[2 * SHA256_SIZE + 1];
	if (tree_root(&l->tree, size, &root) != STATUS_OK)
		return false;
	hex_encode(root.b, SHA256_SIZE, hex);
	return cJSON_AddStringToObject(parent, "rootHash", hex) != NULL;
}

static bool add_checkpoint(const struct builtin_log *l, cJSON *parent, const char *name)
{
	struct buf checkpoint;
	buf_init(&checkpoint, 8192);
	bool ok = log_checkpoint(l, &checkpoint) == STATUS_OK &&
		  cJSON_AddStringToObject(parent, name, checkpoint.p);
	buf_release(&checkpoint);
	return ok;
}

static bool add_inclusion(const struct builtin_log *l, cJSON *parent, const struct leaf *leaf)
{
	struct tree_proof proof;
	size_t size = tree_size(&l->tree);
	cJSON *p = cJSON_AddObjectToObject(parent, "inclusionProof");
	return p && tree_inclusion(&l->tree, (size_t)leaf->index, size, &proof) == STATUS_OK &&
	       add_checkpoint(l, p, "checkpoint") && add_hashes(p, &proof) &&
	       cJSON_AddNumberToObject(p, "logIndex", (double)leaf->index) && add_root(l, p, size) &&
	       cJSON_AddNumberToObject(p, "treeSize", (double)size);
}

static bool add_entry_fields(const struct builtin_log *l, cJSON *e, const struct leaf *leaf)
{
	char log_id[2 * SHA256_SIZE + 1];
	struct buf body, set;
	buf_init(&body, WIRE_BODY_MAX);
	buf_init(&set, 1024);
	hex_encode(l->keys.log_id.b, SHA256_SIZE, log_id);
	bool ok = base64_encode(buf_slice(&leaf->body), &body) == STATUS_OK &&
		  entry_timestamp(l, body.p, leaf, log_id, &set) == STATUS_OK &&
		  cJSON_AddStringToObject(e, "body", body.p) &&
		  cJSON_AddNumberToObject(e, "integratedTime", (double)leaf->integrated_time) &&
		  cJSON_AddStringToObject(e, "logID", log_id) &&
		  cJSON_AddNumberToObject(e, "logIndex", (double)leaf->index);
	cJSON *v = ok ? cJSON_AddObjectToObject(e, "verification") : NULL;
	ok = v && add_inclusion(l, v, leaf) && cJSON_AddStringToObject(v, "signedEntryTimestamp", set.p);
	buf_release(&body);
	buf_release(&set);
	return ok;
}

/* {id: {…}} for an integrated leaf, bent as the call's fault says. id: the key. */
static cJSON *entry_json(struct builtin_log *l, const struct call *c, const struct leaf *leaf,
			 char id[ENTRY_ID_HEX + 1])
{
	if (c->fault.word == WORD_OTHER_ENTRY && leaf_other(l, leaf, &leaf) != STATUS_OK)
		return NULL;
	memcpy(id, leaf->id, ENTRY_ID_HEX + 1);
	if (c->fault.word == WORD_WRONG_LEAF)
		id[ENTRY_ID_HEX - 1] = id[ENTRY_ID_HEX - 1] == '0' ? '1' : '0';
	cJSON *root = cJSON_CreateObject();
	cJSON *e = root ? cJSON_AddObjectToObject(root, id) : NULL;
	if (e && add_entry_fields(l, e, leaf))
		return root;
	cJSON_Delete(root);
	return NULL;
}

/* ---- create ---- */

static void answer_created(struct builtin_log *l, struct call *c)
{
	char id[ENTRY_ID_HEX + 1];
	struct response a;
	if (clock_now().mono - c->read_at > WRITE_TIMEOUT) {
		wire_close(c); /* Go notices its write timeout only now: an empty reply */
		return;
	}
	response_init(&a, 201, "application/json");
	enum status s = response_json(&a, entry_json(l, c, c->leaf, id));
	if (s == STATUS_OK)
		s = buf_addf(&a.head, "Etag: %s\r\nLocation: " ENTRIES_PATH "/%s\r\nVary: Origin\r\n", id,
			     id);
	builtin_answer_or_reset(l, c, &a, s);
}

static void answer_conflict(struct builtin_log *l, struct call *c, const struct leaf *leaf)
{
	char message[256];
	struct response a;
	response_init(&a, 0, NULL);
	snprintf(message, sizeof(message),
		 "an equivalent entry already exists in the transparency log with UUID %s", leaf->id);
	enum status s = service_error(PLACE_CREATE, 409, message, &a);
	if (s == STATUS_OK)
		s = buf_addf(&a.head, "Location: " ENTRIES_PATH "/%s\r\nVary: Origin\r\n", leaf->id);
	builtin_answer_or_reset(l, c, &a, s);
}

void rekor_api_look(int fd, short what, void *arg)
{
	struct call *c = arg;
	struct builtin_log *l = builtin_of(c);
	(void)fd, (void)what;
	builtin_unpark(l, c);
	if (c->leaf->index >= 0) {
		answer_created(l, c);
	} else {
		builtin_park(l, c, PARKED_LEAF);
		c->backoff = usec_min(2 * c->backoff, LAST_LOOK);
		builtin_after(l, c, c->backoff, rekor_api_look);
	}
	builtin_changed(l);
}

static void queued(struct builtin_log *l, struct call *c, const struct leaf *leaf)
{
	c->leaf = leaf;
	if (builtin_lost(l, c))
		return;
	if (leaf->index >= 0) {
		answer_created(l, c);
		return;
	}
	c->backoff = FIRST_LOOK;
	builtin_park(l, c, PARKED_LEAF);
	builtin_after(l, c, c->backoff, rekor_api_look);
}

static void create(struct builtin_log *l, struct call *c, struct buf *body)
{
	struct digest hash;
	struct leaf *leaf;
	enum status s = tree_leaf(buf_slice(body), &hash);
	leaf = s == STATUS_OK ? leaf_find(l, &hash) : NULL;
	if (leaf) {
		answer_conflict(l, c, leaf);
		return;
	}
	if (s == STATUS_OK)
		s = leaf_queue(l, &hash, body, &leaf);
	if (s == STATUS_OK)
		queued(l, c, leaf);
	else
		wire_reset(c);
}

static bool json_type(const struct call *c)
{
	struct slice type = call_header(c, "Content-Type");
	return type.n == 0 || slice_starts(type, "application/json") ||
	       slice_starts(type, "application/yaml");
}

static void refuse_type(struct builtin_log *l, struct call *c)
{
	char message[256];
	struct slice type = call_header(c, "Content-Type");
	snprintf(message, sizeof(message),
		 "unsupported media type \"%.*s\", only [application/json application/yaml] are allowed",
		 (int)(type.n < 100 ? type.n : 100), type.p);
	refuse(l, c, 415, 415, message);
}

void rekor_api_create(struct builtin_log *l, struct call *c)
{
	struct refusal why;
	struct buf body;
	if (!json_type(c)) {
		refuse_type(l, c);
		return;
	}
	buf_init(&body, WIRE_BODY_MAX);
	enum status s = canonical_entry(buf_slice(&c->body), &body, &why);
	if (s == STATUS_OK)
		create(l, c, &body);
	else if (s == STATUS_INVALID)
		refuse(l, c, why.status, why.code, why.message);
	else
		wire_reset(c);
	buf_release(&body);
}

/* ---- reads ---- */

static bool take_absent(struct builtin_log *l)
{
	if (l->absent == 0)
		return false;
	l->absent--;
	return true;
}

/* An id of 64 or 80 hex digits. STATUS_INVALID: neither. *out NULL: not in the log. */
static enum status leaf_by_id(const struct builtin_log *l, struct slice id, const struct leaf **out)
{
	uint8_t raw[ENTRY_ID_HEX / 2];
	struct digest hash;
	if ((id.n != 64 && id.n != 80) || hex_decode(id, raw, id.n / 2) != STATUS_OK)
		return STATUS_INVALID;
	uint64_t tree = l->tree_id;
	if (id.n == 80) {
		tree = 0;
		for (size_t i = 0; i < 8; i++)
			tree = tree << 8 | raw[i];
	}
	memcpy(hash.b, raw + id.n / 2 - SHA256_SIZE, SHA256_SIZE);
	const struct leaf *leaf = tree == l->tree_id ? leaf_find(l, &hash) : NULL;
	*out = leaf && leaf->index >= 0 ? leaf : NULL;
	return STATUS_OK;
}

static void answer_entry(struct builtin_log *l, struct call *c, const struct leaf *leaf)
{
	char id[ENTRY_ID_HEX + 1];
	if (!leaf || take_absent(l))
		answer_not_found(l, c);
	else
		answer_read(l, c, entry_json(l, c, leaf, id));
}

void rekor_api_get(struct builtin_log *l, struct call *c)
{
	const struct leaf *leaf;
	if (leaf_by_id(l, slice_str(c->path + sizeof(ENTRIES_PATH "/") - 1), &leaf) == STATUS_OK)
		answer_entry(l, c, leaf);
	else
		refuse(l, c, 422, 605,
		       "entryUUID in path should match '^([0-9a-fA-F]{64}|[0-9a-fA-F]{80})$'");
}

void rekor_api_by_index(struct builtin_log *l, struct call *c)
{
	char text[32];
	uint64_t index;
	enum status s = call_query(c, "logIndex", text, sizeof(text));
	if (s == STATUS_NOT_FOUND)
		refuse(l, c, 422, 602, "logIndex in query is required");
	else if (s != STATUS_OK || slice_u64(slice_str(text), &index) != STATUS_OK)
		refuse(l, c, 422, 601, "logIndex in query must be of type int64");
	else
		answer_entry(l, c, index < tree_size(&l->tree) ? l->by_index[index] : NULL);
}

static bool add_found(struct builtin_log *l, struct call *c, const struct leaf *leaf, cJSON *list)
{
	char id[ENTRY_ID_HEX + 1];
	if (!leaf)
		return true;
	cJSON *item = entry_json(l, c, leaf, id);
	if (item && cJSON_AddItemToArray(list, item))
		return true;
	cJSON_Delete(item);
	return false;
}

static const struct leaf *leaf_by_proposal(const struct builtin_log *l, const cJSON *proposal)
{
	struct refusal why;
	struct digest hash;
	struct buf body;
	buf_init(&body, WIRE_BODY_MAX);
	bool ok = canonical_from_json(proposal, &body, &why) == STATUS_OK &&
		  tree_leaf(buf_slice(&body), &hash) == STATUS_OK;
	buf_release(&body);
	const struct leaf *leaf = ok ? leaf_find(l, &hash) : NULL;
	return leaf && leaf->index >= 0 ? leaf : NULL;
}

static bool search(struct builtin_log *l, struct call *c, const cJSON *query, cJSON *list)
{
	const cJSON *item;
	bool ok = true;
	cJSON_ArrayForEach(item, json_at(query, "entryUUIDs", NULL))
	{
		const struct leaf *leaf = NULL;
		if (leaf_by_id(l, slice_str(cJSON_GetStringValue(item)), &leaf) == STATUS_OK)
			ok = ok && add_found(l, c, leaf, list);
	}
	cJSON_ArrayForEach(item, json_at(query, "entries", NULL))
	{
		ok = ok && add_found(l, c, leaf_by_proposal(l, item), list);
	}
	cJSON_ArrayForEach(item, json_at(query, "logIndexes", NULL))
	{
		int64_t index;
		if (json_int(item, &index) == STATUS_OK && index >= 0 && (size_t)index < tree_size(&l->tree))
			ok = ok && add_found(l, c, l->by_index[index], list);
	}
	return ok;
}

static int query_count(const cJSON *query)
{
	return cJSON_GetArraySize(json_at(query, "entryUUIDs", NULL)) +
	       cJSON_GetArraySize(json_at(query, "entries", NULL)) +
	       cJSON_GetArraySize(json_at(query, "logIndexes", NULL));
}

static void retrieve(struct builtin_log *l, struct call *c, const cJSON *query)
{
	if (query_count(query) > MAX_QUERIES) {
		refuse(l, c, 422, 611, "entryUUIDs in body should have at most 10 items");
		return;
	}
	cJSON *list = cJSON_CreateArray();
	if (!take_absent(l) && list && !search(l, c, query, list)) {
		cJSON_Delete(list);
		list = NULL;
	}
	answer_read(l, c, list);
}

void rekor_api_retrieve(struct builtin_log *l, struct call *c)
{
	cJSON *query = json_type(c) ? json_parse(buf_slice(&c->body)) : NULL;
	if (query)
		retrieve(l, c, query);
	else if (!json_type(c))
		refuse_type(l, c);
	else
		refuse(l, c, 400, 400, "parsing entry body from \"\" failed, because invalid character");
	cJSON_Delete(query);
}

void rekor_api_info(struct builtin_log *l, struct call *c)
{
	char tree_id[32];
	cJSON *root = cJSON_CreateObject();
	snprintf(tree_id, sizeof(tree_id), "%llu", (unsigned long long)l->tree_id);
	bool ok = cJSON_AddArrayToObject(root, "inactiveShards") && add_root(l, root, tree_size(&l->tree)) &&
		  add_checkpoint(l, root, "signedTreeHead") &&
		  cJSON_AddStringToObject(root, "treeID", tree_id) &&
		  cJSON_AddNumberToObject(root, "treeSize", (double)tree_size(&l->tree));
	if (!ok) {
		cJSON_Delete(root);
		root = NULL;
	}
	answer_read(l, c, root);
}

void rekor_api_public_key(struct builtin_log *l, struct call *c)
{
	struct response a;
	response_init(&a, 200, "application/x-pem-file");
	enum status s = no_cache(&a);
	if (s == STATUS_OK)
		s = key_pem(l->keys.log, &a.body);
	builtin_answer_or_reset(l, c, &a, s);
}

/* A query parameter that is a positive number. STATUS_NOT_FOUND: it is missing. */
static enum status size_parameter(const struct call *c, const char *name, uint64_t *out)
{
	char text[32];
	enum status s = call_query(c, name, text, sizeof(text));
	if (s == STATUS_OK)
		s = slice_u64(slice_str(text), out);
	return s == STATUS_OK && (*out == 0 || *out > INT64_MAX) ? STATUS_INVALID : s;
}

static void answer_consistency(struct builtin_log *l, struct call *c, uint64_t first, uint64_t last)
{
	struct tree_proof proof;
	cJSON *root = cJSON_CreateObject();
	bool ok = tree_consistency(&l->tree, (size_t)first, (size_t)last, &proof) == STATUS_OK &&
		  add_hashes(root, &proof) && add_root(l, root, (size_t)last);
	if (!ok) {
		cJSON_Delete(root);
		root = NULL;
	}
	answer_read(l, c, root);
}

void rekor_api_proof(struct builtin_log *l, struct call *c)
{
	char message[128];
	uint64_t first = 1, last = 0, size = tree_size(&l->tree);
	enum status s = size_parameter(c, "lastSize", &last);
	enum status t = size_parameter(c, "firstSize", &first);
	if (s == STATUS_NOT_FOUND) {
		refuse(l, c, 422, 602, "lastSize in query is required");
		return;
	}
	if (s != STATUS_OK || (t != STATUS_OK && t != STATUS_NOT_FOUND)) {
		refuse(l, c, 422, 601, "firstSize and lastSize in query must be of type int64");
		return;
	}
	if (first >= last) {
		snprintf(message, sizeof(message), "firstSize(%llu) must be less than lastSize(%llu)",
			 (unsigned long long)first, (unsigned long long)last);
		refuse(l, c, 400, 400, message);
	} else if (last > size) {
		snprintf(message, sizeof(message),
			 "the tree size requested(%llu) was greater than what is currently observable(%llu)",
			 (unsigned long long)last, (unsigned long long)size);
		refuse(l, c, 400, 400, message);
	} else {
		answer_consistency(l, c, first, last);
	}
}

void rekor_api_index(struct builtin_log *l, struct call *c)
{
	refuse(l, c, 501, 501, "Search Index API not enabled in this Rekor instance");
}

void rekor_api_ping(struct builtin_log *l, struct call *c)
{
	struct response a;
	response_init(&a, 200, "text/plain");
	builtin_answer_or_reset(l, c, &a, buf_add_str(&a.body, "."));
}
