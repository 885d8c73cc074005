/* How many attempts of one side may be in flight: a congestion window, as TCP
 * Reno has one (RFC 5681). It is for the time in which a log is neither well nor
 * down: a share of what it is asked fails, or comes too late, because it is asked
 * too much. Pure.
 *
 * - It stands at the cap from the start, and moves only when something fails.
 * - After an outage it is 1, and doubles with each full round of successes (slow
 *   start) up to the threshold: the window that the last cut left. From there on
 *   a round brings one more. A round is as many successes as the window.
 * - It grows only after it was full: what a quiet relay does not use has not been
 *   tried. Nor is it to blame: beyond slow start only a window that was full is
 *   cut. What is to blame then is the rate (bucket_slowed).
 * - A cut halves it, never below 1. At most one cut a round: attempts sent before
 *   the last time that it was too much say nothing of the time since.
 *
 * What is too much: in slow start any failure. Later a 429; the failure before the
 * one that opens the breaker of a service that was well (fewer requests come before
 * none); and more than
 * LIMIT_TOLERATED percent of a round (of LIMIT_ROUND answers at the least). A
 * tolerance is needed because Reno, which cuts at every loss, keeps about
 * sqrt(2/p) in flight where a share p fails for reasons of its own: four where a
 * tenth fails, and a log that takes a second for an entry then gets four a second
 * in place of the fifteen that the rate allows. At 40 % an error share of a fifth
 * almost never cuts (the chance is 3 % with ten in flight, less with more), and a
 * log that fails because of load is asked for 1/(1 - 0.4) = 1.7 times what it can
 * take at the most before the window halves: never twice.
 *
 * Latency is no signal here. An entry's is the time until it is integrated: a
 * log with an idle minute ahead of it answers as late as a busy one. What takes
 * too long is a time-out, and that is a failure. */
#ifndef SIGRELAY_POLICY_LIMIT_H
#define SIGRELAY_POLICY_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define LIMIT_TOLERATED 40 /* percent */
#define LIMIT_ROUND 10     /* answers that a share is taken of, at the least */

struct limit {
	unsigned cap, window, threshold;
	uint64_t sent;         /* attempts so far: the next one's number */
	uint64_t since;        /* the first that was sent since it was last too much */
	unsigned good;         /* successes since the window last grew */
	unsigned seen, failed; /* answers of this round */
	bool full;             /* the window was, since it last moved */
};

/* A cap of 0 is taken as 1. */
void limit_init(struct limit *l, unsigned cap);
void limit_configure(struct limit *l, unsigned cap); /* a window at the cap stays there */
void limit_recover(struct limit *l);                 /* an outage has ended: slow start */
/* An attempt goes out, and `out` are in flight with it. Returns its number. */
uint64_t limit_send(struct limit *l, unsigned out);
/* How that one ended. enough: too much, whatever the share of the round is. */
void limit_succeeded(struct limit *l, uint64_t number);
void limit_failed(struct limit *l, uint64_t number, bool enough);

#endif
