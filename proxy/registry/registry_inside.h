/* What the files of struct registry share, and nobody else uses. registry.c drives: what an
 * answer means. It calls registry_token.c, and both what is below: registry_call.c,
 * registry_account.c, registry_error.c. */
#ifndef SIGRELAY_REGISTRY_REGISTRY_INSIDE_H
#define SIGRELAY_REGISTRY_REGISTRY_INSIDE_H

#include <sys/queue.h>

#include <sigrelay/base/json.h>
#include <sigrelay/registry/challenge.h>
#include <sigrelay/registry/registry.h>

#define WORDS_MAX ((size_t)2048)

/* Who asks at a repository; found once. */
struct account {
	TAILQ_ENTRY(account) link;
	char *domain, *path;
	struct credentials credentials;
	bool anonymous;
	char *trouble; /* why it could not be found out; NULL: it could */
};

/* A right that is kept: an Authorization header's value and what it is good for. */
struct grant {
	TAILQ_ENTRY(grant) link;
	struct registry *registry;
	const struct account *account;
	char *realm, *service, *scope; /* NULL: Basic, or a service without a scope */
	struct buf authorization;      /* n 0: it is being asked for */
	usec ends;
	unsigned actions; /* a bit for each enum action that it has served */
	TAILQ_HEAD(, call) waiting;
	usec deadline;
	enum network namer;
	bool posted;
};

enum action { ACTION_PULL, ACTION_PUSH, ACTION_DELETE };

enum call_stage {
	CALL_PLAIN,  /* sent without credentials */
	CALL_KEPT,   /* sent with a right that was kept: may be out of date */
	CALL_ASKING, /* waits for the token service */
	CALL_LAST,   /* sent with a right got for it: what comes now is the end */
};

/* One request, from registry_start to its done. */
struct call {
	TAILQ_ENTRY(call) link, wait;
	struct registry *registry;
	web_done_fn *answered; /* registry.c's: what an answer means */
	registry_done_fn *done;
	void *arg;
	struct reference repository;
	char *url, *accept, *content_type;
	char method[16];
	struct buf body;
	usec deadline;
	enum action action;
	enum call_stage stage;
	const struct account *account; /* NULL: nobody's name was asked for yet */
	struct grant *grant;
	struct buf no_access;
};

struct registry {
	struct registry_config cfg;
	TAILQ_HEAD(, account) accounts;
	TAILQ_HEAD(, grant) grants;
	TAILQ_HEAD(, call) calls;
};

/* registry_call.c */
/* Sends it with what grant says (NULL: without); c->answered hears. STATUS_NO_MEMORY or
 * _INVALID: not sent. */
enum status call_send(struct call *c, const struct grant *grant) MUST_CHECK;
/* As call_send, where the call ends when that fails. */
void call_go_on(struct call *c, struct grant *grant);
void call_finish(struct call *c, const struct web_answer *a);
void call_finish_without(struct call *c, const char *why);
void call_free(struct call *c); /* one that is in no list; NULL is fine */
/* The base URL of the registry that the domain means, without a slash at the end. */
enum status registry_base(const struct registry *r, const struct reference *ref, struct buf *out) MUST_CHECK;

/* registry_account.c */
/* STATUS_NO_MEMORY only: what else goes wrong is the account's trouble. */
enum status account_find(struct registry *r, const struct reference *ref, struct account **out) MUST_CHECK;
void account_free(struct account *a);
/* "asked as NAME", …: how the request was made, for a person. */
enum status account_print(const struct account *a, const char *domain, struct buf *out) MUST_CHECK;
/* Adds "Basic …". */
enum status account_basic(const struct credentials *c, struct buf *out) MUST_CHECK;

/* registry_token.c */
/* A right that is still good, for this action at this repository; NULL: none. */
struct grant *grant_kept(const struct registry *r, const struct call *c);
/* Answers a Bearer challenge: the call waits until there is a token, and ends when
 * there will be none. */
void token_ask(struct call *c, const struct challenge *ch, const struct web_answer *a);
enum status grant_new(struct registry *r, const struct account *account, struct grant **out) MUST_CHECK;
void grant_free(struct grant *g);

/* hub_tags.c */
/* STATUS_INVALID: not NAMESPACE/NAME. */
enum status hub_repository_path(const struct reference *ref, struct buf *out) MUST_CHECK;
#define HUB_RULES_SIZE 200
/* Of what Hub answers there: are tags immutable? rules: by which, "" for all tags. */
bool hub_immutable(const cJSON *root, char rules[HUB_RULES_SIZE]);

/* registry_error.c */
/* " 401 UNAUTHORIZED: the message": status and, if there is one, the error. */
enum status error_print(const struct web_answer *a, struct buf *out) MUST_CHECK;

#endif
