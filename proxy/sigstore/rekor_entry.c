/* Judging what the log answers with. Sources: rekor openapi.yaml (LogEntry,
 * InclusionProof), pkg/api/entries.go (logEntryFromLeaf: the key is tree id and
 * leaf hash, the proof's logIndex is the leaf's place in its own tree, the
 * entry's own is the place in the whole log), pkg/sharding/sharding.go. */
#include <sigrelay/sigstore/rekor.h>

#include <string.h>

#include <sigrelay/sigstore/hex_id.h>
#include <sigrelay/sigstore/json_fields.h>
#include <sigrelay/sigstore/merkle.h>
#include <sigrelay/sigstore/rekor_body.h>

const char *belief_name(enum belief b)
{
	switch (b) {
	case BELIEF_TRUE:
		return "a true entry";
	case BELIEF_NOT_JSON:
		return "not JSON";
	case BELIEF_SHAPE:
		return "not the shape of one log entry";
	case BELIEF_LEAF_HASH:
		return "leaf hash does not match the key";
	case BELIEF_PROOF:
		return "inclusion proof does not lead to its root hash";
	case BELIEF_OTHER_ID:
		return "a true entry, but not the one asked for";
	case BELIEF_NO_MEMORY:
		return "no memory to check the entry";
	}
	return "unknown";
}

static enum belief from_status(enum status st, enum belief otherwise)
{
	if (st == STATUS_OK)
		return BELIEF_TRUE;
	return st == STATUS_NO_MEMORY ? BELIEF_NO_MEMORY : otherwise;
}

static enum status walk_hashes(struct merkle_walk *walk, const cJSON *hashes)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, hashes)
	{
		struct digest sibling;
		enum status st = hex_decode(json_str(item), sibling.b, SHA256_SIZE);
		if (st == STATUS_OK)
			st = merkle_walk_step(walk, &sibling);
		if (st != STATUS_OK)
			return st;
	}
	return STATUS_OK;
}

static enum status check_proof(const cJSON *proof, const struct digest *leaf)
{
	enum { INDEX, SIZE, ROOT, HASHES, COUNT };
	struct json_field f[COUNT] = {
		[INDEX] = { "logIndex", NULL },
		[SIZE] = { "treeSize", NULL },
		[ROOT] = { "rootHash", NULL },
		[HASHES] = { "hashes", NULL },
	};
	int64_t index, size;
	struct digest root;
	struct merkle_walk walk;
	if (!json_fields(proof, f, COUNT) || (f[HASHES].value && !cJSON_IsArray(f[HASHES].value)) ||
	    json_int(f[INDEX].value, &index) != STATUS_OK || json_int(f[SIZE].value, &size) != STATUS_OK ||
	    index < 0 || size < 0 || hex_decode(json_str(f[ROOT].value), root.b, SHA256_SIZE) != STATUS_OK)
		return STATUS_INVALID;
	enum status st = merkle_walk_init(&walk, (uint64_t)index, (uint64_t)size, leaf);
	if (st == STATUS_OK)
		st = walk_hashes(&walk, f[HASHES].value);
	return st == STATUS_OK ? merkle_walk_end(&walk, &root) : st;
}

/* The proof is optional: rekor leaves it out of no answer today, but what is
 * not stated cannot be false. */
static enum belief check_verification(const cJSON *verification, const struct digest *leaf)
{
	struct json_field proof = { "inclusionProof", NULL };
	if (!verification)
		return BELIEF_TRUE;
	if (!json_fields(verification, &proof, 1))
		return BELIEF_SHAPE;
	return proof.value ? from_status(check_proof(proof.value, leaf), BELIEF_PROOF) : BELIEF_TRUE;
}

/* A whole number that is not negative, or missing. */
static bool optional_count(const cJSON *item, int64_t missing, int64_t *out)
{
	*out = missing;
	return !item || (json_int(item, out) == STATUS_OK && *out >= 0);
}

/* Is the key the leaf's name? */
static enum belief check_leaf(struct slice key, struct slice body, struct digest *leaf)
{
	struct digest named;
	struct slice uuid = { key.p + (key.n - REKOR_UUID_HEX), REKOR_UUID_HEX };
	enum status st = merkle_leaf(body, leaf);
	if (st == STATUS_OK)
		st = hex_decode(uuid, named.b, SHA256_SIZE);
	if (st == STATUS_OK && memcmp(named.b, leaf->b, SHA256_SIZE) != 0)
		st = STATUS_INVALID;
	return from_status(st, BELIEF_LEAF_HASH);
}

static enum belief check_body(struct slice key, struct slice body, const cJSON *verification,
			      struct entry *out)
{
	struct digest leaf;
	enum belief b = check_leaf(key, body, &leaf);
	if (b == BELIEF_TRUE)
		b = check_verification(verification, &leaf);
	if (b == BELIEF_TRUE && out)
		b = from_status(rekor_body_read(body, false, &out->stored), BELIEF_SHAPE);
	return b;
}

/* One member of a LogEntry object. out NULL: only judged. */
static enum belief check_member(const cJSON *member, struct entry *out)
{
	enum { BODY, TIME, INDEX, VERIFICATION, COUNT };
	struct json_field f[COUNT] = {
		[BODY] = { "body", NULL },
		[TIME] = { "integratedTime", NULL },
		[INDEX] = { "logIndex", NULL },
		[VERIFICATION] = { "verification", NULL },
	};
	int64_t time, index;
	struct slice key = slice_str(member->string), text;
	if (!hex_id_valid(key) || !json_fields(member, f, COUNT) || (text = json_str(f[BODY].value)).n == 0 ||
	    !optional_count(f[TIME].value, 0, &time) || !optional_count(f[INDEX].value, -1, &index))
		return BELIEF_SHAPE;
	struct buf body;
	buf_init(&body, text.n);
	enum belief b = from_status(base64_decode(text, &body), BELIEF_SHAPE);
	if (b == BELIEF_TRUE)
		b = check_body(key, buf_slice(&body), f[VERIFICATION].value, out);
	buf_release(&body);
	if (b == BELIEF_TRUE && out) {
		hex_id_lower(key, out->id);
		out->integrated_time = time;
		out->log_index = index;
	}
	return b;
}

static enum belief check_object(const cJSON *object, struct entry *out)
{
	if (!cJSON_IsObject(object) || !object->child || object->child->next)
		return BELIEF_SHAPE;
	return check_member(object->child, out);
}

enum belief rekor_entry_check(struct slice body, struct slice want_id, struct entry *out)
{
	struct entry entry = { .log_index = -1 };
	cJSON *root = json_parse_bounded(body);
	enum belief b = root ? check_object(root, &entry) : BELIEF_NOT_JSON;
	cJSON_Delete(root);
	if (b == BELIEF_TRUE && want_id.n > 0 && !rekor_same_id(want_id, slice_str(entry.id)))
		b = BELIEF_OTHER_ID;
	if (b == BELIEF_TRUE)
		*out = entry;
	return b;
}

static enum belief check_array(const cJSON *array)
{
	const cJSON *item;
	if (!cJSON_IsArray(array))
		return BELIEF_SHAPE;
	cJSON_ArrayForEach(item, array)
	{
		enum belief b = check_object(item, NULL);
		if (b != BELIEF_TRUE)
			return b;
	}
	return BELIEF_TRUE;
}

enum belief rekor_entries_check(struct slice body)
{
	cJSON *root = json_parse_bounded(body);
	enum belief b = root ? check_array(root) : BELIEF_NOT_JSON;
	cJSON_Delete(root);
	return b;
}
