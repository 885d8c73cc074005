#include "hash_table.h"

#include <sigrelay/relay/places.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <sigrelay/relay/creates.h>

struct place {
	struct digest name;
	usec first_seen, noted;
	UT_hash_handle hh;
	TAILQ_ENTRY(place) link;
};

enum status places_init(struct places *p, size_t max)
{
	*p = (struct places){ .max = max };
	TAILQ_INIT(&p->in_order);
	return RAND_bytes(p->key, sizeof(p->key)) == 1 ? STATUS_OK : STATUS_NO_MEMORY;
}

static void forget(struct places *p, struct place *e)
{
	HASH_DELETE(hh, p->by_request, e);
	TAILQ_REMOVE(&p->in_order, e, link);
	p->count--;
	mem_free(e);
}

static void forget_oldest(struct places *p, size_t down_to)
{
	while (p->count > down_to)
		forget(p, TAILQ_FIRST(&p->in_order));
}

static void forget_expired(struct places *p, usec now)
{
	struct place *e;
	while (p->count && (e = TAILQ_FIRST(&p->in_order)) && usec_add(e->noted, PLACES_KEEP) <= now)
		forget(p, e);
}

void places_release(struct places *p)
{
	forget_oldest(p, 0);
	mem_wipe(p->key, sizeof(p->key));
}

void places_resize(struct places *p, size_t max)
{
	p->max = max;
	forget_oldest(p, max);
}

/* The inner digest is nothing that is kept: HMAC over it is HMAC over what it is of. */
static enum status name_of(const struct places *p, const struct request *q, struct digest *out)
{
	struct digest inner;
	enum status s = create_key_of(q, &inner);
	if (s == STATUS_OK &&
	    !HMAC(EVP_sha256(), p->key, sizeof(p->key), inner.b, sizeof(inner.b), out->b, NULL))
		s = STATUS_NO_MEMORY;
	mem_wipe(&inner, sizeof(inner));
	return s;
}

static struct place *find(const struct places *p, const struct digest *name)
{
	struct place *e = NULL;
	HASH_FIND(hh, p->by_request, name, sizeof(*name), e);
	return e;
}

static struct place *add(struct places *p, const struct digest *name)
{
	struct place *e = mem_calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->name = *name;
	HASH_ADD(hh, p->by_request, name, sizeof(e->name), e);
	if (!e->hh.tbl) {
		mem_free(e);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&p->in_order, e, link);
	p->count++;
	return e;
}

void places_note(struct places *p, const struct request *q, usec first_seen, usec now)
{
	struct digest name;
	forget_expired(p, now);
	if (p->max == 0 || q->body_size == 0 || name_of(p, q, &name) != STATUS_OK)
		return;
	struct place *e = find(p, &name);
	if (e) {
		TAILQ_REMOVE(&p->in_order, e, link);
		TAILQ_INSERT_TAIL(&p->in_order, e, link);
		e->first_seen = usec_min(e->first_seen, first_seen);
	} else {
		forget_oldest(p, p->max - 1);
		if (!(e = add(p, &name)))
			return;
		e->first_seen = first_seen;
	}
	e->noted = now;
}

usec places_take(struct places *p, const struct request *q, usec now)
{
	struct digest name;
	struct place *e;
	forget_expired(p, now);
	if (p->count == 0 || name_of(p, q, &name) != STATUS_OK || !(e = find(p, &name)))
		return now;
	usec first_seen = e->first_seen;
	forget(p, e);
	return first_seen;
}
