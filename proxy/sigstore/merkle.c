#include <sigrelay/sigstore/merkle.h>

#include <string.h>

enum status merkle_leaf(struct slice body, struct digest *out)
{
	const struct slice parts[] = { { "\x00", 1 }, body };
	return sha256(out, parts, 2);
}

static enum status merkle_node(const struct digest *left, const struct digest *right, struct digest *out)
{
	const struct slice parts[] = {
		{ "\x01", 1 },
		{ (const char *)left->b, SHA256_SIZE },
		{ (const char *)right->b, SHA256_SIZE },
	};
	return sha256(out, parts, 3);
}

enum status merkle_walk_init(struct merkle_walk *w, uint64_t index, uint64_t size, const struct digest *leaf)
{
	if (index >= size)
		return STATUS_INVALID;
	*w = (struct merkle_walk){ .fn = index, .sn = size - 1, .r = *leaf };
	return STATUS_OK;
}

enum status merkle_walk_step(struct merkle_walk *w, const struct digest *sibling)
{
	if (w->sn == 0)
		return STATUS_INVALID;
	struct digest up;
	enum status st;
	if ((w->fn & 1) || w->fn == w->sn) {
		st = merkle_node(sibling, &w->r, &up);
		/* The last node of an unbalanced tree rises past the levels where it
		 * has no sibling. */
		while (!(w->fn & 1) && w->fn != 0) {
			w->fn >>= 1;
			w->sn >>= 1;
		}
	} else {
		st = merkle_node(&w->r, sibling, &up);
	}
	if (st != STATUS_OK)
		return st;
	w->r = up;
	w->fn >>= 1;
	w->sn >>= 1;
	return STATUS_OK;
}

enum status merkle_walk_end(const struct merkle_walk *w, const struct digest *root)
{
	if (w->sn != 0 || memcmp(w->r.b, root->b, SHA256_SIZE) != 0)
		return STATUS_INVALID;
	return STATUS_OK;
}
