/* Harbor refuses a DELETE by tag, and by digest it takes every tag and the signatures:
 * one tag goes by its own API (api/v2.0/swagger.yaml, deleteTag). */
#include <stdio.h>
#include <string.h>

#include "registry_inside.h"
#include "remover_inside.h"

#define URL_MAX ((size_t)4096)

/* GET /api/v2.0/ping says "Pong" to anybody. */
static enum status ping(struct remover *m, const struct buf *base, bool *is_harbor)
{
	struct web_answer a = { 0 };
	struct buf url;
	buf_init(&url, URL_MAX);
	enum status st = buf_addf(&url, "%s/api/v2.0/ping", base->p);
	const struct web_request q = {
		.method = "GET", .url = url.p, .max_answer = 4096, .deadline = remover_deadline(m)
	};
	if (st == STATUS_OK)
		st = web_ask(m->cfg.web, &q, &a);
	if (st == STATUS_OK)
		*is_harbor = a.status == 200 && slice_contains(buf_slice(&a.body), "Pong");
	web_answer_release(&a);
	buf_release(&url);
	return st;
}

/* The repository's slashes are encoded twice. The digest is the artifact's name: a tag
 * that has moved since is not found. */
static enum status print_url(const struct buf *base, const struct reference *ref, struct buf *out)
{
	const char *slash = strchr(ref->path, '/');
	enum status st = buf_addf(out, "%s/api/v2.0/projects/%.*s/repositories/", base->p,
				  (int)(slash - ref->path), ref->path);
	for (const char *p = slash + 1; *p && st == STATUS_OK; p++)
		st = *p == '/' ? buf_add_str(out, "%252F") : buf_add(out, p, 1);
	return st == STATUS_OK ? buf_addf(out, "/artifacts/%s/tags/%s", ref->digest, ref->tag) : st;
}

static enum status judge(struct remover *m, const struct reference *ref, const struct web_answer *a,
			 struct verdict *v)
{
	char asked[300];
	snprintf(asked, sizeof(asked), "Harbor's DELETE of the tag %s", ref->tag);
	if (a->status == 404 || (a->status >= 200 && a->status < 300)) /* 200 may be anybody's */
		return confirm_gone(m, ref, asked, a->status, v);
	verdict_of_answer(v, a, asked, NULL);
	return STATUS_OK;
}

static enum status delete_with(struct remover *m, const struct reference *ref, const struct buf *base,
			       const struct account *account, struct verdict *v)
{
	struct web_answer a = { 0 };
	struct buf url, line;
	buf_init(&url, URL_MAX);
	buf_init(&line, (size_t)64 << 10);
	enum status st = buf_reserve(&line, (size_t)32 << 10); /* one block: none is left unwiped */
	if (st == STATUS_OK)
		st = buf_add_str(&line, "Authorization: ");
	if (st == STATUS_OK)
		st = account_basic(&account->credentials, &line);
	if (st == STATUS_OK)
		st = print_url(base, ref, &url);
	const char *headers[] = { line.p, "Accept: application/json", NULL };
	const struct web_request q = {
		.method = "DELETE", .url = url.p, .headers = headers, .deadline = remover_deadline(m)
	};
	if (st == STATUS_OK)
		st = web_ask(m->cfg.web, &q, &a);
	if (st == STATUS_OK)
		st = judge(m, ref, &a, v);
	web_answer_release(&a);
	buf_wipe(&line);
	buf_release(&url);
	return st;
}

enum status harbor_delete_tag(struct remover *m, const struct reference *ref, bool *is_harbor,
			      struct verdict *v)
{
	struct account *account;
	struct buf base;
	*is_harbor = false;
	if (!strchr(ref->path, '/'))
		return STATUS_OK; /* without a project it is no Harbor */
	buf_init(&base, URL_MAX);
	enum status st = registry_base(m->cfg.registry, ref, &base);
	if (st == STATUS_OK)
		st = ping(m, &base, is_harbor);
	if (st != STATUS_OK || !*is_harbor)
		goto out;
	st = account_find(m->cfg.registry, ref, &account);
	if (st != STATUS_OK)
		goto out;
	if (account->trouble)
		verdict_left(v, OBSTACLE_DENIED, "%.500s", account->trouble);
	else if (account->anonymous || !account->credentials.username || !account->credentials.secret)
		verdict_left(v, OBSTACLE_DENIED,
			     "Harbor's API takes a user name and a password or robot secret, and there is "
			     "none for %s: `docker login %s`",
			     ref->domain, ref->domain);
	else
		st = delete_with(m, ref, &base, account, v);
out:
	buf_release(&base);
	return st;
}
