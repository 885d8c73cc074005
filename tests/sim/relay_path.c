/* The way through a relay: its production core (exchanges, flights, gates) in the
 * world's time. Here the properties of the core are watched. */
#include <stdlib.h>
#include <string.h>

#include <sigrelay/base/log.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/base/settings.h>
#include <sigrelay/relay/flights.h>
#include <sigrelay/sigstore/rekor.h>
#include <sigrelay/sigstore/route.h>

#include "relay_inside.h"

/* ---- the relay's clock and timers, as server.c has them ---- */

void relay_path_enter(struct relay_path *p)
{
	if (relay_set_now(&p->relay, p->world->now))
		flights_clock_set(&p->relay);
}

void relay_path_leave(struct relay_path *p)
{
	usec next = timers_next(&p->relay.timers);
	if (next == USEC_NEVER)
		timer_clear(&p->wake);
	else
		timer_set(&p->wake, next);
}

static void on_wake(void *arg, usec now)
{
	struct relay_path *p = arg;
	(void)now;
	relay_path_enter(p);
	(void)relay_run_timers(&p->relay);
	relay_path_leave(p);
}

/* ---- what a job asks ---- */

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

static void set_body(struct request *q, const char *text)
{
	q->body = mem_strdup(text);
	q->body_size = strlen(text);
	must(q->body ? STATUS_OK : STATUS_NO_MEMORY);
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
	set_body(q, "{}");
	return q;
}

static struct request *stamp_request(const struct job *j)
{
	char id[32];
	snprintf(id, sizeof(id), "stamp.%u", j->number);
	struct request *q = new_request("POST", "/api/v1/timestamp", j, id);
	set_body(q, "a query");
	return q;
}

static struct request *create_request(struct world *w, const struct job *j)
{
	struct leaf *l = j->leaf;
	struct buf body;
	if (!l->uuid[0]) {
		forge_name(w->forge, l);
		HASH_ADD(hh, w->by_uuid, uuid, 64, l);
	}
	struct request *q = new_request("POST", ENTRIES, j, l->uuid);
	buf_init(&body, 65536);
	forge_create(w->forge, l, &body);
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

static struct request *job_request(struct job *j, enum rpc rpc)
{
	switch (rpc) {
	case RPC_SIGN:
		return sign_request(j);
	case RPC_STAMP:
		return stamp_request(j);
	case RPC_CREATE:
		return create_request(j->world, j);
	case RPC_GET:
	case RPC_READ:
	case RPC_COUNT:
		break;
	}
	return get_request(j);
}

/* ---- exchanges ---- */

/* Of small crowds every exchange is kept to the end, so that a second answer
 * finds it; of large ones those that are over go at once, for the room. */
#define KEEP_ALL_UP_TO 1000

static void talk_free(struct relay_path *p, struct talk *t)
{
	*(t->before ? &t->before->next : &p->talks) = t->next;
	if (t->next)
		t->next->before = t->before;
	request_unref(t->request);
	mem_free(t);
}

static void talk_over(struct talk *t)
{
	if (t->path->world->plan->jobs > KEEP_ALL_UP_TO)
		talk_free(t->path, t);
}

static void on_answer(struct exchange *x, struct answer *a);

void talk_begin(struct relay_path *p, struct request *q, const struct talk *as)
{
	struct talk *t = mem_calloc(1, sizeof(*t));
	if (!t)
		abort();
	*t = *as;
	t->path = p;
	t->request = q;
	t->begun = p->world->now.mono;
	t->next = p->talks;
	if (t->next)
		t->next->before = t;
	p->talks = t;
	if (t->job)
		t->job->talk = t;
	else
		t->line->up = t;
	relay_path_enter(p);
	exchange_start(&t->x, &p->relay, q, on_answer, t);
	relay_path_leave(p);
}

void talk_drop(struct talk *t)
{
	struct relay_path *p = t->path;
	t->job = NULL;
	t->line = NULL;
	t->abandoned = true;
	relay_path_enter(p);
	exchange_abandon(&t->x);
	relay_path_leave(p);
	talk_over(t);
}

static struct relay_path *path_of(const struct job *j)
{
	return j->own ? j->own : j->world->shared;
}

void relay_path_ask(struct job *j, enum rpc rpc)
{
	const struct talk as = { .job = j, .rpc = rpc };
	struct request *q = job_request(j, rpc);
	must(request_seal(q, 1));
	talk_begin(path_of(j), q, &as);
}

void relay_path_drop(struct job *j)
{
	struct talk *t = j->talk;
	j->talk = NULL;
	talk_drop(t);
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
static void check_in_time(const struct talk *t)
{
	struct relay_path *p = t->path;
	usec took = p->relay.now.mono - t->begun;
	usec most = usec_min(p->relay.cfg.retry_for, t->x.patience.wait);
	if (took > most + USEC_PER_MSEC)
		found(p->world, "%s of a %s took %lld ms, its deadline is %lld ms",
		      operation_name(t->x.operation), t->x.patience.client, (long long)(took / USEC_PER_MSEC),
		      (long long)(most / USEC_PER_MSEC));
}

/* Nobody waits on when nothing is wrong any more. */
static void check_prompt(const struct talk *t)
{
	struct world *w = t->path->world;
	usec waited = w->now.mono - usec_max(world_recovery(w), t->begun);
	if (w->plan->prompt && waited > w->plan->prompt)
		found(w, "%s of a %s waited %lld s when all was well again", operation_name(t->x.operation),
		      t->x.patience.client, (long long)(waited / USEC_PER_SEC));
}

/* An outage of the timestamp authority parks nothing else. */
static void check_bystander(const struct talk *t, const struct answer *a)
{
	struct world *w = t->path->world;
	usec took = w->now.mono - t->begun;
	if (!w->plan->only_tsa || t->x.operation == OP_TSA_TIMESTAMP)
		return;
	if (took > 10 * USEC_PER_SEC || !a || a->status >= 400)
		found(w, "%s took %lld s and was answered %d, with only the timestamp authority in trouble",
		      operation_name(t->x.operation), (long long)(took / USEC_PER_SEC), a ? a->status : 0);
}

static void check_breakers(struct relay_path *p)
{
	for (enum service v = 0; v < SERVICE_COUNT; v++) {
		for (enum side s = 0; s < SIDE_COUNT; s++) {
			const struct breaker *b = &p->relay.upstream[v].gate.breaker[s];
			if (p->world->plan->only_tsa && v != SERVICE_TSA &&
			    breaker_outage(b, p->world->now.mono) > 0)
				found(p->world,
				      "the %s side of %s was open, with only the timestamp authority in "
				      "trouble",
				      side_name(s), service_name(v));
		}
	}
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

static void hand_on(struct talk *t, struct answer *a)
{
	struct job *j = t->job;
	struct line *l = t->line;
	struct result r = result_of(t, a);
	if (j && a && t->rpc == RPC_CREATE && r.status == 201)
		check_created(t->path->world, j, a);
	t->job = NULL;
	t->line = NULL;
	talk_over(t);
	if (l) {
		line_answered(l, a);
		return;
	}
	j->talk = NULL;
	job_answered(j, &r);
}

static void on_answer(struct exchange *x, struct answer *a)
{
	struct talk *t = x->owner;
	struct world *w = t->path->world;
	if (t->answers++ > 0)
		found(w, "an exchange was answered twice (%s)", operation_name(x->operation));
	if (!t->job && !t->line) {
		found(w, "an exchange was answered after its client left (%s)", operation_name(x->operation));
		return;
	}
	check_in_time(t);
	check_prompt(t);
	check_bystander(t, a);
	hand_on(t, a);
}

/* ---- the relay's own read of the log, for `run` ---- */

void relay_path_read_log(struct job *j, log_read_fn *done)
{
	relay_path_enter(j->own);
	must(log_read_begin(&j->wait.read, &j->own->relay, done, j));
	relay_path_leave(j->own);
}

void relay_path_read_cancel(struct job *j)
{
	relay_path_enter(j->own);
	log_read_cancel(&j->wait.read);
	relay_path_leave(j->own);
}

/* ---- from its beginning to its end ---- */

static void defaults(struct relay_config *c)
{
	struct settings s;
	struct settings_load *l = settings_load_new();
	must(l ? settings_finish(l, &s) : STATUS_NO_MEMORY);
	relay_config_from(c, &s);
	settings_release(&s);
	settings_load_free(l);
}

struct relay_path *relay_path_new(struct world *w, struct relay_path *up, uint64_t seed)
{
	struct relay_config cfg;
	struct relay_path *p = mem_calloc(1, sizeof(*p));
	if (!p)
		abort();
	p->world = w;
	p->up = up;
	defaults(&cfg);
	if (w->plan->tune)
		w->plan->tune(&cfg, w->plan->tune_arg);
	must(timer_init(&w->timers, &p->wake, on_wake, p));
	must(relay_init(&p->relay, &cfg, &sim_wire, p, seed, w->now));
	must(flights_init(&p->relay));
	return p;
}

bool relay_path_idle(const struct relay_path *p)
{
	return TAILQ_EMPTY(&p->relay.flights);
}

const struct relay *relay_path_relay(const struct relay_path *p)
{
	return &p->relay;
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

void relay_path_free(struct relay_path *p, struct outcome_of_run *out)
{
	if (p->relay.exchanges)
		found(p->world, "%zu exchanges are left at the end", p->relay.exchanges);
	relay_path_enter(p);
	check_breakers(p);
	for (enum side s = 0; out && s < SIDE_COUNT; s++)
		out->outage[s] =
		    breaker_outage(&p->relay.upstream[SERVICE_REKOR].gate.breaker[s], p->world->now.mono);
	flights_release(&p->relay);
	relay_release(&p->relay);
	if (p->lines)
		found(p->world, "%u attempts are left on the wire", p->lines);
	talks_free(p);
	timer_release(&p->wake);
	if (out) {
		out->attempts = p->attempts;
		out->repeats = p->repeats;
		out->budgeted = p->budgeted;
	}
	mem_free(p);
}
