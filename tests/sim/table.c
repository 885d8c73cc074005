#include "report.h"
#include "side_by_side.h"

#include <stdio.h>

#define S USEC_PER_SEC
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

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
		.run_for = outage + 2 * 3600 * S,
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

static void print_seconds(FILE *out, usec t)
{
	if (t == USEC_NEVER)
		fprintf(out, " – |");
	else
		fprintf(out, " %.1f s |", (double)t / S);
}

static void print_share(FILE *out, unsigned part, unsigned whole)
{
	if (whole == 0)
		fprintf(out, " – |");
	else
		fprintf(out, " %.1f %% |", 100.0 * part / whole);
}

static bool is_clean(const struct outcome_of_run *o)
{
	for (unsigned i = 0; i < o->found.count && i < FOUND_MAX; i++)
		fprintf(stderr, "sim: %s\n", o->found.text[i]);
	return o->found.count == 0;
}

static void print_head(void)
{
	printf(
	    "| outage | clients | way | signed | of those who could wait | log requests in the outage | log "
	    "requests in all | certificates a signature | first | last | peak | collapses |\n"
	    "|---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
}

static void print_row(FILE *out, const char *outage, const struct plan *p, const struct outcome_of_run *o)
{
	const struct tally *t = &o->tally;
	fprintf(out, "| %s | %u | %s |", outage, o->jobs, mode_word(p->mode));
	print_share(out, o->signed_jobs, o->jobs);
	print_share(out, o->reached, o->reachable);
	fprintf(out, " %llu | %llu |", (unsigned long long)t->in_outage, (unsigned long long)t->requests);
	if (o->signed_jobs)
		fprintf(out, " %.2f |", (double)t->certificates / o->signed_jobs);
	else
		fprintf(out, " – (%llu) |", (unsigned long long)t->certificates);
	print_seconds(out, o->first);
	print_seconds(out, o->last);
	fprintf(out, " %.2f | %u |\n", t->worst_release, t->collapses);
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
	print_row(stdout, length, &p, &o);
	printf("\nasked for:");
	for (unsigned i = 0; i < RPC_COUNT; i++)
		printf(" %s %llu;", rpcs[i], (unsigned long long)o.tally.by_rpc[i]);
	printf(" in the shared relay's outage: read %lld s, write %lld s\n",
	       (long long)(o.outage[SIDE_READ] / S), (long long)(o.outage[SIDE_WRITE] / S));
	return is_clean(&o);
}

static const struct {
	const char *name;
	usec length;
} outages[] = { { "10 s", 10 * S },
		{ "1 min", 60 * S },
		{ "10 min", 600 * S },
		{ "45 min", 2700 * S },
		{ "2 h", 7200 * S } };
static const unsigned crowds[] = { 1, 100, 10000 };

/* Ten thousand relays that ask on their own for hours are millions of requests to
 * simulate: shown for the shortest outage and for the one of the incident. */
static unsigned crowd_of(enum mode m, unsigned crowd, usec outage)
{
	bool shown = m != MODE_RUN || outage == 10 * S || outage == 2700 * S;
	return shown || crowd < 1000 ? crowd : 1000;
}

static bool outage_row(const void *seed, uint64_t i, FILE *out)
{
	static struct outcome_of_run o;
	struct plan p;
	enum mode m = (enum mode)(i % MODE_COUNT);
	const char *name = outages[i / MODE_COUNT / LENGTH(crowds)].name;
	usec length = outages[i / MODE_COUNT / LENGTH(crowds)].length;
	unsigned crowd = crowd_of(m, crowds[i / MODE_COUNT % LENGTH(crowds)], length);
	report_plan(&p, m, crowd, length, *(const uint64_t *)seed);
	world_run(&p, &o);
	print_row(out, name, &p, &o);
	return is_clean(&o);
}

/* ---- each client by itself: the share signed, by way and outage ---- */

#define KIND_JOBS 100
#define KIND_OUTAGES 3

static bool kind_row(const void *seed, uint64_t i, FILE *out)
{
	static struct outcome_of_run o;
	const struct kind *const crowd[] = { &kinds[i / MODE_COUNT], NULL };
	enum mode m = (enum mode)(i % MODE_COUNT);
	bool good = true;
	fprintf(out, "| %s | %s |", crowd[0]->name, mode_word(m));
	for (unsigned n = 0; n < KIND_OUTAGES; n++) {
		struct plan p;
		report_plan(&p, m, KIND_JOBS, outages[n].length, *(const uint64_t *)seed);
		p.crowd = crowd;
		world_run(&p, &o);
		good = is_clean(&o) && good;
		print_share(out, o.signed_jobs, o.jobs);
	}
	fprintf(out, "\n");
	return good;
}

/* ---- brown-outs: the log is up, and not well ---- */

#define BROWN_JOBS 1000

static const struct {
	const char *name;
	enum fault fault;
	unsigned percent, capacity;
	usec arrive; /* all jobs, in this time */
} brown_outs[] = {
	{ "10 % fail", FAULT_FAIL, 10, 300, 600 * S },
	{ "30 % fail", FAULT_FAIL, 30, 300, 600 * S },
	{ "50 % fail", FAULT_FAIL, 50, 300, 600 * S },
	{ "10 jobs/s, takes 5 requests/s", FAULT_COUNT, 0, 5, 100 * S },
	{ "all takes ten times as long", FAULT_DRAG, 100, 300, 600 * S },
};

static void brown_plan(struct plan *p, unsigned which, enum mode m, uint64_t seed)
{
	report_plan(p, m, BROWN_JOBS, brown_outs[which].arrive, seed);
	p->model.spells[0].fault = brown_outs[which].fault;
	p->model.spells[0].percent = brown_outs[which].percent;
	p->model.spells[0].until = WORLD_MONO + 2 * 3600 * S;
	p->model.spell_count = brown_outs[which].percent ? 1 : 0;
	p->model.capacity = brown_outs[which].capacity;
	p->model.fragile = false;
}

static bool brown_row(const void *seed, uint64_t i, FILE *out)
{
	static struct outcome_of_run o;
	struct plan p;
	unsigned which = (unsigned)(i / MODE_COUNT);
	enum mode m = (enum mode)(i % MODE_COUNT);
	brown_plan(&p, which, m, *(const uint64_t *)seed);
	world_run(&p, &o);
	fprintf(out, "| %s | %s |", brown_outs[which].name, mode_word(m));
	print_share(out, o.signed_jobs, o.jobs);
	if (o.signed_jobs)
		fprintf(out, " %.2f | %.2f |", (double)o.tally.requests / o.signed_jobs,
			(double)o.tally.certificates / o.signed_jobs);
	else
		fprintf(out, " – | – |");
	print_seconds(out, o.lasted - brown_outs[which].arrive);
	fprintf(out, "\n");
	return is_clean(&o);
}

bool report_brown_outs(uint64_t seed)
{
	printf("| brown-out | way | signed | log requests a signature | certificates a signature | the last "
	       "job ended, after the last arrival |\n|---|---|--:|--:|--:|--:|\n");
	return side_by_side(LENGTH(brown_outs) * MODE_COUNT, brown_row, &seed) == 0;
}

/* ---- a share fails at random: is the relay worse than nothing, on any seed? ---- */

#define FAILING_SEEDS 20
static const unsigned failing[] = { 30, 50, 70 };
static const enum mode beside[] = { MODE_NOTHING, MODE_SERVE, MODE_RUN_SERVE };

static bool failing_row(const void *first, uint64_t i, FILE *out)
{
	static struct outcome_of_run o;
	uint64_t seed = *(const uint64_t *)first + i;
	bool good = true;
	fprintf(out, "| %llu |", (unsigned long long)seed);
	for (unsigned n = 0; n < LENGTH(failing); n++) {
		for (unsigned m = 0; m < LENGTH(beside); m++) {
			struct plan p;
			brown_plan(&p, 0, beside[m], seed);
			p.model.spells[0].percent = failing[n];
			world_run(&p, &o);
			good = is_clean(&o) && good;
			print_share(out, o.signed_jobs, o.jobs);
		}
	}
	fprintf(out, "\n");
	return good;
}

bool report_failing(uint64_t seed)
{
	printf("| seed |");
	for (unsigned n = 0; n < LENGTH(failing); n++)
		for (unsigned m = 0; m < LENGTH(beside); m++)
			printf(" %u %%: %s |", failing[n], mode_word(beside[m]));
	printf("\n|--:|");
	for (unsigned n = 0; n < LENGTH(failing) * LENGTH(beside); n++)
		printf("--:|");
	printf("\n");
	return side_by_side(FAILING_SEEDS, failing_row, &seed) == 0;
}

bool report_table(uint64_t seed)
{
	uint64_t failed;
	print_head();
	failed = side_by_side(LENGTH(outages) * LENGTH(crowds) * MODE_COUNT, outage_row, &seed);
	printf("\n| client | way | 10 s | 1 min | 10 min |\n|---|---|--:|--:|--:|\n");
	failed += side_by_side((uint64_t)kind_count * MODE_COUNT, kind_row, &seed);
	return failed == 0;
}
