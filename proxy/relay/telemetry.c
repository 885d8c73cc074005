#include <sigrelay/relay/telemetry.h>

#include <stdio.h>
#include <string.h>

static const char *const SAVED_NAMES[SAVED_COUNT] = { "conflict", "lookup", "retry", "hedge", "outage" };

const char *saved_name(enum saved s)
{
	return SAVED_NAMES[s];
}

static const char *const REJECTED_NAMES[REJECTED_COUNT] = {
	"address", "tls",    "framing", "too_large", "slow",   "host",
	"path",    "method", "clients", "draining",  "memory",
};

const char *rejected_name(enum rejected r)
{
	return REJECTED_NAMES[r];
}

/* Families without labels, in one table. */
static const struct {
	const char *name, *help;
	enum metric_type type;
	size_t offset;
} PLAIN[] = {
#define ROW(field, type, name, help)                                                                         \
	{                                                                                                    \
		"sigrelay_" name, help, type, offsetof(struct telemetry, field)                              \
	}
	ROW(parked, METRIC_GAUGE, "parked", "Exchanges that wait without an upstream connection."),
	ROW(held_bytes, METRIC_GAUGE, "held_bytes",
	    "Bytes of requests that have no answer yet; max_parked_memory bounds them."),
	ROW(in_flight, METRIC_GAUGE, "in_flight", "Exchanges begun and not yet answered."),
	ROW(clients, METRIC_GAUGE, "clients", "Client connections that have spoken."),
	ROW(remembered, METRIC_GAUGE, "remembered_entries", "Log entries in memory."),
	ROW(service_clock_ahead, METRIC_GAUGE, "service_clock_ahead_seconds",
	    "How far Sigstore's clock is ahead of this machine's; 0 within ten seconds."),
	ROW(conflicts_resolved, METRIC_COUNTER, "conflicts_resolved_total",
	    "Creates whose 409 became a 201."),
	ROW(lookups_waited, METRIC_COUNTER, "lookups_waited_total", "Lookups whose 404 was waited for."),
	ROW(creates_joined, METRIC_COUNTER, "creates_joined_total",
	    "Creates that joined the same one in flight."),
	ROW(memory_answers, METRIC_COUNTER, "memory_answers_total", "Exchanges answered from memory."),
	ROW(junk_answers, METRIC_COUNTER, "junk_answers_total", "Answers that were not what they said."),
	ROW(clients_gone, METRIC_COUNTER, "clients_gone_total", "Clients that left before their answer."),
	ROW(hedges, METRIC_COUNTER, "hedges_total", "Second POSTs sent beside a hanging one."),
#undef ROW
};

static enum status plain_init(struct telemetry *t)
{
	for (size_t i = 0; i < sizeof(PLAIN) / sizeof(PLAIN[0]); i++) {
		struct metric_family *f =
		    metrics_family(t->metrics, PLAIN[i].name, PLAIN[i].help, PLAIN[i].type, NULL);
		struct metric *m = f ? metrics_series(f, NULL) : NULL;
		if (!m)
			return STATUS_NO_MEMORY;
		*(struct metric **)(void *)((char *)t + PLAIN[i].offset) = m;
	}
	return STATUS_OK;
}

static const char *const OPERATION_LABELS[] = { "service", "operation", NULL };
static const char *const CODE_LABELS[] = { "service", "operation", "code", NULL };
static const char *const OUTCOME_LABELS[] = { "service", "operation", "outcome", NULL };
static const char *const REASON_LABELS[] = { "service", "operation", "reason", NULL };
static const char *const SIDE_LABELS[] = { "service", "side", NULL };
static const char *const HOW_LABELS[] = { "how", NULL };
static const char *const REJECTED_LABELS[] = { "reason", NULL };

/* The codes that every service is known to answer; others appear when seen. */
static const int CODES[] = { 200, 201, 400, 401, 403, 404, 409, 413, 422, 429, 500, 502, 503, 504 };

static struct metric *code_series(struct telemetry *t, enum operation op, int code)
{
	char text[8];
	snprintf(text, sizeof(text), "%d", code);
	const char *values[] = { service_name(operation_service(op)), operation_name(op), text };
	return metrics_series(t->requests, values);
}

static enum status operation_init(struct telemetry *t, enum operation op, struct metric_family *attempts,
				  struct metric_family *retries, struct metric_family *request_seconds,
				  struct metric_family *attempt_seconds)
{
	const char *values[] = { service_name(operation_service(op)), operation_name(op), NULL };
	if (!(t->request_seconds[op] = metrics_series(request_seconds, values)) ||
	    !(t->attempt_seconds[op] = metrics_series(attempt_seconds, values)))
		return STATUS_NO_MEMORY;
	for (size_t i = 0; i < sizeof(CODES) / sizeof(CODES[0]); i++) {
		if (!(t->request_code[op][CODES[i]] = code_series(t, op, CODES[i])))
			return STATUS_NO_MEMORY;
	}
	for (enum outcome o = 0; o < OUTCOME_COUNT; o++) {
		values[2] = outcome_label(o);
		if (!(t->attempts[op][o] = metrics_series(attempts, values)))
			return STATUS_NO_MEMORY;
		if (outcome_may_retry(o) && !(t->retries[op][o] = metrics_series(retries, values)))
			return STATUS_NO_MEMORY;
	}
	return STATUS_OK;
}

static enum status operations_init(struct telemetry *t)
{
	struct metrics *m = t->metrics;
	t->requests = metrics_family(m, "sigrelay_requests_total", "Exchanges answered, by status code.",
				     METRIC_COUNTER, CODE_LABELS);
	struct metric_family *attempts =
	    metrics_family(m, "sigrelay_attempts_total", "Requests to upstreams, by outcome.", METRIC_COUNTER,
			   OUTCOME_LABELS);
	struct metric_family *retries =
	    metrics_family(m, "sigrelay_retries_total", "Attempts that were made again, by the reason.",
			   METRIC_COUNTER, REASON_LABELS);
	struct metric_family *rs =
	    metrics_family(m, "sigrelay_request_duration_seconds",
			   "From a request's last byte to its answer.", METRIC_HISTOGRAM, OPERATION_LABELS);
	struct metric_family *as =
	    metrics_family(m, "sigrelay_attempt_duration_seconds", "From an attempt's sending to its end.",
			   METRIC_HISTOGRAM, OPERATION_LABELS);
	if (!t->requests || !attempts || !retries || !rs || !as)
		return STATUS_NO_MEMORY;
	for (enum operation op = 0; op < OP_COUNT; op++) {
		if (operation_init(t, op, attempts, retries, rs, as) != STATUS_OK)
			return STATUS_NO_MEMORY;
	}
	return STATUS_OK;
}

static enum status sides_init(struct telemetry *t)
{
	struct metric_family *state =
	    metrics_family(t->metrics, "sigrelay_breaker_state", "0 closed, 1 half-open, 2 open.",
			   METRIC_GAUGE, SIDE_LABELS);
	struct metric_family *outage =
	    metrics_family(t->metrics, "sigrelay_outage_seconds_total",
			   "Time in which the breaker was not closed.", METRIC_COUNTER, SIDE_LABELS);
	struct metric_family *limit = metrics_family(
	    t->metrics, "sigrelay_concurrency_limit",
	    "Attempts that may be in flight while the breaker is closed.", METRIC_GAUGE, SIDE_LABELS);
	if (!state || !outage || !limit)
		return STATUS_NO_MEMORY;
	for (enum service s = 0; s < SERVICE_COUNT; s++) {
		for (enum side side = 0; side < SIDE_COUNT; side++) {
			const char *values[] = { service_name(s), side_name(side) };
			if (!(t->breaker_state[s][side] = metrics_series(state, values)) ||
			    !(t->outage_seconds[s][side] = metrics_series(outage, values)) ||
			    !(t->concurrency_limit[s][side] = metrics_series(limit, values)))
				return STATUS_NO_MEMORY;
			metric_set_time(t->outage_seconds[s][side], 0);
		}
	}
	return STATUS_OK;
}

static enum status rejected_init(struct telemetry *t)
{
	struct metric_family *f = metrics_family(t->metrics, "sigrelay_rejected_requests_total",
						 "Requests and connections refused by a listener, by reason.",
						 METRIC_COUNTER, REJECTED_LABELS);
	if (!f)
		return STATUS_NO_MEMORY;
	for (enum rejected r = 0; r < REJECTED_COUNT; r++) {
		const char *values[] = { rejected_name(r) };
		if (!(t->rejected[r] = metrics_series(f, values)))
			return STATUS_NO_MEMORY;
	}
	return STATUS_OK;
}

static enum status rest_init(struct telemetry *t)
{
	static const char *const build_labels[] = { "version", NULL };
	static const char *const build_values[] = { SIGRELAY_VERSION };
	struct metric_family *saved =
	    metrics_family(t->metrics, "sigrelay_saved_total",
			   "Exchanges that would have failed without the relay.", METRIC_COUNTER, HOW_LABELS);
	struct metric_family *build =
	    metrics_family(t->metrics, "sigrelay_build_info", "Always 1.", METRIC_GAUGE, build_labels);
	struct metric *info = build ? metrics_series(build, build_values) : NULL;
	if (!saved || !info)
		return STATUS_NO_MEMORY;
	metric_set(info, 1);
	metric_set_time(t->service_clock_ahead, 0);
	for (enum saved how = 0; how < SAVED_COUNT; how++) {
		const char *values[] = { saved_name(how) };
		if (!(t->saved[how] = metrics_series(saved, values)))
			return STATUS_NO_MEMORY;
	}
	return STATUS_OK;
}

enum status telemetry_init(struct telemetry *t)
{
	memset(t, 0, sizeof(*t));
	t->metrics = metrics_new();
	if (t->metrics && operations_init(t) == STATUS_OK && sides_init(t) == STATUS_OK &&
	    plain_init(t) == STATUS_OK && rejected_init(t) == STATUS_OK && rest_init(t) == STATUS_OK)
		return STATUS_OK;
	telemetry_release(t);
	return STATUS_NO_MEMORY;
}

void telemetry_release(struct telemetry *t)
{
	metrics_free(t->metrics);
	memset(t, 0, sizeof(*t));
}

void telemetry_request(struct telemetry *t, enum operation op, int code, usec took)
{
	if (code < 0 || code > 599)
		code = 599;
	struct metric **m = &t->request_code[op][code];
	if (!*m)
		*m = code_series(t, op, code);
	metric_add(*m, 1);
	metric_observe(t->request_seconds[op], took);
}
