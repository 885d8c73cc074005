/* The log's Merkle tree. RFC 6962 section 2.1 and RFC 9162 section 2.1.3.2. */
#ifndef SIGRELAY_SIGSTORE_MERKLE_H
#define SIGRELAY_SIGSTORE_MERKLE_H

#include <stdint.h>

#include <sigrelay/base/bytes.h>
#include <sigrelay/base/status.h>

/* SHA-256(0x00 || body). */
enum status merkle_leaf(struct slice body, struct digest *out) MUST_CHECK;

/* Walks an inclusion proof from the leaf up, one sibling at a time, so that
 * nobody has to gather the siblings in an array first. */
struct merkle_walk {
	uint64_t fn, sn; /* RFC 9162's names */
	struct digest r;
};

/* STATUS_INVALID when the tree has no such leaf. */
enum status merkle_walk_init(struct merkle_walk *w, uint64_t index, uint64_t size,
			     const struct digest *leaf) MUST_CHECK;
/* STATUS_INVALID when the proof is longer than the tree is high. */
enum status merkle_walk_step(struct merkle_walk *w, const struct digest *sibling) MUST_CHECK;
/* STATUS_INVALID when the proof is too short or leads elsewhere. */
enum status merkle_walk_end(const struct merkle_walk *w, const struct digest *root) MUST_CHECK;

#endif
