#include "check.h"

#include <stdarg.h>
#include <stdio.h>

#include <sigrelay/policy/backoff.h>

#include "report.h"

#define S USEC_PER_SEC

/* One probe interval at its longest, an attempt that hangs, a backoff, and the
 * rest for a crowd of 40 at a weak log. */
#define PROMPT (180 * S)

struct draw {
	struct rng rng;
	bool default_settings;
};

static unsigned between(struct draw *d, unsigned lo, unsigned hi)
{
	return lo + (unsigned)rng_below(&d->rng, hi - lo + 1);
}

/* Short ones are as likely as long ones: 1 s to about 34 min. */
static usec any_length(struct draw *d)
{
	return (usec)(S << between(d, 0, 10)) + backoff_between(0, S << between(d, 0, 10), &d->rng);
}

static void draw_spells(struct draw *d, struct model_config *m)
{
	m->spell_count = between(d, 1, 5);
	for (unsigned i = 0; i < m->spell_count; i++) {
		struct spell *p = &m->spells[i];
		p->service = between(d, 0, 3) ? SERVICE_REKOR : SERVICE_FULCIO;
		p->fault = between(d, 0, FAULT_COUNT - 1);
		p->from = WORLD_MONO + backoff_between(0, 120 * S, &d->rng);
		p->until = p->from + any_length(d);
		p->percent = between(d, 10, 100);
		p->writes_only = between(d, 0, 2) == 0;
	}
}

static void draw_model(struct draw *d, struct model_config *m)
{
	static const unsigned rates[] = { 0, 60, 975, 975 };
	*m = (struct model_config){
		.capacity = between(d, 50, 300),
		.weak = between(d, 20, 50),
		.weak_for = any_length(d),
		.fragile = between(d, 0, 1),
		.collapse = between(d, 1, 60) * S,
		.address_rate = rates[between(d, 0, 3)],
		.address_burst = between(d, 10, 100),
		.skew = between(d, 0, 3) ? 0 : (int)between(d, 0, 90) - 30,
	};
	draw_spells(d, m);
}

/* Half of the runs have the defaults, half have whatever is allowed. */
static void draw_settings(struct relay_config *c, void *arg)
{
	struct draw *d = arg;
	if (d->default_settings)
		return;
	c->retry_for = any_length(d);
	c->attempt_timeout = between(d, 1, 60) * S;
	c->hedge_after = between(d, 0, 5) * S;
	c->lookup_wait = between(d, 0, 20) * S;
	c->notafter_margin = between(d, 0, 30) * S;
	c->max_parked = between(d, 1, 60);
	c->memory_entries = between(d, 0, 30);
	c->gate.breaker.failures = between(d, 1, 10);
	c->gate.breaker.rate = between(d, 0, 100);
	c->gate.breaker.probe_interval = between(d, 1, 20) * S;
	c->gate.breaker.probe_max = c->gate.breaker.probe_interval * between(d, 1, 10);
	c->gate.max_in_flight = between(d, 1, 128);
	c->gate.rate_per_minute = between(d, 0, 1) * between(d, 60, 2000);
	c->gate.rate_burst = between(d, 1, 100);
	c->gate.retry_budget = between(d, 0, 100);
	c->gate.retry_budget_floor = between(d, 1, 20);
}

static void draw_plan(struct draw *d, uint64_t seed, struct plan *p)
{
	rng_seed(&d->rng, seed);
	d->default_settings = between(d, 0, 1);
	*p = (struct plan){
		.seed = seed,
		.mode = between(d, MODE_SERVE, MODE_RUN_SERVE),
		.jobs = between(d, 1, 40),
		.arrive_from = WORLD_MONO,
		.arrive_until = WORLD_MONO + between(d, 0, 120) * S,
		.run_for = between(d, 1, 60) * 60 * S,
		.tune = draw_settings,
		.tune_arg = d,
		.impatient = between(d, 0, 1),
		.prompt = d->default_settings ? PROMPT : 0,
	};
	draw_model(d, &p->model);
}

__attribute__((format(printf, 2, 3))) static void add(struct outcome_of_run *o, const char *fmt, ...)
{
	va_list ap;
	struct found *f = &o->found;
	va_start(ap, fmt);
	if (f->count < FOUND_MAX)
		vsnprintf(f->text[f->count], sizeof(f->text[0]), fmt, ap);
	va_end(ap);
	f->count++;
}

/* The ramp: with the default settings, where the log is not weaker than they reckon with. */
static void check_release(const struct draw *d, struct outcome_of_run *o)
{
	if (d->default_settings && o->tally.worst_release > 2)
		add(o, "the release reached %.1f times what the log could take in a second",
		    o->tally.worst_release);
}

static void print_schedule(const struct draw *d, const struct plan *p)
{
	printf("    %s, %u jobs within %lld s, %s settings, log takes %u/s (weak %u/s for %lld s%s)\n",
	       mode_word(p->mode), p->jobs, (long long)((p->arrive_until - p->arrive_from) / S),
	       d->default_settings ? "default" : "random", p->model.capacity, p->model.weak,
	       (long long)(p->model.weak_for / S), p->model.fragile ? ", fragile" : "");
	if (p->model.skew)
		printf("    the log's clock is %d s ahead\n", p->model.skew);
	for (unsigned i = 0; i < p->model.spell_count; i++) {
		const struct spell *s = &p->model.spells[i];
		printf("    %s %s%s %u %% from %.1f s to %.1f s\n", service_name(s->service),
		       fault_word(s->fault), s->writes_only ? " (writes)" : "", s->percent,
		       (double)(s->from - WORLD_MONO) / S, (double)(s->until - WORLD_MONO) / S);
	}
}

/* One seed in CROWD_EACH is a crowd that meets one outage: what a handful of
 * clients never shows. */
#define CROWD_EACH 50

static void draw_crowd(struct draw *d, uint64_t seed, struct plan *p)
{
	rng_seed(&d->rng, seed);
	d->default_settings = true;
	report_plan(p, MODE_RUN_SERVE, between(d, 300, 1500), any_length(d), seed);
	p->model.spells[0].fault = between(d, FAULT_502, FAULT_HANG);
	p->model.weak = between(d, 10, 60);
}

/* All are signed, N / rate after the recovery and the probe, and no certificate
 * is minted in vain: a fifth for those whose patience ends on the way. */
static void check_crowd(const struct plan *p, struct outcome_of_run *o)
{
	usec most = 240 * S + (usec)p->jobs * 60 * S / 900 * 5 / 4;
	if (o->signed_jobs < o->jobs)
		add(o, "%u of %u jobs were signed", o->signed_jobs, o->jobs);
	if (o->last != USEC_NEVER && o->last > most)
		add(o, "the last signature came %lld s after the recovery, not %lld s",
		    (long long)(o->last / S), (long long)(most / S));
	if (o->tally.certificates > (uint64_t)o->jobs * 6 / 5)
		add(o, "%llu certificates for %u jobs", (unsigned long long)o->tally.certificates, o->jobs);
}

static bool check_seed(uint64_t seed)
{
	struct draw d;
	struct plan p;
	static struct outcome_of_run o;
	bool crowd = seed % CROWD_EACH == 0;
	if (crowd)
		draw_crowd(&d, seed, &p);
	else
		draw_plan(&d, seed, &p);
	struct draw as_drawn = d;
	world_run(&p, &o);
	check_release(&as_drawn, &o);
	if (crowd)
		check_crowd(&p, &o);
	if (o.found.count == 0)
		return true;
	printf("not ok - seed %llu: %u violations\n", (unsigned long long)seed, o.found.count);
	for (unsigned i = 0; i < o.found.count && i < FOUND_MAX; i++)
		printf("    %s\n", o.found.text[i]);
	print_schedule(&as_drawn, &p);
	return false;
}

bool check_seeds(uint64_t first, uint64_t count)
{
	uint64_t failed = 0;
	for (uint64_t seed = first; seed < first + count; seed++)
		failed += !check_seed(seed);
	printf("%llu passed, %llu failed\n", (unsigned long long)(count - failed),
	       (unsigned long long)failed);
	return failed == 0;
}
