/* Rekor v1: what was posted, what came back, and whether to believe it.
 *
 * Sources: rekor openapi.yaml, pkg/types (canonicalisation per kind),
 * pkg/api/entries.go; RFC 6962 section 2.1 (leaf hash, inclusion proof). */
#ifndef SIGRELAY_SIGSTORE_REKOR_H
#define SIGRELAY_SIGSTORE_REKOR_H

#include <stdbool.h>
#include <stdint.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/bytes.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>

#define REKOR_UUID_HEX 64
#define REKOR_ENTRY_ID_HEX 80

/* A create's request, as far as the relay has to understand it. What it does
 * not understand it relays all the same: `kind` is then "" and nothing but the
 * leaf hash is checked. */
struct posted {
	char kind[32];
	char api_version[16];
	/* What survives the log's re-encoding, hashed: content (hash of what was
	 * signed), signature, verifier (the DER of the key or certificate). Each
	 * with a flag: not every kind stores each. */
	bool has_content, has_signature, has_verifier;
	struct digest content, signature, verifier;
	/* The life of the certificate in the request; 0 when there is none. Seconds
	 * since 1970. Of a chain the leaf's, which comes first; with several
	 * verifiers, the narrowest life of all. */
	int64_t not_before, not_after;
};

/* Never fails on odd bodies (see above); STATUS_NO_MEMORY only. */
enum status rekor_posted_parse(struct slice body, struct posted *out) MUST_CHECK;

/* What a believed entry says. */
struct entry {
	char id[REKOR_ENTRY_ID_HEX + 1]; /* the JSON key as the log wrote it, lower case: 80 digits, or 64 */
	int64_t integrated_time;         /* 0 when not stated */
	int64_t log_index;               /* -1 when not stated */
	struct posted stored;            /* the canonicalised body's own content, for rekor_same_entry */
};

enum belief {
	BELIEF_TRUE,
	BELIEF_NOT_JSON,  /* also when there was no memory for the parse: cJSON does not tell */
	BELIEF_SHAPE,     /* not one key with the fields of an entry */
	BELIEF_LEAF_HASH, /* the key does not name the body */
	BELIEF_PROOF,     /* the inclusion proof does not lead to its root hash */
	BELIEF_OTHER_ID,  /* a true entry, and not the one that was asked for */
	BELIEF_NO_MEMORY,
};
const char *belief_name(enum belief b); /* a phrase for logs: "leaf hash does not match the key" */

/* Judges a 200/201 body that claims to be one entry ({"<id>": {…}}). want_id:
 * the id asked for (64 or 80 digits, any case), or empty. */
enum belief rekor_entry_check(struct slice body, struct slice want_id, struct entry *out);
/* The same for an array of entries, as /entries/retrieve answers ([{…},…]):
 * each is judged; BELIEF_TRUE for []. */
enum belief rekor_entries_check(struct slice body);

/* Is this the entry that was posted? Compares kind and what survives on both
 * sides; what one side does not have is not compared. */
bool rekor_same_entry(const struct posted *posted, const struct entry *entry);

/* Would the entry's integratedTime fall outside the certificate's life? */
bool rekor_entry_late(const struct posted *posted, const struct entry *entry);

/* The id in a 409: the last segment of Location (host ignored), else the UUID
 * that the message ends with. Lower-cased into out (81 bytes).
 * STATUS_NOT_FOUND when there is none of 64 or 80 hex digits. */
enum status rekor_conflict_id(struct slice location, struct slice body,
			      char out[REKOR_ENTRY_ID_HEX + 1]) MUST_CHECK;

/* Do two ids (64 or 80 digits) name the same entry? A 64-digit one has no tree. */
bool rekor_same_id(struct slice a, struct slice b);

/* Is a 2xx answer to rekor.query what it says? By path: publicKey is PEM, /ping
 * anything but HTML, the others JSON; those that carry entries have each judged,
 * and ?logIndex= must have the entry of that index. why: static, for logs. Not
 * for answers to HEAD, which have no body. */
bool rekor_query_believed(struct slice path, struct slice query, struct slice content_type, struct slice body,
			  const char **why);

#endif
