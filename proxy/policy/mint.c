#include <sigrelay/policy/mint.h>

static void forget(struct mint *m, usec now)
{
	while (m->count && usec_add(m->out[m->first], MINT_FORGET) <= now)
		mint_used(m);
}

void mint_used(struct mint *m)
{
	if (!m->count)
		return;
	m->first = (m->first + 1) % MINT_OUT_MAX;
	m->count--;
}

static size_t at_once(const struct limit *l)
{
	return l->window == l->cap && l->cap < MINT_LEAST ? MINT_LEAST : l->window;
}

static bool may_closed(const struct mint *m, const struct breaker *b, size_t creates_in_line, usec *wake)
{
	size_t ahead = MINT_AHEAD * at_once(&b->limit);
	if (m->count < MINT_OUT_MAX && m->count + creates_in_line < ahead)
		return true;
	*wake = m->count ? usec_add(m->out[m->first], MINT_FORGET) : USEC_NEVER;
	return false;
}

void mint_lost(struct mint *m, usec went, usec now)
{
	if (now < usec_add(went, MINT_FORGET)) /* else it is counted no more */
		mint_used(m);
}

static bool may_open(const struct mint *m, const struct breaker *b, size_t creates_in_line, usec now,
		     usec *wake)
{
	*wake = USEC_NEVER;
	if (creates_in_line)
		return false;
	usec at = b->next_probe;
	if (m->any)
		at = usec_max(at, usec_add(m->last, b->interval));
	if (at <= now)
		return true;
	*wake = at;
	return false;
}

bool mint_may(struct mint *m, const struct breaker *log_write, size_t creates_in_line, usec now, usec *wake)
{
	forget(m, now);
	*wake = USEC_NEVER;
	switch (log_write->state) {
	case BREAKER_CLOSED:
		return may_closed(m, log_write, creates_in_line, wake);
	case BREAKER_OPEN:
		return may_open(m, log_write, creates_in_line, now, wake);
	case BREAKER_HALF_OPEN:
		break;
	}
	return false;
}

void mint_went(struct mint *m, const struct breaker *log_write, usec now)
{
	if (log_write->state == BREAKER_OPEN) {
		m->last = now;
		m->any = true;
	}
	if (m->count == MINT_OUT_MAX)
		mint_used(m);
	m->out[(m->first + m->count++) % MINT_OUT_MAX] = now;
}
