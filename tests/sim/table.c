#include "report.h"

#include <stdio.h>

#define S USEC_PER_SEC

void report_plan(struct plan *p, enum mode mode, unsigned jobs, usec outage, uint64_t seed)
{
	*p = (struct plan){
		.seed = seed,
		.mode = mode,
		.jobs = jobs,
		.arrive_from = WORLD_MONO + 10 * S,
		.arrive_until = WORLD_MONO + 10 * S + outage,
		.run_for = 4 * 3600 * S,
		.model = {
			.capacity = 300,
			.weak = 60,
			.weak_for = 120 * S,
			.fragile = true,
			.collapse = 10 * S,
			.address_rate = 975,
			.address_burst = 100,
			.spells = { { SERVICE_REKOR, FAULT_502, WORLD_MONO + 10 * S, WORLD_MONO + 10 * S + outage,
				      100, false } },
			.spell_count = 1,
		},
	};
}

static void print_seconds(usec t)
{
	if (t == USEC_NEVER)
		printf(" – |");
	else
		printf(" %.1f s |", (double)t / S);
}

static void print_share(unsigned part, unsigned whole)
{
	if (whole == 0)
		printf(" – |");
	else
		printf(" %.1f %% |", 100.0 * part / whole);
}

static void print_row(const char *outage, const struct plan *p, const struct outcome_of_run *o)
{
	const struct tally *t = &o->tally;
	printf("| %s | %u | %s |", outage, o->jobs, mode_word(p->mode));
	print_share(o->signed_jobs, o->jobs);
	print_share(o->reached, o->reachable);
	printf(" %llu | %llu |", (unsigned long long)t->in_outage, (unsigned long long)t->requests);
	if (o->signed_jobs)
		printf(" %.2f |", (double)t->certificates / o->signed_jobs);
	else
		printf(" – (%llu) |", (unsigned long long)t->certificates);
	print_seconds(o->first);
	print_seconds(o->last);
	printf(" %u |\n", t->collapses);
	fflush(stdout);
}

bool report_table(uint64_t seed)
{
	static const struct {
		const char *name;
		usec length;
	} outages[] = { { "10 s", 10 * S },
			{ "1 min", 60 * S },
			{ "10 min", 600 * S },
			{ "45 min", 2700 * S },
			{ "2 h", 7200 * S } };
	static const unsigned crowds[] = { 1, 100, 10000 };
	static struct outcome_of_run o;
	bool good = true;
	printf(
	    "| outage | clients | way | signed | of those who could wait | log requests in the outage | log "
	    "requests in all | certificates a signature | first | last | collapses |\n"
	    "|---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|\n");
	for (unsigned i = 0; i < sizeof(outages) / sizeof(outages[0]); i++) {
		for (unsigned n = 0; n < sizeof(crowds) / sizeof(crowds[0]); n++) {
			for (enum mode m = 0; m < MODE_COUNT; m++) {
				struct plan p;
				report_plan(&p, m, crowds[n], outages[i].length, seed);
				world_run(&p, &o);
				print_row(outages[i].name, &p, &o);
				good = good && o.found.count == 0;
				if (o.found.count)
					fprintf(stderr, "sim: %s\n", o.found.text[0]);
			}
		}
	}
	return good;
}
