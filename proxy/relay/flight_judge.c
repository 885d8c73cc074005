#include "flight_state.h"

#include <stdio.h>
#include <string.h>

#include <sigrelay/base/log.h>
#include <sigrelay/sigstore/answers.h>

static void log_junk(const struct flight *f, const struct judged *j, const struct answer *a, const char *next)
{
	if (j->outcome != OUTCOME_JUNK)
		return;
	log_event(LOG_WARN, "junk_answer", LOG_S("request", f->request->id),
		  LOG_S("trace", trace_id(&f->request->trace)),
		  LOG_S("operation", operation_name(f->request->operation)), LOG_S("cause", j->why),
		  LOG_SL("content_type", answer_header(a, "Content-Type")), LOG_D("bytes", a->body.n),
		  LOG_S("next", next));
}

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

/* By transport and status alone; false when there is no answer to look into. */
static bool judge_ending(const struct flight *f, enum transport t, const struct answer *a, const char *error,
			 size_t sent_bytes, struct judged *j)
{
	*j = (struct judged){ .outcome = outcome_of(t, a ? a->status : 0, sent_bytes), .retry_after = -1 };
	if (!a) {
		snprintf(j->why, sizeof(j->why), "%s", error);
		return false;
	}
	snprintf(j->why, sizeof(j->why), "HTTP %d", a->status);
	f->relay->upstream[f->main.service].is_relay = answer_waited(a);
	if ((a->status == 429 || a->status >= 500) && answer_waited(a)) {
		j->outcome = OUTCOME_HELD;
		snprintf(j->why, sizeof(j->why), "HTTP %d: the relay before it waits for Sigstore",
			 a->status);
	}
	j->retry_after =
	    retry_after_parse(answer_header(a, "Retry-After"), service_clock_of(a, f->relay->now));
	return true;
}

void judge_request(struct flight *f, enum transport t, const struct answer *a, const char *error,
		   struct judged *j)
{
	const struct request *q = f->request;
	if (!judge_ending(f, t, a, error, q->body_size, j))
		return;
	if (j->outcome == OUTCOME_GOOD)
		judge_good(f, a, j);
	else if (a->status == 400 && answer_400_is_transient(q->operation, q->path, buf_slice(&a->body)))
		j->outcome = OUTCOME_SERVER_ERROR;
	if (j->outcome == OUTCOME_GOOD)
		service_clock_hear(&f->relay->service_clock, a, f->main.sent_at, f->relay->now);
	log_junk(f, j, a, "counted as a failed attempt");
}

bool judge_told(struct flight *f, const struct answer *a, struct judged *j)
{
	*j = (struct judged){ .outcome = OUTCOME_GOOD, .retry_after = -1 };
	judge_good(f, a, j);
	log_junk(f, j, a, "it came through Redis: ask the service");
	return j->outcome == OUTCOME_GOOD;
}

void judge_poll(struct flight *f, enum transport t, const struct answer *a, const char *error,
		struct judged *j)
{
	if (!judge_ending(f, t, a, error, 0, j))
		return;
	if (j->outcome == OUTCOME_GOOD)
		judge_entry(f, a, slice_str(f->id), j);
	log_junk(f, j, a, "counted as a failed attempt");
}
