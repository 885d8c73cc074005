#include "flight_state.h"

#include <stdio.h>
#include <string.h>

#include <sigrelay/base/log.h>
#include <sigrelay/relay/reply.h>

#define HEDGES_PAY (30 * USEC_PER_SEC)
#define HEDGE_AGAIN (USEC_PER_SEC / 2)

void create_done(struct flight *f, const struct judged *j, struct answer *a, bool by_post)
{
	memory_remember(&f->relay->memory, j->entry.id, &f->create.key, a);
	if (f->relay->fleet)
		fleet_tell_entry(f->relay->fleet, j->entry.id, &f->create.key, a);
	if (f->conflicted) {
		metric_add(f->relay->telemetry.conflicts_resolved, 1);
		flight_log(f, "conflict_resolved", "the entry that was posted is in the log", f->sent,
			   f->relay->now.mono - f->begun, "answer 201");
	}
	flight_count_saved(f);
	flight_answer_own(f, by_post ? reply_created(a, j->entry.id) : reply_entry(201, j->entry.id, a));
}

/* The entry is in the log and will never verify: say so while there is time to
 * sign again. 400, because sending the same bytes again is no use. */
void create_late(struct flight *f, const struct judged *j)
{
	char text[320];
	snprintf(text, sizeof(text),
		 "the log integrated this entry at %lld, outside the certificate's life (%lld to %lld): the "
		 "signature would never verify; sign again with a fresh certificate",
		 (long long)j->entry.integrated_time, (long long)f->posted.not_before,
		 (long long)f->posted.not_after);
	flight_log(f, "late", "the entry's integratedTime lies outside the certificate's life", f->sent, 0,
		   "answer 400: sign again");
	if (f->wall_end) /* it came in time */
		failure_note(f->relay, text);
	flight_answer_own(f, reply_error(SERVICE_REKOR, 400, -1, text));
}

/* A certificate that has just ended is a client's that comes back too late:
 * posting would write an entry that never verifies. One that ended long ago is
 * nobody's signing: an old body is sent again, perhaps to find its entry, and
 * the entry itself tells. */
bool create_has_ended(const struct flight *f)
{
	int64_t ago = service_clock_now(&f->relay->service_clock, f->relay->now).wall / USEC_PER_SEC -
		      f->posted.not_after;
	return f->posted.not_after && ago >= 0 && ago < CERTIFICATE_JUST_ENDED_S;
}

void create_ended(struct flight *f)
{
	flight_log(f, "late", "the certificate has ended", f->sent, 0, "answer 400: sign again");
	flight_answer_own(f,
			  reply_error(SERVICE_REKOR, 400, -1,
				      "the signing certificate has ended, and an entry made now would never "
				      "verify; sign again with a fresh certificate"));
}

static void send_poll(struct flight *f)
{
	if (relay_submit(f->relay, &f->poll, SIDE_READ, f->deadline.at, false) != STATUS_OK)
		flight_no_memory(f);
}

void on_poll_timer(void *arg, usec now)
{
	(void)now;
	send_poll(arg);
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
	if (r->fleet)
		fleet_tell_queued(r->fleet, id);
	f->poll.target = f->poll_target;
	memcpy(f->waiter.id, id, strlen(id) + 1);
	f->waiter.deadline = f->deadline.at;
	/* Its entry is waited for from now on: a slot that others need is theirs. */
	if (gate_in_line(&r->upstream[SERVICE_REKOR].gate, SIDE_WRITE))
		relay_withdraw(r, &f->main);
	if (!waiters_join(r, &f->waiter))
		send_poll(f);
}

void create_conflict(struct flight *f, struct answer *a)
{
	char id[REKOR_ENTRY_ID_HEX + 1];
	if (!f->is_create ||
	    rekor_conflict_id(answer_header(a, "Location"), buf_slice(&a->body), id) != STATUS_OK) {
		flight_answer(f, a);
		return;
	}
	if (f->phase == PHASE_RESOLVING)
		return; /* the hedge taught us the same */
	if (f->hedged)
		f->relay->hedges_paid = f->relay->now.mono;
	f->conflicted = true;
	flight_log(f, "conflict", "HTTP 409: the log has this leaf", f->sent, 0,
		   "poll the entry until it can be read, then answer 201");
	resolve(f, id);
}

/* While hedges learn ids the log queues what it is sent, and each of them costs it
 * milliseconds: then they need no leave of the retry budget, or a paused signer's
 * thousands would wait for it by the second. */
static bool hedges_pay(const struct relay *r)
{
	return r->hedges_paid && r->now.mono - r->hedges_paid < HEDGES_PAY;
}

/* Not before those who have not posted at all and wait for the rate; nor without a
 * token of the retry budget, for which it does not stand in line. */
static bool hedge_may_go(const struct flight *f, usec now)
{
	const struct relay *r = f->relay;
	const struct gate *g = &r->upstream[f->main.service].gate;
	if (gate_in_line(g, SIDE_WRITE) && gate_has_room(g, SIDE_WRITE, now))
		return false;
	return hedges_pay(r) || budget_ready(&g->budget, now) <= now;
}

/* A POST that hangs is not waited for: the same POST again answers 409 with the
 * id as soon as the leaf is queued (facts: "Poll, do not wait for the POST"). */
void on_hedge_timer(void *arg, usec now)
{
	struct flight *f = arg;
	struct relay *r = f->relay;
	if (f->hedged || f->phase != PHASE_SENDING || !f->main.on_wire || f->main.ticket.probe ||
	    relay_breaker(r, f->main.service, SIDE_WRITE) != BREAKER_CLOSED)
		return;
	if (!hedge_may_go(f, now)) {
		timer_set(&f->hedge_timer,
			  usec_add(now, backoff_between(HEDGE_AGAIN, 2 * HEDGE_AGAIN, &r->rng)));
		return;
	}
	f->hedged = true;
	metric_add(r->telemetry.hedges, 1);
	/* With others in line for its slot, the second POST takes the first one's
	 * place: where the leaf is queued it gets its 409 at once. */
	if (gate_in_line(&r->upstream[f->main.service].gate, SIDE_WRITE)) {
		flight_log(f, "hedge", "the POST hangs, and others wait for its place", f->sent,
			   now - f->main.sent_at, "the same POST again instead of it");
		relay_withdraw(r, &f->main);
		if (relay_submit(r, &f->main, SIDE_WRITE, f->deadline.at, !hedges_pay(r)) != STATUS_OK)
			flight_no_memory(f);
		return;
	}
	flight_log(f, "hedge", "the POST hangs", f->sent, now - f->main.sent_at,
		   "a second POST learns the id, then the entry is polled");
	if (relay_submit(r, &f->hedge, SIDE_WRITE, f->deadline.at, !hedges_pay(r)) != STATUS_OK)
		f->hedged = false;
}

/* The hedge only teaches: an entry or an id. Its faults are nobody's answer. */
void hedge_done(struct attempt *at, enum transport t, struct answer *a, const char *error)
{
	struct flight *f = at->owner;
	char id[REKOR_ENTRY_ID_HEX + 1];
	struct judged j;
	judge_request(f, t, a, error, &j);
	relay_judge(f->relay, at, j.outcome, j.retry_after, j.why);
	f->hedge_won = j.outcome == OUTCOME_GOOD;
	if (j.outcome == OUTCOME_GOOD || j.outcome == OUTCOME_CONFLICT)
		f->relay->hedges_paid = f->relay->now.mono;
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
		f->poll_failures = 0;
		if (waiters_join(r, &f->waiter))
			return;
		wait = backoff_poll(r->cfg.poll_interval, r->cfg.poll_max, f->polls++, &r->rng);
	} else {
		wait = backoff_wait(&r->cfg.backoff, ++f->poll_failures, j->outcome == OUTCOME_THROTTLED,
				    j->retry_after, &r->rng);
		snprintf(f->why, sizeof(f->why), "%s", j->why);
		flight_log(f, "retry", j->why, f->poll_failures, wait, "look the entry up again");
	}
	timer_set(&f->poll_timer, usec_add(r->now.mono, wait));
}

static void polled(struct flight *f, const struct judged *j, struct answer *a)
{
	f->hedge_won = j->outcome == OUTCOME_GOOD && f->hedged;
	if (j->outcome == OUTCOME_GOOD)
		create_done(f, j, a, false);
	else if (j->outcome == OUTCOME_LATE)
		create_late(f, j);
	else
		poll_again(f, j);
}

void poll_done(struct attempt *at, enum transport t, struct answer *a, const char *error)
{
	struct flight *f = at->owner;
	struct judged j;
	judge_poll(f, t, a, error, &j);
	relay_judge(f->relay, at, j.outcome, j.retry_after, j.why);
	polled(f, &j, a);
	answer_unref(a);
}

void create_found(struct waiter *w, struct answer *a)
{
	struct flight *f = heap_owner(w, struct flight, waiter);
	struct judged j;
	judge_poll(f, TRANSPORT_DONE, a, NULL, &j);
	polled(f, &j, a);
}

void create_look(struct waiter *w)
{
	send_poll(heap_owner(w, struct flight, waiter));
}
