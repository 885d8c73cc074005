/* Whole exchanges with each allocation failing in turn: every client hears
 * something, nothing leaks, nothing is told twice. */
#include <stdio.h>

#include "../sigstore/vectors.h"
#include "../unit.h"
#include "sim.h"

#define NOTHING SLICE_LIT("")

static void start(struct client *c, struct sim *s, const char *method, const char *target, struct slice body)
{
	struct request *q = sim_request(method, target, body, "sigstore-js/4.1.1");
	*c = (struct client){ .started = false };
	if (q)
		client_start(c, s, q);
}

static void finish(struct sim *s, struct client *c)
{
	if (c->started) {
		/* Lost for want of memory it may be, but never for ever. */
		sim_wait(s, 700 * S);
		CU_ASSERT_EQUAL(c->answers, 1);
	}
	client_release(c);
}

/* The incident: 409, a 404, then the entry; hedged; joined by a second client. */
static void conflict(void *arg)
{
	(void)arg;
	struct sim s;
	struct client c, d;
	sim_init(&s);
	s.cfg.hedge_after = S;
	if (sim_up(&s, 3) != STATUS_OK)
		return;
	start(&c, &s, "POST", SIM_CREATE, sim_posted());
	sim_wait(&s, 1500 * MS);
	start(&d, &s, "POST", SIM_CREATE, sim_posted());
	if (s.on_wire == 2)
		sim_answer(&s, 1, 409, SIM_CONFLICT, NOTHING);
	if (s.on_wire == 2)
		sim_answer(&s, 1, 404, "", NOTHING);
	sim_wait(&s, 300 * MS);
	if (s.on_wire == 2)
		sim_answer(&s, 1, 200, "", sim_entry());
	while (s.on_wire)
		sim_answer(&s, 0, 201, SIM_CREATED, sim_entry());
	finish(&s, &c);
	finish(&s, &d);
	sim_down(&s);
}

static void lookup(void *arg)
{
	(void)arg;
	struct sim s;
	struct client c, d;
	sim_init(&s);
	if (sim_up(&s, 3) != STATUS_OK)
		return;
	start(&c, &s, "GET", SIM_GET, NOTHING);
	if (s.on_wire)
		sim_answer(&s, 0, 503, "", NOTHING);
	sim_wait(&s, 200 * MS);
	if (s.on_wire)
		sim_answer(&s, 0, 404, "", NOTHING);
	sim_wait(&s, 200 * MS);
	if (s.on_wire)
		sim_answer(&s, 0, 200, "", sim_entry());
	start(&d, &s, "GET", SIM_GET, NOTHING);
	if (s.on_wire)
		sim_answer(&s, 0, 200, "", sim_entry());
	finish(&s, &d);
	finish(&s, &c);
	sim_down(&s);
}

/* More wait than poll for themselves, so that they share. */
static void crowd(void *arg)
{
	(void)arg;
	static const char *const posted[] = { "hashedrekord_key.posted.json",
					      "hashedrekord.posted.json",
					      "dsse.posted.json",
					      "intoto002.posted.json",
					      "hashedrekord_chain.posted.json",
					      "hashedrekord_sha512.posted.json" };
	enum { N = sizeof(posted) / sizeof(posted[0]) };
	struct sim s;
	struct client c[N];
	sim_init(&s);
	if (sim_up(&s, 3) != STATUS_OK)
		return;
	for (size_t i = 0; i < N; i++) {
		char location[160];
		start(&c[i], &s, "POST", SIM_CREATE, vector(posted[i]));
		snprintf(location, sizeof(location), "Location: " SIM_CREATE "/%064zx\r\n", i + 1);
		if (s.on_wire)
			sim_answer(&s, s.on_wire - 1, 409, location, NOTHING);
		for (size_t k = s.on_wire; k-- > 0;)
			sim_answer(&s, k, 404, "", NOTHING);
	}
	for (int turn = 0; turn < 40; turn++) {
		sim_wait(&s, 250 * MS);
		for (size_t k = s.on_wire; k-- > 0;)
			sim_answer(&s, k, 404, "", NOTHING);
	}
	for (size_t i = 0; i < N; i++)
		finish(&s, &c[i]);
	sim_down(&s);
}

static void test_conflict(void)
{
	sim_posted();
	sim_entry();
	unit_torture(conflict, NULL);
}

static void test_lookup(void)
{
	unit_torture(lookup, NULL);
}

static void test_crowd(void)
{
	unit_torture(crowd, NULL);
}

TEST_SUITE(relay_torture, TEST(test_conflict), TEST(test_lookup), TEST(test_crowd))
