#include <string.h>

#include <sigrelay/base/bytes.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/base/utf8.h>

#include "registry_inside.h"

void account_free(struct account *a)
{
	if (!a)
		return;
	credentials_release(&a->credentials);
	mem_free(a->domain);
	mem_free(a->path);
	mem_free(a->trouble);
	mem_free(a);
}

static enum status account_fill(const struct registry *r, struct account *a, const struct reference *ref)
{
	struct buf why;
	enum status st = STATUS_NOT_FOUND;
	a->domain = mem_strdup(ref->domain);
	a->path = mem_strdup(ref->path);
	if (!a->domain || !a->path)
		return STATUS_NO_MEMORY;
	buf_init(&why, WORDS_MAX);
	if (r->cfg.credentials)
		st = credentials_find(r->cfg.credentials, ref->domain, ref->path, &a->credentials, &why);
	a->anonymous = st == STATUS_NOT_FOUND;
	if (st == STATUS_OK || st == STATUS_NOT_FOUND) {
		buf_release(&why);
		return STATUS_OK;
	}
	if (st != STATUS_NO_MEMORY && why.n == 0)
		st = buf_addf(&why, "the credentials for %s cannot be read", ref->domain);
	a->trouble = st == STATUS_NO_MEMORY ? NULL : buf_take(&why);
	buf_release(&why);
	return a->trouble ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status account_find(struct registry *r, const struct reference *ref, struct account **out)
{
	struct account *a;
	TAILQ_FOREACH(a, &r->accounts, link)
	{
		if (strcmp(a->domain, ref->domain) == 0 && strcmp(a->path, ref->path) == 0) {
			*out = a;
			return STATUS_OK;
		}
	}
	a = mem_calloc(1, sizeof(*a));
	if (!a || account_fill(r, a, ref) != STATUS_OK) {
		account_free(a);
		return STATUS_NO_MEMORY;
	}
	TAILQ_INSERT_TAIL(&r->accounts, a, link);
	*out = a;
	return STATUS_OK;
}

enum status account_print(const struct account *a, const char *domain, struct buf *out)
{
	char name[128];
	if (!a || a->anonymous)
		return buf_addf(out, "asked without a name; `docker login %s` gives one", domain);
	utf8_plain(slice_str(a->credentials.username), name, sizeof(name));
	if (!name[0])
		return buf_addf(out, "asked with the token that is configured for %s", domain);
	return buf_addf(out, "asked as %s", name);
}

enum status account_basic(const struct credentials *c, struct buf *out)
{
	const char *name = c->username ? c->username : "<token>";
	const char *secret = c->secret ? c->secret : c->identity_token;
	size_t n = strlen(name) + strlen(secret) + 1;
	struct buf pair;
	buf_init(&pair, n);
	enum status st = buf_reserve(&pair, n); /* one block: none is left behind unwiped */
	if (st == STATUS_OK)
		st = buf_addf(&pair, "%s:%s", name, secret);
	if (st == STATUS_OK)
		st = buf_reserve(out, 16 + 2 * n);
	if (st == STATUS_OK)
		st = buf_add_str(out, "Basic ");
	if (st == STATUS_OK)
		st = base64_encode(buf_slice(&pair), out);
	buf_wipe(&pair);
	return st;
}
