#include <sigrelay/policy/bucket.h>

#define CUT 0.7                   /* what a 429 leaves of the rate */
#define LOWEST 0.1                /* of the configured rate */
#define REGAINED 0.01             /* of the configured rate, each second without a 429 */
#define RISEN 0.05                /* … after it was too much, or in which nothing was sent */
#define SPARED 0.2                /* of the configured rate: below it failures keep it from nothing */
#define HELD_BACK 0.25            /* … and above it such a share of the answers keeps it from rising */
#define ANSWERS 10                /* so many weigh in that share, the newest most */
#define FRESH USEC_PER_SEC        /* how long a token that was fed can be used */
#define HELD 1.2                  /* tokens, until a release is over: one, and what a late timer would lose */
#define LATE (20 * USEC_PER_MSEC) /* … which at a high rate is more */
#define USED_UP 0.9               /* of what a second brings, but for one token */
#define WHOLE (1 - 1e-9)          /* a token counts as whole from here on (rounding) */

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
	double late = per_usec(b) * LATE;
	return b->pace == BUCKET_STEADY ? b->burst : at_most(late > HELD ? late : HELD, b->burst);
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

/* What was not used has not been tried. */
static bool was_used(const struct bucket *b)
{
	return b->used + 1 >= USED_UP * per_usec(b) * (double)USEC_PER_SEC;
}

static bool is_held_back(const struct bucket *b)
{
	return b->rate > b->limit * SPARED && b->failing > HELD_BACK;
}

/* What the second brings that ends now. */
static double step(const struct bucket *b)
{
	if (b->pace == BUCKET_STEADY)
		return b->limit * REGAINED;
	if (b->used && (!was_used(b) || is_held_back(b)))
		return 0;
	return b->used && b->pace == BUCKET_DOUBLING ? b->rate : b->limit * RISEN;
}

static void step_up(struct bucket *b)
{
	b->rate = at_most(b->rate + step(b), b->limit);
	if (b->rate >= b->limit && b->pace == BUCKET_DOUBLING)
		b->pace = BUCKET_RISING;
	b->used = 0;
	b->regain_at += USEC_PER_SEC;
}

/* The rate steps up to the configured one once a second: at most a hundred steps
 * after a pause, and none in the common case. */
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
	b->used++;
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

/* It goes on from this rate, with nothing saved up. */
static void go_on(struct bucket *b, double rate, usec now)
{
	b->tokens = at_most(b->tokens, HELD);
	b->used = 0;
	b->regain_at = usec_add(now, USEC_PER_SEC);
	lower(b, rate);
}

void bucket_recovered(struct bucket *b, usec now)
{
	if (b->limit <= 0)
		return;
	settle(b, now);
	b->pace = BUCKET_DOUBLING;
	b->failing = 0;
	go_on(b, 0, now);
}

void bucket_slowed(struct bucket *b, usec now)
{
	if (b->limit <= 0)
		return;
	settle(b, now);
	b->pace = BUCKET_RISING;
	go_on(b, b->rate / 2, now);
}

void bucket_answered(struct bucket *b, bool failed, usec now)
{
	b->failing += ((failed ? 1 : 0) - b->failing) / ANSWERS;
	if (failed && b->pace == BUCKET_DOUBLING)
		bucket_slowed(b, now);
}

void bucket_released(struct bucket *b, usec now)
{
	if (b->pace == BUCKET_STEADY)
		return;
	settle(b, now);
	if (b->rate >= b->limit)
		b->pace = BUCKET_STEADY;
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
