#include <sigrelay/relay/exchange.h>

#include <stdio.h>

#include <sigrelay/base/log.h>

void exchange_end(struct exchange *x)
{
	timer_release(&x->timer);
	x->relay->exchanges--;
}

/* Does this status tell the client that Sigstore failed it? */
static bool is_failure(const struct exchange *x, int status)
{
	return status >= 500 || status == 429 || (x->operation == OP_REKOR_CREATE && status == 409);
}

void failure_note(struct relay *r, const char *cause)
{
	r->failures.count++;
	r->failures.last_at = r->now.mono;
	snprintf(r->failures.last, sizeof(r->failures.last), "%s", cause);
}

static void note_failed_answer(struct exchange *x, int status)
{
	struct relay *r = x->relay;
	enum service s = operation_service(x->operation);
	const char *error = r->upstream[s].last_error[operation_side(x->operation)];
	char cause[sizeof(r->failures.last)];
	if (*error)
		snprintf(cause, sizeof(cause), "%s answered HTTP %d after every attempt (%s)",
			 operation_name(x->operation), status, error);
	else
		snprintf(cause, sizeof(cause), "%s had no answer from %s in time (HTTP %d)",
			 operation_name(x->operation), service_name(s), status);
	failure_note(r, cause);
}

void exchange_finish(struct exchange *x, struct answer *answer)
{
	struct relay *r = x->relay;
	int status = answer ? answer->status : 503;
	usec took = r->now.mono - x->begun;
	exchange_end(x);
	if (is_failure(x, status))
		note_failed_answer(x, status);
	telemetry_request(&r->telemetry, x->operation, status, took);
	log_event(LOG_DEBUG, "answer", LOG_S("request", x->id), LOG_S("trace", trace_id(&x->trace)),
		  LOG_S("operation", operation_name(x->operation)), LOG_S("client", x->patience.client),
		  LOG_D("status", status), LOG_T("took", took));
	x->on_answer(x, answer);
}
