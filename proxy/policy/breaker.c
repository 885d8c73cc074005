#include <sigrelay/policy/breaker.h>

#include <string.h>

#include <sigrelay/policy/backoff.h>

static const char *const names[] = {
	[BREAKER_CLOSED] = "closed",
	[BREAKER_HALF_OPEN] = "half-open",
	[BREAKER_OPEN] = "open",
};

static void forget_window(struct breaker *b)
{
	memset(b->bucket, 0, sizeof(b->bucket));
	for (unsigned i = 0; i < BREAKER_BUCKETS; i++)
		b->bucket[i].slot = INT64_MIN;
}

void breaker_init(struct breaker *b, const struct breaker_config *cfg, usec now)
{
	*b = (struct breaker){ .cfg = *cfg, .state = BREAKER_CLOSED, .since = now };
	forget_window(b);
	limit_init(&b->limit, cfg->max_in_flight);
}

usec breaker_longest_interval(const struct breaker *b)
{
	return usec_max(b->cfg.probe_interval, b->cfg.probe_max);
}

void breaker_configure(struct breaker *b, const struct breaker_config *cfg)
{
	if (cfg->window != b->cfg.window)
		forget_window(b);
	b->cfg = *cfg;
	b->interval = usec_max(b->cfg.probe_interval, usec_min(b->interval, breaker_longest_interval(b)));
	b->next_probe = usec_min(b->next_probe, usec_add(b->since, breaker_longest_interval(b)));
	limit_configure(&b->limit, cfg->max_in_flight);
}

/* The only place that changes the state. */
static void enter(struct breaker *b, enum breaker_state s, usec now)
{
	if (b->state == BREAKER_CLOSED)
		b->opened_at = now;
	else if (s == BREAKER_CLOSED)
		b->outage_total += now - b->opened_at;
	b->state = s;
	b->since = now;
	b->epoch = b->limit.sent;
	b->out = 0;
	b->leased_until = 0;
}

static void schedule_probe(struct breaker *b, usec retry_after, usec now, struct rng *r)
{
	usec shortest = b->cfg.probe_interval, longest = breaker_longest_interval(b);
	usec asked = usec_max(retry_after, 0);
	usec lo = usec_max(b->interval - b->interval / 5, asked);
	usec hi = usec_max(usec_add(b->interval, b->interval / 5), usec_add(asked, asked / 10));
	lo = usec_min(usec_max(lo, shortest), longest);
	b->next_probe = usec_add(now, backoff_between(lo, usec_min(hi, longest), r));
}

static int64_t slot_at(const struct breaker *b, usec now)
{
	return now / usec_max(b->cfg.window / BREAKER_BUCKETS, 1);
}

struct share {
	uint64_t failed, all;
};

static struct share in_window(const struct breaker *b, usec now)
{
	struct share w = { 0, 0 };
	int64_t slot = slot_at(b, now);
	for (unsigned i = 0; i < BREAKER_BUCKETS; i++) {
		if (b->bucket[i].slot <= slot - BREAKER_BUCKETS)
			continue;
		w.failed += b->bucket[i].failed;
		w.all += b->bucket[i].ok + b->bucket[i].failed;
	}
	return w;
}

/* … without the row of failures that it ends with. */
static struct share before_row(const struct breaker *b, struct share w)
{
	uint64_t row = b->in_a_row < w.failed ? b->in_a_row : w.failed;
	return (struct share){ w.failed - row, w.all - row };
}

static bool is_enough(const struct breaker *b, struct share w)
{
	return w.all > 0 && w.all >= b->cfg.min_requests;
}

static double part_of(struct share w)
{
	return (double)w.failed / (double)w.all;
}

/* The share that fails in a service that is neither well nor down; 0: no such. */
static double browned_out(const struct breaker *b, usec now)
{
	struct share w = in_window(b, now);
	if (b->cfg.failures && b->in_a_row >= b->cfg.failures)
		w = before_row(b, w);
	return is_enough(b, w) && w.failed * 100 <= w.all * BREAKER_BROWN ? part_of(w) : 0;
}

static void trip(struct breaker *b, usec retry_after, usec now, struct rng *r)
{
	b->fails = browned_out(b, now);
	b->chance = 1;
	enter(b, BREAKER_OPEN, now);
	b->interval = b->cfg.probe_interval;
	schedule_probe(b, retry_after, now, r);
}

static void recover(struct breaker *b, usec now)
{
	if (now - b->opened_at <= b->cfg.window)
		b->doubt_until = usec_add(now, BREAKER_DOUBT * b->cfg.window);
	enter(b, BREAKER_CLOSED, now);
	b->in_a_row = 0;
	forget_window(b);
	limit_recover(&b->limit);
}

static void count(struct breaker *b, bool failed, usec now)
{
	int64_t slot = slot_at(b, now);
	size_t i = (size_t)(slot % BREAKER_BUCKETS);
	if (b->bucket[i].slot != slot) {
		b->bucket[i].slot = slot;
		b->bucket[i].ok = b->bucket[i].failed = 0;
	}
	b->bucket[i].ok += !failed;
	b->bucket[i].failed += failed;
	b->in_a_row = failed ? b->in_a_row + 1 : 0;
}

/* By three standard deviations of a binomial distribution. */
static bool share_is_chance(const struct breaker *b, struct share w)
{
	uint64_t rate = b->cfg.rate;
	uint64_t above = w.failed * 100 - w.all * rate;
	return above * above < 9 * w.all * rate * (100 - rate);
}

static bool rate_too_high(const struct breaker *b, struct share w, bool in_doubt)
{
	if (b->cfg.rate == 0 || w.all < b->cfg.min_requests || w.failed * 100 < w.all * b->cfg.rate)
		return false;
	return !in_doubt || !share_is_chance(b, w);
}

/* Would a service that fails as it did before this row fail so often in a row by chance? */
static bool row_is_chance(const struct breaker *b, struct share w)
{
	struct share before = before_row(b, w);
	if (!is_enough(b, before))
		return false;
	double chance = 1;
	for (unsigned i = 0; i < b->in_a_row; i++)
		chance *= part_of(before);
	return chance >= BREAKER_CHANCE;
}

static bool row_too_long(const struct breaker *b, struct share w, bool in_doubt)
{
	if (b->cfg.failures == 0 || b->in_a_row < b->cfg.failures)
		return false;
	return !in_doubt || b->in_a_row >= BREAKER_ROW_MOST * b->cfg.failures || !row_is_chance(b, w);
}

/* What chance explains while in doubt prolongs the doubt. */
static bool must_trip(struct breaker *b, usec now)
{
	struct share w = in_window(b, now);
	bool in_doubt = now < b->doubt_until;
	if (row_too_long(b, w, in_doubt) || rate_too_high(b, w, in_doubt))
		return true;
	if (in_doubt && (row_too_long(b, w, false) || rate_too_high(b, w, false)))
		b->doubt_until = usec_add(now, BREAKER_DOUBT * b->cfg.window);
	return false;
}

/* The last failure before the one that would open it, if it was well before. */
static bool is_last_warning(const struct breaker *b)
{
	return b->in_a_row + 1 >= b->cfg.failures && b->cfg.failures > 1;
}

static bool report_closed(struct breaker *b, uint64_t number, enum outcome o, usec retry_after, usec now,
			  struct rng *r)
{
	bool trips = false;
	switch (outcome_weight(o)) {
	case WEIGHT_SUCCESS:
		count(b, false, now);
		limit_succeeded(&b->limit, number);
		break;
	case WEIGHT_FAILURE:
		count(b, true, now);
		trips = must_trip(b, now);
		limit_failed(&b->limit, number, is_last_warning(b) || trips);
		break;
	case WEIGHT_NEUTRAL:
		if (o == OUTCOME_THROTTLED)
			limit_failed(&b->limit, number, true);
		break;
	}
	if (!trips)
		return false;
	trip(b, retry_after, now, r);
	return true;
}

/* Does the service as it was explain the probes that failed, this one included? */
static bool probe_is_chance(struct breaker *b, enum outcome o)
{
	if (o == OUTCOME_THROTTLED)
		return false;
	b->chance *= b->fails;
	return b->chance >= BREAKER_PROBE_CHANCE;
}

static bool report_probe(struct breaker *b, enum outcome o, usec retry_after, usec now, struct rng *r)
{
	if (outcome_weight(o) == WEIGHT_SUCCESS) {
		recover(b, now);
		return true;
	}
	enter(b, BREAKER_OPEN, now);
	if (outcome_weight(o) == WEIGHT_FAILURE || o == OUTCOME_THROTTLED) {
		if (!probe_is_chance(b, o))
			b->interval =
			    usec_min(usec_add(b->interval, b->interval), breaker_longest_interval(b));
		schedule_probe(b, retry_after, now, r);
	} else {
		b->next_probe = usec_max(now, b->earliest_probe);
	}
	return true;
}

static bool report_straggler(struct breaker *b, enum outcome o, usec now)
{
	if (b->state == BREAKER_OPEN && outcome_weight(o) == WEIGHT_SUCCESS)
		b->next_probe = usec_min(b->next_probe, usec_max(now, b->earliest_probe));
	return false;
}

usec breaker_wake(const struct breaker *b, usec now)
{
	if (breaker_wants_lease(b, now))
		return USEC_NEVER;
	if (b->state == BREAKER_OPEN)
		return b->next_probe;
	return b->out < breaker_allowance(b) ? now : USEC_NEVER;
}

uint64_t breaker_send(struct breaker *b, usec now)
{
	if (b->state == BREAKER_OPEN) {
		enter(b, BREAKER_HALF_OPEN, now);
		b->earliest_probe = usec_add(now, b->interval);
	}
	return limit_send(&b->limit, ++b->out);
}

bool breaker_report(struct breaker *b, uint64_t number, enum outcome o, usec retry_after, usec now,
		    struct rng *r)
{
	if (number < b->epoch)
		return report_straggler(b, o, now);
	b->out--;
	if (b->state == BREAKER_HALF_OPEN)
		return report_probe(b, o, retry_after, now, r);
	return report_closed(b, number, o, retry_after, now, r);
}

bool breaker_hear(struct breaker *b, usec interval, usec now, struct rng *r)
{
	bool opens = b->state == BREAKER_CLOSED;
	if (opens)
		trip(b, -1, now, r);
	interval = usec_min(usec_max(interval, b->cfg.probe_interval), breaker_longest_interval(b));
	if (interval <= b->interval)
		return opens;
	b->interval = interval;
	if (opens)
		schedule_probe(b, -1, now, r);
	return opens;
}

bool breaker_hear_back(struct breaker *b, usec now)
{
	if (b->state == BREAKER_CLOSED)
		return false;
	recover(b, now);
	return true;
}

void breaker_by_lease(struct breaker *b, bool on)
{
	b->by_lease = on;
}

bool breaker_wants_lease(const struct breaker *b, usec now)
{
	return b->by_lease && b->state == BREAKER_OPEN && b->next_probe <= now && b->leased_until <= now;
}

void breaker_lease(struct breaker *b, usec until)
{
	b->leased_until = until;
}

void breaker_put_off(struct breaker *b, usec until)
{
	b->next_probe = usec_max(b->next_probe, until);
}

unsigned breaker_allowance(const struct breaker *b)
{
	switch (b->state) {
	case BREAKER_OPEN:
		return 0;
	case BREAKER_HALF_OPEN:
		return 1;
	case BREAKER_CLOSED:
		break;
	}
	return b->limit.window;
}

usec breaker_outage(const struct breaker *b, usec now)
{
	return b->outage_total + (b->state == BREAKER_CLOSED ? 0 : now - b->opened_at);
}

const char *breaker_state_name(enum breaker_state s)
{
	return names[s];
}
