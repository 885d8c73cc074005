#include <sigrelay/policy/limit.h>

static unsigned at_least_one(unsigned n)
{
	return n > 0 ? n : 1;
}

static void new_round(struct limit *l)
{
	l->seen = l->failed = 0;
}

static void forget(struct limit *l)
{
	new_round(l);
	l->good = 0;
	l->full = false;
	l->since = l->sent;
}

void limit_init(struct limit *l, unsigned cap)
{
	cap = at_least_one(cap);
	*l = (struct limit){ .cap = cap, .window = cap, .threshold = cap };
}

void limit_configure(struct limit *l, unsigned cap)
{
	cap = at_least_one(cap);
	if (l->window == l->cap || l->window > cap)
		l->window = cap;
	if (l->threshold == l->cap || l->threshold > cap)
		l->threshold = cap;
	l->cap = cap;
}

void limit_recover(struct limit *l)
{
	l->window = 1;
	forget(l);
}

uint64_t limit_send(struct limit *l, unsigned out)
{
	if (out >= l->window)
		l->full = true;
	return l->sent++;
}

static bool starts_slowly(const struct limit *l)
{
	return l->window < l->threshold;
}

static void grow(struct limit *l)
{
	l->good = 0;
	l->full = false;
	if (!starts_slowly(l))
		l->window += l->window < l->cap;
	else
		l->window = l->window < l->threshold / 2 ? l->window * 2 : l->threshold;
}

static void too_much(struct limit *l)
{
	if (starts_slowly(l) || l->full)
		l->threshold = l->window = at_least_one(l->window / 2);
	forget(l);
}

static unsigned round_length(const struct limit *l)
{
	return l->window > LIMIT_ROUND ? l->window : LIMIT_ROUND;
}

static void count(struct limit *l)
{
	if (++l->seen >= round_length(l))
		new_round(l);
}

void limit_succeeded(struct limit *l, uint64_t number)
{
	if (number < l->since)
		return;
	if (++l->good >= l->window && l->full)
		grow(l);
	count(l);
}

static bool share_is_too_high(const struct limit *l)
{
	return (uint64_t)l->failed * 100 > (uint64_t)round_length(l) * LIMIT_TOLERATED;
}

void limit_failed(struct limit *l, uint64_t number, bool enough)
{
	if (number < l->since)
		return;
	l->failed++;
	if (enough || starts_slowly(l) || share_is_too_high(l))
		too_much(l);
	else
		count(l);
}
