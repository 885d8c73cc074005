#include "hash_table.h"

#include <sigrelay/relay/creates.h>

enum status create_key_of(const struct request *r, struct digest *out)
{
	struct slice parts[] = { r->path, { "", 1 }, { r->body, r->body_size } };
	return sha256(out, parts, sizeof(parts) / sizeof(parts[0]));
}

void creates_add(struct creates *c, struct create_key *k)
{
	/* Without memory for the table the create still flies; it cannot be joined. */
	HASH_ADD(hh, c->head, key, sizeof(k->key), k);
	k->in = k->hh.tbl != NULL;
}

void creates_remove(struct creates *c, struct create_key *k)
{
	if (!k->in)
		return;
	HASH_DELETE(hh, c->head, k);
	k->in = false;
}

struct create_key *creates_find(const struct creates *c, const struct digest *key)
{
	struct create_key *k = NULL;
	HASH_FIND(hh, c->head, key, sizeof(*key), k);
	return k;
}
