/* The relay's metrics: one table (telemetry.c), every known label combination
 * at zero from the start. */
#ifndef SIGRELAY_RELAY_TELEMETRY_H
#define SIGRELAY_RELAY_TELEMETRY_H

#include <sigrelay/base/metrics.h>
#include <sigrelay/policy/gate.h>
#include <sigrelay/policy/outcome.h>
#include <sigrelay/sigstore/operation.h>

/* How an exchange was saved that would have failed without the relay. */
enum saved { SAVED_CONFLICT, SAVED_LOOKUP, SAVED_RETRY, SAVED_HEDGE, SAVED_OUTAGE, SAVED_COUNT };
const char *saved_name(enum saved s);

/* Why a request, or the connection that it would have come by, was refused before it
 * became an exchange. */
enum rejected {
	REJECTED_ADDRESS, /* not in allow_from */
	REJECTED_TLS,     /* no handshake */
	REJECTED_FRAMING, /* a head or a body that cannot be read, or read in two ways */
	REJECTED_TOO_LARGE,
	REJECTED_SLOW,
	REJECTED_HOST, /* a name that is not the admin listener's */
	REJECTED_PATH,
	REJECTED_METHOD,
	REJECTED_CLIENTS, /* too many */
	REJECTED_DRAINING,
	REJECTED_MEMORY,
	REJECTED_COUNT
};
const char *rejected_name(enum rejected r);

struct telemetry {
	struct metrics *metrics;
	struct metric_family *requests; /* code is open-ended: made when first seen */
	struct metric *request_code[OP_COUNT][600];
	struct metric *attempts[OP_COUNT][OUTCOME_COUNT];
	struct metric *retries[OP_COUNT][OUTCOME_COUNT];
	struct metric *request_seconds[OP_COUNT];
	struct metric *attempt_seconds[OP_COUNT];
	struct metric *breaker_state[SERVICE_COUNT][SIDE_COUNT];
	struct metric *outage_seconds[SERVICE_COUNT][SIDE_COUNT];
	struct metric *concurrency_limit[SERVICE_COUNT][SIDE_COUNT];
	struct metric *saved[SAVED_COUNT];
	struct metric *parked, *held_bytes, *in_flight, *clients, *remembered, *service_clock_ahead;
	struct metric *conflicts_resolved, *lookups_waited, *creates_joined, *memory_answers, *junk_answers,
	    *clients_gone, *hedges;
	struct metric *rejected[REJECTED_COUNT];
};

enum status telemetry_init(struct telemetry *t) MUST_CHECK;
void telemetry_release(struct telemetry *t);
void telemetry_request(struct telemetry *t, enum operation op, int code, usec took);

#endif
