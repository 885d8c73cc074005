#include <sigrelay/policy/bucket.h>

#define CUT 0.7            /* what a 429 leaves of the rate */
#define LOWEST 0.1         /* of the configured rate */
#define REGAINED 0.01      /* of the configured rate, each second without a 429 */
#define RISEN 0.05         /* … after it was too much */
#define FRESH USEC_PER_SEC /* how long a token that was fed can be used */
#define HELD 2             /* tokens, while the rate is not whole */
#define WHOLE (1 - 1e-9)   /* a token counts as whole from here on (rounding) */

static double per_usec(const struct bucket *b)
{
	return b->rate / (double)USEC_PER_SEC / (b->relays > 1 ? b->relays : 1);
}

static double at_most(double a, double b)
{
	return a < b ? a : b;
}

/* How many tokens it holds at most. */
static double room(const struct bucket *b)
{
	return b->pace == BUCKET_STEADY ? b->burst : at_most(HELD, b->burst);
}

/* Adds what came in from b->at to `to` at the present rate. */
static void fill(struct bucket *b, usec to)
{
	if (to <= b->at)
		return;
	if (b->fed) {
		if (to - b->at >= FRESH)
			b->tokens = 0;
		return;
	}
	b->tokens = at_most(b->tokens + (double)(to - b->at) * per_usec(b), room(b));
	b->at = to;
}

static void step_up(struct bucket *b)
{
	double up = b->pace == BUCKET_DOUBLING ? b->rate
		    : b->pace == BUCKET_RISING ? b->limit * RISEN
					       : b->limit * REGAINED;
	b->rate = at_most(b->rate + up, b->limit);
	if (b->rate >= b->limit)
		b->pace = BUCKET_STEADY;
	b->regain_at += USEC_PER_SEC;
}

/* The rate steps up to the configured one once a second: at most ninety steps,
 * and none in the common case. */
static void settle(struct bucket *b, usec now)
{
	while (b->rate < b->limit && b->regain_at <= now) {
		fill(b, b->regain_at);
		step_up(b);
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
	b->tokens = was > 0 ? at_most(b->tokens, room(b)) : b->burst;
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
	if (b->fed)
		return USEC_NEVER;
	for (;;) {
		usec wait = (usec)((1.0 - ahead.tokens) / per_usec(&ahead)) + 1;
		usec at = usec_add(ahead.at, wait);
		if (ahead.rate >= ahead.limit || at <= ahead.regain_at)
			return at;
		settle(&ahead, ahead.regain_at);
	}
}

static void lower(struct bucket *b, double rate)
{
	double lowest = b->limit * LOWEST;
	b->rate = rate > lowest ? rate : lowest;
}

void bucket_throttled(struct bucket *b, usec now)
{
	if (b->limit <= 0)
		return;
	settle(b, now);
	b->tokens = 0;
	b->regain_at = usec_add(now, USEC_PER_SEC);
	b->pace = BUCKET_STEADY;
	if (b->cut && now < usec_add(b->cut_at, USEC_PER_SEC))
		return;
	b->cut = true;
	b->cut_at = now;
	lower(b, b->rate * CUT);
}

void bucket_recovered(struct bucket *b, usec now)
{
	if (b->limit <= 0)
		return;
	settle(b, now);
	b->tokens = at_most(b->tokens, 1);
	b->pace = BUCKET_DOUBLING;
	b->regain_at = usec_add(now, USEC_PER_SEC);
	lower(b, 0);
}

void bucket_slowed(struct bucket *b, usec now)
{
	if (b->limit <= 0)
		return;
	settle(b, now);
	b->pace = BUCKET_RISING;
	b->tokens = at_most(b->tokens, 1);
	b->regain_at = usec_add(now, USEC_PER_SEC);
	lower(b, b->rate / 2);
}

void bucket_be_fed(struct bucket *b, bool fed, usec now)
{
	if (b->fed == fed)
		return;
	settle(b, now);
	b->fed = fed;
	b->tokens = fed ? 0 : 1;
	b->at = now;
}

void bucket_feed(struct bucket *b, unsigned tokens, usec now)
{
	settle(b, now);
	b->tokens += tokens;
	b->at = now;
}

void bucket_share(struct bucket *b, unsigned relays, usec now)
{
	settle(b, now);
	b->relays = relays;
}
