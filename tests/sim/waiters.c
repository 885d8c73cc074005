/* Entries that are queued and not integrated: what N of them cost the log while
 * its signer is paused, and when they are answered once it goes on. */
#include "report.h"
#include "side_by_side.h"

#include <stdio.h>

#define S USEC_PER_SEC
#define WINDOW 20 /* seconds before the end of the pause, when all are waiting */

static const struct kind *const patient[] = { &kinds[0], NULL };

static void no_limit(struct relay_config *c, void *arg)
{
	(void)arg;
	c->gate.rate_per_minute = 0;
}

/* One of the address's requests, or two where each POST is hedged, by N / rate;
 * a fifth more, so that nobody is still on the way when the window begins. */
static usec everyone_asked(unsigned jobs, bool queued, bool limited)
{
	usec each = limited ? S / 15 : 2 * S / 100; /* 100 of the 112 places, 2 s each */
	return (usec)jobs * each * (queued || !limited ? 6 : 12) / 5;
}

bool waiters_plan(struct plan *p, unsigned jobs, bool queued, bool limited, uint64_t seed)
{
	usec asked = everyone_asked(jobs, queued, limited);
	usec goes_on = WORLD_MONO + asked + (WINDOW + 20) * S;
	*p = (struct plan){
		.seed = seed,
		.mode = MODE_SERVE,
		.jobs = jobs,
		.crowd = patient,
		.start = queued ? START_QUEUED : START_CERTIFIED,
		.arrive_from = WORLD_MONO,
		.arrive_until = WORLD_MONO + asked,
		.tune = limited ? NULL : no_limit,
		.model = {
			.capacity = 10000,
			.weak = 10000,
			.address_rate = limited ? 975 : 0,
			.address_burst = 100,
			.spells = { { SERVICE_REKOR, FAULT_PAUSE, WORLD_MONO, goes_on, 100, false } },
			.spell_count = 1,
		},
	};
	/* Else the first certificates end before the last POST is out. */
	return goes_on + 60 * S < WORLD_MONO + CERTIFICATE_LIFE * S;
}

struct waiters_seen waiters_seen(const struct plan *p, const struct outcome_of_run *o)
{
	struct waiters_seen seen = { .mean = 0, .bound = 2 * S + (usec)o->jobs * 60 * S / 900 };
	int64_t end = (p->model.spells[0].until - WORLD_MONO) / S;
	for (int64_t i = end - WINDOW; i < end; i++) {
		seen.mean += (double)o->tally.reads_per_second[i] / WINDOW;
		if (o->tally.reads_per_second[i] > seen.most)
			seen.most = o->tally.reads_per_second[i];
	}
	return seen;
}

static const unsigned crowds[] = { 1, 10, 100, 1000, 5000 };
#define CROWDS (sizeof(crowds) / sizeof(crowds[0]))

static bool row(const void *seed, uint64_t i, FILE *out)
{
	unsigned jobs = crowds[i % CROWDS];
	bool queued = i / CROWDS & 1, limited = !(i / CROWDS & 2);
	static struct outcome_of_run o;
	struct plan p;
	fprintf(out, "| %s | %s | %u |", queued ? "answers 409" : "hangs", limited ? "900/min" : "none",
		jobs);
	if (!waiters_plan(&p, jobs, queued, limited, *(const uint64_t *)seed)) {
		fprintf(out, " – | – | – | – | – |\n");
		return true;
	}
	world_run(&p, &o);
	struct waiters_seen seen = waiters_seen(&p, &o);
	fprintf(out, " %.1f | %u | %.1f %% | %.1f s | %.1f s |\n", seen.mean, seen.most,
		100.0 * o.signed_jobs / o.jobs, (double)o.waited / S, (double)seen.bound / S);
	for (unsigned n = 0; n < o.found.count && n < FOUND_MAX; n++)
		fprintf(stderr, "sim: %s\n", o.found.text[n]);
	return o.found.count == 0 && o.signed_jobs == o.jobs;
}

bool report_waiters(uint64_t seed)
{
	printf("| the POST | `rate_limit` | waiting | reads/s, mean | … the most | signed | the longest from "
	       "integration to answer | 2 s + N / 15 |\n|---|---|--:|--:|--:|--:|--:|--:|\n");
	return side_by_side(4 * CROWDS, row, &seed) == 0;
}
