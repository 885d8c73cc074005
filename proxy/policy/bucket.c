#include <sigrelay/policy/bucket.h>

#define CUT 0.7          /* what a 429 leaves of the rate */
#define LOWEST 0.1       /* of the configured rate */
#define REGAINED 0.01    /* of the configured rate, each second without a 429 */
#define WHOLE (1 - 1e-9) /* a token counts as whole from here on (rounding) */

static double per_usec(const struct bucket *b)
{
	return b->rate / (double)USEC_PER_SEC;
}

static double at_most(double a, double b)
{
	return a < b ? a : b;
}

/* Adds what came in from b->at to `to` at the present rate. */
static void fill(struct bucket *b, usec to)
{
	if (to <= b->at)
		return;
	b->tokens = at_most(b->tokens + (double)(to - b->at) * per_usec(b), b->burst);
	b->at = to;
}

/* The rate steps up to the configured one once a second: at most ninety steps,
 * and none in the common case. */
static void settle(struct bucket *b, usec now)
{
	while (b->rate < b->limit && b->regain_at <= now) {
		fill(b, b->regain_at);
		b->rate = at_most(b->rate + b->limit * REGAINED, b->limit);
		b->regain_at += USEC_PER_SEC;
	}
	fill(b, now);
}

void bucket_init(struct bucket *b, unsigned per_minute, unsigned burst, usec now)
{
	*b = (struct bucket){ .at = now };
	bucket_configure(b, per_minute, burst, now);
}

void bucket_configure(struct bucket *b, unsigned per_minute, unsigned burst, usec now)
{
	settle(b, now);
	double was = b->limit;
	b->limit = (double)per_minute / 60.0;
	b->burst = burst > 0 ? (double)burst : 1.0;
	b->rate = was > 0 ? b->limit * (b->rate / was) : b->limit;
	b->tokens = was > 0 ? at_most(b->tokens, b->burst) : b->burst;
}

bool bucket_take(struct bucket *b, usec now)
{
	if (b->limit <= 0)
		return true;
	settle(b, now);
	if (b->tokens < WHOLE)
		return false;
	b->tokens = b->tokens > 1 ? b->tokens - 1 : 0;
	return true;
}

usec bucket_ready(const struct bucket *b, usec now)
{
	if (b->limit <= 0)
		return now;
	struct bucket ahead = *b;
	settle(&ahead, now);
	if (ahead.tokens >= WHOLE)
		return now;
	for (;;) {
		usec wait = (usec)((1.0 - ahead.tokens) / per_usec(&ahead)) + 1;
		usec at = usec_add(ahead.at, wait);
		if (ahead.rate >= ahead.limit || at <= ahead.regain_at)
			return at;
		settle(&ahead, ahead.regain_at);
	}
}

void bucket_throttled(struct bucket *b, usec now)
{
	if (b->limit <= 0)
		return;
	settle(b, now);
	b->tokens = 0;
	b->regain_at = usec_add(now, USEC_PER_SEC);
	if (b->cut && now < usec_add(b->cut_at, USEC_PER_SEC))
		return;
	b->cut = true;
	b->cut_at = now;
	double lowest = b->limit * LOWEST;
	b->rate = b->rate * CUT > lowest ? b->rate * CUT : lowest;
}

/* One token at least: a lone client of a slow limit is not to wait for the next. */
void bucket_recovered(struct bucket *b, usec now)
{
	if (b->limit <= 0)
		return;
	settle(b, now);
	b->tokens = at_most(b->tokens, b->rate > 1 ? b->rate : 1);
}
