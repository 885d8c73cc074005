#include <sigrelay/relay/flights.h>

#include <sigrelay/relay/waiters.h>

#include "flight_state.h"

enum status flights_init(struct relay *r)
{
	TAILQ_INIT(&r->flights);
	return waiters_new(r);
}

void flights_cancel(struct relay *r)
{
	struct flight *f;
	while ((f = TAILQ_FIRST(&r->flights)))
		flight_end(f);
}

void flights_release(struct relay *r)
{
	if (!r->flights.tqh_last)
		return; /* nobody began them */
	flights_cancel(r);
	waiters_free(r);
}

void flights_clock_set(struct relay *r)
{
	struct flight *f;
	TAILQ_FOREACH(f, &r->flights, link)
	flight_bind_again(f);
}

/* Exchanges that are parked behind another's ticket: they have none of their own. */
static size_t parked_together(const struct relay *r)
{
	const struct flight *f = flight_log_state(r, USEC_NEVER);
	bool parked = f && relay_breaker(r, SERVICE_REKOR, SIDE_READ) != BREAKER_CLOSED;
	return parked && f->audience ? f->audience - 1 : 0;
}

size_t flights_parked(const struct relay *r)
{
	return relay_in_line(r) + parked_together(r);
}

bool flights_failing(const struct relay *r, char cause[256])
{
	const struct flight *f;
	TAILQ_FOREACH(f, &r->flights, link)
	{
		if (!TAILQ_EMPTY(&f->exchanges) && flight_failing(f, cause))
			return true;
	}
	return false;
}

void flights_hold(const struct relay *r, struct flights_held out[OP_COUNT])
{
	const struct flight *f;
	const struct exchange *x;
	for (enum operation op = 0; op < OP_COUNT; op++)
		out[op] = (struct flights_held){ .next_deadline = USEC_NEVER };
	TAILQ_FOREACH(f, &r->flights, link)
	{
		struct flights_held *h = &out[f->request->operation];
		h->orphans += TAILQ_EMPTY(&f->exchanges);
		h->next_deadline = usec_min(h->next_deadline, f->deadline.at);
		TAILQ_FOREACH(x, &f->exchanges, link)
		{
			h->exchanges++;
			h->longest = usec_max(h->longest, r->now.mono - x->begun);
			h->next_deadline = usec_min(h->next_deadline, x->deadline.at);
		}
	}
}
