#include <sigrelay/policy/backoff.h>

#define POLL_GROWTH_DIVISOR 128 /* 0.5 s after half a minute, 2 s after four minutes */
#define POLL_JITTER_PERCENT 10

usec backoff_between(usec lo, usec hi, struct rng *r)
{
	if (hi <= lo)
		return lo;
	return lo + (usec)rng_below(r, (uint64_t)(hi - lo) + 1);
}

/* base * 2^(n-1), at most max. */
static usec ceiling(usec base, unsigned n, usec max)
{
	usec c = base;
	while (n > 1 && c > 0 && c < max) {
		c = usec_add(c, c);
		n--;
	}
	return usec_min(c, max);
}

usec backoff_wait(const struct backoff *b, unsigned n, bool throttled, usec retry_after, struct rng *r)
{
	if (retry_after > 0)
		return backoff_retry_after(retry_after, r);
	return backoff_between(0, ceiling(throttled ? b->throttle_base : b->base, n, b->max), r);
}

usec backoff_retry_after(usec retry_after, struct rng *r)
{
	usec room = usec_max(retry_after / 10, USEC_PER_MSEC);
	return backoff_between(retry_after, usec_add(retry_after, room), r);
}

usec backoff_poll(usec first, usec max, unsigned n, struct rng *r)
{
	usec wait = first;
	/* A first poll slower than max was asked for: nothing to grow. */
	for (; n > 0 && wait < max; n--) {
		usec grown = wait + wait / POLL_GROWTH_DIVISOR;
		wait = usec_min(usec_max(grown, wait + 1), max);
	}
	usec spread = wait / (100 / POLL_JITTER_PERCENT);
	return backoff_between(wait - spread, wait + spread, r);
}
