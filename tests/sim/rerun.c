/* The wait of `run` between two runs of its command: what commands/outage.c does
 * around rerun.h, in virtual time. */
#include <sigrelay/relay/flights.h>

#include "world.h"

#define LOOK_EVERY USEC_PER_SEC /* outage.c's */

static usec now_of(const struct job *j)
{
	return j->world->now.mono;
}

static struct rerun_sight see(const struct job *j)
{
	const struct relay *r = relay_path_relay(j->own);
	struct rerun_sight sight = { .read_at = j->wait.read_at };
	for (int s = 0; s < SERVICE_COUNT; s++) {
		const struct gate *g = &r->upstream[s].gate;
		const struct breaker *b = &g->breaker[SIDE_WRITE];
		sight.write[s] =
		    (struct server_side){ b->state, b->since, b->next_probe, gate_in_line(g, SIDE_WRITE) };
	}
	return sight;
}

static void on_read(void *arg, bool good)
{
	struct job *j = arg;
	struct rerun_wait *w = &j->wait;
	if (good)
		w->read_at = now_of(j);
	else
		w->next_read = usec_add(now_of(j), relay_path_relay(j->own)->cfg.gate.breaker.probe_interval);
	timer_set(&j->next, now_of(j));
}

/* Nothing but the read can change what is seen: then outage.c's looks, one a
 * second, all see the same, and the one that sees something else is enough. */
static bool nothing_moves(const struct job *j)
{
	const struct relay *r = relay_path_relay(j->own);
	return r->exchanges == (j->wait.read.going ? 1 : 0) && !r->creates.head;
}

static void wake_at(struct job *j, usec at)
{
	const struct rerun_wait *w = &j->wait;
	usec now = now_of(j), end = usec_min(w->plan.give_up, w->plan.token_end);
	usec next = usec_min(usec_add(now, LOOK_EVERY), end);
	if (at > now)
		next = usec_min(next, at);
	if (nothing_moves(j) && (w->read.going || (at > now && at != USEC_NEVER)))
		next = w->read.going ? end : usec_min(at, end);
	timer_set(&j->next, next);
}

void rerun_look(struct job *j)
{
	struct rerun_wait *w = &j->wait;
	usec at, now = now_of(j);
	struct rerun_sight sight = see(j);
	enum rerun_verdict v = rerun_decide(&w->plan, &sight, now, &at);
	if (v == RERUN_READ && !w->read.going && now >= w->next_read)
		relay_path_read_log(j, on_read);
	if (v == RERUN_WAIT || v == RERUN_READ) {
		if (!timer_pending(&j->next)) /* on_read wants another look at once */
			wake_at(j, at);
		return;
	}
	rerun_cancel(j);
	if (v == RERUN_AGAIN)
		job_run(j);
	else
		job_give_up(j);
}

void rerun_before(struct job *j)
{
	j->wait.run_began = now_of(j);
	j->wait.failures_before = relay_path_relay(j->own)->failures.count;
}

bool rerun_wants(struct job *j)
{
	char cause[256];
	const struct relay *r = relay_path_relay(j->own);
	return r->failures.count != j->wait.failures_before || flights_failing(r, cause);
}

void rerun_begin(struct job *j)
{
	struct rerun_wait *w = &j->wait;
	const struct breaker_config *b = &relay_path_relay(j->own)->cfg.gate.breaker;
	usec now = now_of(j);
	w->in_turn++;
	w->on = true;
	w->plan = (struct rerun){
		.give_up = usec_add(j->arrived, j->world->plan->run_for),
		.token_end = USEC_NEVER, /* every run fetches its own */
		.failed_at = now,
		.pause_until = rerun_pause_until(w->run_began, b->probe_interval, b->probe_max, w->in_turn,
						 &j->world->rng),
	};
	w->read_at = -1;
	w->next_read = now;
	timer_set(&j->next, now);
}

void rerun_cancel(struct job *j)
{
	j->wait.on = false;
	timer_clear(&j->next);
	relay_path_read_cancel(j);
}
