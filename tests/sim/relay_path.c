/* The way through the relay: its production core (exchanges, flights, gates) with
 * the model for a network. Here the properties of the core are watched. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include <sigrelay/base/log.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/base/settings.h>
#include <sigrelay/relay/exchange.h>
#include <sigrelay/sigstore/rekor.h>
#include <sigrelay/sigstore/route.h>

#include "world.h"

#define ENTRIES "/api/v1/log/entries"
#define ANSWER_MAX (1u << 20)

/* One exchange of a job. */
struct talk {
	struct exchange x;
	struct job *job; /* NULL once it left */
	struct request *request;
	enum rpc rpc;
	unsigned answers;
	bool abandoned;
	usec begun;
	struct talk *next, *before;
};

/* One attempt on the wire. */
struct line {
	struct call call;
	struct attempt *attempt;
	struct relay_path *path;
};

/* What one side of the log's gate has sent since its breaker left CLOSED. */
struct watch {
	unsigned probes;
	usec last_probe; /* 0: none in this outage */
};

struct relay_path {
	struct world *world;
	struct relay relay;
	struct talk *talks;
	struct leaf *by_uuid;
	unsigned lines; /* open */
	struct watch watch[SIDE_COUNT];
	usec longest;
	uint64_t requests;
};

/* What the wire must know of a create: whose leaf it is. By the request's id. */
static struct leaf *leaf_of_request(struct relay_path *p, const struct request *q)
{
	struct leaf *l = NULL;
	const char *uuid = q->id;
	HASH_FIND(hh, p->by_uuid, uuid, 64, l);
	return l;
}

static struct leaf *leaf_of_id(struct relay_path *p, const char *id)
{
	struct leaf *l = NULL;
	size_t n = strlen(id);
	if (n >= 64)
		HASH_FIND(hh, p->by_uuid, id + n - 64, 64, l);
	return l;
}

/* ---- answers in bytes ---- */

static void add_entry_headers(struct answer *a, const struct leaf *l)
{
	char id[81], location[128];
	forge_id(l, id);
	snprintf(location, sizeof(location), ENTRIES "/%s", id);
	if (a->status == 201)
		must(answer_add_header(a, "ETag", slice_str(id)));
	must(answer_add_header(a, "Location", slice_str(location)));
}

static void write_create(struct relay_path *p, struct answer *a, const struct leaf *l)
{
	add_entry_headers(a, l);
	if (a->status == 201)
		forge_entry(p->world->forge, l, leaf_time(l, &p->world->now), &a->body);
	else
		must(buf_add_str(&a->body,
				 "{\"code\":409,\"message\":\"an equivalent entry already exists\"}"));
}

static void write_certificate(struct relay_path *p, struct answer *a, int64_t not_before)
{
	char text[24];
	snprintf(text, sizeof(text), "%lld", (long long)not_before);
	must(answer_add_header(a, "X-Sim-Not-Before", slice_str(text)));
	must(buf_add_str(&a->body, forge_certificate(p->world->forge, not_before)));
}

/* [{…},…] for those of entryUUIDs that are integrated. */
static void write_retrieve(struct relay_path *p, struct answer *a, const struct line *l)
{
	const struct request *q = l->attempt->request;
	cJSON *root = cJSON_ParseWithLength(q->body, q->body_size);
	const cJSON *id;
	unsigned n = 0;
	must(buf_add_str(&a->body, "["));
	cJSON_ArrayForEach(id, cJSON_GetObjectItem(root, "entryUUIDs"))
	{
		struct leaf *leaf = cJSON_IsString(id) ? leaf_of_id(p, id->valuestring) : NULL;
		if (!leaf_is_integrated(leaf, p->world->now.mono))
			continue;
		must(buf_add_str(&a->body, n++ ? "," : ""));
		forge_entry(p->world->forge, leaf, leaf_time(leaf, &p->world->now), &a->body);
	}
	must(buf_add_str(&a->body, "]"));
	cJSON_Delete(root);
}

static unsigned tree_size(const struct relay_path *p)
{
	unsigned n = 0;
	for (const struct leaf *l = p->world->leaves; l; l = l->next)
		n += leaf_is_integrated(l, p->world->now.mono);
	return n;
}

static void write_read(struct relay_path *p, struct answer *a, const struct line *l)
{
	if (strcmp(l->attempt->target, ENTRIES "/retrieve") == 0)
		write_retrieve(p, a, l);
	else
		must(buf_addf(&a->body,
			      "{\"treeSize\":%u,\"rootHash\":\"%064d\",\"treeID\":\"1193050959916656\"}",
			      tree_size(p), 0));
}

static void write_good(struct relay_path *p, struct answer *a, const struct line *l)
{
	const struct leaf *leaf = l->call.leaf;
	switch (l->call.rpc) {
	case RPC_CREATE:
		write_create(p, a, leaf);
		break;
	case RPC_SIGN:
		write_certificate(p, a, l->call.result.not_before);
		break;
	case RPC_GET:
		forge_entry(p->world->forge, leaf, leaf_time(leaf, &p->world->now), &a->body);
		break;
	case RPC_READ:
		write_read(p, a, l);
		break;
	}
}

static struct answer *write_answer(struct relay_path *p, const struct line *l, const struct result *r)
{
	struct answer *a = answer_new(r->status, ANSWER_MAX);
	char seconds[16];
	if (!a)
		abort();
	if (r->retry_after >= 0) {
		snprintf(seconds, sizeof(seconds), "%d", r->retry_after);
		must(answer_add_header(a, "Retry-After", slice_str(seconds)));
	}
	if (r->junk || r->status >= 500 || r->status == 429)
		must(buf_add_str(&a->body, "<html><body>an error page</body></html>"));
	else if (r->status < 300 || r->status == 409)
		write_good(p, a, l);
	return a;
}

/* ---- the wire ---- */

static void line_close(struct line *l)
{
	l->path->lines--;
	mem_free(l);
}

static void on_line(struct call *c, const struct result *r)
{
	struct line *l = c->owner;
	struct attempt *a = l->attempt;
	enum transport t = r->transport;
	struct answer *answer = t == TRANSPORT_DONE ? write_answer(l->path, l, r) : NULL;
	log_event(LOG_DEBUG, "gets", LOG_S("target", a->target), LOG_S("request", a->request->id),
		  LOG_D("transport", t), LOG_D("status", r->status));
	line_close(l); /* r goes with it */
	a->port = NULL;
	a->done(a, t, answer, "the network failed");
}

static enum rpc rpc_of(const struct attempt *a)
{
	if (a->service == SERVICE_FULCIO)
		return RPC_SIGN;
	if (a->method == METHOD_POST && strcmp(a->target, ENTRIES) == 0)
		return RPC_CREATE;
	return strncmp(a->target, ENTRIES "/", strlen(ENTRIES "/")) == 0 && a->method == METHOD_GET
		   ? RPC_GET
		   : RPC_READ;
}

/* Probes bounded: while a side is not closed, one request a probe interval. */
static void watch_send(struct relay_path *p, const struct attempt *a)
{
	struct relay *r = &p->relay;
	struct watch *w = &p->watch[a->ticket.side];
	usec now = r->now.mono;
	p->requests++;
	if (relay_breaker(r, a->service, a->ticket.side) == BREAKER_CLOSED) {
		w->last_probe = 0;
		return;
	}
	if (w->last_probe && now - w->last_probe < r->cfg.gate.breaker.probe_interval)
		found(p->world, "two probes of the %s side within %lld ms", side_name(a->ticket.side),
		      (long long)((now - w->last_probe) / USEC_PER_MSEC));
	w->last_probe = now;
	w->probes++;
}

/* No POST goes out for a certificate that has ended: at best it is useless, at
 * worst it makes an entry that never verifies. */
static void watch_create(struct relay_path *p, struct leaf *l, const struct request *q)
{
	int64_t late = p->relay.now.wall / USEC_PER_SEC - l->not_before - CERTIFICATE_LIFE;
	bool first = l->sent_by != q;
	l->sent_by = q;
	if (late > 0)
		found(p->world, "leaf %u was posted %lld s after its certificate's end (%s; %s)", l->number,
		      (long long)late, first ? "the first attempt of an exchange" : "a retry",
		      l->posts > 0 ? "the log has it" : "the log gets it now");
}

static void wire_send(void *wire, struct attempt *a, usec timeout)
{
	struct relay_path *p = wire;
	struct line *l = mem_calloc(1, sizeof(*l));
	if (!l)
		abort();
	enum rpc rpc = rpc_of(a);
	*l = (struct line){ .attempt = a, .path = p };
	l->call = (struct call){ .rpc = rpc, .shared_address = true, .done = on_line, .owner = l };
	if (rpc == RPC_CREATE)
		l->call.leaf = leaf_of_request(p, a->request);
	else if (rpc == RPC_GET)
		l->call.leaf = leaf_of_id(p, a->target);
	else if (rpc == RPC_SIGN)
		l->call.token_exp = strtoll(a->request->id, NULL, 10);
	log_event(LOG_DEBUG, "sends", LOG_S("service", service_name(a->service)), LOG_S("target", a->target),
		  LOG_S("request", a->request->id));
	if (a->service == SERVICE_REKOR)
		watch_send(p, a);
	if (l->call.leaf && rpc == RPC_CREATE)
		watch_create(p, l->call.leaf, a->request);
	a->port = l;
	p->lines++;
	model_call(&p->world->model, &l->call, timeout);
}

static void wire_cancel(void *wire, struct attempt *a)
{
	struct line *l = a->port;
	(void)wire;
	a->port = NULL;
	model_cancel(&l->call);
	line_close(l);
}

static const struct wire_ops WIRE = { wire_send, wire_cancel };

/* ---- the client's side ---- */

static void on_answer(struct exchange *x, struct answer *a);

static struct request *new_request(const char *method, const char *target, const struct job *j,
				   const char *id)
{
	struct route route = route_of(slice_str(method), slice_str(target));
	struct request *q = NULL;
	must(route.kind == ROUTE_FORWARD ? STATUS_OK : STATUS_INVALID);
	must(request_new(&q, &route, method[0] == 'G' ? METHOD_GET : METHOD_POST));
	must(request_add_header(q, "User-Agent", j->kind->user_agent));
	must(request_add_header(q, "X-Request-Id", id));
	return q;
}

static struct request *sign_request(const struct job *j)
{
	char id[32];
	struct buf token;
	/* The wire hands the token's end to the model by the request's id. */
	snprintf(id, sizeof(id), "%lld.%u", (long long)j->token_exp, j->number);
	struct request *q = new_request("POST", "/api/v1/signingCert", j, id);
	buf_init(&token, 1024);
	forge_token(j->token_exp, &token);
	must(request_add_header(q, "Authorization", token.p));
	buf_release(&token);
	q->body = mem_strdup("{}");
	q->body_size = 2;
	return q;
}

static struct request *create_request(struct relay_path *p, const struct job *j)
{
	struct leaf *l = j->leaf;
	struct buf body;
	if (!l->uuid[0]) {
		forge_name(p->world->forge, l);
		HASH_ADD(hh, p->by_uuid, uuid, 64, l);
	}
	struct request *q = new_request("POST", ENTRIES, j, l->uuid);
	buf_init(&body, 65536);
	forge_create(p->world->forge, l, &body);
	q->body_size = body.n;
	q->body = buf_take(&body);
	return q;
}

static struct request *get_request(const struct job *j)
{
	char id[81], target[128];
	forge_id(j->leaf, id);
	snprintf(target, sizeof(target), ENTRIES "/%s", id);
	return new_request("GET", target, j, j->leaf->uuid);
}

/* Of small crowds every exchange is kept to the end, so that a second answer
 * finds it; of large ones those that are over go at once, for the room. */
#define KEEP_ALL_UP_TO 1000

static void talk_keep(struct relay_path *p, struct talk *t)
{
	t->next = p->talks;
	if (t->next)
		t->next->before = t;
	p->talks = t;
}

static void talk_free(struct relay_path *p, struct talk *t)
{
	*(t->before ? &t->before->next : &p->talks) = t->next;
	if (t->next)
		t->next->before = t->before;
	request_unref(t->request);
	mem_free(t);
}

static void talk_over(struct relay_path *p, struct talk *t)
{
	if (p->world->plan->jobs > KEEP_ALL_UP_TO)
		talk_free(p, t);
}

void relay_path_ask(struct job *j, enum rpc rpc)
{
	struct relay_path *p = j->world->path;
	struct request *q = rpc == RPC_SIGN     ? sign_request(j)
			    : rpc == RPC_CREATE ? create_request(p, j)
						: get_request(j);
	struct talk *t = mem_calloc(1, sizeof(*t));
	if (!t)
		abort();
	must(request_seal(q, 1));
	t->job = j;
	t->rpc = rpc;
	t->request = q;
	t->begun = p->relay.now.mono;
	talk_keep(p, t);
	j->talk = t;
	exchange_start(&t->x, &p->relay, q, on_answer, t);
}

void relay_path_drop(struct job *j)
{
	struct talk *t = j->talk;
	j->talk = NULL;
	t->job = NULL;
	t->abandoned = true;
	exchange_abandon(&t->x);
	talk_over(j->world->path, t);
}

/* ---- what an answer must be ---- */

/* A 201 must be the entry that was posted, inside its certificate's life. */
static void check_created(struct world *w, const struct job *j, const struct answer *a)
{
	struct entry e;
	struct slice etag = answer_header(a, "ETag");
	enum belief b = rekor_entry_check(buf_slice(&a->body), slice_str(j->leaf->uuid), &e);
	if (b != BELIEF_TRUE)
		found(w, "job %u got a 201 that is %s", j->number, belief_name(b));
	else if (e.integrated_time < j->leaf->not_before ||
		 e.integrated_time > j->leaf->not_before + CERTIFICATE_LIFE)
		found(w, "job %u got a 201 integrated %lld s into its certificate's life of %d s", j->number,
		      (long long)(e.integrated_time - j->leaf->not_before), CERTIFICATE_LIFE);
	else if (!slice_eq_str(etag, e.id))
		found(w, "job %u got a 201 whose ETag is not its key", j->number);
}

/* Ended by its deadline: the settings' budget and the client's patience. */
static void check_in_time(struct relay_path *p, const struct talk *t)
{
	usec took = p->relay.now.mono - t->begun;
	usec most = usec_min(p->relay.cfg.retry_for, t->x.patience.wait);
	if (took > p->longest)
		p->longest = took;
	if (took > most + USEC_PER_MSEC)
		found(p->world, "%s of a %s took %lld ms, its deadline is %lld ms",
		      operation_name(t->x.operation), t->x.patience.client, (long long)(took / USEC_PER_MSEC),
		      (long long)(most / USEC_PER_MSEC));
}

/* Nobody waits on when nothing is wrong any more. */
static void check_prompt(struct relay_path *p, const struct talk *t)
{
	usec now = p->relay.now.mono, back = world_recovery(p->world);
	usec waited = now - usec_max(back, t->begun);
	if (p->world->plan->prompt && waited > p->world->plan->prompt)
		found(p->world, "%s of a %s waited %lld s when all was well again",
		      operation_name(t->x.operation), t->x.patience.client,
		      (long long)(waited / USEC_PER_SEC));
}

static struct result result_of(const struct talk *t, const struct answer *a)
{
	struct result r = { .transport = TRANSPORT_DONE, .status = a ? a->status : 503, .retry_after = -1 };
	struct slice v = a ? answer_header(a, "Retry-After") : (struct slice){ "", 0 };
	if (v.n)
		r.retry_after = (int)strtol(v.p, NULL, 10);
	if (a && t->rpc == RPC_SIGN && r.status == 201)
		r.not_before = strtoll(answer_header(a, "X-Sim-Not-Before").p, NULL, 10);
	return r;
}

static void on_answer(struct exchange *x, struct answer *a)
{
	struct talk *t = x->owner;
	struct job *j = t->job;
	struct relay_path *p = heap_owner(x->relay, struct relay_path, relay);
	if (t->answers++ > 0)
		found(p->world, "an exchange was answered twice (%s)", operation_name(x->operation));
	if (!j) {
		found(p->world, "an exchange was answered after its client left (%s)",
		      operation_name(x->operation));
		return;
	}
	check_in_time(p, t);
	check_prompt(p, t);
	struct result r = result_of(t, a);
	if (a && t->rpc == RPC_CREATE && r.status == 201)
		check_created(p->world, j, a);
	j->talk = NULL;
	t->job = NULL;
	talk_over(p, t);
	job_answered(j, &r);
}

/* ---- opening, turning, closing ---- */

static void defaults(struct relay_config *c)
{
	struct settings s;
	struct settings_load *l = settings_load_new();
	must(l ? settings_finish(l, &s) : STATUS_NO_MEMORY);
	relay_config_from(c, &s);
	settings_release(&s);
	settings_load_free(l);
}

void relay_path_open(struct world *w)
{
	struct relay_config cfg;
	struct relay_path *p = mem_calloc(1, sizeof(*p));
	if (!p)
		abort();
	p->world = w;
	w->path = p;
	defaults(&cfg);
	if (w->plan->tune)
		w->plan->tune(&cfg, w->plan->tune_arg);
	must(relay_init(&p->relay, &cfg, &WIRE, p, w->plan->seed, w->now));
}

void relay_path_turn(struct world *w)
{
	if (w->path)
		relay_set_now(&w->path->relay, w->now);
}

void relay_path_run(struct world *w)
{
	(void)relay_run_timers(&w->path->relay);
}

usec relay_path_next(const struct world *w)
{
	return w->path ? timers_next(&w->path->relay.timers) : USEC_NEVER;
}

bool relay_path_idle(const struct world *w)
{
	return !w->path || TAILQ_EMPTY(&w->path->relay.flights);
}

bool relay_path_closed(const struct world *w)
{
	return relay_breaker(&w->path->relay, SERVICE_REKOR, SIDE_WRITE) == BREAKER_CLOSED;
}

static void talks_free(struct relay_path *p)
{
	struct talk *t;
	while ((t = p->talks)) {
		if (t->answers == 0 && !t->abandoned)
			found(p->world, "an exchange was lost (%s)", operation_name(t->x.operation));
		if (t->request->refs != 1)
			found(p->world, "a request has %u references left", t->request->refs - 1);
		talk_free(p, t);
	}
}

void relay_path_close(struct world *w, struct outcome_of_run *out)
{
	struct relay_path *p = w->path;
	if (!p)
		return;
	if (p->relay.exchanges)
		found(w, "%zu exchanges are left at the end", p->relay.exchanges);
	relay_release(&p->relay);
	if (p->lines)
		found(w, "%u attempts are left on the wire", p->lines);
	talks_free(p);
	HASH_CLEAR(hh, p->by_uuid);
	out->longest_exchange = p->longest;
	for (enum side s = 0; s < SIDE_COUNT; s++)
		out->probes[s] = p->watch[s].probes;
	mem_free(p);
	w->path = NULL;
}
