#include <sigrelay/builtin/tree.h>

#include <stdbool.h>
#include <string.h>

#include <sigrelay/base/mem.h>

void tree_init(struct tree *m)
{
	memset(m, 0, sizeof(*m));
}

void tree_release(struct tree *m)
{
	for (size_t k = 0; k < TREE_LEVELS; k++)
		mem_free(m->level[k].v);
	tree_init(m);
}

enum status tree_leaf(struct slice body, struct digest *out)
{
	const struct slice parts[] = { { "\0", 1 }, body };
	return sha256(out, parts, 2);
}

static enum status node_hash(const struct digest *left, const struct digest *right, struct digest *out)
{
	const struct slice parts[] = { { "\1", 1 },
				       { (const char *)left->b, SHA256_SIZE },
				       { (const char *)right->b, SHA256_SIZE } };
	return sha256(out, parts, 3);
}

size_t tree_size(const struct tree *m)
{
	return m->level[0].n;
}

static enum status push(struct tree *m, size_t k, const struct digest *d)
{
	if (m->level[k].n == m->level[k].cap) {
		size_t cap = m->level[k].cap ? 2 * m->level[k].cap : 16;
		struct digest *v = mem_realloc(m->level[k].v, cap * sizeof(*v));
		if (!v)
			return STATUS_NO_MEMORY;
		m->level[k].v = v;
		m->level[k].cap = cap;
	}
	m->level[k].v[m->level[k].n++] = *d;
	return STATUS_OK;
}

/* Undoes what a failed tree_add pushed: every level below k has one too many. */
static enum status unpush(struct tree *m, size_t k, enum status s)
{
	while (k-- > 0)
		m->level[k].n--;
	return s;
}

enum status tree_add(struct tree *m, const struct digest *leaf)
{
	struct digest d = *leaf;
	for (size_t k = 0; k < TREE_LEVELS; k++) {
		enum status s = push(m, k, &d);
		if (s != STATUS_OK)
			return unpush(m, k, s);
		size_t n = m->level[k].n;
		if (n % 2 != 0)
			return STATUS_OK;
		s = node_hash(&m->level[k].v[n - 2], &m->level[k].v[n - 1], &d);
		if (s != STATUS_OK)
			return unpush(m, k + 1, s);
	}
	return unpush(m, TREE_LEVELS, STATUS_TOO_LARGE);
}

/* The largest power of two below n, as RFC 6962 splits a tree; n >= 2. */
static size_t split(size_t n)
{
	size_t k = 1;
	while (k * 2 < n)
		k *= 2;
	return k;
}

static bool power_of_two(size_t n)
{
	return n && (n & (n - 1)) == 0;
}

/* The hash over leaves [lo, lo + n), n >= 1; lo is where a split put it. */
static enum status subtree(const struct tree *m, size_t lo, size_t n, struct digest *out)
{
	if (power_of_two(n)) {
		size_t k = 0;
		while (((size_t)1 << k) < n)
			k++;
		*out = m->level[k].v[lo >> k];
		return STATUS_OK;
	}
	struct digest left, right;
	size_t k = split(n);
	enum status s = subtree(m, lo, k, &left);
	if (s == STATUS_OK)
		s = subtree(m, lo + k, n - k, &right);
	return s == STATUS_OK ? node_hash(&left, &right, out) : s;
}

enum status tree_root(const struct tree *m, size_t size, struct digest *out)
{
	if (size > tree_size(m))
		return STATUS_INVALID;
	if (size == 0)
		return sha256(out, NULL, 0);
	return subtree(m, 0, size, out);
}

static enum status proof_add(const struct tree *m, size_t lo, size_t n, struct tree_proof *out)
{
	if (out->n == TREE_PROOF_MAX)
		return STATUS_TOO_LARGE;
	enum status s = subtree(m, lo, n, &out->v[out->n]);
	if (s == STATUS_OK)
		out->n++;
	return s;
}

/* RFC 6962 section 2.1.1, PATH(index, D[lo:lo+n]). */
static enum status path(const struct tree *m, size_t index, size_t lo, size_t n, struct tree_proof *out)
{
	if (n == 1)
		return STATUS_OK;
	size_t k = split(n);
	bool left = index < k;
	enum status s = left ? path(m, index, lo, k, out) : path(m, index - k, lo + k, n - k, out);
	if (s != STATUS_OK)
		return s;
	return left ? proof_add(m, lo + k, n - k, out) : proof_add(m, lo, k, out);
}

enum status tree_inclusion(const struct tree *m, size_t index, size_t size, struct tree_proof *out)
{
	if (index >= size || size > tree_size(m))
		return STATUS_INVALID;
	out->n = 0;
	return path(m, index, 0, size, out);
}

/* RFC 6962 section 2.1.2, SUBPROOF(from, D[lo:lo+n], whole). */
static enum status subproof(const struct tree *m, size_t from, size_t lo, size_t n, bool whole,
			    struct tree_proof *out)
{
	if (from == n)
		return whole ? STATUS_OK : proof_add(m, lo, n, out);
	size_t k = split(n);
	bool left = from <= k;
	enum status s =
	    left ? subproof(m, from, lo, k, whole, out) : subproof(m, from - k, lo + k, n - k, false, out);
	if (s != STATUS_OK)
		return s;
	return left ? proof_add(m, lo + k, n - k, out) : proof_add(m, lo, k, out);
}

enum status tree_consistency(const struct tree *m, size_t from, size_t to, struct tree_proof *out)
{
	if (from == 0 || from > to || to > tree_size(m))
		return STATUS_INVALID;
	out->n = 0;
	return subproof(m, from, 0, to, true, out);
}
