/* The wall clock is set, or the machine sleeps, while requests are held: certificates
 * end by the wall clock, waits by the monotonic one. */
#include <stdio.h>
#include <time.h>

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
	sim_set_now(s, now);
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

/* A good answer, made by a clock that stands at wall. */
static void hear(struct sim *s, usec wall, const char *more)
{
	struct client c;
	char headers[160], date[40];
	time_t at = (time_t)(wall / S);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime(&at));
	snprintf(headers, sizeof(headers), "Content-Type: application/x-pem-file\r\nDate: %s\r\n%s", date,
		 more);
	client_start(&c, s, sim_request("GET", "/api/v1/log/publicKey", SLICE_LIT(""), NULL));
	sim_answer(s, 0, 200, headers, vector("key.pem"));
	CU_ASSERT(client_heard(&c, 200));
	client_release(&c);
}

static void begin_ahead(struct sim *s, usec by, const char *more)
{
	sim_init(s);
	s->cfg.retry_for = 3600 * S;
	CU_ASSERT_EQUAL_FATAL(sim_up(s, 1), STATUS_OK);
	usec right = s->r.now.wall;
	set_wall(s, by);
	hear(s, right, more);
}

static void post(struct sim *s, struct client *c)
{
	client_start(c, s, sim_request("POST", SIM_CREATE, vector("hashedrekord.posted.json"), NULL));
}

/* This machine's clock is 15 minutes ahead: its certificates have not ended. A Date has
 * no fraction, so they end up to a second sooner. */
static void test_a_certificate_ends_by_sigstores_clock(void)
{
	struct sim s;
	struct client c;
	begin_ahead(&s, 900 * S, "");
	post(&s, &c);
	CU_ASSERT_EQUAL(s.on_wire, 1);
	CU_ASSERT_EQUAL(c.answers, 0);
	sim_wait(&s, 533 * S - MS);
	CU_ASSERT_EQUAL(c.answers, 0);
	sim_wait(&s, 2 * S);
	CU_ASSERT(told_to_sign_again(&c));
	end(&s, &c);
}

/* … and 15 minutes behind: they have. */
static void test_sigstores_clock_may_be_ahead(void)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	CU_ASSERT_EQUAL_FATAL(sim_up(&s, 1), STATUS_OK);
	hear(&s, s.r.now.wall + 900 * S, "");
	post(&s, &c);
	CU_ASSERT(client_heard(&c, 400));
	CU_ASSERT_EQUAL(s.sends, 1);
	end(&s, &c);
}

static void test_an_answer_out_of_a_memory_tells_no_time(void)
{
	struct sim s;
	struct client c;
	begin_ahead(&s, 900 * S, "Age: 900\r\n");
	post(&s, &c);
	CU_ASSERT(client_heard(&c, 400));
	end(&s, &c);
}

/* Nine seconds are no difference, nor is what an answer took on its way. */
static void test_small_differences_are_none(void)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	CU_ASSERT_EQUAL_FATAL(sim_up(&s, 1), STATUS_OK);
	usec right = s.r.now.wall;
	hear(&s, right + 9 * S, "");
	CU_ASSERT_EQUAL(s.r.service_clock.ahead, 0);
	hear(&s, right - 9 * S, "");
	CU_ASSERT_EQUAL(s.r.service_clock.ahead, 0);
	client_start(&c, &s, sim_request("GET", "/api/v1/log/publicKey", SLICE_LIT(""), NULL));
	sim_wait(&s, 25 * S);
	client_release(&c);
	hear(&s, right + 16 * S, "");
	CU_ASSERT_EQUAL(s.r.service_clock.ahead, 0);
	hear(&s, right + 60 * S, "");
	CU_ASSERT_EQUAL(s.r.service_clock.ahead, 35 * S);
	set_wall(&s, 35 * S); /* it was put right */
	CU_ASSERT_EQUAL(s.r.service_clock.ahead, 0);
	hear(&s, right + 60 * S, "");
	CU_ASSERT_EQUAL(s.r.service_clock.ahead, 0);
	sim_down(&s);
}

/* A date in Retry-After counts from the clock that wrote it. */
static void test_retry_after_counts_from_the_answers_own_date(void)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	s.cfg.retry_for = 3600 * S;
	CU_ASSERT_EQUAL_FATAL(sim_up(&s, 1), STATUS_OK);
	client_start(&c, &s, sim_request("POST", SIM_CREATE, vector("hashedrekord_key.posted.json"), NULL));
	sim_answer(&s, 0, 503,
		   "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:51:17 GMT\r\n",
		   SLICE_LIT("{}"));
	sim_wait(&s, 99 * S);
	CU_ASSERT_EQUAL(s.sends, 1);
	sim_wait(&s, 60 * S);
	CU_ASSERT_EQUAL(s.sends, 2);
	end(&s, &c);
}

TEST_SUITE(relay_clock, TEST(test_nothing_is_posted_for_a_certificate_that_has_ended),
	   TEST(test_a_deadline_comes_nearer), TEST(test_small_steps_add_up),
	   TEST(test_a_clock_set_back_moves_no_deadline), TEST(test_waits_know_nothing_of_it),
	   TEST(test_in_line_too), TEST(test_a_certificate_ends_by_sigstores_clock),
	   TEST(test_sigstores_clock_may_be_ahead), TEST(test_an_answer_out_of_a_memory_tells_no_time),
	   TEST(test_small_differences_are_none), TEST(test_retry_after_counts_from_the_answers_own_date))
