/* Hundreds of seeded schedules of clients, answers, faults, departures and time:
 * no exchange is lost, none is answered twice or after it left, every attempt
 * ends, everything is freed. A seed that fails is printed, and fails again. */
#include <stdio.h>
#include <stdlib.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/base/rng.h>

#include "../sigstore/vectors.h"
#include "../unit.h"
#include "sim.h"

#define CLIENTS 24
#define STEPS 400
#define HOURS 6
#define HEAPS 8   /* arrays that are allocated once, with the first that stands in them */
#define SEEDS 200 /* SIGRELAY_SEEDS=FROM-TO runs others */

struct entry_row {
	const char *posted, *entry, *id;
};

static const struct entry_row entries[] = {
	{ "hashedrekord_key.posted.json", "hashedrekord_key.entry.json", SIM_ID },
	{ "hashedrekord.posted.json", "hashedrekord.entry.json",
	  "0e91b5e4d0f14f3aacb2c124120e38ac7badb80b2c09ac3b5e2efaedbb3d91386e71938840f3a7bb" },
	{ "dsse.posted.json", "dsse.entry.json",
	  "0e91b5e4d0f14f3af96cd0a394f04b742c3925ea6d87afc59114fcf501fb6e6d879f50eb1e135880" },
};
#define ENTRIES (sizeof(entries) / sizeof(entries[0]))

static const char *const agents[] = { NULL, "cosign/v2.6.5", "sigstore-js/4.1.1", "sigstore-go/1.4.0" };

struct schedule {
	struct sim sim;
	struct rng rng;
	struct client clients[CLIENTS];
	unsigned begun, heard;
};

/* What the schedules led to, over all seeds: each must have happened. */
static struct {
	int64_t hedges, conflicts, joined, from_memory, waited, junk, gone, outage;
} seen;

static bool may(struct schedule *c, unsigned percent)
{
	return rng_below(&c->rng, 100) < percent;
}

static struct slice posted(size_t i)
{
	static struct slice cache[ENTRIES];
	if (!cache[i].n)
		cache[i] = vector(entries[i].posted);
	return cache[i];
}

static struct slice entry(size_t i)
{
	static struct slice cache[ENTRIES];
	if (!cache[i].n)
		cache[i] = vector(entries[i].entry);
	return cache[i];
}

static struct request *some_request(struct schedule *c)
{
	size_t i = rng_below(&c->rng, ENTRIES);
	const char *agent = agents[rng_below(&c->rng, sizeof(agents) / sizeof(agents[0]))];
	char target[160];
	switch (rng_below(&c->rng, 6)) {
	case 0:
	case 1:
	case 2:
		return sim_request("POST", SIM_CREATE, posted(i), agent);
	case 3:
		if (may(c, 50)) /* one that never comes */
			snprintf(target, sizeof(target), SIM_CREATE "/%064llx",
				 (unsigned long long)rng_below(&c->rng, 5));
		else
			snprintf(target, sizeof(target), SIM_CREATE "/%s",
				 entries[i].id + (may(c, 50) ? 16 : 0));
		return sim_request(may(c, 90) ? "GET" : "HEAD", target, SLICE_LIT(""), agent);
	case 4:
		return sim_request("POST", "/api/v1/signingCert", SLICE_LIT("{}"), agent);
	default:
		return sim_request("GET", "/api/v1/log/publicKey", SLICE_LIT(""), agent);
	}
}

static void forget(struct schedule *c, struct client *k)
{
	if (k->started && !k->abandoned) {
		CU_ASSERT_EQUAL(k->answers, 1);
		c->heard++;
	}
	CU_ASSERT(k->answers <= 1);
	client_release(k);
}

static void start_one(struct schedule *c)
{
	struct client *k = &c->clients[rng_below(&c->rng, CLIENTS)];
	if (k->started && !k->answers && !k->abandoned)
		return; /* its request is held */
	forget(c, k);
	client_start(k, &c->sim, some_request(c));
	c->begun++;
}

/* Which of the entries an attempt is about; ENTRIES: none. */
static size_t about(const struct attempt *a)
{
	for (size_t i = 0; i < ENTRIES; i++) {
		if (a->with_body && a->request->body_size == posted(i).n &&
		    memcmp(a->request->body, posted(i).p, posted(i).n) == 0)
			return i;
		if (strstr(a->target, entries[i].id + 16))
			return i;
	}
	return ENTRIES;
}

static void answer_well(struct schedule *c, size_t at)
{
	const struct attempt *a = c->sim.sent[at];
	size_t i = about(a);
	char head[512] = "";
	if (i < ENTRIES && a->method == METHOD_POST) {
		snprintf(head, sizeof(head), "ETag: %s\r\nLocation: " SIM_CREATE "/%s\r\n", entries[i].id,
			 entries[i].id);
		bool again = may(c, 50);
		sim_answer(&c->sim, at, again ? 409 : 201, head, again ? SLICE_LIT("{}") : entry(i));
	} else if (i < ENTRIES) {
		sim_answer(&c->sim, at, 200, head, entry(i));
	} else if (strstr(a->target, SIM_CREATE "/00")) {
		sim_answer(&c->sim, at, 404, head, SLICE_LIT(""));
	} else if (a->service == SERVICE_FULCIO) {
		sim_answer(&c->sim, at, 201, head, vector("chain.pem"));
	} else if (strstr(a->target, "publicKey")) {
		sim_answer(&c->sim, at, 200, head, vector("key.pem"));
	} else {
		/* The relay's own reads of the log (waiters.h). */
		sim_answer(&c->sim, at, 200, "Content-Type: application/json\r\n",
			   a->method == METHOD_GET ? SLICE_LIT("{\"treeSize\":7,\"rootHash\":\"00\"}")
						   : SLICE_LIT("[]"));
	}
}

static void answer_one(struct schedule *c)
{
	static const int statuses[] = { 404, 404, 404, 409, 429, 500, 502, 503, 504, 400 };
	if (!c->sim.on_wire)
		return;
	size_t at = rng_below(&c->rng, c->sim.on_wire);
	switch (rng_below(&c->rng, 5)) {
	case 0:
		sim_fail(&c->sim, at, (enum transport)(TRANSPORT_CONNECT + rng_below(&c->rng, 4)));
		break;
	case 1:
		sim_answer(&c->sim, at, statuses[rng_below(&c->rng, sizeof(statuses) / sizeof(statuses[0]))],
			   may(c, 20) ? "Retry-After: 3\r\n" : "", SLICE_LIT("{\"code\":1}"));
		break;
	case 2:
		sim_answer(&c->sim, at, may(c, 50) ? 200 : 201, "",
			   may(c, 50) ? SLICE_LIT("<html>") : entry(1));
		break;
	default:
		answer_well(c, at);
	}
}

static void step(struct schedule *c)
{
	uint64_t dice = rng_below(&c->rng, 100);
	if (dice < 25)
		start_one(c);
	else if (dice < 70)
		answer_one(c);
	else if (dice < 75)
		client_leave(&c->clients[rng_below(&c->rng, CLIENTS)]);
	else if (dice < 76)
		relay_configure(&c->sim.r, &c->sim.cfg);
	else
		sim_wait(&c->sim, (usec)rng_below(&c->rng, (uint64_t)(may(c, 5) ? 60 * S : S)));
}

static void invariants(const struct schedule *c)
{
	size_t held = 0;
	for (size_t i = 0; i < CLIENTS; i++)
		held += c->clients[i].started && !c->clients[i].answers && !c->clients[i].abandoned;
	CU_ASSERT_EQUAL(c->sim.r.exchanges, held);
	CU_ASSERT(c->sim.on_wire <= SERVICE_COUNT * (size_t)c->sim.cfg.gate.max_in_flight);
}

static void vary(struct schedule *c)
{
	struct relay_config *cfg = &c->sim.cfg;
	cfg->hedge_after = may(c, 70) ? 2 * S : 0;
	cfg->gate.breaker.failures = may(c, 50) ? 5 : 1000;
	cfg->gate.breaker.rate = may(c, 50) ? 50 : 0;
	cfg->gate.breaker.min_requests = 10;
	cfg->gate.max_in_flight = may(c, 50) ? 128 : 3;
	cfg->gate.rate_per_minute = may(c, 30) ? 120 : 0;
	cfg->gate.rate_burst = 5;
	cfg->gate.retry_budget_floor = may(c, 30) ? 1 : 1000;
	cfg->gate.retry_budget = may(c, 50) ? 100 : 10;
	cfg->memory_entries = may(c, 70) ? 100 : (may(c, 50) ? 1 : 0);
	cfg->max_parked = may(c, 70) ? 1000 : 3;
	cfg->retry_for = may(c, 50) ? 600 * S : 20 * S;
}

static void note(const struct telemetry *t)
{
	seen.hedges += metric_value(t->hedges);
	seen.conflicts += metric_value(t->conflicts_resolved);
	seen.joined += metric_value(t->creates_joined);
	seen.from_memory += metric_value(t->memory_answers);
	seen.waited += metric_value(t->lookups_waited);
	seen.junk += metric_value(t->junk_answers);
	seen.gone += metric_value(t->clients_gone);
	seen.outage += metric_value(t->saved[SAVED_OUTAGE]);
}

static void begin(struct schedule *c, uint64_t seed)
{
	memset(c, 0, sizeof(*c));
	rng_seed(&c->rng, seed);
	sim_init(&c->sim);
	vary(c);
}

/* Minutes of clients and faults. Then nobody answers any more: every deadline passes. */
static void play(struct schedule *c)
{
	for (int i = 0; i < STEPS; i++) {
		step(c);
		invariants(c);
	}
	sim_wait(&c->sim, 3600 * S);
	for (size_t i = 0; i < CLIENTS; i++)
		forget(c, &c->clients[i]);
	CU_ASSERT(TAILQ_EMPTY(&c->sim.r.flights));
}

static void run(uint64_t seed)
{
	static struct schedule c;
	begin(&c, seed);
	CU_ASSERT_EQUAL_FATAL(sim_up(&c.sim, seed), STATUS_OK);
	play(&c);
	CU_ASSERT(c.begun > 20);
	CU_ASSERT(c.heard > 10);
	note(&c.sim.r.telemetry);
	sim_down(&c.sim);
}

static void test_seeded_schedules(void)
{
	unsigned long long from = 1, to = SEEDS;
	const char *asked = getenv("SIGRELAY_SEEDS");
	if (asked && sscanf(asked, "%llu-%llu", &from, &to) == 1)
		to = from;
	for (unsigned long long seed = from; seed <= to; seed++) {
		unsigned before = CU_get_number_of_failures();
		run(seed);
		if (CU_get_number_of_failures() != before) {
			printf("\n  the schedule of seed %llu failed\n", seed);
			return;
		}
	}
	if (asked)
		return;
	CU_ASSERT(seen.hedges > 100);
	CU_ASSERT(seen.conflicts > 100);
	CU_ASSERT(seen.joined > 100);
	CU_ASSERT(seen.from_memory > 100);
	CU_ASSERT(seen.waited > 100);
	CU_ASSERT(seen.junk > 100);
	CU_ASSERT(seen.gone > 100);
	CU_ASSERT(seen.outage > 20);
}

/* Blocks, without what is kept on purpose. */
static long kept_by(struct schedule *c)
{
	struct relay *r = &c->sim.r;
	places_resize(&r->places, 0);
	places_resize(&r->places, c->sim.cfg.max_parked);
	answer_unref(r->memory.public_key);
	r->memory.public_key = NULL;
	return mem_live();
}

/* Hours of it leave nothing behind: no more blocks after the last schedule than after
 * the first, and in the end none. */
static void hours(uint64_t seed)
{
	static struct schedule c;
	long before = mem_live();
	begin(&c, seed);
	c.sim.cfg.memory_entries = 0;
	CU_ASSERT_EQUAL_FATAL(sim_up(&c.sim, seed), STATUS_OK);
	play(&c); /* what grows once, has grown */
	long settled = kept_by(&c);
	for (int i = 0; i < HOURS; i++)
		play(&c);
	CU_ASSERT(kept_by(&c) <= settled + HEAPS);
	CU_ASSERT(c.heard > HOURS * 10);
	sim_down(&c.sim);
	CU_ASSERT_EQUAL(mem_live(), before);
}

static void test_hours_leave_nothing_behind(void)
{
	(void)posted(0), (void)entry(0); /* read once, kept */
	run(1);
	for (uint64_t seed = 1; seed <= 8; seed++)
		hours(seed);
}

TEST_SUITE(relay_schedules, TEST(test_seeded_schedules), TEST(test_hours_leave_nothing_behind))
