/* RFC 6962 Merkle tree over leaf hashes: root, inclusion and consistency proofs. */
#ifndef SIGRELAY_BUILTIN_TREE_H
#define SIGRELAY_BUILTIN_TREE_H

#include <stddef.h>

#include <sigrelay/base/bytes.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>

#define TREE_LEVELS 32
#define TREE_PROOF_MAX (2 * TREE_LEVELS)

struct tree {
	/* level[k].v[i] is the hash of the i-th complete subtree of 2^k leaves. */
	struct {
		struct digest *v;
		size_t n, cap;
	} level[TREE_LEVELS];
};

struct tree_proof {
	struct digest v[TREE_PROOF_MAX];
	size_t n;
};

void tree_init(struct tree *m);
void tree_release(struct tree *m);
enum status tree_leaf(struct slice body, struct digest *out) MUST_CHECK; /* SHA-256(0x00 || body) */
enum status tree_add(struct tree *m, const struct digest *leaf) MUST_CHECK;
size_t tree_size(const struct tree *m);
enum status tree_root(const struct tree *m, size_t size, struct digest *out) MUST_CHECK;
/* STATUS_INVALID: not index < size <= tree_size. */
enum status tree_inclusion(const struct tree *m, size_t index, size_t size,
			   struct tree_proof *out) MUST_CHECK;
/* STATUS_INVALID: not 0 < from <= to <= tree_size. */
enum status tree_consistency(const struct tree *m, size_t from, size_t to, struct tree_proof *out) MUST_CHECK;

#endif
