/* Timers in a heap, in whatever time the caller says it is.
 *
 * The shell keeps one libevent timer for the whole heap (timers_next) and calls
 * timers_run once a turn; tests and the simulator turn the clock by hand. A
 * timer never allocates after timer_init: the heap's room is taken then. */
#ifndef SIGRELAY_BASE_TIMERS_H
#define SIGRELAY_BASE_TIMERS_H

#include <stdbool.h>

#include <sigrelay/base/clock.h>
#include <sigrelay/base/heap.h>

struct timers {
	struct heap heap;
	struct heap again; /* set during a run for a time that has come: the next call's */
	size_t reserved;   /* timers that were given room */
	bool running;
	usec now; /* of the run that is going on */
};

typedef void timer_fn(void *arg, usec now);

struct timer {
	struct heap_node node;
	struct timers *owner; /* NULL = not initialised */
	timer_fn *fn;
	void *arg;
};

void timers_init(struct timers *ts);
void timers_release(struct timers *ts); /* every timer must have been released */
enum status timer_init(struct timers *ts, struct timer *t, timer_fn *fn, void *arg) MUST_CHECK;
void timer_release(struct timer *t);      /* fine on a zeroed timer */
void timer_set(struct timer *t, usec at); /* moves it when it is set already */
void timer_clear(struct timer *t);
bool timer_pending(const struct timer *t);
usec timers_next(const struct timers *ts); /* USEC_NEVER when none */
/* Fires every timer with at <= now, earliest first. A callback may set, clear
 * and release any timer, its own too; one it sets at or before now fires on the
 * next call, not in this one (no livelock). */
void timers_run(struct timers *ts, usec now);

#endif
