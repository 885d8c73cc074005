/* The wall clock is set, or the machine sleeps, while requests are held: certificates
 * end by the wall clock, waits by the monotonic one. */
#include "../sigstore/vectors.h"
#include "../unit.h"
#include "sim.h"

static void begin(struct sim *s, struct client *c, const char *posted)
{
	sim_init(s);
	s->cfg.retry_for = 3600 * S;
	CU_ASSERT_EQUAL_FATAL(sim_up(s, 1), STATUS_OK);
	client_start(c, s, sim_request("POST", SIM_CREATE, vector(posted), NULL));
	CU_ASSERT_EQUAL_FATAL(s->on_wire, 1);
}

static void end(struct sim *s, struct client *c)
{
	client_release(c);
	sim_down(s);
}

static void set_wall(struct sim *s, usec by)
{
	struct instant now = s->r.now;
	now.wall += by;
	relay_set_now(&s->r, now);
}

static bool told_to_sign_again(const struct client *c)
{
	return client_heard(c, 503) && slice_contains(buf_slice(&c->answer->body), "certificate");
}

/* 540 s of life, 5 s of margin. */
static void test_nothing_is_posted_for_a_certificate_that_has_ended(void)
{
	struct sim s;
	struct client c;
	begin(&s, &c, "hashedrekord.posted.json");
	sim_fail(&s, 0, TRANSPORT_RESET);
	set_wall(&s, 600 * S);
	sim_wait(&s, 0);
	CU_ASSERT(told_to_sign_again(&c));
	sim_wait(&s, 60 * S);
	CU_ASSERT_EQUAL(s.sends, 1);
	end(&s, &c);
}

static void test_a_deadline_comes_nearer(void)
{
	struct sim s;
	struct client c;
	begin(&s, &c, "hashedrekord.posted.json");
	set_wall(&s, 300 * S);
	sim_wait(&s, 234 * S);
	CU_ASSERT_EQUAL(c.answers, 0);
	sim_wait(&s, 2 * S);
	CU_ASSERT(told_to_sign_again(&c));
	end(&s, &c);
}

/* A clock that gains slowly is as wrong in the end. */
static void test_small_steps_add_up(void)
{
	struct sim s;
	struct client c;
	begin(&s, &c, "hashedrekord.posted.json");
	for (int i = 0; i < 1000; i++)
		set_wall(&s, 300 * MS);
	sim_wait(&s, 234 * S);
	CU_ASSERT_EQUAL(c.answers, 0);
	sim_wait(&s, 3 * S);
	CU_ASSERT(told_to_sign_again(&c));
	end(&s, &c);
}

static void test_a_clock_set_back_moves_no_deadline(void)
{
	struct sim s;
	struct client c;
	begin(&s, &c, "hashedrekord.posted.json");
	set_wall(&s, -3600 * S);
	sim_wait(&s, 534 * S);
	CU_ASSERT_EQUAL(c.answers, 0);
	sim_wait(&s, 2 * S);
	CU_ASSERT(told_to_sign_again(&c));
	end(&s, &c);
}

/* To and fro: the retries go on as they would have, neither all at once nor never. */
static void test_waits_know_nothing_of_it(void)
{
	struct sim s;
	struct client c;
	size_t sends[2];
	for (int steps = 0; steps < 2; steps++) {
		begin(&s, &c, "hashedrekord_key.posted.json");
		for (int i = 0; i < 300; i++) {
			if (s.on_wire)
				sim_fail(&s, 0, TRANSPORT_RESET);
			if (steps)
				set_wall(&s, (i % 2 ? -7200 : 7200) * S);
			sim_wait(&s, S);
		}
		sends[steps] = s.sends;
		CU_ASSERT_EQUAL(c.answers, 0);
		end(&s, &c);
	}
	CU_ASSERT(sends[0] > 20);
	CU_ASSERT_EQUAL(sends[0], sends[1]);
}

/* One that stands in line and was never sent is not sent when its certificate is over. */
static void test_in_line_too(void)
{
	struct sim s;
	struct client first, c;
	sim_init(&s);
	s.cfg.retry_for = 3600 * S;
	s.cfg.gate.max_in_flight = 1;
	CU_ASSERT_EQUAL_FATAL(sim_up(&s, 1), STATUS_OK);
	client_start(&first, &s, sim_request("GET", "/api/v1/log", SLICE_LIT(""), NULL));
	client_start(&c, &s, sim_request("POST", SIM_CREATE, vector("hashedrekord.posted.json"), NULL));
	CU_ASSERT_EQUAL(s.sends, 1);
	set_wall(&s, 1000 * S);
	sim_wait(&s, 0);
	CU_ASSERT(told_to_sign_again(&c));
	sim_answer(&s, 0, 400, "", SLICE_LIT("{}"));
	CU_ASSERT_EQUAL(s.sends, 1);
	client_release(&first);
	end(&s, &c);
}

TEST_SUITE(relay_clock, TEST(test_nothing_is_posted_for_a_certificate_that_has_ended),
	   TEST(test_a_deadline_comes_nearer), TEST(test_small_steps_add_up),
	   TEST(test_a_clock_set_back_moves_no_deadline), TEST(test_waits_know_nothing_of_it),
	   TEST(test_in_line_too))
