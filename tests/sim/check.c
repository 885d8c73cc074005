#include "check.h"

#include <stdarg.h>
#include <stdio.h>

#include <sigrelay/policy/backoff.h>

#include "cases.h"
#include "side_by_side.h"

#define S USEC_PER_SEC

/* One probe interval at its longest, an attempt that hangs, a backoff, and the
 * rest for a crowd of 40 at a weak log. */
#define PROMPT (180 * S)

unsigned between(struct draw *d, unsigned lo, unsigned hi)
{
	return lo + (unsigned)rng_below(&d->rng, hi - lo + 1);
}

usec any_length(struct draw *d)
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
		.quick = between(d, 0, 3) == 0,
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

void add(struct outcome_of_run *o, const char *fmt, ...)
{
	va_list ap;
	struct found *f = &o->found;
	va_start(ap, fmt);
	if (f->count < FOUND_MAX)
		vsnprintf(f->text[f->count], sizeof(f->text[0]), fmt, ap);
	va_end(ap);
	f->count++;
}

/* With the default settings. Relays that know nothing of each other promise nothing
 * of their sum. */
static void check_release(const struct draw *d, const struct plan *p, struct outcome_of_run *o)
{
	if (d->default_settings && mode_has_shared(p->mode) && o->tally.worst_release > 2)
		add(o, "the release reached %.1f times what the log could take in a second",
		    o->tally.worst_release);
}

static void print_schedule(FILE *out, const struct draw *d, const struct plan *p)
{
	fprintf(out, "    %s, %u jobs within %lld s, %s settings, log takes %u/s (weak %u/s for %lld s%s)\n",
		mode_word(p->mode), p->jobs, (long long)((p->arrive_until - p->arrive_from) / S),
		d->default_settings ? "default" : "random", p->model.capacity, p->model.weak,
		(long long)(p->model.weak_for / S), p->model.fragile ? ", fragile" : "");
	if (p->model.skew)
		fprintf(out, "    the log's clock is %d s ahead\n", p->model.skew);
	for (unsigned i = 0; i < p->model.spell_count; i++) {
		const struct spell *s = &p->model.spells[i];
		fprintf(out, "    %s %s%s %u %% from %.1f s to %.1f s\n", service_name(s->service),
			fault_word(s->fault), s->writes_only ? " (writes)" : "", s->percent,
			(double)(s->from - WORLD_MONO) / S, (double)(s->until - WORLD_MONO) / S);
	}
}

/* Of so many seeds one is of each special kind. */
#define SPECIAL_EACH 50
#define SPECIAL_STEP 7

static const struct special *special_of(uint64_t seed)
{
	uint64_t at = seed % SPECIAL_EACH;
	return at % SPECIAL_STEP == 0 && at / SPECIAL_STEP < special_count ? &specials[at / SPECIAL_STEP]
									   : NULL;
}

static bool check_seed(const void *first, uint64_t i, FILE *out)
{
	uint64_t seed = *(const uint64_t *)first + i;
	struct draw d = { .default_settings = true };
	struct plan p = { .seed = seed };
	static struct outcome_of_run o;
	const struct special *special = special_of(seed);
	rng_seed(&d.rng, seed);
	if (special)
		special->draw(&d, &p);
	else
		draw_plan(&d, seed, &p);
	struct draw as_drawn = d;
	world_run(&p, &o);
	if (special)
		special->check(&p, &o);
	else
		check_release(&as_drawn, &p, &o);
	if (o.found.count == 0)
		return true;
	fprintf(out, "not ok - seed %llu%s%s: %u violations\n", (unsigned long long)seed, special ? ", " : "",
		special ? special->name : "", o.found.count);
	for (unsigned n = 0; n < o.found.count && n < FOUND_MAX; n++)
		fprintf(out, "    %s\n", o.found.text[n]);
	print_schedule(out, &as_drawn, &p);
	return false;
}

bool check_seeds(uint64_t first, uint64_t count)
{
	uint64_t failed = side_by_side(count, check_seed, &first);
	printf("%llu passed, %llu failed\n", (unsigned long long)(count - failed),
	       (unsigned long long)failed);
	return failed == 0;
}
