/* Who may send to an upstream now: one gate for each upstream.
 *
 * A ticket is a wish to send one attempt. The gate holds the tickets that have
 * to wait, earliest deadline first, and lets through as many as breaker (of the
 * ticket's side), rate governor, ramp and in-flight cap allow. While a side is
 * open its tickets are parked and one is let through as the probe each probe
 * interval. Pure: no timers, no sockets; the owner calls gate_next after
 * anything changed and again at the time it names.
 *
 * Owner of a ticket: whoever made it. The gate borrows it from gate_wait until
 * gate_next returns it or gate_leave takes it out. */
#ifndef SIGRELAY_POLICY_GATE_H
#define SIGRELAY_POLICY_GATE_H

#include <stdbool.h>
#include <stddef.h>

#include <sigrelay/base/clock.h>
#include <sigrelay/base/heap.h>
#include <sigrelay/base/rng.h>
#include <sigrelay/base/status.h>
#include <sigrelay/policy/breaker.h>
#include <sigrelay/policy/bucket.h>
#include <sigrelay/policy/outcome.h>

enum side { SIDE_READ, SIDE_WRITE, SIDE_COUNT };
const char *side_name(enum side s); /* "read", "write" */

struct gate_config {
	struct breaker_config breaker;
	unsigned rate_per_minute, rate_burst;
	unsigned max_in_flight; /* both sides together */
};

struct gate_ticket {
	struct heap_node node;
	enum side side;
	usec deadline;
	bool probe; /* set by gate_next: this attempt is the probe */
	bool out;   /* sent and not yet reported */
};

struct gate {
	struct gate_config cfg;
	struct breaker breaker[SIDE_COUNT];
	struct bucket bucket;
	struct heap line[SIDE_COUNT];
	unsigned in_flight[SIDE_COUNT];
	struct rng *rng; /* borrowed */
};

void gate_init(struct gate *g, const struct gate_config *cfg, struct rng *rng, usec now);
void gate_configure(struct gate *g, const struct gate_config *cfg, usec now);
void gate_release(struct gate *g); /* tickets still in line are marked out */
void gate_ticket_init(struct gate_ticket *t, enum side side, usec deadline);
/* Gets in line. STATUS_NO_MEMORY: not in line. */
enum status gate_wait(struct gate *g, struct gate_ticket *t) MUST_CHECK;
/* Leaves, whatever it was doing: in line, or out (an abandoned attempt is no
 * verdict on the upstream; an abandoned probe reopens the breaker at once with
 * the next probe due now). Fine when it does neither. */
void gate_leave(struct gate *g, struct gate_ticket *t, usec now);
/* The next ticket that may be sent now (marked out), or NULL; then *wake says
 * when to ask again (USEC_NEVER: when something happens). */
struct gate_ticket *gate_next(struct gate *g, usec now, usec *wake);
/* The attempt of an out ticket ended. True when a breaker changed its state. */
bool gate_report(struct gate *g, struct gate_ticket *t, enum outcome o, usec retry_after, usec now);
/* Tickets that wait because their side is not closed. */
size_t gate_parked(const struct gate *g);
size_t gate_waiting(const struct gate *g); /* all tickets in line */

#endif
