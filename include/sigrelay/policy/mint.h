/* The mint gate: a certificate lives ten minutes and is worth nothing while the
 * log cannot record what it signs, so certificate requests wait for the log's
 * write side. Pure.
 *
 *   the log's write side    let through
 *   closed                  so many that creates in line and certificates whose
 *                           create has not come stay below MINT_AHEAD times what
 *                           the limit allows in flight: with no line that is
 *                           everyone, and a crowd does not hold certificates that
 *                           run out in it
 *   open                    one each probe interval, once the probe is due and
 *                           no create waits that could be it: the create that
 *                           follows is the probe. So the gate cannot deadlock:
 *                           nobody posts because nobody holds a certificate.
 *   half-open               nobody; the probe's end decides
 *
 * In a fleet (the breaker is by_lease) the one of an open side needs a lease too, so
 * that it is one for all relays together.
 *
 * A certificate whose create has not come after MINT_FORGET is counted no more
 * (its client left, or used another log). */
#ifndef SIGRELAY_POLICY_MINT_H
#define SIGRELAY_POLICY_MINT_H

#include <stdbool.h>
#include <stddef.h>

#include <sigrelay/base/clock.h>
#include <sigrelay/policy/breaker.h>

#define MINT_ROOM (10 * USEC_PER_SEC)
#define MINT_AHEAD 2
#define MINT_LEAST 16 /* in flight, however few the settings allow, while nothing has cut the limit */
#define MINT_FORGET (10 * USEC_PER_SEC)
#define MINT_OUT_MAX 256

struct mint {
	usec out[MINT_OUT_MAX]; /* when each was let through, oldest first; a ring */
	size_t first, count;
	usec last; /* when the last one was let through while the side was open */
	bool any;
	usec leased_until; /* one may go by the fleet's leave */
	usec put_off;      /* another relay's has, and none of ours before that */
};

/* May one certificate request go now? Else *wake says when to ask again
 * (USEC_NEVER: when the breaker changes, a create comes, or one ends). */
bool mint_may(struct mint *m, const struct breaker *log_write, size_t creates_in_line, usec now, usec *wake);
/* Is it time for one that lacks its lease? */
bool mint_wants_lease(const struct mint *m, const struct breaker *log_write, size_t creates_in_line,
		      usec now);
/* One may go until then. */
void mint_lease(struct mint *m, usec until);
/* Another relay has the lease: none goes before that, while the side is open. */
void mint_put_off(struct mint *m, usec until);
/* There is no fleet to ask any more. */
void mint_alone(struct mint *m);
/* One went. */
void mint_went(struct mint *m, const struct breaker *log_write, usec now);
/* A create came: one certificate was used. */
void mint_used(struct mint *m);
/* The one that went then came to nothing: nobody will post for it. */
void mint_lost(struct mint *m, usec went, usec now);

#endif
