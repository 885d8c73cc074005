/* Docker Hub's own API (hub.docker.com): the registry deletes no tag there. The call
 * that deletes one is not in its reference, and is the one that docker/hub-tool and
 * Harbor make. */
#include <stdio.h>
#include <string.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/registry/docker_config.h>
#include <sigrelay/sigstore/json_fields.h>

#include "registry_inside.h"
#include "remover_inside.h"

#define URL_MAX ((size_t)4096)
#define SECRET_MAX ((size_t)64 << 10)
#define NO_CONTENT 204

struct hub {
	struct buf authorization; /* the whole header line; n 0: not logged in */
	struct verdict trouble;   /* result LEFT: why there is no login */
};

void hub_free(struct hub *h)
{
	if (!h)
		return;
	buf_wipe(&h->authorization);
	mem_free(h);
}

static enum status hub_get(struct remover *m, struct hub **out)
{
	if (!m->hub) {
		m->hub = mem_calloc(1, sizeof(*m->hub));
		if (!m->hub)
			return STATUS_NO_MEMORY;
		buf_init(&m->hub->authorization, SECRET_MAX);
	}
	*out = m->hub;
	return STATUS_OK;
}

/* --- one request ------------------------------------------------------------------- */

/* Hub answers 500 with the registry's 401 inside where a token lacks a right: that is
 * no fault that passes. */
static bool is_final(const struct web_answer *a)
{
	return a->status == 500 && slice_contains(buf_slice(&a->body), "UNAUTHORIZED");
}

/* login: without Authorization; body: JSON, or n 0. */
static enum status hub_ask(struct remover *m, const char *method, const char *path, bool login,
			   struct slice body, struct web_answer *out)
{
	struct buf url;
	buf_init(&url, URL_MAX);
	enum status st = buf_addf(&url, "%s%s", m->cfg.dockerhub_url, path);
	const char *headers[] = { "Accept: application/json", "Content-Type: application/json", NULL };
	if (!login)
		headers[1] = m->hub->authorization.p;
	const struct web_request q = { .method = method,
				       .url = url.p,
				       .headers = headers,
				       .body = body,
				       .deadline = remover_deadline(m),
				       .final = is_final };
	if (st == STATUS_OK)
		st = web_ask(m->cfg.web, &q, out);
	buf_release(&url);
	return st;
}

/* --- logging in ---------------------------------------------------------------------- */

static enum status add_field(const char *before, const char *value, struct buf *out)
{
	enum status st = buf_add_str(out, before);
	return st == STATUS_OK ? json_quote(slice_str(value), out) : st;
}

static enum status post_login(struct remover *m, const struct credentials *who, bool old,
			      struct web_answer *out)
{
	struct buf body;
	buf_init(&body, SECRET_MAX);
	enum status st = buf_reserve(&body, SECRET_MAX); /* one block: none is left unwiped */
	if (st == STATUS_OK)
		st = add_field(old ? "{\"username\":" : "{\"identifier\":", who->username, &body);
	if (st == STATUS_OK)
		st = add_field(old ? ",\"password\":" : ",\"secret\":", who->secret, &body);
	if (st == STATUS_OK)
		st = buf_add_str(&body, "}");
	if (st == STATUS_OK)
		st = hub_ask(m, "POST", old ? "/v2/users/login" : "/v2/auth/token", true, buf_slice(&body),
			     out);
	buf_wipe(&body);
	return st;
}

/* The text of a string value; the empty slice for what needs unescaping. */
static struct slice raw_text(struct slice body, const char *name)
{
	struct slice raw = json_raw_member(body, name);
	if (raw.n < 2 || raw.p[0] != '"' || memchr(raw.p, '\\', raw.n))
		return (struct slice){ NULL, 0 };
	return (struct slice){ raw.p + 1, raw.n - 2 };
}

static enum status take_token(struct hub *h, const struct web_answer *a, bool old)
{
	struct slice token = raw_text(buf_slice(&a->body), old ? "token" : "access_token");
	if (!credential_is_token(token)) {
		verdict_left(&h->trouble, OBSTACLE_FAULT, "Docker Hub answered the login without a token");
		return STATUS_OK;
	}
	buf_wipe(&h->authorization);
	enum status st = buf_reserve(&h->authorization, token.n + 64);
	if (st == STATUS_OK)
		st = buf_add_str(&h->authorization, old ? "Authorization: JWT " : "Authorization: Bearer ");
	return st == STATUS_OK ? buf_add_slice(&h->authorization, token) : st;
}

static void login_refused(struct hub *h, const struct web_answer *a, const char *username)
{
	char words[ANSWER_WORDS];
	bool second_factor = slice_contains(buf_slice(&a->body), "login_2fa_token");
	answer_words(a, words);
	if (second_factor)
		verdict_left(
		    &h->trouble, OBSTACLE_DENIED,
		    "Docker Hub wants a second factor from %.60s, which a program does not have: log "
		    "in with a personal access token (Read, Write, Delete) in place of the password",
		    username);
	else if (a->status == 401 || a->status == 403)
		verdict_left(&h->trouble, OBSTACLE_DENIED,
			     "Docker Hub refused docker.io's credential of %.60s (%.200s); where the account "
			     "has two-factor authentication it takes only a personal access token",
			     username, words);
	else
		verdict_of_answer(&h->trouble, a, "login at Docker Hub", NULL);
}

static enum status log_in_as(struct remover *m, struct hub *h, const struct credentials *who)
{
	struct web_answer a = { 0 };
	bool old = false;
	enum status st = post_login(m, who, false, &a);
	if (st == STATUS_OK && (a.status == 404 || a.status == 405)) {
		web_answer_release(&a);
		a = (struct web_answer){ 0 };
		old = true;
		st = post_login(m, who, true, &a);
	}
	if (st == STATUS_OK && a.status == 200)
		st = take_token(h, &a, old);
	else if (st == STATUS_OK)
		login_refused(h, &a, who->username);
	web_answer_release(&a);
	return st;
}

/* v becomes LEFT where there is nobody to log in as. */
static enum status find_user(struct remover *m, const struct reference *ref, struct account **out,
			     struct verdict *v)
{
	enum status st = account_find(m->cfg.registry, ref, out);
	if (st != STATUS_OK)
		return st;
	const struct account *a = *out;
	if (a->trouble)
		verdict_left(v, OBSTACLE_DENIED, "%.500s", a->trouble);
	else if (a->anonymous || !a->credentials.username || !a->credentials.secret)
		verdict_left(v, OBSTACLE_DENIED,
			     "Docker Hub deletes a tag only for a user name with a personal access token or "
			     "password, and there is none for docker.io: `docker login`");
	return STATUS_OK;
}

/* Afterwards either authorization or trouble is set. */
static enum status log_in(struct remover *m, struct hub *h, const struct reference *ref)
{
	struct account *account;
	buf_wipe(&h->authorization);
	enum status st = find_user(m, ref, &account, &h->trouble);
	if (st == STATUS_OK && h->trouble.result != REMOVAL_LEFT)
		st = log_in_as(m, h, &account->credentials);
	return st;
}

/* --- deleting -------------------------------------------------------------------------- */

/* NULL: they cannot be had. */
static enum status get_settings(struct remover *m, const struct reference *ref, cJSON **out)
{
	struct web_answer a = { 0 };
	struct buf path;
	*out = NULL;
	buf_init(&path, URL_MAX);
	enum status st = hub_repository_path(ref, &path);
	if (st == STATUS_OK)
		st = hub_ask(m, "GET", path.p, false, (struct slice){ NULL, 0 }, &a);
	buf_release(&path);
	if (st == STATUS_OK && a.status == 200)
		*out = json_parse(buf_slice(&a.body));
	web_answer_release(&a);
	return st == STATUS_INVALID ? STATUS_OK : st;
}

/* Hub's refusal does not say why: its settings may. */
static enum status explain(struct remover *m, const struct reference *ref, struct verdict *v)
{
	char rules[HUB_RULES_SIZE], refusal[REMOVAL_REASON];
	cJSON *root;
	enum status st = get_settings(m, ref, &root);
	if (!root)
		return st;
	memcpy(refusal, v->reason, sizeof(refusal));
	if (hub_immutable(root, rules))
		verdict_left(v, OBSTACLE_IMMUTABLE, "%.240s; %s has immutable tags%s%s", refusal, ref->path,
			     *rules ? ", by the rules " : "", rules);
	else if (cJSON_IsFalse(json_at(root, "permissions", "admin", NULL)))
		verdict_left(v, OBSTACLE_DENIED, "%.300s; docker.io's credential has no admin right on %s",
			     refusal, ref->path);
	cJSON_Delete(root);
	return st;
}

static enum status judge(struct remover *m, const struct reference *ref, const struct web_answer *a,
			 struct verdict *v)
{
	static const char asked[] = "Docker Hub's DELETE of the tag";
	if (a->status >= 200 && a->status < 300)
		return confirm_deleted(m, ref, asked, a->status, NO_CONTENT, v);
	if (a->status == 404)
		return confirm_gone(m, ref, asked, a->status, v);
	verdict_of_answer(v, a, asked, NULL);
	if (is_final(a)) {
		verdict_left(v, OBSTACLE_DENIED,
			     "%s: 500 with UNAUTHORIZED inside: docker.io's token may not delete; a personal "
			     "access token needs Read, Write, Delete",
			     asked);
		return STATUS_OK;
	}
	if (v->obstacle == OBSTACLE_FAULT || a->status == 401)
		return STATUS_OK;
	return explain(m, ref, v);
}

static enum status ask_delete(struct remover *m, const struct reference *ref, struct web_answer *out)
{
	char path[600];
	snprintf(path, sizeof(path), "/v2/repositories/%s/tags/%s/", ref->path, ref->tag);
	return hub_ask(m, "DELETE", path, false, (struct slice){ NULL, 0 }, out);
}

/* Logged in, or h->trouble says why not. */
static enum status begin(struct remover *m, const struct reference *ref, struct hub **out)
{
	struct hub *h = NULL;
	enum status st = hub_get(m, &h);
	if (st != STATUS_OK)
		return st;
	*out = h;
	return h->authorization.n || h->trouble.result == REMOVAL_LEFT ? STATUS_OK : log_in(m, h, ref);
}

/* Whether a rule (RE2) is about this very tag only Hub can tell. */
enum status hub_may(struct remover *m, const struct reference *ref, struct verdict *v)
{
	struct hub *h = NULL;
	char rules[HUB_RULES_SIZE] = "";
	cJSON *root = NULL;
	enum status st = begin(m, ref, &h);
	if (st == STATUS_OK && h->authorization.n)
		st = get_settings(m, ref, &root);
	else if (st == STATUS_OK)
		*v = h->trouble;
	if (root && hub_immutable(root, rules) && !*rules)
		verdict_left(v, OBSTACLE_IMMUTABLE, "all tags of %s are immutable", ref->path);
	else if (root && *rules)
		snprintf(v->reason, sizeof(v->reason),
			 "may be refused: %s has immutable tags, by the rules %s; ", ref->path, rules);
	cJSON_Delete(root);
	return st;
}

enum status hub_ready(struct remover *m, const struct reference *ref)
{
	struct hub *h;
	return begin(m, ref, &h);
}

enum status hub_delete_tag(struct remover *m, const struct reference *ref, struct verdict *v)
{
	struct web_answer a = { 0 };
	struct hub *h = NULL;
	enum status st = begin(m, ref, &h);
	if (st == STATUS_OK && h->authorization.n)
		st = ask_delete(m, ref, &a);
	if (st == STATUS_OK && a.status == 401) { /* its tokens live for ten minutes */
		web_answer_release(&a);
		a = (struct web_answer){ 0 };
		st = log_in(m, h, ref);
		if (st == STATUS_OK && h->authorization.n)
			st = ask_delete(m, ref, &a);
	}
	if (st == STATUS_OK && h->authorization.n)
		st = judge(m, ref, &a, v);
	else if (st == STATUS_OK)
		*v = h->trouble;
	web_answer_release(&a);
	return st;
}
