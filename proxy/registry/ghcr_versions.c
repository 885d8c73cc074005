/* GitHub's package versions: who asks for them, and the list. */
#include <stdio.h>
#include <string.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/registry/docker_config.h>
#include <sigrelay/sigstore/json_fields.h>

#include "ghcr_inside.h"
#include "registry_inside.h"

#define SECRET_MAX ((size_t)64 << 10)
#define VERSION_PAGES_MAX 100
#define PER_PAGE 100

static void version_release(struct version *v)
{
	for (size_t i = 0; i < v->tag_count; i++)
		mem_free(v->tags[i]);
	mem_free(v->tags);
}

static void versions_release(struct ghcr *g)
{
	for (size_t i = 0; i < g->n; i++)
		version_release(&g->v[i]);
	mem_free(g->v);
	g->v = NULL;
	g->n = 0;
	mem_free(g->path);
	g->path = NULL;
}

void ghcr_free(struct ghcr *g)
{
	if (!g)
		return;
	versions_release(g);
	buf_wipe(&g->authorization);
	mem_free(g);
}

/* --- asking ----------------------------------------------------------------------- */

/* A secret that was pasted or read from a file often ends with a line's end. */
static enum status set_token(struct ghcr *g, const char *where, const char *token)
{
	struct slice text = slice_str(token);
	while (text.n && strchr(" \t\r\n", text.p[text.n - 1]))
		text.n--;
	if (!credential_is_token(text)) {
		verdict_left(&g->trouble, OBSTACLE_DENIED,
			     "%s holds no token: it has a blank, a line break or another character that no "
			     "token has",
			     where);
		return STATUS_OK;
	}
	enum status st = buf_reserve(&g->authorization, text.n + 64);
	if (st == STATUS_OK)
		st = buf_add_str(&g->authorization, "Authorization: Bearer ");
	return st == STATUS_OK ? buf_add_slice(&g->authorization, text) : st;
}

static enum status find_token(struct remover *m, struct ghcr *g, const struct reference *ref)
{
	struct account *account;
	if (m->cfg.github_token && *m->cfg.github_token)
		return set_token(g, "GH_TOKEN or GITHUB_TOKEN", m->cfg.github_token);
	enum status st = account_find(m->cfg.registry, ref, &account);
	if (st != STATUS_OK)
		return st;
	if (!account->trouble && !account->anonymous && account->credentials.secret)
		return set_token(g, "ghcr.io's credential", account->credentials.secret);
	verdict_left(&g->trouble, OBSTACLE_DENIED,
		     "GitHub deletes a package version only for a token, and there is none: set GITHUB_TOKEN "
		     "(in a workflow: ${{ github.token }}, with `permissions: packages: write`)%s%.200s",
		     account->trouble ? "; " : "", account->trouble ? account->trouble : "");
	return STATUS_OK;
}

enum status ghcr_get(struct remover *m, const struct reference *ref, struct ghcr **out)
{
	enum status st = STATUS_OK;
	if (!m->ghcr) {
		m->ghcr = mem_calloc(1, sizeof(*m->ghcr));
		if (!m->ghcr)
			return STATUS_NO_MEMORY;
		buf_init(&m->ghcr->authorization, SECRET_MAX);
		st = find_token(m, m->ghcr, ref);
	}
	*out = m->ghcr;
	return st;
}

enum status ghcr_ask(struct remover *m, const char *method, const char *url, struct web_answer *out)
{
	const char *const headers[] = { m->ghcr->authorization.p, "Accept: application/vnd.github+json",
					"X-GitHub-Api-Version: 2022-11-28", NULL };
	const struct web_request q = {
		.method = method, .url = url, .headers = headers, .deadline = remover_deadline(m)
	};
	return web_ask(m->cfg.web, &q, out);
}

/* A limit is told as a missing right is, by 403. */
static bool is_limit(const struct web_answer *a)
{
	return a->status == 403 && (slice_eq_str(web_header(a, "X-RateLimit-Remaining", 0), "0") ||
				    slice_contains(buf_slice(&a->body), "rate limit"));
}

void ghcr_refused(const struct web_answer *a, const char *asked, struct verdict *v)
{
	char words[REMOVAL_REASON];
	verdict_of_answer(v, a, asked, NULL);
	memcpy(words, v->reason, sizeof(words));
	if (a->status == 401)
		verdict_left(v, OBSTACLE_DENIED, "%.300s: the token is not good (any more)", words);
	else if (is_limit(a))
		verdict_left(v, OBSTACLE_FAULT, "%.300s: the token's rate limit is used up", words);
	else if (a->status == 404 || (a->status == 403 && !web_answer_throttles(a)))
		verdict_left(
		    v, OBSTACLE_DENIED,
		    "%.240s (said also of a missing right): it takes a workflow's token with "
		    "`permissions: packages: write`, whose repository has the Admin role on the package, "
		    "or a classic token with delete:packages",
		    words);
}

/* --- the list of versions ---------------------------------------------------------- */

static enum status add_tags(struct version *v, const cJSON *tags)
{
	const cJSON *tag;
	v->tags = mem_calloc((size_t)cJSON_GetArraySize(tags) + 1, sizeof(*v->tags));
	if (!v->tags)
		return STATUS_NO_MEMORY;
	cJSON_ArrayForEach(tag, tags)
	{
		if (!cJSON_IsString(tag))
			continue;
		v->tags[v->tag_count] = mem_strdup(tag->valuestring);
		if (!v->tags[v->tag_count++])
			return STATUS_NO_MEMORY;
	}
	return STATUS_OK;
}

static enum status add_version(struct ghcr *g, const cJSON *item)
{
	struct version made = { 0 };
	struct slice name = json_str_at(item, "name", NULL);
	if (name.n != DIGEST_TEXT - 1 || json_int(json_at(item, "id", NULL), &made.id) != STATUS_OK)
		return STATUS_OK; /* not a container's */
	memcpy(made.digest, name.p, name.n);
	if (!digest_is_valid(made.digest))
		return STATUS_OK;
	struct version *grown = mem_realloc(g->v, (g->n + 1) * sizeof(*grown));
	if (!grown)
		return STATUS_NO_MEMORY;
	g->v = grown;
	enum status st = add_tags(&made, json_at(item, "metadata", "container", "tags", NULL));
	if (st != STATUS_OK)
		version_release(&made);
	else
		g->v[g->n++] = made;
	return st;
}

/* *count: versions on the page. */
static enum status add_page(struct ghcr *g, struct slice body, size_t *count)
{
	enum status st = STATUS_OK;
	const cJSON *item;
	cJSON *root = json_parse(body);
	bool good = cJSON_IsArray(root);
	cJSON_ArrayForEach(item, root)
	{
		++*count;
		if (st == STATUS_OK)
			st = add_version(g, item);
	}
	cJSON_Delete(root);
	if (st != STATUS_OK)
		return st;
	return good ? STATUS_OK : STATUS_INVALID;
}

/* Link leads to /organizations/ID/…: pages are counted instead. */
static enum status take_page(struct remover *m, struct ghcr *g, int page, bool *more)
{
	struct web_answer a = { 0 };
	char url[URL_MAX + 64];
	size_t count = 0;
	snprintf(url, sizeof(url), "%s/versions?state=active&per_page=%d&page=%d", g->base, PER_PAGE, page);
	enum status st = ghcr_ask(m, "GET", url, &a);
	if (st == STATUS_OK && a.status == 200)
		st = add_page(g, buf_slice(&a.body), &count);
	else if (st == STATUS_OK)
		ghcr_refused(&a, "GitHub's list of versions", &g->trouble);
	if (st == STATUS_INVALID) {
		verdict_left(&g->trouble, OBSTACLE_FAULT,
			     "GitHub's list of versions: an answer that cannot be read");
		st = STATUS_OK;
	}
	*more = count == PER_PAGE || (count > 0 && slice_contains(web_header(&a, "Link", 0), "rel=\"next\""));
	web_answer_release(&a);
	return st;
}

/* /orgs/ORG or /users/USER, and the package's name with its slashes encoded. */
static enum status find_base(struct remover *m, struct ghcr *g, const struct reference *ref)
{
	struct web_answer a = { 0 };
	char url[URL_MAX], name[1024];
	size_t owner = strcspn(ref->path, "/"), n = 0;
	snprintf(url, sizeof(url), "%s/users/%.*s", m->cfg.github_api_url, (int)owner, ref->path);
	enum status st = ghcr_ask(m, "GET", url, &a);
	if (st != STATUS_OK || a.status != 200) {
		if (st == STATUS_OK)
			ghcr_refused(&a, "GitHub's account of the owner", &g->trouble);
		web_answer_release(&a);
		return st;
	}
	cJSON *root = json_parse(buf_slice(&a.body));
	bool organization = slice_eq_str(json_str_at(root, "type", NULL), "Organization");
	cJSON_Delete(root);
	web_answer_release(&a);
	name[0] = '\0';
	for (const char *p = ref->path + owner + (ref->path[owner] == '/'); *p && n + 4 < sizeof(name); p++)
		n += (size_t)snprintf(name + n, sizeof(name) - n, *p == '/' ? "%%2F" : "%c", *p);
	snprintf(g->base, sizeof(g->base), "%.2000s/%s/%.*s/packages/container/%s", m->cfg.github_api_url,
		 organization ? "orgs" : "users", (int)owner, ref->path, name);
	return STATUS_OK;
}

enum status ghcr_list(struct remover *m, struct ghcr *g, const struct reference *ref, bool fresh)
{
	bool more = true;
	if (g->path && strcmp(g->path, ref->path) == 0 && !fresh)
		return STATUS_OK;
	versions_release(g);
	g->trouble.result = REMOVAL_PLANNED;
	enum status st = find_base(m, g, ref);
	for (int page = 1; more && page <= VERSION_PAGES_MAX && st == STATUS_OK; page++) {
		if (g->trouble.result == REMOVAL_LEFT)
			return STATUS_OK;
		st = take_page(m, g, page, &more);
	}
	if (st == STATUS_OK && g->trouble.result != REMOVAL_LEFT) {
		g->path = mem_strdup(ref->path);
		st = g->path ? STATUS_OK : STATUS_NO_MEMORY;
	}
	return st;
}

struct version *ghcr_find(const struct ghcr *g, const char *digest)
{
	for (size_t i = 0; i < g->n; i++) {
		if (strcmp(g->v[i].digest, digest) == 0)
			return &g->v[i];
	}
	return NULL;
}

void ghcr_drop(struct ghcr *g, struct version *at)
{
	version_release(at);
	*at = g->v[--g->n];
}

enum status ghcr_digests(struct remover *m, const struct reference *repository, struct digests *out,
			 char why[REMOVAL_REASON])
{
	struct ghcr *g;
	enum status st = ghcr_get(m, repository, &g);
	if (st == STATUS_OK && g->authorization.n)
		st = ghcr_list(m, g, repository, false);
	if (st != STATUS_OK)
		return st;
	for (size_t i = 0; i < g->n && st == STATUS_OK; i++)
		st = digests_add(out, slice_str(g->v[i].digest));
	*why = '\0';
	if (g->trouble.result == REMOVAL_LEFT)
		memcpy(why, g->trouble.reason, REMOVAL_REASON);
	return st;
}
