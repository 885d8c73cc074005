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

static usec due(const struct mint *m, const struct breaker *b)
{
	usec at = usec_max(b->next_probe, m->put_off);
	return m->any ? usec_max(at, usec_add(m->last, b->interval)) : at;
}

static bool lacks_lease(const struct mint *m, const struct breaker *b, usec now)
{
	return b->by_lease && m->leased_until <= now;
}

static bool may_open(const struct mint *m, const struct breaker *b, size_t creates_in_line, usec now,
		     usec *wake)
{
	usec at = due(m, b);
	if (creates_in_line)
		return false;
	if (at > now) {
		*wake = at;
		return false;
	}
	return !lacks_lease(m, b, now);
}

bool mint_wants_lease(const struct mint *m, const struct breaker *log_write, size_t creates_in_line, usec now)
{
	return log_write->state == BREAKER_OPEN && !creates_in_line && due(m, log_write) <= now &&
	       lacks_lease(m, log_write, now);
}

void mint_lease(struct mint *m, usec until)
{
	m->leased_until = until;
}

void mint_put_off(struct mint *m, usec until)
{
	m->put_off = until;
}

void mint_alone(struct mint *m)
{
	m->leased_until = m->put_off = 0;
}

bool mint_may(struct mint *m, const struct breaker *log_write, size_t creates_in_line, usec now, usec *wake)
{
	forget(m, now);
	*wake = USEC_NEVER;
	switch (log_write->state) {
	case BREAKER_CLOSED:
		m->put_off = 0; /* of an outage that is over */
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
		m->leased_until = 0;
	}
	if (m->count == MINT_OUT_MAX)
		mint_used(m);
	m->out[(m->first + m->count++) % MINT_OUT_MAX] = now;
}
