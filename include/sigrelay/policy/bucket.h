/* The rate governor of one upstream host: a token bucket, lowered by 429s and
 * regained slowly. It starts full. Pure.
 *
 * Each 429 multiplies the present rate by 0.7 (not below a tenth of the
 * configured one, at most one cut a second) and empties the bucket; each full
 * second without a 429 gives back 1 % of the configured rate.
 *
 * After an outage it begins again: one token, a tenth of the rate, and twice as
 * much with each second, until the first failure. When it is too much, then or later
 * (policy/limit.h), the rate is halved, and a second gives back 5 % from then on. A log
 * weaker than the rate sees at most twice what it takes, because
 *   - a second in which the rate was not used up brings nothing: what was not used has
 *     not been tried. (One in which nothing at all was sent gives back 5 %: an outage of
 *     yesterday is no reason to begin small.)
 *   - nor does one while more than a quarter of the last ten answers or so failed. Below
 *     a fifth of the rate it does: that little has to be sent where half of all requests
 *     fail at random, or nobody would be served;
 *   - one token is held (at a high rate what comes in within a late timer's 20 ms) until
 *     the rate is whole and nobody waits any more:
 *     what a full window held back would come on top of the next second.
 *
 * In a fleet the tokens of all relays come from one bucket elsewhere: while it is
 * fed, time brings none, and what is fed and not used in a second is lost. The rate
 * is kept up to date all the same, for when it has to do alone again: then it is
 * divided by the number of relays that were last seen. */
#ifndef SIGRELAY_POLICY_BUCKET_H
#define SIGRELAY_POLICY_BUCKET_H

#include <stdbool.h>

#include <sigrelay/base/clock.h>

struct bucket {
	double limit; /* configured, per second; 0 = no limit */
	double rate;  /* present, per second */
	double burst;
	double tokens;
	usec at;  /* up to when tokens are counted */
	bool cut; /* by a 429, at cut_at */
	usec cut_at;
	usec regain_at;                                              /* the next step back up */
	enum { BUCKET_STEADY, BUCKET_DOUBLING, BUCKET_RISING } pace; /* of the way back up */
	unsigned used;                                               /* tokens, since the last step */
	double failing;                                              /* the share of the last answers */
	bool fed;
	unsigned relays; /* that share the rate while it is not; 0 is taken as 1 */
};

void bucket_init(struct bucket *b, unsigned per_minute, unsigned burst, usec now);
void bucket_configure(struct bucket *b, unsigned per_minute, unsigned burst, usec now);
bool bucket_take(struct bucket *b, usec now);
usec bucket_ready(const struct bucket *b,
		  usec now); /* when the next take will succeed; USEC_NEVER: when it is fed */
void bucket_throttled(struct bucket *b, usec now);             /* the service answered 429 */
void bucket_recovered(struct bucket *b, usec now);             /* an outage has ended */
void bucket_slowed(struct bucket *b, usec now);                /* it was too much for the service */
void bucket_answered(struct bucket *b, bool failed, usec now); /* what was sent since the last change */
void bucket_released(struct bucket *b, usec now);              /* nobody waits to be sent */
/* From now on tokens are fed, or come with time again, beginning with one. */
void bucket_be_fed(struct bucket *b, bool fed, usec now);
void bucket_feed(struct bucket *b, unsigned tokens, usec now);
/* So many relays share the rate while it is not fed. */
void bucket_share(struct bucket *b, unsigned relays, usec now);

#endif
