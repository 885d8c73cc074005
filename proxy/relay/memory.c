#include "hash_table.h"

#include <sigrelay/relay/memory.h>

#include <string.h>

struct memory_record {
	char id[REKOR_ENTRY_ID_HEX + 1];
	struct digest leaf;   /* the last 64 digits of id */
	struct digest create; /* of the create that made it */
	bool has_create;
	struct answer *entry; /* NULL: known, not read yet */
	size_t cost;
	UT_hash_handle hh_leaf, hh_create;
	struct memory_record *newer, *older;
};

void memory_init(struct memory *m, size_t max_entries)
{
	*m = (struct memory){ .max_entries = max_entries };
}

static void unlink_record(struct memory *m, struct memory_record *r)
{
	*(r->newer ? &r->newer->older : &m->newest) = r->older;
	*(r->older ? &r->older->newer : &m->oldest) = r->newer;
	r->newer = r->older = NULL;
}

static void link_newest(struct memory *m, struct memory_record *r)
{
	r->newer = NULL;
	r->older = m->newest;
	*(m->newest ? &m->newest->newer : &m->oldest) = r;
	m->newest = r;
}

static void forget(struct memory *m, struct memory_record *r)
{
	HASH_DELETE(hh_leaf, m->by_leaf, r);
	if (r->has_create)
		HASH_DELETE(hh_create, m->by_create, r);
	unlink_record(m, r);
	m->entries--;
	m->bytes -= r->cost;
	answer_unref(r->entry);
	mem_free(r);
}

void memory_release(struct memory *m)
{
	while (m->oldest)
		forget(m, m->oldest);
	answer_unref(m->public_key);
	answer_unref(m->log_state);
	m->public_key = m->log_state = NULL;
}

static void trim(struct memory *m)
{
	while (m->oldest && (m->entries > m->max_entries || m->bytes > MEMORY_BYTES_MAX))
		forget(m, m->oldest);
}

void memory_resize(struct memory *m, size_t max_entries)
{
	m->max_entries = max_entries;
	trim(m);
}

static enum status leaf_of(struct slice id, struct digest *out)
{
	if (id.n != REKOR_UUID_HEX && id.n != REKOR_ENTRY_ID_HEX)
		return STATUS_INVALID;
	struct slice leaf = { id.p + id.n - REKOR_UUID_HEX, REKOR_UUID_HEX };
	return hex_decode(leaf, out->b, sizeof(out->b));
}

static struct memory_record *find(const struct memory *m, struct slice id)
{
	struct digest leaf;
	struct memory_record *r = NULL;
	if (leaf_of(id, &leaf) != STATUS_OK)
		return NULL;
	HASH_FIND(hh_leaf, m->by_leaf, &leaf, sizeof(leaf), r);
	/* The same leaf in another tree is another entry. */
	return r && rekor_same_id(slice_str(r->id), id) ? r : NULL;
}

static struct memory_record *add(struct memory *m, const char *id)
{
	struct memory_record *r = mem_calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	if (strlen(id) > REKOR_ENTRY_ID_HEX || leaf_of(slice_str(id), &r->leaf) != STATUS_OK)
		goto fail;
	memcpy(r->id, id, strlen(id) + 1);
	HASH_ADD(hh_leaf, m->by_leaf, leaf, sizeof(r->leaf), r);
	if (!r->hh_leaf.tbl)
		goto fail;
	r->cost = sizeof(*r);
	m->entries++;
	m->bytes += r->cost;
	link_newest(m, r);
	return r;
fail:
	mem_free(r);
	return NULL;
}

/* The record for this id, made when missing; a 64-digit id learns its tree. */
static struct memory_record *obtain(struct memory *m, const char *id)
{
	struct memory_record *r = find(m, slice_str(id));
	if (!r)
		return add(m, id);
	if (strlen(id) > strlen(r->id))
		memcpy(r->id, id, strlen(id) + 1);
	unlink_record(m, r);
	link_newest(m, r);
	return r;
}

void memory_know(struct memory *m, const char *id)
{
	if (m->max_entries && obtain(m, id))
		trim(m);
}

bool memory_knows(const struct memory *m, struct slice id)
{
	return find(m, id) != NULL;
}

void memory_remember(struct memory *m, const char *id, const struct digest *create, struct answer *entry)
{
	struct memory_record *r = m->max_entries ? obtain(m, id) : NULL;
	if (!r)
		return;
	if (!r->entry) {
		size_t more = sizeof(*entry) + entry->head.cap + entry->body.cap;
		r->entry = answer_ref(entry);
		r->cost += more;
		m->bytes += more;
	}
	if (create && !r->has_create) {
		struct memory_record *other = NULL;
		HASH_FIND(hh_create, m->by_create, create, sizeof(*create), other);
		if (!other) {
			r->create = *create;
			HASH_ADD(hh_create, m->by_create, create, sizeof(r->create), r);
			r->has_create = r->hh_create.tbl != NULL;
		}
	}
	trim(m);
}

static struct answer *give(struct memory *m, struct memory_record *r, char *id_out)
{
	if (!r || !r->entry)
		return NULL;
	unlink_record(m, r);
	link_newest(m, r);
	if (id_out)
		memcpy(id_out, r->id, sizeof(r->id));
	return r->entry;
}

struct answer *memory_entry(struct memory *m, struct slice id, char *id_out)
{
	return give(m, find(m, id), id_out);
}

struct answer *memory_create(struct memory *m, const struct digest *create, char *id_out)
{
	struct memory_record *r = NULL;
	HASH_FIND(hh_create, m->by_create, create, sizeof(*create), r);
	return give(m, r, id_out);
}
