/* The control path: what tests and the demo say to the log. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <sigrelay/base/settings.h>
#include <sigrelay/builtin/inside.h>

#define TOKEN_LIFE (600 * USEC_PER_SEC)

static void answer_json(struct builtin_log *l, struct call *c, int status, cJSON *root)
{
	struct response a;
	response_init(&a, status, "application/json");
	enum status s = response_json(&a, root);
	builtin_answer_or_reset(l, c, &a, s);
}

static void answer_text(struct builtin_log *l, struct call *c, int status, const char *text)
{
	struct response a;
	response_init(&a, status, "text/plain; charset=utf-8");
	builtin_answer_or_reset(l, c, &a, buf_addf(&a.body, "%s\n", text));
}

void control_script(struct builtin_log *l, struct call *c)
{
	struct buf error;
	buf_init(&error, 512);
	enum status s = faults_add(&l->faults, buf_slice(&c->body), &error);
	if (s == STATUS_OK)
		answer_text(l, c, 200, "ok");
	else
		answer_text(l, c, s == STATUS_INVALID ? 400 : 500, error.p ? error.p : status_name(s));
	buf_release(&error);
}

void control_clear(struct builtin_log *l, struct call *c)
{
	faults_release(&l->faults);
	l->absent = 0;
	l->late = 0;
	l->down_until = 0;
	answer_text(l, c, 200, "ok");
}

void control_release(struct builtin_log *l, struct call *c)
{
	int64_t n = 0;
	struct call *held = l->parked, *next;
	for (; held; held = next) {
		next = held->next;
		if (held->parked != PARKED_HELD)
			continue;
		/* Not run here: a call that parks or ends itself must not
		 * change the list that is being walked. */
		builtin_after(l, held, 0, builtin_run_parked);
		n++;
	}
	char text[32];
	snprintf(text, sizeof(text), "released %lld", (long long)n);
	answer_text(l, c, 200, text);
}

void control_pause(struct builtin_log *l, struct call *c)
{
	builtin_pause(l, USEC_NEVER);
	answer_text(l, c, 200, "ok");
}

void control_resume(struct builtin_log *l, struct call *c)
{
	builtin_resume(l);
	answer_text(l, c, 200, "ok");
}

/* ---- counters ---- */

#define COUNTER(name)                                                                                        \
	{                                                                                                    \
#name, offsetof(struct counters, name)                                                       \
	}
#define REQUESTS(name, place)                                                                                \
	{                                                                                                    \
		name, offsetof(struct counters, requests) + sizeof(int64_t) * (place)                        \
	}

static const struct {
	const char *name;
	size_t offset;
} counters[] = {
	REQUESTS("create", PLACE_CREATE),
	REQUESTS("get", PLACE_GET),
	REQUESTS("query", PLACE_QUERY),
	REQUESTS("sign", PLACE_SIGN),
	REQUESTS("stamp", PLACE_STAMP),
	REQUESTS("token", PLACE_TOKEN),
	REQUESTS("other", PLACE_OTHER),
	COUNTER(refused),
	COUNTER(gone),
	COUNTER(queued),
	COUNTER(integrated),
	COUNTER(hanging),
	COUNTER(held),
	COUNTER(delayed),
	COUNTER(stalled),
	COUNTER(rules),
};
#define N_COUNTERS (sizeof(counters) / sizeof(counters[0]))

static const int64_t *counter(const struct builtin_log *l, size_t i)
{
	return (const int64_t *)(const void *)((const char *)&l->n + counters[i].offset);
}

void control_state(struct builtin_log *l, struct call *c)
{
	cJSON *root = cJSON_CreateObject();
	bool ok = cJSON_AddBoolToObject(root, "paused", l->paused) != NULL;
	for (size_t i = 0; ok && i < N_COUNTERS; i++)
		ok = cJSON_AddNumberToObject(root, counters[i].name, (double)*counter(l, i)) != NULL;
	if (!ok) {
		cJSON_Delete(root);
		root = NULL;
	}
	answer_json(l, c, 200, root);
}

/* GET /_control/wait?KEY=N: the first counter that the query names. */
void control_wait(struct builtin_log *l, struct call *c)
{
	char text[32];
	uint64_t n;
	for (size_t i = 0; i < N_COUNTERS; i++) {
		if (call_query(c, counters[i].name, text, sizeof(text)) != STATUS_OK)
			continue;
		if (slice_u64(slice_str(text), &n) != STATUS_OK || n > INT64_MAX)
			break;
		c->counter = counter(l, i);
		c->at_least = (int64_t)n;
		c->service = control_state;
		builtin_park(l, c, PARKED_BARRIER);
		return; /* builtin_changed follows every request */
	}
	answer_text(l, c, 400, "wait wants COUNTER=NUMBER; the counters are in /_control/state");
}

/* ---- keys and tokens ---- */

static const char *key_file(const char *path)
{
	static const char *const files[][2] = { { "trusted-root.json", "trusted_root" },
						{ "signing-config.json", "signing_config" } };
	const char *name = path + sizeof("/_control/keys") - 1;
	if (*name == '/')
		name++;
	for (size_t i = 0; i < 2; i++) {
		if (strcmp(name, files[i][0]) == 0)
			return files[i][1];
	}
	return name;
}

void control_keys(struct builtin_log *l, struct call *c)
{
	const char *name = key_file(c->path);
	cJSON *keys = trust_keys(l);
	if (!keys || !*name) {
		answer_json(l, c, 200, keys);
		return;
	}
	cJSON *one = cJSON_DetachItemFromObjectCaseSensitive(keys, name);
	if (!one)
		answer_text(l, c, 404, "no such key; GET /_control/keys lists them");
	else if (cJSON_IsString(one))
		answer_text(l, c, 200, one->valuestring);
	else
		answer_json(l, c, 200, cJSON_Duplicate(one, 1));
	cJSON_Delete(one);
	cJSON_Delete(keys);
}

static enum status wished_token(const struct builtin_log *l, const cJSON *wish, struct buf *out)
{
	usec lifetime = TOKEN_LIFE;
	struct slice text = json_str_at(wish, "lifetime", NULL);
	struct slice email = json_str_at(wish, "email", NULL);
	struct slice audience = json_str_at(wish, "audience", NULL);
	if (text.n && duration_read(text, &lifetime) != STATUS_OK)
		return STATUS_INVALID;
	const struct token_wish w = { email.n ? email.p : "signer@sigrelay.test",
				      audience.n ? audience.p : NULL, lifetime };
	return token_mint(l, &w, out);
}

void control_token(struct builtin_log *l, struct call *c)
{
	struct buf token;
	buf_init(&token, 8192);
	cJSON *wish = c->body.n ? json_parse(buf_slice(&c->body)) : NULL;
	enum status s = c->body.n && !wish ? STATUS_INVALID : wished_token(l, wish, &token);
	if (s == STATUS_OK) {
		cJSON *root = cJSON_CreateObject();
		if (!cJSON_AddStringToObject(root, "token", token.p)) {
			cJSON_Delete(root);
			root = NULL;
		}
		answer_json(l, c, 200, root);
	} else {
		answer_text(l, c, 400,
			    "token wants {\"email\":…,\"lifetime\":\"10m\",\"audience\":…} or nothing");
	}
	buf_wipe(&token);
	cJSON_Delete(wish);
}
