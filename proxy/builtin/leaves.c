#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/builtin/canonical.h>
#include <sigrelay/builtin/inside.h>

struct leaf *leaf_find(const struct builtin_log *l, const struct digest *hash)
{
	struct leaf *found;
	HASH_FIND(hh, l->leaves, hash->b, SHA256_SIZE, found);
	return found;
}

static enum status room_for_one(struct builtin_log *l)
{
	if (tree_size(&l->tree) < l->by_index_cap)
		return STATUS_OK;
	size_t cap = l->by_index_cap ? 2 * l->by_index_cap : 64;
	struct leaf **v = mem_realloc(l->by_index, cap * sizeof(struct leaf *));
	if (!v)
		return STATUS_NO_MEMORY;
	l->by_index = v;
	l->by_index_cap = cap;
	return STATUS_OK;
}

static enum status integrate(struct builtin_log *l, struct leaf *leaf)
{
	size_t index = tree_size(&l->tree);
	enum status s = room_for_one(l);
	if (s == STATUS_OK)
		s = tree_add(&l->tree, &leaf->hash);
	if (s != STATUS_OK)
		return s;
	l->by_index[index] = leaf;
	leaf->index = (int64_t)index;
	leaf->integrated_time = (clock_now().wall + l->late) / USEC_PER_SEC;
	l->late = 0;
	return STATUS_OK;
}

enum status leaves_integrate(struct builtin_log *l)
{
	while (l->queue) {
		enum status s = integrate(l, l->queue);
		if (s != STATUS_OK)
			return s;
		l->queue = l->queue->queued_next;
		if (!l->queue)
			l->queue_end = &l->queue;
	}
	return STATUS_OK;
}

static struct leaf *leaf_new(struct builtin_log *l, const struct digest *hash, struct buf *body)
{
	struct leaf *leaf = mem_calloc(1, sizeof(*leaf));
	if (!leaf)
		return NULL;
	leaf->hash = *hash;
	leaf->index = -1;
	leaf->body = *body;
	buf_init(body, body->max);
	snprintf(leaf->id, sizeof(leaf->id), "%016llx", (unsigned long long)l->tree_id);
	hex_encode(hash->b, SHA256_SIZE, leaf->id + 16);
	HASH_ADD(hh, l->leaves, hash.b, SHA256_SIZE, leaf);
	if (leaf->hh.tbl)
		return leaf;
	*body = leaf->body; /* stays the caller's */
	mem_free(leaf);
	return NULL;
}

enum status leaf_queue(struct builtin_log *l, const struct digest *hash, struct buf *body, struct leaf **out)
{
	struct leaf *leaf = leaf_new(l, hash, body);
	if (!leaf)
		return STATUS_NO_MEMORY;
	*l->queue_end = leaf;
	l->queue_end = &leaf->queued_next;
	l->n.queued++;
	*out = leaf;
	return l->paused ? STATUS_OK : leaves_integrate(l);
}

/* Integrated at once, pause or not: it stands for what others have logged. */
static enum status add_filler(struct builtin_log *l, const struct leaf **out)
{
	struct buf body;
	struct digest hash;
	buf_init(&body, WIRE_BODY_MAX);
	enum status s = canonical_filler(&body);
	if (s == STATUS_OK)
		s = tree_leaf(buf_slice(&body), &hash);
	struct leaf *leaf = s == STATUS_OK ? leaf_new(l, &hash, &body) : NULL;
	buf_release(&body);
	if (!leaf)
		return STATUS_NO_MEMORY;
	l->n.queued++;
	*out = leaf;
	return integrate(l, leaf);
}

enum status leaf_other(struct builtin_log *l, const struct leaf *than, const struct leaf **out)
{
	for (size_t i = 0; i < tree_size(&l->tree); i++) {
		if (l->by_index[i] != than) {
			*out = l->by_index[i];
			return STATUS_OK;
		}
	}
	return add_filler(l, out);
}

void builtin_pause(struct builtin_log *l, usec duration)
{
	l->paused = true;
	evtimer_del(l->resume);
	if (duration == USEC_NEVER)
		return;
	struct timeval tv = { duration / USEC_PER_SEC, duration % USEC_PER_SEC };
	evtimer_add(l->resume, &tv);
}

void builtin_resume(struct builtin_log *l)
{
	l->paused = false;
	evtimer_del(l->resume);
	/* A leaf that there is no memory for stays queued: the next one tries again. */
	if (leaves_integrate(l) == STATUS_OK)
		builtin_changed(l);
}

void leaves_release(struct builtin_log *l)
{
	struct leaf *leaf, *next;
	HASH_ITER(hh, l->leaves, leaf, next)
	{
		HASH_DEL(l->leaves, leaf);
		buf_release(&leaf->body);
		mem_free(leaf);
	}
	mem_free(l->by_index);
}

/* A signed note's signature line: four bytes that name the key, and the signature. */
static enum status note_signature(const struct builtin_log *l, struct slice text, struct buf *out)
{
	struct buf raw;
	buf_init(&raw, 1024);
	enum status s = buf_add(&raw, l->keys.log_id.b, 4);
	if (s == STATUS_OK)
		s = key_sign(l->keys.log, text, &raw);
	if (s == STATUS_OK)
		s = buf_add_str(out, "\n\u2014 " BUILTIN_HOST " ");
	if (s == STATUS_OK)
		s = base64_encode(buf_slice(&raw), out);
	buf_release(&raw);
	return s == STATUS_OK ? buf_add_str(out, "\n") : s;
}

enum status log_checkpoint(const struct builtin_log *l, struct buf *out)
{
	struct digest root;
	size_t size = tree_size(&l->tree);
	struct buf text;
	buf_init(&text, 4096);
	enum status s = tree_root(&l->tree, size, &root);
	if (s == STATUS_OK)
		s = buf_addf(&text, BUILTIN_HOST " - %llu\n%zu\n", (unsigned long long)l->tree_id, size);
	if (s == STATUS_OK)
		s = base64_encode((struct slice){ (const char *)root.b, SHA256_SIZE }, &text);
	if (s == STATUS_OK)
		s = buf_add_str(&text, "\n");
	if (s == STATUS_OK)
		s = buf_add_slice(out, buf_slice(&text));
	if (s == STATUS_OK)
		s = note_signature(l, buf_slice(&text), out);
	buf_release(&text);
	return s;
}
