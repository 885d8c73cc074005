#include <sigrelay/relay/admission.h>

#include <string.h>

#include <sigrelay/base/log.h>
#include <sigrelay/relay/flight.h>
#include <sigrelay/relay/flights.h>
#include <sigrelay/relay/reply.h>

static void finish_own(struct exchange *x, struct answer *answer)
{
	exchange_finish(x, answer);
	answer_unref(answer);
}

/* Its client waits no longer; the flight goes on for the next try. */
static void on_timer(void *arg, usec now)
{
	struct exchange *x = arg;
	struct answer *a = flight_not_yet(x);
	log_event(LOG_WARN, "patience", LOG_S("request", x->id), LOG_S("trace", trace_id(&x->trace)),
		  LOG_S("operation", operation_name(x->operation)), LOG_S("client", x->patience.client),
		  LOG_S("cause", "the client's own time-out is near"), LOG_T("wait", now - x->begun),
		  LOG_S("next", "503; what it waited for goes on"));
	flight_leave(x);
	finish_own(x, a);
}

static bool from_memory(struct exchange *x, const struct request *q, const struct digest *key)
{
	struct relay *r = x->relay;
	struct answer *entry = NULL;
	char id[REKOR_ENTRY_ID_HEX + 1];
	if (key)
		entry = memory_create(&r->memory, key, id);
	else if (q->operation == OP_REKOR_GET && q->method == METHOD_GET)
		entry = memory_entry(&r->memory, q->entry_id, id);
	if (!entry)
		return false;
	metric_add(r->telemetry.memory_answers, 1);
	log_event(LOG_INFO, "from_memory", LOG_S("request", x->id), LOG_S("trace", trace_id(&x->trace)),
		  LOG_S("operation", operation_name(x->operation)),
		  LOG_S("cause", "this relay has seen the entry"), LOG_S("next", "answer it at once"));
	finish_own(x, reply_entry(key ? 201 : 200, id, entry));
	return true;
}

/* How old an answer of the log's state this one is content with: never from before an
 * outage, nor while one lasts. */
static usec log_state_since(const struct relay *r, const struct request *q)
{
	const struct breaker *b = &r->upstream[SERVICE_REKOR].gate.breaker[SIDE_READ];
	usec age = request_max_age(q);
	if (age == 0 || b->state != BREAKER_CLOSED)
		return USEC_NEVER;
	return usec_max(r->now.mono - age, b->since);
}

static bool log_state_from_memory(struct exchange *x, const struct request *q)
{
	struct relay *r = x->relay;
	const struct memory *m = &r->memory;
	if (!request_is_log_state(q) || !m->log_state || m->log_state_at < log_state_since(r, q))
		return false;
	metric_add(r->telemetry.memory_answers, 1);
	log_event(LOG_INFO, "from_memory", LOG_S("request", x->id), LOG_S("trace", trace_id(&x->trace)),
		  LOG_S("operation", operation_name(x->operation)),
		  LOG_S("cause", "the log has told its state a moment ago"),
		  LOG_S("next", "answer it at once"));
	finish_own(x, reply_aged(m->log_state, r->now.mono - m->log_state_at));
	return true;
}

/* Those that wait are bounded: past max_parked, or with more bytes than
 * max_parked_memory, a new one hears so at once. NULL: it is not crowded. */
static const char *crowded(const struct exchange *x, const struct request *q)
{
	const struct relay *r = x->relay;
	if (r->held_bytes + request_bytes(q) > r->cfg.max_parked_memory)
		return "the requests that wait for an answer hold as much memory as they may "
		       "(max_parked_memory): try again";
	bool parked = relay_breaker(r, operation_service(x->operation), operation_side(x->operation)) !=
			  BREAKER_CLOSED &&
		      flights_parked(r) >= r->cfg.max_parked;
	return parked ? "too many requests wait for this service already (max_parked): try again" : NULL;
}

/* True: it was turned away. */
static bool turn_away_from_crowd(struct exchange *x, const struct request *q)
{
	struct relay *r = x->relay;
	enum service s = operation_service(x->operation);
	if (request_bytes(q) > r->cfg.max_parked_memory) {
		finish_own(x, reply_error(s, 413, -1,
					  "the request is larger than all that may be held for an answer: "
					  "raise max_parked_memory"));
		return true;
	}
	const char *why = crowded(x, q);
	if (!why)
		return false;
	long wait = (long)(r->cfg.gate.breaker.probe_interval / USEC_PER_SEC) + 1;
	places_note(&r->places, q, x->first_seen, r->now.mono);
	finish_own(x, reply_error(s, 503, wait, why));
	return true;
}

/* What is shared may outlive this client's patience, so the patience is the exchange's own. */
static enum status watch_patience(struct exchange *x, const struct request *q)
{
	struct relay *r = x->relay;
	bool shared = x->operation == OP_REKOR_CREATE || request_is_log_state(q);
	if (!shared || x->patience.wait == USEC_NEVER)
		return STATUS_OK;
	x->deadline =
	    deadline_add(deadline_none(), usec_add(r->now.mono, x->patience.wait), DEADLINE_PATIENCE);
	enum status s = timer_init(&r->timers, &x->timer, on_timer, x);
	if (s == STATUS_OK)
		timer_set(&x->timer, x->deadline.at);
	return s;
}

/* Is somebody at this create already? Then x waits with them. */
static bool join_create(struct exchange *x, const struct request *q, const struct digest *key)
{
	struct create_key *k = key ? creates_find(&x->relay->creates, key) : NULL;
	if (!k || watch_patience(x, q) != STATUS_OK)
		return false;
	flight_join(k, x);
	return true;
}

/* The same for a read that all share. It counts as one who waits all the same. */
static bool share_read(struct exchange *x, const struct request *q)
{
	const struct relay *r = x->relay;
	struct flight *f = request_is_log_state(q) ? flight_log_state(r, log_state_since(r, q)) : NULL;
	if (!f || watch_patience(x, q) != STATUS_OK)
		return false;
	flight_share(f, x);
	return true;
}

static enum status begin(struct exchange *x, struct request *q, const struct digest *key)
{
	enum status s = watch_patience(x, q);
	return s == STATUS_OK ? flight_start(x->relay, x, q, key) : s;
}

/* What the client is known for, or what the relay between here and there asks. */
static struct patience patience_in(const struct request *q)
{
	struct patience p = patience_of(q->user_agent, q->operation);
	return q->wait == USEC_NEVER ? p : patience_of_relay(p, q->wait);
}

void exchange_start(struct exchange *x, struct relay *r, struct request *request,
		    exchange_answer_fn *on_answer, void *owner)
{
	struct digest key;
	bool is_create = request->operation == OP_REKOR_CREATE;
	*x = (struct exchange){
		.relay = r,
		.operation = request->operation,
		.patience = patience_in(request),
		.deadline = deadline_none(),
		.begun = r->now.mono,
		.first_seen = r->now.mono,
		.on_answer = on_answer,
		.owner = owner,
	};
	memcpy(x->id, request->id, sizeof(x->id));
	x->trace = request->trace;
	r->exchanges++;

	enum service s = operation_service(x->operation);
	if (is_create && create_key_of(request, &key) != STATUS_OK) {
		finish_own(x, reply_error(s, 503, 1, "out of memory: try again in a moment"));
		return;
	}
	if (from_memory(x, request, is_create ? &key : NULL) || log_state_from_memory(x, request))
		return;
	x->first_seen = places_take(&r->places, request, r->now.mono);
	if (join_create(x, request, is_create ? &key : NULL) || turn_away_from_crowd(x, request) ||
	    share_read(x, request))
		return;
	if (begin(x, request, is_create ? &key : NULL) != STATUS_OK)
		finish_own(x, reply_error(s, 503, 1, "out of memory: try again in a moment"));
}

void exchange_abandon(struct exchange *x)
{
	struct relay *r = x->relay;
	if (!x->flight)
		return;
	metric_add(r->telemetry.clients_gone, 1);
	char cause[256];
	if (flight_failing(x->flight, cause))
		failure_note(r, cause);
	flight_leave(x);
	exchange_end(x);
}

void exchange_turn_away(struct exchange *x, const char *why)
{
	if (!x->flight)
		return;
	flight_leave(x);
	finish_own(x, reply_error(operation_service(x->operation), 503, 5, why));
}
