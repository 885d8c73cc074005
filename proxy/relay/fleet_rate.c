#include "fleet_inside.h"

#include <stdio.h>

#include <sigrelay/policy/backoff.h>

#include "fleet_scripts.h"

#define BATCH_MIN 4
#define AGAIN_MIN (5 * USEC_PER_MSEC)
#define AGAIN_MAX USEC_PER_SEC

static struct bucket *bucket_of(const struct fleet *f, enum service s)
{
	return &f->relay->upstream[s].gate.bucket;
}

static enum service service_of(const struct fleet *f, const struct fleet_tap *t)
{
	return (enum service)(t - f->tap);
}

/* As many as wait, but no more than a relay's share of a quarter of a second: what one
 * holds and does not use another lacks. */
static unsigned batch(const struct fleet *f, const struct upstream *up)
{
	double share = up->gate.bucket.limit / (4.0 * (f->relays ? f->relays : 1));
	size_t most = share > BATCH_MIN ? (size_t)share : BATCH_MIN;
	size_t want = gate_waiting(&up->gate);
	return (unsigned)(want < most ? want : most);
}

static bool is_grant(const struct fleet_reply *r)
{
	return r->value.type == FLEET_ARRAY && r->count == 2 && r->item[0].type == FLEET_INTEGER &&
	       r->item[1].type == FLEET_INTEGER && r->item[0].integer >= 0 &&
	       r->item[0].integer <= UINT32_MAX && r->item[1].integer >= 0;
}

/* All who are out of tokens would come back for the same one. */
static void ask_again(struct fleet *f, struct fleet_tap *t, int64_t ms)
{
	usec wait = usec_max(usec_min(ms, AGAIN_MAX / USEC_PER_MSEC) * USEC_PER_MSEC, AGAIN_MIN);
	usec most = usec_min(wait * f->relays, AGAIN_MAX);
	timer_set(&t->again, usec_add(f->relay->now.mono, backoff_between(wait, most, &f->relay->rng)));
}

static bool granted(struct fleet *f, void *arg, const struct fleet_reply *reply)
{
	struct fleet_tap *t = arg;
	enum service s = service_of(f, t);
	t->asking--;
	if (!reply)
		return true; /* away: the bucket fills by itself */
	if (!is_grant(reply))
		return false;
	unsigned n = (unsigned)reply->item[0].integer;
	if (n == 0)
		ask_again(f, t, reply->item[1].integer);
	bucket_feed(bucket_of(f, s), n, f->relay->now.mono);
	relay_pump(f->relay, s);
	return true;
}

static void ask(struct fleet *f, struct fleet_tap *t, unsigned want)
{
	enum service s = service_of(f, t);
	const struct bucket *b = bucket_of(f, s);
	char key[FLEET_KEY_MAX], limit[40], burst[24], wanted[24];
	int n = snprintf(limit, sizeof(limit), "%.9f", b->limit);
	const struct slice words[] = { SLICE_LIT("EVAL"),
				       slice_str(script_rate),
				       SLICE_LIT("1"),
				       fleet_key(f, key, "rate", f->upstream[s]),
				       { limit, (size_t)n },
				       fleet_number(burst, (int64_t)b->burst),
				       fleet_number(wanted, want),
				       slice_str(t->event) };
	if (fleet_call(f, words, sizeof(words) / sizeof(words[0]), granted, t, NULL)) {
		t->asking++;
		t->event = NULL;
	} else {
		timer_set(&t->again, usec_add(f->relay->now.mono, AGAIN_MAX));
	}
}

/* The line stands for want of tokens, not of a breaker that opens or a slot. */
static bool is_dry(const struct upstream *up, usec now)
{
	const struct bucket *b = &up->gate.bucket;
	if (!b->fed || bucket_ready(b, now) <= now)
		return false;
	for (enum side side = 0; side < SIDE_COUNT; side++) {
		if (gate_in_line(&up->gate, side) && breaker_wake(&up->gate.breaker[side], now) <= now)
			return true;
	}
	return false;
}

void rate_wants(struct fleet *f, struct upstream *up)
{
	struct fleet_tap *t = &f->tap[up->service];
	if (!t->asking && !timer_pending(&t->again) && is_dry(up, f->relay->now.mono))
		ask(f, t, batch(f, up));
}

void rate_expects(struct fleet *f, struct upstream *up, enum side side)
{
	struct fleet_tap *t = &f->tap[up->service];
	const struct bucket *b = &up->gate.bucket;
	usec now = f->relay->now.mono;
	if (b->fed && bucket_ready(b, now) > now && !timer_pending(&t->again) &&
	    up->gate.breaker[side].state == BREAKER_CLOSED)
		ask(f, t, 1);
}

static void on_again(void *arg, usec now)
{
	struct fleet_tap *t = arg;
	struct upstream *up = t->upstream;
	struct fleet *f = up->relay->fleet;
	(void)now;
	if (f->state == FLEET_UP)
		rate_wants(f, up);
}

/* What befell the rate here befalls it for all: they share the address that the service
 * counts by. */
void rate_judged(struct fleet *f, struct upstream *up, const struct gate_news *news)
{
	struct fleet_tap *t = &f->tap[up->service];
	const struct bucket *b = &up->gate.bucket;
	if (!b->fed || b->limit <= 0)
		return;
	if (news->outcome == OUTCOME_THROTTLED)
		t->event = "throttled";
	else if (news->from == BREAKER_HALF_OPEN && b->pace == BUCKET_DOUBLING &&
		 outcome_weight(news->outcome) == WEIGHT_SUCCESS)
		t->event = "recovered";
	else if (b->rate < news->rate && b->pace == BUCKET_RISING)
		t->event = "slowed";
	if (t->event && !t->asking)
		ask(f, t, 0);
}

void rate_relays(struct fleet *f)
{
	for (enum service s = 0; s < SERVICE_COUNT; s++)
		bucket_share(bucket_of(f, s), f->relays, f->relay->now.mono);
}

void rate_up(struct fleet *f)
{
	for (enum service s = 0; s < SERVICE_COUNT; s++)
		bucket_be_fed(bucket_of(f, s), true, f->relay->now.mono);
}

void rate_away(struct fleet *f)
{
	for (enum service s = 0; s < SERVICE_COUNT; s++) {
		timer_clear(&f->tap[s].again);
		f->tap[s].event = NULL;
		bucket_be_fed(bucket_of(f, s), false, f->relay->now.mono);
	}
}

enum status rate_init(struct fleet *f)
{
	enum status st = STATUS_OK;
	for (enum service s = 0; st == STATUS_OK && s < SERVICE_COUNT; s++) {
		f->tap[s].upstream = &f->relay->upstream[s];
		st = timer_init(&f->relay->timers, &f->tap[s].again, on_again, &f->tap[s]);
	}
	return st;
}

void rate_release(struct fleet *f)
{
	for (enum service s = 0; s < SERVICE_COUNT; s++)
		timer_release(&f->tap[s].again);
}
