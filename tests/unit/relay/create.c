/* A create's ways through the core: see the table in relay/flight.h. */
#include <stdio.h>

#include "../sigstore/vectors.h"
#include "../unit.h"
#include "sim.h"

#define NOTHING SLICE_LIT("")

static void begin(struct sim *s, struct client *c, const char *user_agent)
{
	CU_ASSERT_EQUAL_FATAL(sim_up(s, 1), STATUS_OK);
	client_start(c, s, sim_request("POST", SIM_CREATE, sim_posted(), user_agent));
	CU_ASSERT_EQUAL_FATAL(s->on_wire, 1);
}

static void end(struct sim *s, struct client *c)
{
	client_release(c);
	sim_down(s);
}

static bool created(const struct client *c)
{
	return client_heard(c, 201) && slice_eq_str(answer_header(c->answer, "ETag"), SIM_ID) &&
	       slice_eq_str(answer_header(c->answer, "Location"), SIM_GET) &&
	       slice_eq(buf_slice(&c->answer->body), sim_entry());
}

static bool wire_is(const struct sim *s, size_t i, enum method m, const char *target)
{
	return i < s->on_wire && s->sent[i]->method == m && strcmp(s->sent[i]->target, target) == 0;
}

static void test_good_answer_is_passed_on(void)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	begin(&s, &c, NULL);
	CU_ASSERT(wire_is(&s, 0, METHOD_POST, SIM_CREATE));
	CU_ASSERT(s.sent[0]->with_body);
	CU_ASSERT_EQUAL(s.timeout, 30 * S);
	sim_answer(&s, 0, 201, SIM_CREATED, sim_entry());
	CU_ASSERT(created(&c));
	end(&s, &c);
}

static void test_etag_and_location_are_added_where_missing(void)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	begin(&s, &c, NULL);
	sim_answer(&s, 0, 201, "Content-Type: application/json\r\n", sim_entry());
	CU_ASSERT(created(&c));
	end(&s, &c);
}

static void test_conflict_is_resolved(void)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	begin(&s, &c, NULL);
	sim_answer(&s, 0, 409, SIM_CONFLICT, NOTHING);
	CU_ASSERT_FATAL(wire_is(&s, 0, METHOD_GET, SIM_GET));
	for (int i = 0; i < 3; i++) {
		sim_answer(&s, 0, 404, "", NOTHING);
		CU_ASSERT_EQUAL(s.on_wire, 0);
		CU_ASSERT_EQUAL(c.answers, 0);
		sim_wait(&s, S);
		CU_ASSERT_FATAL(wire_is(&s, 0, METHOD_GET, SIM_GET));
	}
	sim_answer(&s, 0, 200, "", sim_entry());
	CU_ASSERT(created(&c));
	CU_ASSERT_EQUAL(s.sends, 5);
	CU_ASSERT_EQUAL(metric_value(s.r.telemetry.conflicts_resolved), 1);
	CU_ASSERT_EQUAL(metric_value(s.r.telemetry.saved[SAVED_CONFLICT]), 1);
	end(&s, &c);
}

static void test_faults_of_the_poll_are_waited_out(void)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	begin(&s, &c, NULL);
	sim_answer(&s, 0, 409, SIM_CONFLICT, NOTHING);
	sim_answer(&s, 0, 500, "", NOTHING);
	sim_wait(&s, 11 * S);
	sim_fail(&s, 0, TRANSPORT_RESET);
	sim_wait(&s, 11 * S);
	sim_answer(&s, 0, 200, "", SLICE_LIT("<html>"));
	sim_wait(&s, 11 * S);
	sim_answer(&s, 0, 200, "", sim_entry());
	CU_ASSERT(created(&c));
	end(&s, &c);
}

static void test_conflict_without_an_id_is_passed_on(void)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	begin(&s, &c, NULL);
	sim_answer(&s, 0, 409, "", SLICE_LIT("{}"));
	CU_ASSERT(client_heard(&c, 409));
	end(&s, &c);
}

static void test_other_entry_is_junk(void)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	begin(&s, &c, NULL);
	sim_answer(&s, 0, 201, SIM_CREATED, vector("hashedrekord.entry.json"));
	CU_ASSERT_EQUAL(c.answers, 0);
	CU_ASSERT_EQUAL(metric_value(s.r.telemetry.junk_answers), 1);
	sim_wait(&s, S);
	CU_ASSERT_FATAL(wire_is(&s, 0, METHOD_POST, SIM_CREATE));
	sim_answer(&s, 0, 201, SIM_CREATED, sim_entry());
	CU_ASSERT(created(&c));
	end(&s, &c);
}

static void test_every_transport_failure_is_tried_again(void)
{
	static const enum transport faults[] = { TRANSPORT_CONNECT, TRANSPORT_TIMEOUT, TRANSPORT_RESET,
						 TRANSPORT_TRUNCATED };
	struct sim s;
	struct client c;
	sim_init(&s);
	begin(&s, &c, NULL);
	for (size_t i = 0; i < 4; i++) {
		sim_fail(&s, 0, faults[i]);
		CU_ASSERT_EQUAL(c.answers, 0);
		sim_wait(&s, 11 * S);
		CU_ASSERT_FATAL(wire_is(&s, 0, METHOD_POST, SIM_CREATE));
	}
	sim_answer(&s, 0, 201, SIM_CREATED, sim_entry());
	CU_ASSERT(created(&c));
	end(&s, &c);
}

static void test_final_statuses_end_at_once(void)
{
	static const int final[] = { 400, 401, 403, 413, 422, 501 };
	for (size_t i = 0; i < sizeof(final) / sizeof(final[0]); i++) {
		struct sim s;
		struct client c;
		sim_init(&s);
		begin(&s, &c, NULL);
		sim_answer(&s, 0, final[i], "X: y\r\n", SLICE_LIT("as it is"));
		CU_ASSERT(client_heard(&c, final[i]));
		CU_ASSERT(slice_eq_str(buf_slice(&c.answer->body), "as it is"));
		CU_ASSERT_EQUAL(s.sends, 1);
		end(&s, &c);
	}
}

/* ---- hedging ---- */

static void begin_hedged(struct sim *s, struct client *c)
{
	sim_init(s);
	s->cfg.hedge_after = 2 * S;
	begin(s, c, NULL);
	sim_wait(s, 2 * S - MS);
	CU_ASSERT_EQUAL(s->on_wire, 1);
	sim_wait(s, 2 * MS);
	CU_ASSERT_EQUAL_FATAL(s->on_wire, 2);
	CU_ASSERT(wire_is(s, 1, METHOD_POST, SIM_CREATE));
}

static void test_hedge_learns_the_id_and_polls(void)
{
	struct sim s;
	struct client c;
	begin_hedged(&s, &c);
	sim_answer(&s, 1, 409, SIM_CONFLICT, NOTHING);
	CU_ASSERT_EQUAL_FATAL(s.on_wire, 2); /* the first POST goes on beside the poll */
	CU_ASSERT(wire_is(&s, 0, METHOD_POST, SIM_CREATE));
	CU_ASSERT(wire_is(&s, 1, METHOD_GET, SIM_GET));
	sim_answer(&s, 1, 200, "", sim_entry());
	CU_ASSERT(created(&c));
	CU_ASSERT_EQUAL(s.on_wire, 0);
	CU_ASSERT_EQUAL(s.cancels, 1);
	CU_ASSERT_EQUAL(metric_value(s.r.telemetry.saved[SAVED_HEDGE]), 1);
	end(&s, &c);
}

static void test_at_most_one_hedge(void)
{
	struct sim s;
	struct client c;
	begin_hedged(&s, &c);
	sim_fail(&s, 1, TRANSPORT_RESET);
	sim_wait(&s, 25 * S);
	CU_ASSERT_EQUAL(s.on_wire, 1);
	CU_ASSERT_EQUAL(s.sends, 2);
	sim_answer(&s, 0, 201, SIM_CREATED, sim_entry());
	CU_ASSERT(created(&c));
	end(&s, &c);
}

static void test_first_true_answer_wins_over_the_poll(void)
{
	struct sim s;
	struct client c;
	begin_hedged(&s, &c);
	sim_answer(&s, 1, 409, SIM_CONFLICT, NOTHING);
	sim_answer(&s, 0, 201, SIM_CREATED, sim_entry());
	CU_ASSERT(created(&c));
	CU_ASSERT_EQUAL(s.cancels, 1);
	end(&s, &c);
}

static void test_hanging_post_may_die_while_its_entry_is_polled(void)
{
	struct sim s;
	struct client c;
	begin_hedged(&s, &c);
	sim_answer(&s, 1, 409, SIM_CONFLICT, NOTHING);
	sim_fail(&s, 0, TRANSPORT_RESET);
	CU_ASSERT_EQUAL_FATAL(s.on_wire, 1);
	sim_answer(&s, 0, 404, "", NOTHING);
	sim_wait(&s, S);
	CU_ASSERT_FATAL(wire_is(&s, 0, METHOD_GET, SIM_GET));
	sim_answer(&s, 0, 200, "", sim_entry());
	CU_ASSERT(created(&c));
	end(&s, &c);
}

static void test_no_hedge_while_the_breaker_is_open(void)
{
	struct sim s;
	struct client c, other;
	sim_init(&s);
	s.cfg.hedge_after = 2 * S;
	s.cfg.gate.breaker.failures = 1;
	begin(&s, &c, NULL);
	client_start(&other, &s, sim_request("POST", SIM_CREATE, vector("dsse.posted.json"), NULL));
	sim_fail(&s, 1, TRANSPORT_RESET);
	CU_ASSERT_EQUAL(relay_breaker(&s.r, SERVICE_REKOR, SIDE_WRITE), BREAKER_OPEN);
	sim_wait(&s, 3 * S);
	CU_ASSERT_EQUAL(s.on_wire, 1);
	client_release(&other);
	end(&s, &c);
}

/* The retry budget has one token; a hedge that learns an id buys leave for the rest. */
static void test_hedges_that_pay_need_no_budget(void)
{
	struct sim s;
	struct client c, other;
	sim_init(&s);
	s.cfg.hedge_after = 2 * S;
	s.cfg.gate.retry_budget = 0;
	s.cfg.gate.retry_budget_floor = 1;
	begin(&s, &c, NULL);
	client_start(&other, &s, sim_request("POST", SIM_CREATE, vector("dsse.posted.json"), NULL));
	sim_wait(&s, 3 * S);
	CU_ASSERT_EQUAL_FATAL(s.on_wire, 3); /* two POSTs and the one hedge there is a token for */
	CU_ASSERT_EQUAL(metric_value(s.r.telemetry.hedges), 1);
	sim_answer(&s, 2, 409, SIM_CONFLICT, NOTHING);
	sim_wait(&s, 2 * S);
	CU_ASSERT_EQUAL(metric_value(s.r.telemetry.hedges), 2);
	client_release(&other);
	end(&s, &c);
}

/* ---- joining, leaving, remembering ---- */

static void test_same_bytes_join(void)
{
	struct sim s;
	struct client c, d;
	sim_init(&s);
	begin(&s, &c, NULL);
	client_start(&d, &s, sim_request("POST", SIM_CREATE, sim_posted(), NULL));
	CU_ASSERT_EQUAL(s.on_wire, 1);
	sim_answer(&s, 0, 201, SIM_CREATED, sim_entry());
	CU_ASSERT(created(&c));
	CU_ASSERT(created(&d));
	CU_ASSERT_EQUAL(metric_value(s.r.telemetry.creates_joined), 1);
	client_release(&d);
	end(&s, &c);
}

static void test_other_bytes_do_not_join(void)
{
	struct sim s;
	struct client c, d;
	sim_init(&s);
	begin(&s, &c, NULL);
	client_start(&d, &s, sim_request("POST", SIM_CREATE, vector("dsse.posted.json"), NULL));
	CU_ASSERT_EQUAL(s.on_wire, 2);
	client_release(&d);
	end(&s, &c);
}

static void test_create_survives_its_client(void)
{
	struct sim s;
	struct client c, d;
	sim_init(&s);
	begin(&s, &c, NULL);
	client_leave(&c);
	CU_ASSERT_EQUAL(s.on_wire, 1);
	CU_ASSERT_EQUAL(s.r.exchanges, 0);
	client_start(&d, &s, sim_request("POST", SIM_CREATE, sim_posted(), NULL));
	CU_ASSERT_EQUAL(s.on_wire, 1);
	client_leave(&d);
	sim_answer(&s, 0, 201, SIM_CREATED, sim_entry());
	CU_ASSERT_EQUAL(c.answers + d.answers, 0);
	client_release(&d);
	client_start(&d, &s, sim_request("POST", SIM_CREATE, sim_posted(), NULL));
	CU_ASSERT(created(&d));
	CU_ASSERT_EQUAL(s.sends, 1);
	client_release(&d);
	end(&s, &c);
}

/* Leaves in each state of a create; what is left must end by its deadline. */
static void leave_in(int state)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	s.cfg.hedge_after = 2 * S;
	begin(&s, &c, NULL);
	if (state == 1)
		sim_fail(&s, 0, TRANSPORT_RESET); /* between two attempts */
	if (state >= 2)
		sim_wait(&s, 3 * S); /* hedged */
	if (state >= 3)
		sim_answer(&s, 1, 409, SIM_CONFLICT, NOTHING); /* polling */
	if (state >= 4)
		sim_answer(&s, 1, 404, "", NOTHING); /* between two polls */
	client_leave(&c);
	sim_wait(&s, 601 * S);
	CU_ASSERT_EQUAL(s.on_wire, 0);
	CU_ASSERT(TAILQ_EMPTY(&s.r.flights));
	CU_ASSERT_EQUAL(c.answers, 0);
	end(&s, &c);
}

static void test_leaving_in_every_state(void)
{
	for (int state = 0; state <= 4; state++)
		leave_in(state);
}

/* ---- deadlines ---- */

static void test_patience_is_the_clients_own(void)
{
	struct sim s;
	struct client c, d;
	sim_init(&s);
	begin(&s, &c, "sigstore-js/4.1.1");
	client_start(&d, &s, sim_request("POST", SIM_CREATE, sim_posted(), "sigstore-python/4.5"));
	sim_wait(&s, 5 * S);
	CU_ASSERT(client_heard(&c, 503));
	CU_ASSERT_EQUAL(d.answers, 0);
	CU_ASSERT_EQUAL(s.on_wire, 1);
	sim_answer(&s, 0, 201, SIM_CREATED, sim_entry());
	CU_ASSERT(created(&d));
	CU_ASSERT_EQUAL(c.answers, 1);
	client_release(&d);
	end(&s, &c);
}

static void test_retry_for_ends_with_the_logs_last_answer(void)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	s.cfg.retry_for = 60 * S;
	begin(&s, &c, NULL);
	sim_answer(&s, 0, 503, "", SLICE_LIT("the log's own words"));
	sim_wait(&s, 11 * S);
	CU_ASSERT_EQUAL_FATAL(s.on_wire, 1); /* hangs */
	sim_wait(&s, 60 * S);
	CU_ASSERT(client_heard(&c, 503));
	CU_ASSERT(slice_eq_str(buf_slice(&c.answer->body), "the log's own words"));
	CU_ASSERT_EQUAL(s.on_wire, 0);
	end(&s, &c);
}

static void test_retry_for_without_an_answer_is_ours(void)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	s.cfg.retry_for = 40 * S;
	begin(&s, &c, NULL);
	sim_fail(&s, 0, TRANSPORT_TIMEOUT);
	sim_wait(&s, 41 * S);
	CU_ASSERT(client_heard(&c, 504));
	CU_ASSERT(slice_contains(buf_slice(&c.answer->body), "sigrelay: rekor gave no good answer"));
	end(&s, &c);
}

static void test_certificate_bounds_the_create(void)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	s.cfg.retry_for = 3600 * S;
	CU_ASSERT_EQUAL_FATAL(sim_up(&s, 1), STATUS_OK);
	client_start(&c, &s, sim_request("POST", SIM_CREATE, vector("hashedrekord.posted.json"), NULL));
	sim_wait(&s, 534 * S); /* 540 s of life less 5 s of margin */
	CU_ASSERT_EQUAL(c.answers, 0);
	sim_wait(&s, 2 * S);
	CU_ASSERT(client_heard(&c, 503));
	CU_ASSERT(slice_contains(buf_slice(&c.answer->body), "certificate"));
	end(&s, &c);
}

static void test_late_entry_is_no_201(void)
{
	struct sim s;
	struct client c;
	struct slice late = edited(vector("hashedrekord.entry.json"), "1795500180", "1795500601");
	sim_init(&s);
	CU_ASSERT_EQUAL_FATAL(sim_up(&s, 1), STATUS_OK);
	client_start(&c, &s, sim_request("POST", SIM_CREATE, vector("hashedrekord.posted.json"), NULL));
	sim_answer(&s, 0, 201, SIM_CREATED, late);
	CU_ASSERT(client_heard(&c, 400));
	CU_ASSERT_PTR_NOT_NULL(strstr(c.answer->body.p, "outside the certificate's life"));
	end(&s, &c);
}

TEST_SUITE(relay_create, TEST(test_good_answer_is_passed_on),
	   TEST(test_etag_and_location_are_added_where_missing), TEST(test_conflict_is_resolved),
	   TEST(test_faults_of_the_poll_are_waited_out), TEST(test_conflict_without_an_id_is_passed_on),
	   TEST(test_other_entry_is_junk), TEST(test_every_transport_failure_is_tried_again),
	   TEST(test_final_statuses_end_at_once), TEST(test_hedge_learns_the_id_and_polls),
	   TEST(test_at_most_one_hedge), TEST(test_hedges_that_pay_need_no_budget),
	   TEST(test_first_true_answer_wins_over_the_poll),
	   TEST(test_hanging_post_may_die_while_its_entry_is_polled),
	   TEST(test_no_hedge_while_the_breaker_is_open), TEST(test_same_bytes_join),
	   TEST(test_other_bytes_do_not_join), TEST(test_create_survives_its_client),
	   TEST(test_leaving_in_every_state), TEST(test_patience_is_the_clients_own),
	   TEST(test_retry_for_ends_with_the_logs_last_answer),
	   TEST(test_retry_for_without_an_answer_is_ours), TEST(test_certificate_bounds_the_create),
	   TEST(test_late_entry_is_no_201))
