#include "flight_state.h"

#include <stdio.h>

#include <sigrelay/base/log.h>
#include <sigrelay/relay/reply.h>
#include <sigrelay/sigstore/fulcio.h>

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

/* Who repeats by himself what his patience ended for stands where he stood. A
 * create needs none: it goes on, and is joined. */
static void keep_place(struct flight *f, enum deadline_reason why)
{
	const struct exchange *x = TAILQ_FIRST(&f->exchanges);
	struct relay *r = f->relay;
	if (why == DEADLINE_PATIENCE && x && x->patience.comes_back)
		places_note(&r->places, f->request, x->first_seen, r->now.mono);
}

void flight_expire(struct flight *f, enum deadline_reason why)
{
	bool come_back = why == DEADLINE_PATIENCE && crowd_comes_back(f);
	keep_place(f, why);
	log_event(LOG_WARN, "gave_up", LOG_S("request", f->request->id),
		  LOG_S("trace", trace_id(&f->request->trace)),
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

void on_deadline(void *arg, usec now)
{
	struct flight *f = arg;
	(void)now;
	flight_expire(f, f->deadline.reason);
}

/* A first attempt is always made, however near the end is: the margin is cut
 * before it, and nothing goes on past the end itself. */
static void bind_to_wall(struct flight *f, int64_t unix_seconds, enum deadline_reason why)
{
	struct relay *r = f->relay;
	usec at = deadline_from_wall(unix_seconds, r->cfg.notafter_margin,
				     service_clock_now(&r->service_clock, r->now));
	usec end = deadline_from_wall(unix_seconds, 0, service_clock_now(&r->service_clock, r->now));
	usec room = usec_min(usec_add(r->now.mono, r->cfg.notafter_margin), usec_max(end, r->now.mono));
	f->wall_end = unix_seconds;
	f->wall_reason = why;
	f->deadline = deadline_add(f->deadline, usec_max(at, room), why);
}

/* Had it ended before it came, no time is left to bind: one attempt tells, by the
 * service's own clock, and its answer is the client's. */
static void bind_first(struct flight *f, int64_t unix_seconds, enum deadline_reason why)
{
	const struct relay *r = f->relay;
	if (deadline_from_wall(unix_seconds, 0, service_clock_now(&r->service_clock, r->now)) > r->now.mono)
		bind_to_wall(f, unix_seconds, why);
	else
		f->deadline = deadline_add(f->deadline, usec_add(r->now.mono, r->cfg.attempt_timeout), why);
}

/* One that has moved away does not count: the clock by which it was nearer may be the
 * true one. */
void flight_bind_again(struct flight *f)
{
	usec now = f->relay->now.mono;
	if (!f->wall_end)
		return;
	if (f->sent) {
		usec at = deadline_from_wall(f->wall_end, f->relay->cfg.notafter_margin,
					     service_clock_now(&f->relay->service_clock, f->relay->now));
		f->deadline = deadline_add(f->deadline, usec_max(at, now), f->wall_reason);
	} else {
		bind_to_wall(f, f->wall_end, f->wall_reason);
	}
	timer_set(&f->deadline_timer, f->deadline.at);
}

void flight_set_deadline(struct flight *f, const struct exchange *x)
{
	struct relay *r = f->relay;
	int64_t exp;
	f->deadline =
	    deadline_add(deadline_none(), usec_add(r->now.mono, r->cfg.retry_for), DEADLINE_RETRY_FOR);
	if (f->is_create && f->posted.not_after)
		bind_first(f, f->posted.not_after, DEADLINE_CERTIFICATE);
	if (f->request->operation == OP_FULCIO_SIGN &&
	    fulcio_token_exp(f->request->authorization,
			     (struct slice){ f->request->body, f->request->body_size }, &exp) == STATUS_OK)
		bind_first(f, exp, DEADLINE_TOKEN);
	/* Where others may join, a client's patience ends its exchange and not the flight. */
	if (!f->is_create && !f->is_log_state)
		f->deadline =
		    deadline_add(f->deadline, usec_add(r->now.mono, x->patience.wait), DEADLINE_PATIENCE);
	f->head_start = r->now.mono - x->first_seen;
	f->main.head_start = f->hedge.head_start = f->poll.head_start = f->head_start;
	if (f->deadline.at != USEC_NEVER)
		timer_set(&f->deadline_timer, f->deadline.at);
}

struct answer *flight_not_yet(struct exchange *x)
{
	return not_in_time(x->flight, DEADLINE_PATIENCE, x->patience.honours_retry_after);
}

bool flight_failing(const struct flight *f, char cause[256])
{
	char waited[32];
	if (!f->failures && !f->waited_outage && !f->conflicted)
		return false;
	usec_format(f->relay->now.mono - f->begun, waited);
	snprintf(cause, 256, "%s had no good answer after %s, when its client left (%s)",
		 operation_name(f->request->operation), waited, f->why[0] ? f->why : "held during an outage");
	return true;
}
