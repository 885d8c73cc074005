#include "flight_state.h"

#include <stdio.h>
#include <string.h>

#include <sigrelay/base/log.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/relay/reply.h>

#define HELD_LEAST (USEC_PER_SEC / 2) /* an answer before that was no wait but a refusal */

struct flight *flight_log_state(const struct relay *r, usec since)
{
	struct flight *f = r->log_state;
	return f && (!f->main.on_wire || f->main.sent_at >= since) ? f : NULL;
}

static void note_parked(struct flight *f, const char *cause, const char *next)
{
	if (f->waited_outage)
		return;
	f->waited_outage = true;
	flight_log(f, "park", cause, f->sent, f->deadline.at - f->relay->now.mono, next);
}

static void note_outage(struct flight *f, enum side side)
{
	if (relay_breaker(f->relay, f->main.service, side) != BREAKER_CLOSED)
		note_parked(f, f->why[0] ? f->why : "the breaker is open",
			    "waits in line for the probe or the recovery");
}

/* A certificate is not asked for while the log could not record its entry. */
static bool waits_for_the_log(struct flight *f)
{
	if (f->request->operation != OP_FULCIO_SIGN || f->minted)
		return false;
	f->minted = mint_line_pass(&f->relay->mint, &f->mint, f->deadline.at, f->deadline.at - f->head_start,
				   f->relay->now.mono);
	if (!f->minted && !f->why[0])
		snprintf(f->why, sizeof(f->why),
			 "the log's write side is down, so a certificate could not have been used");
	if (!f->minted)
		note_parked(f, "the log's write side is not closed",
			    "the certificate is asked for when the log can record its entry in time");
	return !f->minted;
}

static void flight_send(struct flight *f)
{
	struct relay *r = f->relay;
	enum side side = operation_side(f->request->operation);
	if (waits_for_the_log(f))
		return;
	note_outage(f, side);
	/* A lookup's next look is the first of its kind, not the retry of a fault. */
	if (relay_submit(r, &f->main, side, f->deadline.at, f->failures > 0) != STATUS_OK)
		flight_no_memory(f);
}

static void on_fleet(void *owner, struct slice value)
{
	struct flight *f = owner;
	if (!flight_told(f, value))
		flight_send(f);
}

static void on_mint(struct mint_ticket *t)
{
	struct flight *f = heap_owner(t, struct flight, mint);
	f->minted = true;
	flight_send(f);
}

/* A lookup's entry may have come in by another way meanwhile. */
static bool answer_from_memory(struct flight *f)
{
	char id[REKOR_ENTRY_ID_HEX + 1];
	if (f->request->operation != OP_REKOR_GET || f->request->method != METHOD_GET)
		return false;
	struct answer *entry = memory_entry(&f->relay->memory, f->request->entry_id, id);
	if (!entry)
		return false;
	metric_add(f->relay->telemetry.memory_answers, (int64_t)flight_audience(f));
	flight_count_saved(f);
	flight_answer_own(f, reply_entry(200, id, entry));
	return true;
}

static void on_main_timer(void *arg, usec now)
{
	struct flight *f = arg;
	(void)now;
	if (!f->is_create) /* a wait that was shared ends with a look of its own */
		waiters_leave(f->relay, &f->waiter);
	if (!answer_from_memory(f))
		flight_send(f);
}

static void main_began(struct attempt *a)
{
	struct flight *f = a->owner;
	struct relay *r = f->relay;
	const struct breaker *b = &r->upstream[a->service].gate.breaker[a->ticket.side];
	f->sent++;
	/* It stood in line before the breaker opened, and was parked without a word. */
	if (a->ticket.probe || (b->outage_total > 0 && f->begun < b->since))
		f->waited_outage = true;
	bool alone = !r->upstream[f->main.service].is_relay;
	if (f->is_create && alone && r->cfg.hedge_after > 0 && !f->hedged && f->phase == PHASE_SENDING)
		timer_set(&f->hedge_timer, usec_add(r->now.mono, r->cfg.hedge_after));
}

static void keep_last(struct flight *f, enum transport t, struct answer *a, const char *why)
{
	f->last_transport = t;
	snprintf(f->why, sizeof(f->why), "%s", why);
	if (a) {
		answer_unref(f->last);
		f->last = answer_ref(a);
	}
}

/* How long a 404 may come true: of an id that this relay knows, until the deadline;
 * of an unknown one for lookup_wait. */
static usec absent_until(const struct flight *f)
{
	const struct relay *r = f->relay;
	usec unknown = usec_add(f->absent_since, r->cfg.lookup_wait);
	return memory_knows(&r->memory, f->request->entry_id) ? f->deadline.at : unknown;
}

static void facts_of_absence(struct flight *f, struct verdict_facts *v)
{
	struct relay *r = f->relay;
	if (f->request->operation != OP_REKOR_GET)
		return;
	if (!f->absent_since)
		f->absent_since = r->now.mono;
	v->may_come_true = true;
	v->wait_until = absent_until(f);
	v->polls = f->lookups + 1;
}

static struct verdict decide(struct flight *f, const struct judged *j)
{
	struct relay *r = f->relay;
	enum side side = operation_side(f->request->operation);
	struct verdict_facts v = {
		.outcome = j->outcome,
		.failures = f->failures,
		.retry_after = j->retry_after,
		.deadline = f->deadline.at,
		.breaker_open = relay_breaker(r, f->main.service, side) != BREAKER_CLOSED,
		.retries_off = budget_is_off(&r->upstream[f->main.service].gate.budget),
		.poll_first = r->cfg.poll_interval,
		.poll_max = r->cfg.poll_max,
		.too_big_tries = f->too_big,
	};
	if (j->outcome == OUTCOME_ABSENT)
		facts_of_absence(f, &v);
	return verdict_after(&v, &r->cfg.backoff, r->now.mono, &r->rng);
}

/* The key of the log is public and does not change: while the log is down the
 * remembered one is as good. */
static bool is_public_key(const struct request *q)
{
	return q->operation == OP_REKOR_QUERY && q->method == METHOD_GET && q->query.n == 0 &&
	       slice_ends(q->path, "/log/publicKey");
}

static bool answer_public_key(struct flight *f)
{
	struct relay *r = f->relay;
	if (!is_public_key(f->request) || !r->memory.public_key)
		return false;
	flight_log(f, "from_memory", f->why, f->sent, 0, "the log's public key is answered from memory");
	metric_add(r->telemetry.memory_answers, (int64_t)flight_audience(f));
	flight_answer_own(f, reply_aged(r->memory.public_key, r->now.mono - r->memory.public_key_at));
	return true;
}

static void main_failed(struct flight *f, const struct judged *j, struct verdict v)
{
	struct relay *r = f->relay;
	enum side side = operation_side(f->request->operation);
	if (answer_public_key(f))
		return;
	if (v.kind == VERDICT_GIVE_UP) {
		flight_expire(f, f->deadline.reason);
		return;
	}
	metric_add(r->telemetry.retries[f->request->operation][j->outcome], 1);
	if (v.kind == VERDICT_PARK) {
		note_outage(f, side);
		flight_send(f);
		return;
	}
	flight_log(f, "retry", j->why, f->sent, v.at - r->now.mono, "send the same bytes again");
	timer_set(&f->main_timer, v.at);
}

static void main_absent(struct flight *f, struct answer *a, struct verdict v)
{
	struct relay *r = f->relay;
	if (v.kind == VERDICT_ANSWER || v.kind == VERDICT_GIVE_UP) {
		flight_answer(f, a);
		return;
	}
	if (f->lookups++ == 0) {
		metric_add(r->telemetry.lookups_waited, 1);
		flight_log(f, "wait", "HTTP 404: the entry is not there yet", f->sent, v.at - r->now.mono,
			   "look again");
	}
	/* It may wait with all the others, an unknown one for as long as its wait is. */
	usec until = absent_until(f);
	f->waiter.deadline = usec_min(until, f->deadline.at);
	bool shared = waiters_join(r, &f->waiter);
	if (!shared || until < f->deadline.at)
		timer_set(&f->main_timer, shared ? until : v.at);
}

static void main_good(struct flight *f, const struct judged *j, struct answer *a)
{
	struct relay *r = f->relay;
	if (f->is_create) {
		create_done(f, j, a, true);
		return;
	}
	if (f->request->operation == OP_REKOR_GET && f->request->method == METHOD_GET)
		memory_remember(&r->memory, j->entry.id, NULL, a);
	if (is_public_key(f->request)) {
		answer_unref(r->memory.public_key);
		r->memory.public_key = answer_ref(a);
		r->memory.public_key_at = f->main.sent_at;
	}
	/* Not what came out of another's memory: its age would have to be added. */
	if (f->is_log_state && a->status == 200 && !answer_header(a, "Age").n) {
		answer_unref(r->memory.log_state);
		r->memory.log_state = answer_ref(a);
		r->memory.log_state_at = f->main.sent_at;
	}
	f->certified = f->request->operation == OP_FULCIO_SIGN;
	flight_count_saved(f);
	flight_answer(f, a);
}

/* The relay before this one waits, and answered because it was asked to by then: ask
 * again. No failure of anybody's, and no draw on the retry budget. */
static void main_held(struct flight *f, const struct judged *j)
{
	struct relay *r = f->relay;
	/* Its Retry-After is for those who cannot wait in it; we can, unless it was full. */
	bool was_held = r->now.mono - f->main.sent_at >= HELD_LEAST;
	usec wait = !was_held && j->retry_after > 0 ? backoff_retry_after(j->retry_after, &r->rng)
						    : backoff_between(0, r->cfg.backoff.base, &r->rng);
	usec at = usec_add(r->now.mono, wait);
	if (f->phase == PHASE_RESOLVING)
		return;
	if (at >= f->deadline.at) {
		flight_expire(f, f->deadline.reason);
		return;
	}
	flight_log(f, "held", j->why, f->sent, wait, "ask it again");
	timer_set(&f->main_timer, at);
}

static void act(struct flight *f, const struct judged *j, enum transport t, struct answer *a)
{
	switch (j->outcome) {
	case OUTCOME_GOOD:
		main_good(f, j, a);
		return;
	case OUTCOME_LATE:
		create_late(f, j);
		return;
	case OUTCOME_CONFLICT:
		keep_last(f, t, a, j->why);
		create_conflict(f, a);
		return;
	case OUTCOME_ABSENT:
		keep_last(f, t, a, j->why);
		main_absent(f, a, decide(f, j));
		return;
	case OUTCOME_REFUSED:
	case OUTCOME_OTHER:
		flight_answer(f, a);
		return;
	case OUTCOME_HELD:
		keep_last(f, t, a, j->why);
		main_held(f, j);
		return;
	case OUTCOME_THROTTLED:
	case OUTCOME_SERVER_ERROR:
	case OUTCOME_CONNECT:
	case OUTCOME_TIMEOUT:
	case OUTCOME_RESET:
	case OUTCOME_TRUNCATED:
	case OUTCOME_JUNK:
	case OUTCOME_TOO_BIG:
		break;
	case OUTCOME_CANCELLED:
	case OUTCOME_COUNT:
		return;
	}
	f->failures++;
	f->too_big += j->outcome == OUTCOME_TOO_BIG;
	keep_last(f, t, a, j->why);
	timer_clear(&f->hedge_timer);
	if (f->phase == PHASE_RESOLVING)
		return; /* the leaf is queued: the polls will find it */
	struct verdict v = decide(f, j);
	if (v.kind == VERDICT_ANSWER && a)
		flight_answer(f, a);
	else
		main_failed(f, j, v);
}

static void main_done(struct attempt *at, enum transport t, struct answer *a, const char *error)
{
	struct flight *f = at->owner;
	struct judged j;
	judge_request(f, t, a, error, &j);
	relay_judge(f->relay, at, j.outcome, j.retry_after, j.why);
	act(f, &j, t, a);
	answer_unref(a);
}

static void attempt_setup(struct flight *f, struct attempt *a, attempt_done_fn *done, enum method method)
{
	a->service = operation_service(f->request->operation);
	a->method = method;
	a->target = f->request->target;
	a->request = f->request;
	a->with_body = method == METHOD_POST;
	a->done = done;
	a->owner = f;
}

static void lookup_found(struct waiter *w, struct answer *a)
{
	struct flight *f = heap_owner(w, struct flight, waiter);
	struct judged j;
	judge_request(f, TRANSPORT_DONE, a, NULL, &j);
	act(f, &j, TRANSPORT_DONE, a);
}

static void lookup_look(struct waiter *w)
{
	struct flight *f = heap_owner(w, struct flight, waiter);
	timer_clear(&f->main_timer);
	flight_send(f);
}

static void waiter_setup(struct flight *f)
{
	struct slice id = f->request->entry_id;
	f->waiter.found = f->is_create ? create_found : lookup_found;
	f->waiter.look = f->is_create ? create_look : lookup_look;
	if (id.n && id.n <= REKOR_ENTRY_ID_HEX)
		memcpy(f->waiter.id, id.p, id.n);
}

static enum status timers_setup(struct flight *f)
{
	struct timers *ts = &f->relay->timers;
	enum status s = timer_init(ts, &f->deadline_timer, on_deadline, f);
	if (s == STATUS_OK)
		s = timer_init(ts, &f->main_timer, on_main_timer, f);
	if (s == STATUS_OK && f->is_create)
		s = timer_init(ts, &f->hedge_timer, on_hedge_timer, f);
	if (s == STATUS_OK && f->is_create)
		s = timer_init(ts, &f->poll_timer, on_poll_timer, f);
	return s;
}

static struct flight *flight_new(struct relay *r, struct request *request, const struct digest *create_key)
{
	struct flight *f = mem_calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->relay = r;
	f->request = request_ref(request);
	r->held_bytes += request_bytes(request);
	f->begun = r->now.mono;
	TAILQ_INIT(&f->exchanges);
	TAILQ_INSERT_TAIL(&r->flights, f, link);
	if (create_key) {
		f->is_create = true;
		f->create.key = *create_key;
	}
	f->is_log_state = request_is_log_state(request);
	attempt_setup(f, &f->main, main_done, request->method);
	attempt_setup(f, &f->hedge, hedge_done, METHOD_POST);
	attempt_setup(f, &f->poll, poll_done, METHOD_GET);
	f->main.began = main_began;
	f->mint.go = on_mint;
	waiter_setup(f);
	return f;
}

enum status flight_start(struct relay *r, struct exchange *x, struct request *request,
			 const struct digest *create_key)
{
	struct flight *f = flight_new(r, request, create_key);
	if (!f)
		return STATUS_NO_MEMORY;
	enum status s = timers_setup(f);
	if (s == STATUS_OK && f->is_create)
		s = rekor_posted_parse((struct slice){ request->body, request->body_size }, &f->posted);
	if (s != STATUS_OK) {
		flight_end(f);
		return s;
	}
	if (f->is_create)
		creates_add(&r->creates, &f->create);
	if (f->is_log_state && !flight_log_state(r, USEC_NEVER))
		r->log_state = f;
	audience_add(f, x);
	flight_set_deadline(f, x);
	f->waiter.deadline = f->deadline.at;
	if (f->is_create && create_has_ended(f))
		create_ended(f);
	else if (!flight_ask_fleet(f, on_fleet))
		flight_send(f);
	if (create_key)
		mint_line_used(&r->mint, r->now.mono);
	return STATUS_OK;
}

void flight_share(struct flight *f, struct exchange *x)
{
	audience_add(f, x);
}

void flight_join(struct create_key *k, struct exchange *x)
{
	struct flight *f = heap_owner(k, struct flight, create);
	flight_share(f, x);
	metric_add(f->relay->telemetry.creates_joined, 1);
	log_event(LOG_INFO, "join", LOG_S("request", x->id), LOG_S("trace", trace_id(&x->trace)),
		  LOG_S("operation", operation_name(x->operation)),
		  LOG_S("cause", "the same create is in flight"), LOG_D("attempt", f->sent),
		  LOG_T("wait", f->relay->now.mono - f->begun), LOG_S("with", f->request->id),
		  LOG_S("next", "share its answer"));
}

void flight_leave(struct exchange *x)
{
	struct flight *f = x->flight;
	audience_remove(f, x);
	if (f->audience)
		return;
	if (f->is_create)
		flight_log(f, "client_gone", "the client left", f->sent, f->relay->now.mono - f->begun,
			   "the create goes on for the client's own retry");
	else
		flight_end(f);
}
