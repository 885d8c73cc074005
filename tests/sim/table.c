#include "report.h"

#include <stdio.h>

#define S USEC_PER_SEC

static const struct kind *const cosigns[] = { &kinds[0], &kinds[1], NULL };

void report_plan(struct plan *p, enum mode mode, unsigned jobs, usec outage, uint64_t seed)
{
	*p = (struct plan){
		.seed = seed,
		.mode = mode,
		.jobs = jobs,
		.crowd = cosigns,
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

static void print_head(void)
{
	printf(
	    "| outage | clients | way | signed | of those who could wait | log requests in the outage | log "
	    "requests in all | certificates a signature | first | last | peak | collapses |\n"
	    "|---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
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
	printf(" %.2f | %u |\n", t->worst_release, t->collapses);
	fflush(stdout);
}

static bool row(const char *outage, const struct plan *p)
{
	static struct outcome_of_run o;
	world_run(p, &o);
	print_row(outage, p, &o);
	if (o.found.count)
		fprintf(stderr, "sim: %s\n", o.found.text[0]);
	return o.found.count == 0;
}

bool report_one(enum mode mode, unsigned jobs, usec outage, uint64_t seed)
{
	static const char *const rpcs[RPC_COUNT] = { "certificates", "timestamps", "creates", "entry reads",
						     "other reads" };
	static struct outcome_of_run o;
	struct plan p;
	char length[32];
	snprintf(length, sizeof(length), "%lld s", (long long)(outage / S));
	report_plan(&p, mode, jobs, outage, seed);
	print_head();
	world_run(&p, &o);
	print_row(length, &p, &o);
	printf("\nasked for:");
	for (unsigned i = 0; i < RPC_COUNT; i++)
		printf(" %s %llu;", rpcs[i], (unsigned long long)o.tally.by_rpc[i]);
	printf(" in the shared relay's outage: read %lld s, write %lld s\n",
	       (long long)(o.outage[SIDE_READ] / S), (long long)(o.outage[SIDE_WRITE] / S));
	for (unsigned i = 0; i < o.found.count && i < FOUND_MAX; i++)
		printf("%s\n", o.found.text[i]);
	return o.found.count == 0;
}

static bool table_of_outages(uint64_t seed)
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
	bool good = true;
	print_head();
	for (unsigned i = 0; i < sizeof(outages) / sizeof(outages[0]); i++) {
		for (unsigned n = 0; n < sizeof(crowds) / sizeof(crowds[0]); n++) {
			for (enum mode m = 0; m < MODE_COUNT; m++) {
				struct plan p;
				report_plan(&p, m, crowds[n], outages[i].length, seed);
				good = row(outages[i].name, &p) && good;
			}
		}
	}
	return good;
}

#define KIND_JOBS 100

/* Each client by itself: the share signed, by way and outage. */
static bool table_of_kinds(uint64_t seed)
{
	static const usec outages[] = { 10 * S, 60 * S, 600 * S };
	static struct outcome_of_run o;
	bool good = true;
	printf("\n| client | way | 10 s | 1 min | 10 min |\n|---|---|--:|--:|--:|\n");
	for (unsigned k = 0; k < kind_count; k++) {
		const struct kind *const crowd[] = { &kinds[k], NULL };
		for (enum mode m = 0; m < MODE_COUNT; m++) {
			printf("| %s | %s |", kinds[k].name, mode_word(m));
			for (unsigned i = 0; i < sizeof(outages) / sizeof(outages[0]); i++) {
				struct plan p;
				report_plan(&p, m, KIND_JOBS, outages[i], seed);
				p.crowd = crowd;
				world_run(&p, &o);
				good = good && o.found.count == 0;
				print_share(o.signed_jobs, o.jobs);
			}
			printf("\n");
		}
	}
	return good;
}

bool report_table(uint64_t seed)
{
	bool outages = table_of_outages(seed);
	return table_of_kinds(seed) && outages;
}
