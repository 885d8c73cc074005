/* What an attempt came to, in one word.
 *
 * The one list (OUTCOMES) feeds the enum, the metric label
 * attempts_total{outcome=…} and the logs. Columns: symbol, label, retry (may the
 * same bytes be sent again), breaker (does it count as a failure of the
 * upstream, a success, or neither). 404 and 409 show a server that works. */
#ifndef SIGRELAY_POLICY_OUTCOME_H
#define SIGRELAY_POLICY_OUTCOME_H

#include <stdbool.h>

enum outcome_weight { WEIGHT_SUCCESS, WEIGHT_FAILURE, WEIGHT_NEUTRAL };

#define OUTCOMES(X)                                                                                          \
	X(OUTCOME_GOOD, "good", false, WEIGHT_SUCCESS)         /* 2xx that is what it says */                \
	X(OUTCOME_CONFLICT, "conflict", false, WEIGHT_SUCCESS) /* 409 */                                     \
	X(OUTCOME_ABSENT, "absent", false, WEIGHT_SUCCESS)     /* 404 */                                     \
	X(OUTCOME_REFUSED, "refused", false, WEIGHT_SUCCESS)   /* 400 401 403 413 422 … : final */         \
	X(OUTCOME_OTHER, "other", false, WEIGHT_SUCCESS)       /* statuses passed through untouched */       \
	X(OUTCOME_LATE, "late", false, WEIGHT_SUCCESS)         /* an entry outside its certificate's life */ \
	X(OUTCOME_HELD, "held", true, WEIGHT_SUCCESS) /* another relay waits for it and has no answer yet */ \
	X(OUTCOME_THROTTLED, "throttled", true, WEIGHT_NEUTRAL)       /* 429 */                              \
	X(OUTCOME_SERVER_ERROR, "server_error", true, WEIGHT_FAILURE) /* 500 502 503 504 */                  \
	X(OUTCOME_CONNECT, "connect", true, WEIGHT_FAILURE)           /* DNS, refused, TLS, no route */      \
	X(OUTCOME_TIMEOUT, "timeout", true, WEIGHT_FAILURE)                                                  \
	X(OUTCOME_RESET, "reset", true, WEIGHT_FAILURE) /* reset, empty reply, HTTP/2 INTERNAL_ERROR */      \
	X(OUTCOME_TRUNCATED, "truncated", true, WEIGHT_FAILURE)                                              \
	X(OUTCOME_JUNK, "junk", true, WEIGHT_FAILURE)       /* a 2xx that is not what it says */             \
	X(OUTCOME_TOO_BIG, "too_big", true, WEIGHT_NEUTRAL) /* a big body that a load balancer cut off */    \
	X(OUTCOME_CANCELLED, "cancelled", false, WEIGHT_NEUTRAL) /* we no longer needed it */

enum outcome {
#define X(sym, label, retry, weight) sym,
	OUTCOMES(X)
#undef X
	    OUTCOME_COUNT
};

const char *outcome_label(enum outcome o);
bool outcome_may_retry(enum outcome o);
enum outcome_weight outcome_weight(enum outcome o);

/* How an attempt ended, before anyone judged its body. */
enum transport {
	TRANSPORT_DONE, /* a whole answer with a status */
	TRANSPORT_CONNECT,
	TRANSPORT_TIMEOUT,
	TRANSPORT_RESET,
	TRANSPORT_TRUNCATED,
	TRANSPORT_ABORTED, /* by us */
};

/* The outcome by transport and status alone (a 2xx is OUTCOME_GOOD until the
 * operation's own knowledge says junk or late). sent_bytes is the request
 * body's size: above OUTCOME_BIG_BODY, a 502 or a closed connection is the load
 * balancer's limit, OUTCOME_TOO_BIG (facts: "Oversize at the public LB"). A 413
 * says so itself, and is final like every other refusal. */
enum outcome outcome_of(enum transport t, int status, unsigned long long sent_bytes);

#define OUTCOME_BIG_BODY (3u << 20) /* 3 MiB: below the smallest limit reported */

#endif
