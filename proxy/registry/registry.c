#include <stdio.h>
#include <string.h>

#include <sigrelay/base/mem.h>

#include "registry_inside.h"

#define URL_MAX ((size_t)8192)
#define CHALLENGES_MAX 16

/* A tail may come from a registry's Link header. */
static enum status add_tail(struct buf *out, const char *tail)
{
	static const char as_is[] = "/:?=&%+,;@!$'()*";
	enum status st = STATUS_OK;
	for (; *tail && st == STATUS_OK; tail++)
		st =
		    strchr(as_is, *tail) ? buf_add(out, tail, 1) : url_encode((struct slice){ tail, 1 }, out);
	return st;
}

static enum status print_url(const struct registry *r, const struct registry_request *q, char **out)
{
	struct buf url;
	buf_init(&url, URL_MAX);
	enum status st = registry_base(r, q->repository, &url);
	if (st == STATUS_OK && strncmp(q->tail, "/v2/", 4) != 0)
		st = buf_addf(&url, "/v2/%s/", q->repository->path);
	if (st == STATUS_OK)
		st = add_tail(&url, q->tail);
	if (st == STATUS_OK)
		*out = buf_take(&url);
	buf_release(&url);
	return st;
}

/* --- calls ------------------------------------------------------------------- */

/* What the last answer, a 401 or 403, means to a person. whose: say who asked. */
static void say_no_access(struct call *c, const struct web_answer *a, const char *more, bool whose)
{
	struct buf *b = &c->no_access;
	const char *domain = c->repository.domain;
	bool ok = buf_addf(b, "no access, or it does not exist: %s answered", domain) == STATUS_OK &&
		  error_print(a, b) == STATUS_OK && buf_add_str(b, more) == STATUS_OK;
	if (ok && whose)
		ok = buf_add_str(b, " (") == STATUS_OK && account_print(c->account, domain, b) == STATUS_OK &&
		     buf_add_str(b, ")") == STATUS_OK;
	if (!ok && b->n == 0)
		call_finish_without(c, "no memory");
	else
		call_finish(c, a);
}

static void answer_basic(struct call *c, const struct web_answer *a)
{
	const struct credentials *who = &c->account->credentials;
	struct grant *g = NULL;
	if (c->account->anonymous || !who->secret) {
		say_no_access(c, a, " and wants a name and a password", c->account->anonymous);
		return;
	}
	if (grant_new(c->registry, c->account, &g) != STATUS_OK ||
	    account_basic(who, &g->authorization) != STATUS_OK) {
		grant_free(g);
		call_finish_without(c, "no memory");
		return;
	}
	g->ends = USEC_NEVER;
	c->stage = CALL_LAST;
	call_go_on(c, g);
}

static enum status choose(const struct web_answer *a, struct challenge *out)
{
	struct slice headers[CHALLENGES_MAX];
	size_t n = 0;
	while (n < CHALLENGES_MAX && (headers[n] = web_header(a, "WWW-Authenticate", n)).p)
		n++;
	return challenge_choose(headers, n, out);
}

static void challenged(struct call *c, const struct web_answer *a)
{
	struct challenge ch = { .scheme = CHALLENGE_NONE };
	struct account *found = NULL;
	if (account_find(c->registry, &c->repository, &found) != STATUS_OK || choose(a, &ch) != STATUS_OK) {
		call_finish_without(c, "no memory");
		return;
	}
	c->account = found;
	if (c->account->trouble) {
		if (buf_add_str(&c->no_access, c->account->trouble) == STATUS_OK)
			call_finish(c, a);
		else
			call_finish_without(c, "no memory");
	} else if (ch.scheme == CHALLENGE_BEARER) {
		token_ask(c, &ch, a);
	} else if (ch.scheme == CHALLENGE_BASIC) {
		answer_basic(c, a);
	} else {
		say_no_access(c, a, " and names no way to log in", false);
	}
	challenge_release(&ch);
}

static void on_answer(void *arg, const struct web_answer *a)
{
	struct call *c = arg;
	if (a->status == 401 && c->stage == CALL_PLAIN) {
		challenged(c, a);
	} else if (a->status == 401 && c->stage == CALL_KEPT) {
		/* Out of date. From the start: the challenge to a request that had an
		 * Authorization may be another one (Harbor v2auth). */
		if (c->grant)
			c->grant->ends = 0;
		c->stage = CALL_PLAIN;
		call_go_on(c, NULL);
	} else if (a->status == 401 || a->status == 403) {
		say_no_access(c, a, "", true);
	} else {
		call_finish(c, a);
	}
}

static enum action action_of(const char *method)
{
	if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
		return ACTION_PULL;
	return strcmp(method, "DELETE") == 0 ? ACTION_DELETE : ACTION_PUSH;
}

static bool copied(const char *text, char **out)
{
	*out = text ? mem_strdup(text) : NULL;
	return !text || *out;
}

static enum status call_fill(struct call *c, const struct registry_request *q)
{
	if (snprintf(c->method, sizeof(c->method), "%s", q->method) >= (int)sizeof(c->method))
		return STATUS_INVALID;
	if (!copied(q->accept, &c->accept) || !copied(q->content_type, &c->content_type))
		return STATUS_NO_MEMORY;
	enum status st = reference_copy(q->repository, &c->repository);
	if (st == STATUS_OK)
		st = print_url(c->registry, q, &c->url);
	if (st == STATUS_OK)
		st = buf_add_slice(&c->body, q->body);
	return st;
}

enum status registry_start(struct registry *r, const struct registry_request *q, registry_done_fn *done,
			   void *arg)
{
	struct call *c = mem_calloc(1, sizeof(*c));
	if (!c)
		return STATUS_NO_MEMORY;
	c->registry = r;
	c->answered = on_answer;
	c->done = done;
	c->arg = arg;
	c->deadline = q->deadline;
	c->action = action_of(q->method);
	buf_init(&c->body, SIZE_MAX);
	buf_init(&c->no_access, WORDS_MAX);
	enum status st = call_fill(c, q);
	if (st == STATUS_OK) {
		c->grant = grant_kept(r, c);
		c->stage = c->grant ? CALL_KEPT : CALL_PLAIN;
		c->account = c->grant ? c->grant->account : NULL;
		st = call_send(c, c->grant);
	}
	if (st != STATUS_OK) {
		call_free(c);
		return st;
	}
	TAILQ_INSERT_TAIL(&r->calls, c, link);
	return STATUS_OK;
}

/* --- the beginning and the end --------------------------------------------------- */

enum status registry_new(struct registry **out, const struct registry_config *cfg)
{
	struct registry *r = mem_calloc(1, sizeof(*r));
	if (!r)
		return STATUS_NO_MEMORY;
	r->cfg = *cfg;
	TAILQ_INIT(&r->accounts);
	TAILQ_INIT(&r->grants);
	TAILQ_INIT(&r->calls);
	*out = r;
	return STATUS_OK;
}

void registry_free(struct registry *r)
{
	struct call *c;
	struct grant *g;
	struct account *a;
	if (!r)
		return;
	while ((c = TAILQ_FIRST(&r->calls))) {
		TAILQ_REMOVE(&r->calls, c, link);
		call_free(c);
	}
	while ((g = TAILQ_FIRST(&r->grants)))
		grant_free(g);
	while ((a = TAILQ_FIRST(&r->accounts))) {
		TAILQ_REMOVE(&r->accounts, a, link);
		account_free(a);
	}
	mem_free(r);
}
