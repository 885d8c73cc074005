/* The retry budget: retries as a share of first attempts, so that a closed
 * breaker does not amplify a brown-out, with a floor so that a CI job with one
 * request can still retry it. A token bucket (Finagle's RetryBudget is the
 * model): each first attempt deposits share/100, each retry takes 1, `floor`
 * tokens come back over every BUDGET_WINDOW, up to floor. What deposits bring
 * above the floor fades over a window, so that quiet days save nothing up for a
 * storm. The gate draws on it. Pure. */
#ifndef SIGRELAY_POLICY_BUDGET_H
#define SIGRELAY_POLICY_BUDGET_H

#include <stdbool.h>

#include <sigrelay/base/clock.h>

#define BUDGET_WINDOW (10 * USEC_PER_SEC)

struct budget {
	unsigned share; /* percent */
	unsigned floor; /* retries per BUDGET_WINDOW that are always there */
	double tokens;
	usec at;
};

void budget_init(struct budget *b, unsigned share, unsigned floor, usec now);
void budget_configure(struct budget *b, unsigned share, unsigned floor);
void budget_deposit(struct budget *b, usec now); /* a first attempt was made */
bool budget_take(struct budget *b, usec now);    /* may a retry be sent now? takes one if so */
/* When the next budget_take will succeed if nothing is deposited before; now if
 * it would at once; USEC_NEVER with a floor of 0. */
usec budget_ready(const struct budget *b, usec now);
bool budget_is_off(const struct budget *b); /* share and floor 0: no retry, ever */

#endif
