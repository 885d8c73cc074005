#include <stdio.h>
#include <string.h>

#include <sigrelay/base/json.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/base/utf8.h>
#include <sigrelay/registry/credentials.h>

#include "registry_inside.h"

#define TOKEN_BODY_MAX ((size_t)64 << 10)
#define FORM_MAX ((size_t)256 << 10)
#define URL_MAX ((size_t)16384)
#define CLIENT "sigrelay"
/* docs/content/spec/auth/token.md: the default, and the least that is kept to. */
#define LIFE_LEAST 60
#define LIFE_MOST 86400
#define LIFE_MARGIN (5 * USEC_PER_SEC) /* a token is not sent in its last seconds */

/* --- what is kept ---------------------------------------------------------------- */

enum status grant_new(struct registry *r, const struct account *account, struct grant **out)
{
	struct grant *g = mem_calloc(1, sizeof(*g));
	if (!g)
		return STATUS_NO_MEMORY;
	g->registry = r;
	g->account = account;
	buf_init(&g->authorization, SIZE_MAX);
	TAILQ_INIT(&g->waiting);
	TAILQ_INSERT_TAIL(&r->grants, g, link);
	*out = g;
	return STATUS_OK;
}

void grant_free(struct grant *g)
{
	struct call *c;
	if (!g)
		return;
	TAILQ_REMOVE(&g->registry->grants, g, link);
	TAILQ_FOREACH(c, &g->registry->calls, link)
	{
		if (c->grant == g)
			c->grant = NULL;
	}
	buf_wipe(&g->authorization);
	mem_free(g->realm);
	mem_free(g->service);
	mem_free(g->scope);
	mem_free(g);
}

static bool is_good(const struct grant *g, const struct reference *ref, usec now)
{
	return g->authorization.n > 0 && now < g->ends && strcmp(g->account->domain, ref->domain) == 0 &&
	       strcmp(g->account->path, ref->path) == 0;
}

struct grant *grant_kept(const struct registry *r, const struct call *c)
{
	struct grant *g;
	usec now = web_now(r->cfg.web);
	TAILQ_FOREACH(g, &r->grants, link)
	{
		if ((g->actions & (1U << c->action)) && is_good(g, &c->repository, now))
			return g;
	}
	return NULL;
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* One for this very challenge: to be had, or being asked for. */
static struct grant *grant_for(const struct call *c, const struct challenge *ch)
{
	struct grant *g;
	usec now = web_now(c->registry->cfg.web);
	TAILQ_FOREACH(g, &c->registry->grants, link)
	{
		bool here = g->account == c->account && same(g->realm, ch->realm) &&
			    same(g->service, ch->service) && same(g->scope, ch->scope);
		if (here && (g->authorization.n == 0 || is_good(g, &c->repository, now)))
			return g;
	}
	return NULL;
}

/* --- the realm ------------------------------------------------------------------- */

/* NULL: it may be asked. trusted: the registry's own host:port. */
static const char *realm_fault(const struct call *c, const char *realm, char trusted[264])
{
	struct place own, there;
	struct buf base;
	const char *fault = NULL;
	buf_init(&base, URL_MAX);
	if (registry_base(c->registry, &c->repository, &base) != STATUS_OK || !place_of(base.p, &own))
		fault = "no memory";
	else if (!place_of(realm, &there))
		fault = "it is no https URL, or has a name or password in it";
	else if (!there.tls && own.tls)
		fault = "a token would go over plain http";
	else
		snprintf(trusted, 264, "%s:%s", own.host, own.port);
	buf_release(&base);
	return fault;
}

/* --- asking ------------------------------------------------------------------------ */

static enum status add_pair(struct buf *b, const char *name, struct slice value)
{
	bool first = b->n == 0 || b->p[b->n - 1] == '?' || b->p[b->n - 1] == '&';
	enum status st = buf_addf(b, "%s%s=", first ? "" : "&", name);
	return st == STATUS_OK ? url_encode(value, b) : st;
}

/* REALM?service=…&scope=…, one scope= for each. */
static enum status token_url(const struct grant *g, struct buf *out)
{
	size_t n = strcspn(g->realm, "#");
	enum status st = buf_add(out, g->realm, n);
	if (st == STATUS_OK && !memchr(g->realm, '?', n))
		st = buf_add_str(out, "?");
	if (st == STATUS_OK && g->service)
		st = add_pair(out, "service", slice_str(g->service));
	for (const char *s = g->scope; st == STATUS_OK && s && *s; s += strspn(s, " ")) {
		n = strcspn(s, " ");
		if (n > 0)
			st = add_pair(out, "scope", (struct slice){ s, n });
		s += n;
	}
	return st;
}

/* docs/content/spec/auth/oauth.md */
static enum status token_form(const struct grant *g, struct buf *out)
{
	const char *token = g->account->credentials.identity_token;
	enum status st = buf_reserve(out, 3 * strlen(token) + 512);
	if (st == STATUS_OK)
		st = add_pair(out, "grant_type", SLICE_LIT("refresh_token"));
	if (st == STATUS_OK && g->service)
		st = add_pair(out, "service", slice_str(g->service));
	if (st == STATUS_OK)
		st = add_pair(out, "client_id", SLICE_LIT(CLIENT));
	if (st == STATUS_OK && g->scope)
		st = add_pair(out, "scope", slice_str(g->scope));
	if (st == STATUS_OK)
		st = add_pair(out, "refresh_token", slice_str(token));
	return st;
}

static void on_token(void *arg, const struct web_answer *a);

static enum status token_send(struct grant *g, const char *trusted)
{
	static const char type[] = "Content-Type: application/x-www-form-urlencoded";
	const struct credentials *who = &g->account->credentials;
	const char *headers[2] = { NULL, NULL };
	struct buf url, form, basic;
	enum status st;
	buf_init(&url, URL_MAX);
	buf_init(&form, FORM_MAX);
	buf_init(&basic, FORM_MAX);
	if (g->posted) {
		headers[0] = type;
		st = buf_add(&url, g->realm, strcspn(g->realm, "#"));
		if (st == STATUS_OK)
			st = token_form(g, &form);
	} else {
		st = token_url(g, &url);
		if (st == STATUS_OK && (who->secret || who->identity_token))
			st = buf_add_str(&basic, "Authorization: ");
		if (st == STATUS_OK && basic.n > 0)
			st = account_basic(who, &basic);
		headers[0] = basic.n > 0 ? basic.p : NULL;
	}
	const struct web_request q = {
		.method = g->posted ? "POST" : "GET",
		.url = url.p,
		.headers = headers,
		.body = buf_slice(&form),
		.max_answer = TOKEN_BODY_MAX,
		.deadline = g->deadline,
		.untrusted = true,
		.trusted_host = trusted,
		.namer = g->namer,
	};
	if (st == STATUS_OK)
		st = web_start(g->registry->cfg.web, &q, on_token, g);
	buf_release(&url);
	buf_wipe(&form);
	buf_wipe(&basic);
	return st;
}

static void no_access(struct call *c, const struct web_answer *a, const char *words)
{
	struct web_answer none = { .retry_after = -1, .error = "no memory" };
	bool ok = buf_add_str(&c->no_access, words) == STATUS_OK;
	call_finish(c, ok ? a : &none);
}

/* A ready Bearer token: there is nothing to ask for. */
static bool bring_own(struct call *c)
{
	const char *token = c->account->credentials.registry_token;
	struct grant *g = NULL;
	if (!token)
		return false;
	if (grant_new(c->registry, c->account, &g) != STATUS_OK ||
	    buf_reserve(&g->authorization, strlen(token) + 8) != STATUS_OK ||
	    buf_addf(&g->authorization, "Bearer %s", token) != STATUS_OK) {
		grant_free(g);
		return false;
	}
	g->ends = USEC_NEVER;
	c->stage = CALL_LAST;
	call_go_on(c, g);
	return true;
}

static bool copied(const char *text, char **out)
{
	*out = text ? mem_strdup(text) : NULL;
	return !text || *out;
}

static enum status grant_begin(struct call *c, const struct challenge *ch, enum network namer,
			       const char *trusted, struct grant **out)
{
	struct grant *g = NULL;
	enum status st = grant_new(c->registry, c->account, &g);
	if (st != STATUS_OK)
		return st;
	g->deadline = c->deadline;
	g->namer = namer;
	g->posted = c->account->credentials.identity_token != NULL;
	g->realm = mem_strdup(ch->realm);
	bool ok = g->realm && copied(ch->service, &g->service) && copied(ch->scope, &g->scope);
	st = ok ? token_send(g, trusted) : STATUS_NO_MEMORY;
	if (st != STATUS_OK)
		grant_free(g);
	else
		*out = g;
	return st;
}

static void realm_refused(struct call *c, const struct web_answer *a, const char *realm, const char *fault)
{
	char shown[256], words[512];
	utf8_plain(slice_str(realm), shown, sizeof(shown));
	snprintf(words, sizeof(words), "%s names the token service %s, which is not asked: %s",
		 c->repository.domain, shown, fault);
	no_access(c, a, words);
}

void token_ask(struct call *c, const struct challenge *ch, const struct web_answer *a)
{
	char trusted[264];
	struct grant *g;
	if (bring_own(c))
		return;
	const char *fault = realm_fault(c, ch->realm, trusted);
	if (fault) {
		realm_refused(c, a, ch->realm, fault);
		return;
	}
	g = grant_for(c, ch);
	if (g && g->authorization.n > 0) {
		c->stage = CALL_LAST;
		call_go_on(c, g);
		return;
	}
	if (!g && grant_begin(c, ch, a->network, trusted, &g) != STATUS_OK) {
		no_access(c, a, "the token service could not be asked: no memory");
		return;
	}
	c->stage = CALL_ASKING;
	TAILQ_INSERT_TAIL(&g->waiting, c, wait);
}

/* --- its answer --------------------------------------------------------------------- */

static void wipe_string(const cJSON *root, const char *name)
{
	const cJSON *item = json_at(root, name, NULL);
	if (cJSON_IsString(item))
		mem_wipe(item->valuestring, strlen(item->valuestring));
}

static usec life(const cJSON *root)
{
	int64_t seconds;
	if (json_int(json_at(root, "expires_in", NULL), &seconds) != STATUS_OK || seconds < LIFE_LEAST)
		seconds = LIFE_LEAST;
	return (seconds < LIFE_MOST ? seconds : LIFE_MOST) * USEC_PER_SEC - LIFE_MARGIN;
}

/* STATUS_INVALID: there is none in it. */
static enum status token_read(struct grant *g, struct slice body)
{
	cJSON *root = json_parse(body);
	struct slice token = json_str_at(root, "access_token", NULL);
	enum status st = STATUS_INVALID;
	if (token.n == 0)
		token = json_str_at(root, "token", NULL);
	if (credential_is_token(token)) {
		st = buf_reserve(&g->authorization, token.n + 8);
		if (st == STATUS_OK)
			st = buf_addf(&g->authorization, "Bearer %.*s", (int)token.n, token.p);
		g->ends = usec_add(web_now(g->registry->cfg.web), life(root));
	}
	wipe_string(root, "token");
	wipe_string(root, "access_token");
	wipe_string(root, "refresh_token");
	cJSON_Delete(root);
	return st;
}

static enum status failure_print(const struct grant *g, const struct web_answer *a, struct buf *out)
{
	char host[264];
	struct place place;
	if (!place_of(g->realm, &place))
		return STATUS_NO_MEMORY;
	place_print(&place, host);
	if (a->status == 0)
		return buf_addf(out, "the token service could not be asked: %s", a->error);
	if (a->status == 200)
		return buf_addf(out, "the token service %s answered 200 without a token", host);
	bool denied = a->status >= 400 && a->status < 500 && a->status != 429;
	enum status st = buf_addf(out, "%sthe token service %s answered",
				  denied ? "no access, or it does not exist: " : "", host);
	if (st == STATUS_OK)
		st = error_print(a, out);
	if (st == STATUS_OK)
		st = buf_add_str(out, " (");
	if (st == STATUS_OK)
		st = account_print(g->account, g->account->domain, out);
	return st == STATUS_OK ? buf_add_str(out, ")") : st;
}

static void token_failed(struct grant *g, const struct web_answer *a)
{
	struct buf words;
	struct call *c;
	buf_init(&words, WORDS_MAX);
	bool ok = failure_print(g, a, &words) == STATUS_OK;
	/* Out of the list first: what done starts must not wait for this one. */
	TAILQ_REMOVE(&g->registry->grants, g, link);
	while ((c = TAILQ_FIRST(&g->waiting))) {
		TAILQ_REMOVE(&g->waiting, c, wait);
		no_access(c, a, ok ? words.p : "the token service gave no token");
	}
	TAILQ_INSERT_TAIL(&g->registry->grants, g, link);
	grant_free(g);
	buf_release(&words);
}

/* Services that know only the older way (ggcr bearer.go). */
static bool ask_by_get(struct grant *g, const struct web_answer *a)
{
	char trusted[264];
	const struct call *c = TAILQ_FIRST(&g->waiting);
	if (!g->posted || (a->status != 404 && a->status != 405) || !c || realm_fault(c, g->realm, trusted))
		return false;
	g->posted = false;
	return token_send(g, trusted) == STATUS_OK;
}

static void on_token(void *arg, const struct web_answer *a)
{
	struct grant *g = arg;
	struct call *c;
	if (ask_by_get(g, a))
		return;
	if (a->status != 200 || token_read(g, buf_slice(&a->body)) != STATUS_OK) {
		token_failed(g, a);
		return;
	}
	while ((c = TAILQ_FIRST(&g->waiting))) {
		TAILQ_REMOVE(&g->waiting, c, wait);
		c->stage = CALL_LAST;
		call_go_on(c, g);
	}
}
