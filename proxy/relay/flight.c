#include <sigrelay/relay/flight.h>

#include <stdio.h>
#include <string.h>

#include <sigrelay/base/log.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/policy/verdict.h>
#include <sigrelay/relay/reply.h>
#include <sigrelay/sigstore/answers.h>
#include <sigrelay/sigstore/fulcio.h>
#include <sigrelay/sigstore/rekor.h>

#define ENTRY_PATH "/api/v1/log/entries/"

enum phase { PHASE_SENDING, PHASE_RESOLVING };

struct flight {
	TAILQ_ENTRY(flight) link;
	struct relay *relay;
	struct request *request;
	struct exchange_list exchanges;
	struct create_key create; /* rekor.create only */
	bool is_create;
	enum phase phase;
	usec begun;
	struct deadline deadline;
	struct timer deadline_timer;

	struct attempt main; /* the client's own request */
	struct timer main_timer;
	unsigned sent, failures, too_big, lookups;
	usec absent_since; /* the first 404 that is waited for; 0 = none yet */

	struct attempt hedge; /* a second POST beside a hanging one */
	struct timer hedge_timer;
	bool hedged;
	bool hedge_won; /* the answer came by the hedge or by what it taught */

	struct attempt poll; /* GET of a create's id */
	struct timer poll_timer;
	unsigned polls, poll_failures;
	char id[REKOR_ENTRY_ID_HEX + 1]; /* in PHASE_RESOLVING */
	char poll_target[sizeof(ENTRY_PATH) + REKOR_ENTRY_ID_HEX];
	bool conflicted; /* the log said 409 to a POST of ours */

	struct posted posted;
	struct answer *last; /* the upstream's own last answer to the client's request */
	enum transport last_transport;
	char why[160]; /* the last failure, for people */
	bool waited_outage;
};

/* --- the end ------------------------------------------------------------- */

static void flight_end(struct flight *f)
{
	struct relay *r = f->relay;
	creates_remove(&r->creates, &f->create);
	TAILQ_REMOVE(&r->flights, f, link);
	relay_withdraw(r, &f->hedge);
	relay_withdraw(r, &f->poll);
	relay_withdraw(r, &f->main);
	timer_release(&f->deadline_timer);
	timer_release(&f->main_timer);
	timer_release(&f->hedge_timer);
	timer_release(&f->poll_timer);
	answer_unref(f->last);
	request_unref(f->request);
	mem_free(f);
}

/* Hands the answer to everyone who waits and ends. */
static void flight_answer(struct flight *f, struct answer *answer)
{
	struct exchange *x;
	while ((x = TAILQ_FIRST(&f->exchanges))) {
		TAILQ_REMOVE(&f->exchanges, x, link);
		x->flight = NULL;
		exchange_finish(x, answer);
	}
	flight_end(f);
}

/* The same for an answer that was made for the occasion: takes the reference. */
static void flight_answer_own(struct flight *f, struct answer *answer)
{
	flight_answer(f, answer);
	answer_unref(answer);
}

static size_t audience(const struct flight *f)
{
	size_t n = 0;
	struct exchange *x;
	TAILQ_FOREACH(x, &f->exchanges, link)
	n++;
	return n;
}

/* Counts those who would have failed without the relay, once for each. */
static void count_saved(struct flight *f)
{
	struct telemetry *t = &f->relay->telemetry;
	enum saved how;
	if (f->conflicted)
		how = SAVED_CONFLICT;
	else if (f->hedge_won)
		how = SAVED_HEDGE;
	else if (f->absent_since)
		how = SAVED_LOOKUP;
	else if (f->waited_outage)
		how = SAVED_OUTAGE;
	else if (f->failures)
		how = SAVED_RETRY;
	else
		return;
	metric_add(t->saved[how], (int64_t)audience(f));
}

static void log_decision(const struct flight *f, const char *event, const char *cause, unsigned attempt,
			 usec wait, const char *next)
{
	log_event(LOG_INFO, event, LOG_S("request", f->request->id),
		  LOG_S("operation", operation_name(f->request->operation)), LOG_S("cause", cause),
		  LOG_D("attempt", attempt), LOG_T("wait", usec_max(0, wait)), LOG_S("next", next));
}

/* --- the deadline -------------------------------------------------------- */

static const char *advice(enum deadline_reason why)
{
	switch (why) {
	case DEADLINE_CERTIFICATE:
		return "the signing certificate ends, and an entry made later would never verify: sign again";
	case DEADLINE_TOKEN:
		return "the identity token ends: sign again with a fresh one";
	case DEADLINE_PATIENCE:
		return "the client would not have waited longer: try again, the relay goes on";
	case DEADLINE_NONE:
	case DEADLINE_RETRY_FOR:
	case DEADLINE_LOOKUP:
	case DEADLINE_DRAIN:
		break;
	}
	return "try again when the service has recovered (sigrelay status), or raise retry_for";
}

static long retry_after_seconds(const struct flight *f)
{
	const struct breaker *b =
	    &f->relay->upstream[f->main.service].gate.breaker[operation_side(f->request->operation)];
	usec wait = b->state == BREAKER_OPEN ? b->next_probe - f->relay->now.mono : 0;
	return 1 + (long)(usec_max(0, wait) / USEC_PER_SEC);
}

static struct answer *not_in_time(const struct flight *f, enum deadline_reason why, bool come_back)
{
	char took[32], text[512];
	enum service s = f->main.service;
	int status = f->last_transport == TRANSPORT_TIMEOUT ? 504 : 503;
	usec_format(f->relay->now.mono - f->begun, took);
	snprintf(text, sizeof(text),
		 "%s gave no good answer to %s: %u attempt%s in %s, the last: %s (%s); %s", service_name(s),
		 operation_name(f->request->operation), f->sent, f->sent == 1 ? "" : "s", took,
		 f->why[0] ? f->why : "no answer yet", deadline_reason_name(why), advice(why));
	return reply_error(s, status, come_back ? retry_after_seconds(f) : -1, text);
}

/* Is the upstream's own last answer one that a client may see as the end? A
 * junk 2xx is not, nor a 409 when the entry behind it can never verify. */
static bool last_is_presentable(const struct flight *f, enum deadline_reason why)
{
	if (!f->last || f->last->status < 300)
		return false;
	return f->last->status != 409 || why != DEADLINE_CERTIFICATE;
}

static bool crowd_comes_back(const struct flight *f)
{
	const struct exchange *x = TAILQ_FIRST(&f->exchanges);
	return x && x->patience.honours_retry_after;
}

/* No further attempt fits: the upstream's own last answer, else one of ours. */
static void flight_expire(struct flight *f, enum deadline_reason why)
{
	bool come_back = why == DEADLINE_PATIENCE && crowd_comes_back(f);
	log_event(LOG_WARN, "gave_up", LOG_S("request", f->request->id),
		  LOG_S("operation", operation_name(f->request->operation)),
		  LOG_S("cause", f->why[0] ? f->why : "no answer yet"),
		  LOG_S("deadline", deadline_reason_name(why)), LOG_D("attempt", f->sent),
		  LOG_T("wait", f->relay->now.mono - f->begun), LOG_S("next", advice(why)));
	if (!come_back && last_is_presentable(f, why)) {
		flight_answer(f, f->last);
		return;
	}
	flight_answer_own(f, not_in_time(f, why, come_back));
}

static void on_deadline(void *arg, usec now)
{
	struct flight *f = arg;
	(void)now;
	flight_expire(f, f->deadline.reason);
}

/* A first attempt is always made: a certificate or token at its end leaves room
 * for one. */
static void bind_to_wall(struct flight *f, int64_t unix_seconds, enum deadline_reason why)
{
	struct relay *r = f->relay;
	usec at = deadline_from_wall(unix_seconds, r->cfg.notafter_margin, r->now);
	usec room = usec_add(r->now.mono, r->cfg.notafter_margin);
	f->deadline = deadline_add(f->deadline, usec_max(at, room), why);
}

static void set_deadline(struct flight *f, const struct exchange *x)
{
	struct relay *r = f->relay;
	int64_t exp;
	f->deadline =
	    deadline_add(deadline_none(), usec_add(r->now.mono, r->cfg.retry_for), DEADLINE_RETRY_FOR);
	if (f->is_create && f->posted.not_after)
		bind_to_wall(f, f->posted.not_after, DEADLINE_CERTIFICATE);
	if (f->request->operation == OP_FULCIO_SIGN &&
	    fulcio_token_exp(f->request->authorization,
			     (struct slice){ f->request->body, f->request->body_size }, &exp) == STATUS_OK)
		bind_to_wall(f, exp, DEADLINE_TOKEN);
	/* A create goes on for the client's own retry; what ends then is the exchange. */
	if (!f->is_create)
		f->deadline =
		    deadline_add(f->deadline, usec_add(r->now.mono, x->patience.wait), DEADLINE_PATIENCE);
	if (f->deadline.at != USEC_NEVER)
		timer_set(&f->deadline_timer, f->deadline.at);
}

/* --- sending ------------------------------------------------------------- */

static void no_memory(struct flight *f)
{
	flight_answer_own(f, reply_error(f->main.service, 503, 1, "out of memory: try again in a moment"));
}

static void note_outage(struct flight *f, enum side side)
{
	if (f->waited_outage || relay_breaker(f->relay, f->main.service, side) == BREAKER_CLOSED)
		return;
	f->waited_outage = true;
	log_decision(f, "park", f->why[0] ? f->why : "the breaker is open", f->sent,
		     f->deadline.at - f->relay->now.mono, "waits in line for the probe or the recovery");
}

static void send_main(struct flight *f)
{
	struct relay *r = f->relay;
	enum side side = operation_side(f->request->operation);
	note_outage(f, side);
	/* A lookup's next look is the first of its kind, not the retry of a fault. */
	if (relay_submit(r, &f->main, side, f->deadline.at, f->failures > 0) != STATUS_OK)
		no_memory(f);
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
	metric_add(f->relay->telemetry.memory_answers, (int64_t)audience(f));
	count_saved(f);
	flight_answer_own(f, reply_entry(200, id, entry));
	return true;
}

static void on_main_timer(void *arg, usec now)
{
	struct flight *f = arg;
	(void)now;
	if (!answer_from_memory(f))
		send_main(f);
}

static void main_began(struct attempt *a)
{
	struct flight *f = a->owner;
	struct relay *r = f->relay;
	f->sent++;
	if (f->is_create && r->cfg.hedge_after > 0 && !f->hedged && f->phase == PHASE_SENDING)
		timer_set(&f->hedge_timer, usec_add(r->now.mono, r->cfg.hedge_after));
}

static void send_poll(struct flight *f)
{
	if (relay_submit(f->relay, &f->poll, SIDE_READ, f->deadline.at, false) != STATUS_OK)
		no_memory(f);
}

static void on_poll_timer(void *arg, usec now)
{
	(void)now;
	send_poll(arg);
}

/* A POST that hangs is not waited for: the same POST again answers 409 with the
 * id as soon as the leaf is queued (facts: "Poll, do not wait for the POST"). */
static void on_hedge_timer(void *arg, usec now)
{
	struct flight *f = arg;
	struct relay *r = f->relay;
	if (f->hedged || f->phase != PHASE_SENDING || !f->main.on_wire || f->main.ticket.probe ||
	    relay_breaker(r, f->main.service, SIDE_WRITE) != BREAKER_CLOSED)
		return;
	f->hedged = true;
	metric_add(r->telemetry.hedges, 1);
	log_decision(f, "hedge", "the POST hangs", f->sent, now - f->main.sent_at,
		     "a second POST learns the id, then the entry is polled");
	if (relay_submit(r, &f->hedge, SIDE_WRITE, f->deadline.at, true) != STATUS_OK)
		f->hedged = false;
}

/* --- judging ------------------------------------------------------------- */

struct judged {
	enum outcome outcome;
	usec retry_after;
	struct entry entry; /* a believed one */
	char why[160];
};

static void judge_entry(struct flight *f, const struct answer *a, struct slice want, struct judged *j)
{
	enum belief b = rekor_entry_check(buf_slice(&a->body), want, &j->entry);
	const char *why = NULL;
	if (b != BELIEF_TRUE)
		why = belief_name(b);
	else if (f->is_create && !rekor_same_entry(&f->posted, &j->entry))
		why = "a true entry, and not the one that was posted";
	else if (f->is_create && rekor_entry_late(&f->posted, &j->entry))
		j->outcome = OUTCOME_LATE;
	if (why) {
		j->outcome = OUTCOME_JUNK;
		snprintf(j->why, sizeof(j->why), "HTTP %d, but %s", a->status, why);
	}
}

/* A 2xx is believed only if it is what it says. */
static void judge_good(struct flight *f, const struct answer *a, struct judged *j)
{
	const struct request *q = f->request;
	const char *why = NULL;
	if (q->method == METHOD_HEAD)
		return;
	if (f->is_create) {
		judge_entry(f, a, (struct slice){ "", 0 }, j);
	} else if (q->operation == OP_REKOR_GET) {
		judge_entry(f, a, q->entry_id, j);
	} else if (!answer_believed(q->operation, q->path, q->query, answer_header(a, "Content-Type"),
				    buf_slice(&a->body), &why)) {
		j->outcome = OUTCOME_JUNK;
		snprintf(j->why, sizeof(j->why), "HTTP %d, but %s", a->status, why);
	}
}

static void judge(struct flight *f, enum transport t, const struct answer *a, const char *error,
		  struct judged *j)
{
	*j = (struct judged){ .retry_after = -1 };
	j->outcome = outcome_of(t, a ? a->status : 0, f->request->body_size);
	if (!a) {
		snprintf(j->why, sizeof(j->why), "%s", error);
		return;
	}
	snprintf(j->why, sizeof(j->why), "HTTP %d", a->status);
	j->retry_after = retry_after_parse(answer_header(a, "Retry-After"), f->relay->now.wall);
	if (j->outcome == OUTCOME_GOOD)
		judge_good(f, a, j);
	else if (a->status == 400 &&
		 answer_400_is_transient(f->request->operation, f->request->path, buf_slice(&a->body)))
		j->outcome = OUTCOME_SERVER_ERROR;
}

/* --- acting -------------------------------------------------------------- */

static void entry_found(struct flight *f, const struct entry *e, struct answer *a)
{
	memory_remember(&f->relay->memory, e->id, f->is_create ? &f->create.key : NULL, a);
}

static void create_done(struct flight *f, const struct judged *j, struct answer *a, bool by_post)
{
	entry_found(f, &j->entry, a);
	if (f->conflicted) {
		metric_add(f->relay->telemetry.conflicts_resolved, 1);
		log_decision(f, "conflict_resolved", "the entry that was posted is in the log", f->sent,
			     f->relay->now.mono - f->begun, "answer 201");
	}
	count_saved(f);
	flight_answer_own(f, by_post ? reply_created(a, j->entry.id) : reply_entry(201, j->entry.id, a));
}

/* The entry is in the log and will never verify: say so while there is time to
 * sign again. 400, because sending the same bytes again is no use. */
static void create_late(struct flight *f, const struct judged *j)
{
	char text[320];
	snprintf(text, sizeof(text),
		 "the log integrated this entry at %lld, outside the certificate's life (%lld to %lld): the "
		 "signature "
		 "would never verify; sign again with a fresh certificate",
		 (long long)j->entry.integrated_time, (long long)f->posted.not_before,
		 (long long)f->posted.not_after);
	log_decision(f, "late", "the entry's integratedTime lies outside the certificate's life", f->sent, 0,
		     "answer 400: sign again");
	flight_answer_own(f, reply_error(SERVICE_REKOR, 400, -1, text));
}

static void resolve(struct flight *f, const char *id)
{
	struct relay *r = f->relay;
	f->phase = PHASE_RESOLVING;
	timer_clear(&f->hedge_timer);
	timer_clear(&f->main_timer);
	memcpy(f->id, id, strlen(id) + 1);
	snprintf(f->poll_target, sizeof(f->poll_target), ENTRY_PATH "%s", id);
	memory_know(&r->memory, id);
	f->poll.target = f->poll_target;
	send_poll(f);
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

/* A 404 that may come true: of an id that this relay knows, until the deadline;
 * of an unknown one for lookup_wait. */
static void facts_of_absence(struct flight *f, struct verdict_facts *v)
{
	struct relay *r = f->relay;
	if (f->request->operation != OP_REKOR_GET)
		return;
	if (!f->absent_since)
		f->absent_since = r->now.mono;
	v->may_come_true = true;
	v->wait_until = memory_knows(&r->memory, f->request->entry_id)
			    ? f->deadline.at
			    : usec_add(f->absent_since, r->cfg.lookup_wait);
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
		.resolvable = f->is_create,
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
	log_decision(f, "from_memory", f->why, f->sent, 0, "the log's public key is answered from memory");
	metric_add(r->telemetry.memory_answers, (int64_t)audience(f));
	flight_answer(f, r->memory.public_key);
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
		send_main(f);
		return;
	}
	log_decision(f, "retry", j->why, f->sent, v.at - r->now.mono, "send the same bytes again");
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
		log_decision(f, "wait", "HTTP 404: the entry is not there yet", f->sent, v.at - r->now.mono,
			     "look again");
	}
	timer_set(&f->main_timer, v.at);
}

static void main_conflict(struct flight *f, struct answer *a)
{
	char id[REKOR_ENTRY_ID_HEX + 1];
	if (!f->is_create ||
	    rekor_conflict_id(answer_header(a, "Location"), buf_slice(&a->body), id) != STATUS_OK) {
		flight_answer(f, a);
		return;
	}
	if (f->phase == PHASE_RESOLVING)
		return; /* the hedge taught us the same */
	f->conflicted = true;
	log_decision(f, "conflict", "HTTP 409: the log has this leaf", f->sent, 0,
		     "poll the entry until it can be read, then answer 201");
	resolve(f, id);
}

static void main_good(struct flight *f, const struct judged *j, struct answer *a)
{
	struct relay *r = f->relay;
	if (f->is_create) {
		create_done(f, j, a, true);
		return;
	}
	if (f->request->operation == OP_REKOR_GET && f->request->method == METHOD_GET)
		entry_found(f, &j->entry, a);
	if (is_public_key(f->request)) {
		answer_unref(r->memory.public_key);
		r->memory.public_key = answer_ref(a);
	}
	count_saved(f);
	flight_answer(f, a);
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
		main_conflict(f, a);
		return;
	case OUTCOME_ABSENT:
		keep_last(f, t, a, j->why);
		main_absent(f, a, decide(f, j));
		return;
	case OUTCOME_REFUSED:
	case OUTCOME_OTHER:
		flight_answer(f, a);
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

static void log_junk(const struct flight *f, const struct judged *j, const struct answer *a)
{
	if (j->outcome != OUTCOME_JUNK)
		return;
	log_event(LOG_WARN, "junk_answer", LOG_S("request", f->request->id),
		  LOG_S("operation", operation_name(f->request->operation)), LOG_S("cause", j->why),
		  LOG_SL("content_type", answer_header(a, "Content-Type")), LOG_D("bytes", a->body.n),
		  LOG_S("next", "counted as a failed attempt"));
}

static void main_done(struct attempt *at, enum transport t, struct answer *a, const char *error)
{
	struct flight *f = at->owner;
	struct judged j;
	judge(f, t, a, error, &j);
	log_junk(f, &j, a);
	relay_judge(f->relay, at, j.outcome, j.retry_after, j.why);
	act(f, &j, t, a);
	answer_unref(a);
}

/* The hedge only teaches: an entry or an id. Its faults are nobody's answer. */
static void hedge_done(struct attempt *at, enum transport t, struct answer *a, const char *error)
{
	struct flight *f = at->owner;
	char id[REKOR_ENTRY_ID_HEX + 1];
	struct judged j;
	judge(f, t, a, error, &j);
	log_junk(f, &j, a);
	relay_judge(f->relay, at, j.outcome, j.retry_after, j.why);
	f->hedge_won = j.outcome == OUTCOME_GOOD;
	if (j.outcome == OUTCOME_GOOD)
		create_done(f, &j, a, true);
	else if (j.outcome == OUTCOME_LATE)
		create_late(f, &j);
	else if (j.outcome == OUTCOME_CONFLICT && f->phase == PHASE_SENDING &&
		 rekor_conflict_id(answer_header(a, "Location"), buf_slice(&a->body), id) == STATUS_OK)
		resolve(f, id);
	answer_unref(a);
}

static void poll_again(struct flight *f, const struct judged *j)
{
	struct relay *r = f->relay;
	usec wait;
	if (j->outcome == OUTCOME_ABSENT) {
		wait = backoff_poll(r->cfg.poll_interval, r->cfg.poll_max, f->polls++, &r->rng);
		f->poll_failures = 0;
	} else {
		wait = backoff_wait(&r->cfg.backoff, ++f->poll_failures, j->outcome == OUTCOME_THROTTLED,
				    j->retry_after, &r->rng);
		snprintf(f->why, sizeof(f->why), "%s", j->why);
		log_decision(f, "retry", j->why, f->poll_failures, wait, "look the entry up again");
	}
	timer_set(&f->poll_timer, usec_add(r->now.mono, wait));
}

static void judge_poll(struct flight *f, enum transport t, const struct answer *a, const char *error,
		       struct judged *j)
{
	*j = (struct judged){ .retry_after = -1 };
	j->outcome = outcome_of(t, a ? a->status : 0, 0);
	if (!a) {
		snprintf(j->why, sizeof(j->why), "%s", error);
		return;
	}
	snprintf(j->why, sizeof(j->why), "HTTP %d", a->status);
	j->retry_after = retry_after_parse(answer_header(a, "Retry-After"), f->relay->now.wall);
	if (j->outcome == OUTCOME_GOOD)
		judge_entry(f, a, slice_str(f->id), j);
}

static void poll_done(struct attempt *at, enum transport t, struct answer *a, const char *error)
{
	struct flight *f = at->owner;
	struct judged j;
	judge_poll(f, t, a, error, &j);
	log_junk(f, &j, a);
	relay_judge(f->relay, at, j.outcome, j.retry_after, j.why);
	f->hedge_won = j.outcome == OUTCOME_GOOD && f->hedged;
	if (j.outcome == OUTCOME_GOOD)
		create_done(f, &j, a, false);
	else if (j.outcome == OUTCOME_LATE)
		create_late(f, &j);
	else
		poll_again(f, &j);
	answer_unref(a);
}

/* --- the beginning ------------------------------------------------------- */

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

enum status flight_start(struct relay *r, struct exchange *x, struct request *request,
			 const struct digest *create_key)
{
	struct flight *f = mem_calloc(1, sizeof(*f));
	if (!f)
		return STATUS_NO_MEMORY;
	f->relay = r;
	f->request = request_ref(request);
	f->is_create = create_key != NULL;
	f->begun = r->now.mono;
	TAILQ_INIT(&f->exchanges);
	TAILQ_INSERT_TAIL(&r->flights, f, link);
	attempt_setup(f, &f->main, main_done, request->method);
	attempt_setup(f, &f->hedge, hedge_done, METHOD_POST);
	attempt_setup(f, &f->poll, poll_done, METHOD_GET);
	f->main.began = main_began;

	enum status s = timers_setup(f);
	if (s == STATUS_OK && f->is_create)
		s = rekor_posted_parse((struct slice){ request->body, request->body_size }, &f->posted);
	if (s != STATUS_OK) {
		flight_end(f);
		return s;
	}
	if (f->is_create) {
		f->create.key = *create_key;
		creates_add(&r->creates, &f->create);
	}
	x->flight = f;
	TAILQ_INSERT_TAIL(&f->exchanges, x, link);
	set_deadline(f, x);
	send_main(f);
	return STATUS_OK;
}

void flight_join(struct create_key *k, struct exchange *x)
{
	struct flight *f = heap_owner(k, struct flight, create);
	x->flight = f;
	TAILQ_INSERT_TAIL(&f->exchanges, x, link);
	metric_add(f->relay->telemetry.creates_joined, 1);
	log_event(LOG_INFO, "join", LOG_S("request", x->id), LOG_S("operation", operation_name(x->operation)),
		  LOG_S("cause", "the same create is in flight"), LOG_D("attempt", f->sent),
		  LOG_T("wait", f->relay->now.mono - f->begun), LOG_S("with", f->request->id),
		  LOG_S("next", "share its answer"));
}

void flight_leave(struct exchange *x)
{
	struct flight *f = x->flight;
	TAILQ_REMOVE(&f->exchanges, x, link);
	x->flight = NULL;
	if (!TAILQ_EMPTY(&f->exchanges))
		return;
	if (f->is_create)
		log_decision(f, "client_gone", "the client left", f->sent, f->relay->now.mono - f->begun,
			     "the create goes on for the client's own retry");
	else
		flight_end(f);
}

struct answer *flight_not_yet(struct exchange *x)
{
	return not_in_time(x->flight, DEADLINE_PATIENCE, x->patience.honours_retry_after);
}

void flights_cancel(struct relay *r)
{
	struct flight *f;
	if (!r->flights.tqh_last)
		return; /* relay_init did not get that far */
	while ((f = TAILQ_FIRST(&r->flights)))
		flight_end(f);
}
