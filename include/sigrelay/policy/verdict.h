/* What to do after an attempt. Pure: everything it weighs is an argument. */
#ifndef SIGRELAY_POLICY_VERDICT_H
#define SIGRELAY_POLICY_VERDICT_H

#include <stdbool.h>

#include <sigrelay/base/clock.h>
#include <sigrelay/base/rng.h>
#include <sigrelay/policy/backoff.h>
#include <sigrelay/policy/outcome.h>

enum verdict_kind {
	VERDICT_ANSWER,  /* hand this answer to the client */
	VERDICT_RETRY,   /* send the same bytes again at `at` */
	VERDICT_WAIT,    /* a 404 that may come true: look again at `at` */
	VERDICT_PARK,    /* the breaker is open: wait in its line (ready at once) */
	VERDICT_GIVE_UP, /* the deadline leaves no room for another attempt, or there is nothing to try */
};

struct verdict {
	enum verdict_kind kind;
	usec at; /* USEC_NEVER for ANSWER and GIVE_UP */
};

struct verdict_facts {
	enum outcome outcome;
	unsigned failures;  /* failed attempts of this request so far, this one included */
	usec retry_after;   /* < 0: none named */
	usec deadline;      /* monotonic; USEC_NEVER: none */
	bool breaker_open;  /* of this side, after this outcome was reported to it */
	bool retries_off;   /* budget_is_off: the gate will never let a retry through */
	bool may_come_true; /* a 404 of a lookup that is to be waited for */
	usec wait_until;    /* … and until when (an unknown id: lookup_wait); USEC_NEVER: the deadline */
	unsigned polls;     /* lookups already made, this one included */
	usec poll_first, poll_max;
	unsigned too_big_tries; /* attempts that ended OUTCOME_TOO_BIG, this one included */
};

/* The wait before a retry is backoff's; whether the retry budget has a token
 * then is the gate's to say, which serves the earliest deadline first (a ticket
 * with retry = true).
 *
 * A wait that would pass the deadline (a long Retry-After, a long draw) is cut
 * so that the attempt begins while there is room for it to end: half of what is
 * left, at most VERDICT_ROOM, before the deadline. With less than
 * VERDICT_LEAST_ROOM left it is GIVE_UP.
 *
 * A 404 that is waited for is looked at one last time at wait_until; after that
 * it is the answer. OUTCOME_TOO_BIG is tried VERDICT_TOO_BIG_TRIES times in
 * all, then answered. */
struct verdict verdict_after(const struct verdict_facts *f, const struct backoff *b, usec now, struct rng *r);

#define VERDICT_ROOM (5 * USEC_PER_SEC)
#define VERDICT_LEAST_ROOM USEC_PER_SEC
#define VERDICT_TOO_BIG_TRIES 3

#endif
