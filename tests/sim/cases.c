#include "cases.h"

#include <sigrelay/policy/backoff.h>

#define S USEC_PER_SEC

#define BREAKER_FAILURES 5 /* the default */

static const struct kind *const patient[] = { &kinds[0], NULL };

/* ---- a crowd meets one outage: what a handful of clients never shows ---- */

static void draw_crowd(struct draw *d, struct plan *p)
{
	report_plan(p, MODE_RUN_SERVE, between(d, 300, 1500), any_length(d), p->seed);
	p->model.spells[0].fault = between(d, FAULT_502, FAULT_HANG);
	p->model.weak = between(d, 10, 60);
}

static void all_signed(struct outcome_of_run *o)
{
	if (o->signed_jobs < o->jobs)
		add(o, "%u of %u jobs were signed", o->signed_jobs, o->jobs);
}

#define IN_FLIGHT 128 /* max_attempts_in_flight */

/* What an outage costs at most, whoever waits: on each side what opens the
 * breaker, and then a probe each interval: 5, 10, 20, 40, 60, 60, … s, less a
 * fifth. */
static unsigned outage_costs(const struct plan *p)
{
	usec length = p->model.spells[0].until - p->model.spells[0].from;
	return SIDE_COUNT * (BREAKER_FAILURES + 5 + (unsigned)(length / (48 * S)));
}

static void check_cost(const struct plan *p, struct outcome_of_run *o)
{
	unsigned most = outage_costs(p);
	/* Only silence tells of a log that hangs: until then what may be in flight is, and what
	 * takes the place of those that leave first. */
	if (p->model.spells[0].fault == FAULT_HANG)
		most += 2 * IN_FLIGHT;
	if (o->tally.in_outage > most)
		add(o, "the log got %llu requests in the outage, not %u",
		    (unsigned long long)o->tally.in_outage, most);
}

/* All are signed, N / rate after the recovery and the probe, and no certificate
 * is minted in vain: a fifth for those whose patience ends on the way. */
static void check_crowd(const struct plan *p, struct outcome_of_run *o)
{
	usec most = 240 * S + (usec)p->jobs * 60 * S / 900 * 5 / 4;
	all_signed(o);
	check_cost(p, o);
	if (o->last != USEC_NEVER && o->last > most)
		add(o, "the last signature came %lld s after the recovery, not %lld s",
		    (long long)(o->last / S), (long long)(most / S));
	if (o->tally.certificates > (uint64_t)o->jobs * 6 / 5)
		add(o, "%llu certificates for %u jobs", (unsigned long long)o->tally.certificates, o->jobs);
}

/* ---- every job with a relay of its own ---- */

static void draw_runs(struct draw *d, struct plan *p)
{
	report_plan(p, MODE_RUN, between(d, 10, 100), any_length(d), p->seed);
	p->model.spells[0].fault = between(d, FAULT_502, FAULT_HANG);
}

static void check_runs(const struct plan *p, struct outcome_of_run *o)
{
	unsigned most = outage_costs(p) * p->jobs;
	all_signed(o);
	if (o->tally.in_outage > most)
		add(o, "the log got %llu requests in the outage, not %u",
		    (unsigned long long)o->tally.in_outage, most);
}

/* ---- nobody holds a certificate, and the log comes back ---- */

static void draw_mint(struct draw *d, struct plan *p)
{
	report_plan(p, MODE_SERVE, between(d, 1, 200), between(d, 10, 150) * S, p->seed);
	p->crowd = patient;
}

static void check_mint(const struct plan *p, struct outcome_of_run *o)
{
	all_signed(o);
	check_cost(p, o);
	if (o->tally.certificates > (uint64_t)o->jobs + 8)
		add(o, "%llu certificates for %u jobs", (unsigned long long)o->tally.certificates, o->jobs);
}

/* ---- the timestamp authority alone is in trouble ---- */

static void draw_stamp(struct draw *d, struct plan *p)
{
	report_plan(p, between(d, MODE_SERVE, MODE_RUN_SERVE), between(d, 10, 40), any_length(d), p->seed);
	p->crowd = NULL;
	p->model.spells[0].service = SERVICE_TSA;
	p->model.spells[0].fault = between(d, 0, FAULT_COUNT - 1);
	p->arrive_until = WORLD_MONO + 70 * S;
	p->only_tsa = true;
}

static void check_stamp(const struct plan *p, struct outcome_of_run *o)
{
	(void)p, (void)o; /* relay_path.c watches every exchange, and every breaker */
}

/* ---- the log comes back weaker than rate_limit reckons with ---- */

static void draw_weak(struct draw *d, struct plan *p)
{
	static const unsigned takes[] = { 4, 5, 10, 20, 50 };
	report_plan(p, between(d, 0, 1) ? MODE_SERVE : MODE_RUN_SERVE, between(d, 50, 400),
		    between(d, 10, 300) * S, p->seed);
	p->crowd = patient;
	p->model.spells[0].fault = between(d, FAULT_502, FAULT_REFUSE);
	p->model.capacity = p->model.weak = takes[between(d, 0, 4)];
	p->model.weak_for = 3600 * S;
	p->model.quick = between(d, 0, 1);
}

static void check_release(const struct plan *p, struct outcome_of_run *o)
{
	if (o->tally.worst_release > 2)
		add(o, "the release reached %.1f times what the log could take in a second (%u)",
		    o->tally.worst_release, p->model.weak);
}

/* ---- a share of the requests fails, and the log is up ---- */

/* The budget alone: with the breaker, half of the failures never meet it. */
static void no_breaker(struct relay_config *c, void *arg)
{
	(void)arg;
	c->gate.breaker.failures = 0;
	c->gate.breaker.rate = 0;
}

static void draw_brown_out(struct draw *d, struct plan *p)
{
	report_plan(p, MODE_SERVE, between(d, 500, 1500), 120 * S, p->seed);
	p->crowd = patient;
	p->model.spells[0].fault = between(d, 0, 1) ? FAULT_FAIL : FAULT_RESET;
	p->model.spells[0].percent = between(d, 10, 60);
	p->tune = no_breaker;
}

/* Retries are a fifth of first attempts, and what the floor gives. */
static void check_amplification(const struct plan *p, struct outcome_of_run *o)
{
	uint64_t firsts = o->attempts - o->repeats;
	uint64_t floor = 10 + (uint64_t)(o->lasted / S);
	if (o->budgeted > firsts / 5 + floor)
		add(o, "%llu retries within the budget beside %llu first attempts in %lld s",
		    (unsigned long long)o->budgeted, (unsigned long long)firsts, (long long)(o->lasted / S));
	/* Beyond what the budget can repeat a token ends now and then. */
	if (p->model.spells[0].percent <= 30)
		all_signed(o);
}

/* ---- entries that are queued, and not integrated ---- */

static void draw_queued(struct draw *d, struct plan *p)
{
	bool queued = between(d, 0, 1), limited = between(d, 0, 1);
	uint64_t seed = p->seed;
	(void)!waiters_plan(p, between(d, 1, 1000), queued, limited, seed);
}

static void check_queued(const struct plan *p, struct outcome_of_run *o)
{
	struct waiters_seen seen = waiters_seen(p, o);
	all_signed(o);
	if (seen.most > 8)
		add(o, "%u entries that wait cost the log %u reads in a second", o->jobs, seen.most);
	if (o->waited > seen.bound)
		add(o, "an entry was answered %lld ms after its integration, not %lld ms",
		    (long long)(o->waited / USEC_PER_MSEC), (long long)(seen.bound / USEC_PER_MSEC));
}

const struct special specials[] = {
	{ "a crowd", draw_crowd, check_crowd },
	{ "a relay each", draw_runs, check_runs },
	{ "no certificates", draw_mint, check_mint },
	{ "timestamps", draw_stamp, check_stamp },
	{ "a weak log", draw_weak, check_release },
	{ "a brown-out", draw_brown_out, check_amplification },
	{ "queued entries", draw_queued, check_queued },
};
const unsigned special_count = sizeof(specials) / sizeof(specials[0]);
