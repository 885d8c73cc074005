/* Who may send to an upstream now: one gate for each upstream.
 *
 * A ticket is a wish to send one attempt. The gate holds the tickets that have
 * to wait and lets through as many as breaker and limit (of the ticket's side),
 * in-flight cap, rate governor and retry budget allow:
 *
 *   - within a side the earliest in order of those whose deadline leaves GATE_SEND_ROOM
 *     goes first; where both sides may send, they take turns, so that neither starves
 *     the other of the rate;
 *   - an eighth of the cap is kept for each side, so that POSTs that hang leave
 *     room for the polls that rescue them (a cap below 8 is too small to share);
 *   - while a side is not closed its tickets are parked, and one is let through
 *     as the probe each probe interval: the earliest of those that leave
 *     GATE_PROBE_ROOM for an answer, else the latest deadline; it counts against
 *     rate and cap too;
 *   - while a side is closed a retry waits for the retry budget, and first
 *     attempts pass it by. Who was parked does not: the limit governs its return;
 *   - the rate is one for both sides, hedges and polls too: it bounds a release;
 *   - when a side closes, the rate begins anew and doubles each second until something
 *     fails; when the limit says that it is too much, the rate is halved.
 *
 * Pure: no timers, no sockets; the owner calls gate_next until it returns NULL
 * after anything changed (wait, report, leave, configure) and again at the time
 * it names. With a closed breaker and nobody in line that costs O(1).
 *
 * Owner of a ticket: whoever made it. The gate borrows it from gate_wait until
 * gate_report or gate_leave. */
#ifndef SIGRELAY_POLICY_GATE_H
#define SIGRELAY_POLICY_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sigrelay/base/clock.h>
#include <sigrelay/base/heap.h>
#include <sigrelay/base/rng.h>
#include <sigrelay/base/status.h>
#include <sigrelay/policy/breaker.h>
#include <sigrelay/policy/bucket.h>
#include <sigrelay/policy/budget.h>
#include <sigrelay/policy/outcome.h>

enum side { SIDE_READ, SIDE_WRITE, SIDE_COUNT };
const char *side_name(enum side s); /* "read", "write" */

struct gate_config {
	struct breaker_config breaker; /* max_in_flight is filled in by the gate */
	unsigned rate_per_minute, rate_burst;
	unsigned retry_budget, retry_budget_floor; /* percent, retries per BUDGET_WINDOW */
	unsigned max_in_flight;                    /* both sides together; 0 is taken as 1 */
};

#define GATE_PROBE_ROOM (10 * USEC_PER_SEC)
#define GATE_SEND_ROOM (2 * USEC_PER_SEC)

/* The two queues of a side. */
enum gate_lane { LANE_FIRST, LANE_RETRY, LANE_COUNT };

struct gate_ticket {
	struct heap_node node;
	enum side side;
	usec deadline; /* what may still be done with a turn */
	usec order;    /* its place in line, lowest first; set by the owner before gate_wait */
	bool retry;    /* set by the owner before gate_wait: repeats an attempt that failed, or hedges one */
	bool probe;    /* set by gate_next: this attempt is the probe */
	bool out;      /* sent and not yet reported */
	enum gate_lane lane; /* the gate's own, as is number */
	uint64_t number;     /* the breaker's */
};

struct gate {
	struct gate_config cfg;
	struct breaker breaker[SIDE_COUNT];
	struct bucket bucket;
	struct budget budget;
	struct heap line[SIDE_COUNT][LANE_COUNT];
	unsigned in_flight[SIDE_COUNT];
	enum side turn;  /* which side goes first next */
	struct rng *rng; /* borrowed */
};

void gate_init(struct gate *g, const struct gate_config *cfg, struct rng *rng, usec now);
void gate_configure(struct gate *g, const struct gate_config *cfg, usec now);
void gate_release(struct gate *g); /* tickets still in line are taken out */
/* No retry, and its order is its deadline: set them after it where they are not. */
void gate_ticket_init(struct gate_ticket *t, enum side side, usec deadline);
/* Gets in line; fine when it is in line. STATUS_NO_MEMORY: not in line.
 * STATUS_INVALID: the ticket is out, report it first. */
enum status gate_wait(struct gate *g, struct gate_ticket *t) MUST_CHECK;
/* Leaves, whatever it was doing: in line, or out (an abandoned attempt is no
 * verdict on the upstream; an abandoned probe reopens the breaker, and the next
 * one is due a probe interval after it was sent). Fine when it does neither. */
void gate_leave(struct gate *g, struct gate_ticket *t, usec now);
/* The next ticket that may be sent now (marked out), or NULL; then *wake, which
 * is after now, says when to ask again (USEC_NEVER: when something happens).
 * *wake is untouched when there is a ticket. */
struct gate_ticket *gate_next(struct gate *g, usec now, usec *wake);
/* The attempt of an out ticket ended. True when a breaker changed its state. */
bool gate_report(struct gate *g, struct gate_ticket *t, enum outcome o, usec retry_after, usec now);
/* What other relays say of a side (breaker.h). True when its breaker changed its state. */
bool gate_hear(struct gate *g, enum side side, usec interval, usec now);
bool gate_hear_back(struct gate *g, enum side side, usec now);
/* Could one more be sent, were it for slots and the window alone? */
bool gate_has_room(const struct gate *g, enum side side, usec now);
/* Tickets that wait because their side is not closed. */
size_t gate_parked(const struct gate *g);
size_t gate_in_line(const struct gate *g, enum side side);
size_t gate_waiting(const struct gate *g); /* all tickets in line */

#endif
