#include "world.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/policy/backoff.h>

#define TURNS_MAX 1000000 /* events in one and the same microsecond */

static const struct {
	const char *word;
	bool shared, own;
} modes[MODE_COUNT] = {
#define X(sym, word, shared, own) [sym] = { word, shared, own },
	MODES(X)
#undef X
};

const char *mode_word(enum mode m)
{
	return modes[m].word;
}

enum mode mode_named(const char *word)
{
	enum mode m = 0;
	while (m < MODE_COUNT && strcmp(modes[m].word, word) != 0)
		m++;
	return m;
}

bool mode_has_shared(enum mode m)
{
	return modes[m].shared;
}

bool mode_has_own(enum mode m)
{
	return modes[m].own;
}

void found(struct world *w, const char *fmt, ...)
{
	va_list ap;
	struct found *f = &w->found;
	if (f->count < FOUND_MAX) {
		int n = snprintf(f->text[f->count], sizeof(f->text[0]),
				 "at %.3f s: ", (double)(w->now.mono - WORLD_MONO) / USEC_PER_SEC);
		va_start(ap, fmt);
		vsnprintf(f->text[f->count] + n, sizeof(f->text[0]) - (size_t)n, fmt, ap);
		va_end(ap);
	}
	f->count++;
}

static const struct kind *kind_of(const struct plan *p, unsigned i)
{
	unsigned n = 0;
	while (p->crowd && p->crowd[n])
		n++;
	return n ? p->crowd[i % n] : &kinds[i % kind_count];
}

static void world_open(struct world *w, const struct plan *p)
{
	*w = (struct world){ .plan = p, .now = { WORLD_MONO, WORLD_WALL } };
	timers_init(&w->timers);
	rng_seed(&w->rng, p->seed);
	model_init(&w->model, &p->model, &w->timers, p->seed ^ 0x5eed, &w->now);
	w->forge = forge_new();
	if (mode_has_shared(p->mode))
		w->shared = relay_path_new(w, NULL, p->seed);
	w->jobs = mem_calloc(p->jobs ? p->jobs : 1, sizeof(*w->jobs));
	if (!w->jobs)
		abort();
	w->open_jobs = p->jobs;
	for (unsigned i = 0; i < p->jobs; i++)
		job_init(&w->jobs[i], w, i, kind_of(p, i),
			 backoff_between(p->arrive_from, p->arrive_until, &w->rng));
}

static usec clock_shown;

usec world_clock(void)
{
	return clock_shown;
}

static void turn_to(struct world *w, usec at)
{
	w->now.wall += at - w->now.mono;
	w->now.mono = at;
	clock_shown = at - WORLD_MONO;
	timers_run(&w->timers, at);
}

/* Until every job has ended and every flight has. */
static void run(struct world *w)
{
	unsigned turns = 0;
	while (w->open_jobs || (w->shared && !relay_path_idle(w->shared))) {
		usec next = timers_next(&w->timers);
		if (next == USEC_NEVER) {
			found(w, "deadlock: %u jobs are left and nothing will happen", w->open_jobs);
			return;
		}
		turns = next > w->now.mono ? 0 : turns + 1;
		if (turns > TURNS_MAX) {
			found(w, "livelock: time stands still");
			return;
		}
		turn_to(w, usec_max(next, w->now.mono));
	}
}

usec world_recovery(const struct world *w)
{
	return model_recovery(&w->model);
}

/* How long this client may hang in one step. A token or a certificate ends the
 * wait of those who have no limit of their own. */
static usec patience_in(const struct manners *m, usec ends)
{
	usec wait = 0;
	for (unsigned n = 0; n < m->tries; n++)
		wait = usec_add(wait, usec_add(m->timeout, n ? m->wait[n - 1] : 0));
	return usec_min(ends, usec_min(wait, m->total));
}

/* Could its own patience have reached its turn, had every answer hung? The log
 * takes so many of this address a second after its recovery. */
static bool reaches(const struct job *j, usec recovery)
{
	const struct plan *p = j->world->plan;
	usec turn = 5 * USEC_PER_SEC;
	if (p->model.address_rate)
		turn += (usec)p->jobs * 60 * USEC_PER_SEC / p->model.address_rate;
	usec most = usec_max(patience_in(&j->kind->sign, 300 * USEC_PER_SEC),
			     patience_in(&j->kind->create, CERTIFICATE_LIFE * USEC_PER_SEC));
	if (mode_has_own(p->mode))
		most = p->run_for;
	return usec_add(j->arrived, most) >= recovery + turn;
}

static void count(const struct world *w, struct outcome_of_run *o)
{
	o->first = o->last = USEC_NEVER;
	for (unsigned i = 0; i < o->jobs; i++) {
		const struct job *j = &w->jobs[i];
		bool within = reaches(j, o->recovery), good = j->signed_at != USEC_NEVER;
		o->signed_jobs += good;
		o->reachable += within;
		o->reached += within && good;
		if (good && j->leaf)
			o->waited = usec_max(o->waited, j->signed_at - j->leaf->integrated_at);
		if (!good || j->signed_at < o->recovery)
			continue;
		usec after = j->signed_at - o->recovery;
		o->first = usec_min(o->first, after);
		o->last = o->last == USEC_NEVER ? after : usec_max(o->last, after);
	}
}

static void world_close(struct world *w, struct outcome_of_run *out)
{
	for (unsigned i = 0; i < w->plan->jobs; i++)
		job_release(&w->jobs[i]);
	if (w->shared)
		relay_path_free(w->shared, out);
	model_release(&w->model);
	HASH_CLEAR(hh, w->by_uuid);
	struct leaf *l;
	while ((l = w->leaves)) {
		w->leaves = l->next;
		mem_free(l);
	}
	mem_free(w->jobs);
	forge_free(w->forge);
	timers_release(&w->timers);
}

void world_run(const struct plan *p, struct outcome_of_run *out)
{
	struct world *w = mem_calloc(1, sizeof(*w));
	if (!w)
		abort();
	world_open(w, p);
	*out = (struct outcome_of_run){ .jobs = p->jobs };
	run(w);
	/* Of the outage that was planned; a collapse after it is the crowd's doing. */
	for (unsigned i = 0; i < p->model.spell_count; i++)
		out->recovery = usec_max(out->recovery, p->model.spells[i].until);
	count(w, out);
	out->lasted = w->now.mono - WORLD_MONO;
	world_close(w, out);
	out->tally = w->model.tally;
	out->found = w->found;
	mem_free(w);
}
