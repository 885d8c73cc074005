#include <sigrelay/commands/rerun.h>

#include <sigrelay/policy/backoff.h>

usec rerun_pause_until(usec began, usec probe_interval, usec probe_max, unsigned n, struct rng *r)
{
	usec pause = probe_interval, longest = usec_max(probe_interval, probe_max);
	while (n-- > 1 && pause < longest)
		pause = usec_add(pause, pause);
	pause = usec_min(pause, longest);
	usec least = pause - pause / 5, most = usec_min(usec_add(pause, pause / 5), longest);
	return usec_add(began, backoff_between(least, most, r));
}

/* When the last of the sides that were not closed came back; < 0: none did. */
static usec recovered_at(const struct rerun *r, const struct rerun_sight *sight)
{
	usec at = -1;
	for (int s = 0; s < SERVICE_COUNT; s++) {
		const struct server_side *w = &sight->write[s];
		if (w->state != BREAKER_CLOSED)
			return -1;
		if (w->since > r->failed_at)
			at = usec_max(at, w->since);
	}
	return at;
}

static usec earliest(const struct rerun *r, const struct rerun_sight *sight)
{
	usec at = recovered_at(r, sight);
	if (at >= 0)
		return at;
	at = r->pause_until;
	for (int s = 0; s < SERVICE_COUNT; s++) {
		const struct server_side *w = &sight->write[s];
		if (w->state == BREAKER_HALF_OPEN || (w->state == BREAKER_OPEN && w->in_line > 0))
			return USEC_NEVER;
		if (w->state == BREAKER_OPEN)
			at = usec_max(at, w->next_probe);
	}
	return at;
}

enum rerun_verdict rerun_decide(const struct rerun *r, const struct rerun_sight *sight, usec now, usec *at)
{
	*at = earliest(r, sight);
	if (now >= r->give_up)
		return RERUN_OUT_OF_TIME;
	if (now >= r->token_end || (*at != USEC_NEVER && *at >= r->token_end))
		return RERUN_TOKEN_ENDS;
	if (*at > now)
		return RERUN_WAIT;
	return sight->read_at >= *at ? RERUN_AGAIN : RERUN_READ;
}
