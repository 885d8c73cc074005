#include "flight_state.h"

#include <sigrelay/base/log.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/relay/reply.h>

size_t flight_audience(const struct flight *f)
{
	return f->audience;
}

void audience_add(struct flight *f, struct exchange *x)
{
	x->flight = f;
	TAILQ_INSERT_TAIL(&f->exchanges, x, link);
	f->audience++;
}

void audience_remove(struct flight *f, struct exchange *x)
{
	TAILQ_REMOVE(&f->exchanges, x, link);
	x->flight = NULL;
	f->audience--;
}

void flight_log(const struct flight *f, const char *event, const char *cause, unsigned attempt, usec wait,
		const char *next)
{
	log_event(LOG_INFO, event, LOG_S("request", f->request->id),
		  LOG_S("trace", trace_id(&f->request->trace)),
		  LOG_S("operation", operation_name(f->request->operation)), LOG_S("cause", cause),
		  LOG_D("attempt", attempt), LOG_T("wait", usec_max(0, wait)), LOG_S("next", next));
}

void flight_end(struct flight *f)
{
	struct relay *r = f->relay;
	struct mint_ticket slot = f->mint;
	bool lost = !f->certified;
	fleet_forget(&f->question);
	creates_remove(&r->creates, &f->create);
	if (r->log_state == f)
		r->log_state = NULL;
	TAILQ_REMOVE(&r->flights, f, link);
	waiters_leave(r, &f->waiter);
	mint_line_leave(&r->mint, &f->mint);
	relay_withdraw(r, &f->hedge);
	relay_withdraw(r, &f->poll);
	relay_withdraw(r, &f->main);
	timer_release(&f->deadline_timer);
	timer_release(&f->main_timer);
	timer_release(&f->hedge_timer);
	timer_release(&f->poll_timer);
	answer_unref(f->last);
	r->held_bytes -= request_bytes(f->request);
	request_unref(f->request);
	mem_free(f);
	if (lost)
		mint_line_lost(&r->mint, &slot, r->now.mono);
}

void flight_answer(struct flight *f, struct answer *answer)
{
	struct exchange *x;
	while ((x = TAILQ_FIRST(&f->exchanges))) {
		audience_remove(f, x);
		exchange_finish(x, answer);
	}
	flight_end(f);
}

void flight_answer_own(struct flight *f, struct answer *answer)
{
	flight_answer(f, answer);
	answer_unref(answer);
}

void flight_no_memory(struct flight *f)
{
	flight_answer_own(f, reply_error(f->main.service, 503, 1, "out of memory: try again in a moment"));
}

void flight_count_saved(struct flight *f)
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
	metric_add(t->saved[how], (int64_t)flight_audience(f));
}
