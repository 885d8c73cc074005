/* How long to wait before the same bytes are sent again: exponential with full
 * jitter (a uniform draw from [0, base * 2^(n-1)]), a ceiling, two bases, and
 * Retry-After, which wins. Pure. */
#ifndef SIGRELAY_POLICY_BACKOFF_H
#define SIGRELAY_POLICY_BACKOFF_H

#include <stdbool.h>

#include <sigrelay/base/clock.h>
#include <sigrelay/base/rng.h>

struct backoff {
	usec base;          /* after faults */
	usec throttle_base; /* after 429 */
	usec max;
};

/* The wait after the n-th failed attempt (n >= 1). retry_after < 0: the service
 * named none; 0, which a date of the past is too, is no wait that could be kept to,
 * and counts as none. A Retry-After is taken as it is plus up to 10 % (at least 1 ms of
 * room) of jitter, so that a crowd told the same second does not come back in
 * the same instant; the caller clamps by its deadline. */
usec backoff_wait(const struct backoff *b, unsigned n, bool throttled, usec retry_after, struct rng *r);

/* Retry-After alone, with that jitter. */
usec backoff_retry_after(usec retry_after, struct rng *r);

/* Polls of one id: starts at `first`, grows by a 128th a poll to `max`, with
 * +-10 % jitter: an entry that becomes readable after half a minute is seen half
 * a second later at the latest. n counts polls already made. A first above max stays as it is. */
usec backoff_poll(usec first, usec max, unsigned n, struct rng *r);

/* Uniform in [lo, hi]; lo when hi is not above it. */
usec backoff_between(usec lo, usec hi, struct rng *r);

#endif
