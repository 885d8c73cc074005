/* What to do after an attempt. Pure: everything it weighs is an argument. */
#ifndef SIGRELAY_POLICY_VERDICT_H
#define SIGRELAY_POLICY_VERDICT_H

#include <stdbool.h>

#include <sigrelay/base/clock.h>
#include <sigrelay/base/rng.h>
#include <sigrelay/policy/backoff.h>
#include <sigrelay/policy/budget.h>
#include <sigrelay/policy/outcome.h>

enum verdict_kind {
	VERDICT_ANSWER,  /* hand this answer to the client */
	VERDICT_RETRY,   /* send the same bytes again at `at` */
	VERDICT_RESOLVE, /* a conflict: poll the entry it names */
	VERDICT_WAIT,    /* a 404 that may come true: look again at `at` */
	VERDICT_PARK,    /* the breaker is open: wait in its line (ready at once) */
	VERDICT_GIVE_UP, /* the deadline leaves no room for another attempt */
};

struct verdict {
	enum verdict_kind kind;
	usec at;
};

struct verdict_facts {
	enum outcome outcome;
	unsigned failures;  /* failed attempts of this request so far, this one included */
	usec retry_after;   /* < 0: none named */
	usec deadline;      /* monotonic; USEC_NEVER: none */
	bool breaker_open;  /* of this side, after this outcome was reported to it */
	bool resolvable;    /* a conflict on a create */
	bool may_come_true; /* a 404 of a lookup that is to be waited for */
	usec wait_until;    /* … and until when (an unknown id: lookup_wait) */
	unsigned polls;     /* lookups already made */
	usec poll_first, poll_max;
	unsigned too_big_tries; /* attempts that ended OUTCOME_TOO_BIG, this one included */
};

/* Retries draw on the budget: without a token the retry is put off until there
 * will be one. A retry that would begin at or after the deadline is GIVE_UP.
 * OUTCOME_TOO_BIG is tried three times in all, then answered. */
struct verdict verdict_after(const struct verdict_facts *f, const struct backoff *b, struct budget *budget,
			     usec now, struct rng *r);
const char *verdict_name(enum verdict_kind k); /* "answer", "retry", … */

#endif
