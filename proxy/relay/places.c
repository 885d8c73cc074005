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
};

enum status places_init(struct places *p, size_t max)
{
	*p = (struct places){ .max = max };
	return RAND_bytes(p->key, sizeof(p->key)) == 1 ? STATUS_OK : STATUS_NO_MEMORY;
}

static void forget(struct places *p, struct place *e)
{
	HASH_DELETE(hh, p->in_order, e);
	mem_free(e);
}

size_t places_count(const struct places *p)
{
	return HASH_COUNT(p->in_order);
}

static void forget_oldest(struct places *p, size_t down_to)
{
	while (p->in_order && places_count(p) > down_to)
		forget(p, p->in_order);
}

static void forget_expired(struct places *p, usec now)
{
	while (p->in_order && usec_add(p->in_order->noted, PLACES_KEEP) <= now)
		forget(p, p->in_order);
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
	HASH_FIND(hh, p->in_order, name, sizeof(*name), e);
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
		HASH_DELETE(hh, p->in_order, e);
	} else {
		forget_oldest(p, p->max - 1);
		if (!(e = mem_alloc(sizeof(*e))))
			return;
		*e = (struct place){ .name = name, .first_seen = first_seen };
	}
	e->first_seen = usec_min(e->first_seen, first_seen);
	e->noted = now;
	HASH_ADD(hh, p->in_order, name, sizeof(e->name), e);
	if (!e->hh.tbl)
		mem_free(e);
}

usec places_take(struct places *p, const struct request *q, usec now)
{
	struct digest name;
	struct place *e;
	forget_expired(p, now);
	if (!p->in_order || name_of(p, q, &name) != STATUS_OK || !(e = find(p, &name)))
		return now;
	usec first_seen = e->first_seen;
	forget(p, e);
	return first_seen;
}
