/* Everything that is not a create: lookups, reads, certificates, timestamps. */
#include <stdio.h>

#include "../sigstore/vectors.h"
#include "../unit.h"
#include "sim.h"

#define NOTHING SLICE_LIT("")

static void up(struct sim *s)
{
	CU_ASSERT_EQUAL_FATAL(sim_up(s, 1), STATUS_OK);
}

static void get(struct sim *s, struct client *c, const char *target)
{
	client_start(c, s, sim_request("GET", target, NOTHING, NULL));
}

static void test_404_of_an_unknown_id_waits_for_lookup_wait(void)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	up(&s);
	get(&s, &c, SIM_GET);
	usec begun = s.r.now.mono;
	while (!c.answers && s.r.now.mono < begun + 60 * S) {
		if (s.on_wire)
			sim_answer(&s, 0, 404, "X-Own: yes\r\n", NOTHING);
		if (!c.answers)
			sim_wait(&s, 50 * MS);
	}
	CU_ASSERT(client_heard(&c, 404));
	CU_ASSERT(slice_eq_str(answer_header(c.answer, "X-Own"), "yes"));
	CU_ASSERT(s.r.now.mono - begun >= 10 * S);
	CU_ASSERT(s.r.now.mono - begun <= 11 * S);
	CU_ASSERT(s.sends > 5);
	CU_ASSERT_EQUAL(metric_value(s.r.telemetry.lookups_waited), 1);
	client_release(&c);
	sim_down(&s);
}

static void test_lookup_wait_counts_from_the_first_404(void)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	up(&s);
	get(&s, &c, SIM_GET);
	for (int i = 0; i < 4; i++) { /* 5xx are retry_for's */
		sim_answer(&s, 0, 503, "", NOTHING);
		sim_wait(&s, 11 * S);
	}
	sim_answer(&s, 0, 404, "", NOTHING);
	CU_ASSERT_EQUAL(c.answers, 0);
	sim_wait(&s, S);
	sim_answer(&s, 0, 200, "", sim_entry());
	CU_ASSERT(client_heard(&c, 200));
	CU_ASSERT_EQUAL(metric_value(s.r.telemetry.saved[SAVED_LOOKUP]), 1);
	client_release(&c);
	sim_down(&s);
}

static void test_known_id_waits_longer(void)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	up(&s);
	memory_know(&s.r.memory, SIM_ID);
	get(&s, &c, SIM_CREATE "/" SIM_LEAF);
	for (int i = 0; i < 30; i++) {
		CU_ASSERT_EQUAL_FATAL(s.on_wire, 1);
		sim_answer(&s, 0, 404, "", NOTHING);
		sim_wait(&s, 3 * S);
	}
	CU_ASSERT_EQUAL(c.answers, 0);
	sim_answer(&s, 0, 200, "", sim_entry());
	CU_ASSERT(client_heard(&c, 200));
	client_release(&c);
	sim_down(&s);
}

static void test_lookup_is_answered_from_memory(void)
{
	struct sim s;
	struct client c, d;
	sim_init(&s);
	up(&s);
	get(&s, &c, SIM_GET);
	sim_answer(&s, 0, 200, "", sim_entry());
	get(&s, &d, SIM_CREATE "/" SIM_LEAF);
	CU_ASSERT(client_heard(&d, 200));
	CU_ASSERT(slice_eq(buf_slice(&d.answer->body), sim_entry()));
	CU_ASSERT_EQUAL(s.sends, 1);
	client_release(&c);
	client_release(&d);
	sim_down(&s);
}

static void test_waiting_lookup_sees_what_came_by_another_way(void)
{
	struct sim s;
	struct client c, d;
	sim_init(&s);
	up(&s);
	get(&s, &c, SIM_GET);
	sim_answer(&s, 0, 404, "", NOTHING);
	client_start(&d, &s, sim_request("POST", SIM_CREATE, sim_posted(), NULL));
	sim_answer(&s, 0, 201, SIM_CREATED, sim_entry());
	CU_ASSERT(client_heard(&d, 201));
	sim_wait(&s, S);
	CU_ASSERT(client_heard(&c, 200));
	CU_ASSERT_EQUAL(s.sends, 2);
	client_release(&c);
	client_release(&d);
	sim_down(&s);
}

static void test_entry_of_another_id_is_junk(void)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	up(&s);
	get(&s, &c, SIM_GET);
	sim_answer(&s, 0, 200, "", vector("hashedrekord.entry.json"));
	CU_ASSERT_EQUAL(c.answers, 0);
	CU_ASSERT_EQUAL(metric_value(s.r.telemetry.junk_answers), 1);
	sim_wait(&s, S);
	sim_answer(&s, 0, 200, "", sim_entry());
	CU_ASSERT(client_heard(&c, 200));
	client_release(&c);
	sim_down(&s);
}

static void test_leaving_ends_the_attempt(void)
{
	struct sim s;
	struct client c, d;
	sim_init(&s);
	up(&s);
	get(&s, &c, SIM_GET);
	CU_ASSERT_EQUAL(s.on_wire, 1);
	client_leave(&c); /* on the wire */
	CU_ASSERT_EQUAL(s.on_wire, 0);
	CU_ASSERT_EQUAL(s.cancels, 1);
	get(&s, &d, SIM_GET);
	sim_answer(&s, 0, 404, "", NOTHING);
	client_leave(&d); /* between two looks */
	sim_wait(&s, 60 * S);
	CU_ASSERT_EQUAL(s.sends, 2);
	CU_ASSERT(TAILQ_EMPTY(&s.r.flights));
	CU_ASSERT_EQUAL(metric_value(s.r.telemetry.clients_gone), 2);
	client_release(&c);
	client_release(&d);
	sim_down(&s);
}

static void test_leaving_in_line(void)
{
	struct sim s;
	struct client c, d;
	sim_init(&s);
	s.cfg.gate.max_in_flight = 1;
	up(&s);
	get(&s, &c, SIM_GET);
	get(&s, &d, "/api/v1/log/proof?lastSize=1");
	CU_ASSERT_EQUAL(s.on_wire, 1);
	client_leave(&d);
	client_leave(&c);
	CU_ASSERT_EQUAL(s.on_wire, 0);
	CU_ASSERT_EQUAL(s.sends, 1);
	client_release(&c);
	client_release(&d);
	sim_down(&s);
}

static void test_leaving_makes_room(void)
{
	struct sim s;
	struct client c, d;
	sim_init(&s);
	s.cfg.gate.max_in_flight = 1;
	up(&s);
	get(&s, &c, SIM_GET);
	get(&s, &d, SIM_GET);
	client_leave(&c);
	CU_ASSERT_EQUAL_FATAL(s.on_wire, 1);
	sim_answer(&s, 0, 200, "", sim_entry());
	CU_ASSERT(client_heard(&d, 200));
	client_release(&c);
	client_release(&d);
	sim_down(&s);
}

static void test_public_key_from_memory_after_one_failure(void)
{
	struct sim s;
	struct client c;
	struct slice pem = vector("key.pem");
	sim_init(&s);
	up(&s);
	get(&s, &c, "/api/v1/log/publicKey");
	sim_answer(&s, 0, 200, "Content-Type: application/x-pem-file\r\n", pem);
	CU_ASSERT(client_heard(&c, 200));
	client_release(&c);
	get(&s, &c, "/api/v1/log/publicKey");
	sim_fail(&s, 0, TRANSPORT_CONNECT);
	CU_ASSERT(client_heard(&c, 200));
	CU_ASSERT(slice_eq(buf_slice(&c.answer->body), pem));
	client_release(&c);
	get(&s, &c, "/api/v1/log/publicKey?treeID=1"); /* perhaps another key */
	sim_fail(&s, 0, TRANSPORT_CONNECT);
	CU_ASSERT_EQUAL(c.answers, 0);
	client_release(&c);
	sim_down(&s);
}

/* ---- certificates ---- */

/* {"exp":1795500120}: a minute from the sim's begin. */
#define TOKEN "Bearer e30.eyJleHAiOjE3OTU1MDAxMjB9.c2ln"

static struct request *sign_request(void)
{
	struct route route = route_of(SLICE_LIT("POST"), SLICE_LIT("/api/v1/signingCert"));
	struct request *q = NULL;
	CU_ASSERT_EQUAL_FATAL(request_new(&q, &route, METHOD_POST), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(request_add_header(q, "Authorization", TOKEN), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(request_seal(q, 1), STATUS_OK);
	return q;
}

static void test_token_bounds_the_certificate_request(void)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	up(&s);
	client_start(&c, &s, sign_request());
	sim_wait(&s, 54 * S);
	CU_ASSERT_EQUAL(c.answers, 0);
	sim_wait(&s, 2 * S);
	CU_ASSERT(client_heard(&c, 503));
	CU_ASSERT_PTR_NOT_NULL(strstr(c.answer->body.p, "token"));
	CU_ASSERT_EQUAL(s.on_wire, 0);
	client_release(&c);
	sim_down(&s);
}

static void test_expired_token_gets_its_first_attempt(void)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	up(&s);
	sim_wait(&s, 3600 * S);
	client_start(&c, &s, sign_request());
	CU_ASSERT_EQUAL_FATAL(s.on_wire, 1);
	sim_answer(&s, 0, 400, "", SLICE_LIT("{}"));
	CU_ASSERT(client_heard(&c, 400));
	client_release(&c);
	sim_down(&s);
}

static void test_certificate_is_a_chain(void)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	up(&s);
	client_start(&c, &s, sign_request());
	sim_answer(&s, 0, 201, "", SLICE_LIT("<html>"));
	sim_wait(&s, S);
	CU_ASSERT_EQUAL_FATAL(s.on_wire, 1);
	sim_answer(&s, 0, 201, "", vector("chain.pem"));
	CU_ASSERT(client_heard(&c, 201));
	CU_ASSERT_EQUAL(metric_value(s.r.telemetry.saved[SAVED_RETRY]), 1);
	client_release(&c);
	sim_down(&s);
}

static void test_throttling_waits_as_told(void)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	up(&s);
	client_start(&c, &s, sign_request());
	sim_answer(&s, 0, 429, "Retry-After: 7\r\n", NOTHING);
	sim_wait(&s, 7 * S - MS);
	CU_ASSERT_EQUAL(s.on_wire, 0);
	sim_wait(&s, S);
	CU_ASSERT_EQUAL(s.on_wire, 1);
	client_release(&c);
	sim_down(&s);
}

/* ---- outages ---- */

static void test_parked_ones_cost_one_probe_an_interval(void)
{
	enum { CROWD = 50 };
	struct sim s;
	struct client c[CROWD];
	sim_init(&s);
	s.cfg.gate.breaker.failures = 5;
	s.cfg.gate.breaker.probe_max = 5 * S;
	up(&s);
	get(&s, &c[0], "/api/v1/log/proof?lastSize=1");
	for (int i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL_FATAL(s.on_wire, 1);
		sim_fail(&s, 0, TRANSPORT_CONNECT);
		sim_wait(&s, 2 * S);
	}
	for (int i = 1; i < CROWD; i++)
		get(&s, &c[i], "/api/v1/log/proof?lastSize=1");
	CU_ASSERT_EQUAL(relay_breaker(&s.r, SERVICE_REKOR, SIDE_READ), BREAKER_OPEN);
	CU_ASSERT_EQUAL(flights_parked(&s.r), CROWD);
	size_t before = s.sends;
	for (int i = 0; i < 60; i++) {
		sim_wait(&s, S);
		CU_ASSERT(s.on_wire <= 1);
		if (s.on_wire)
			sim_fail(&s, 0, TRANSPORT_CONNECT);
	}
	CU_ASSERT(s.sends - before >= 9);
	CU_ASSERT(s.sends - before <= 12);
	for (int i = 0; i < 600; i++) {
		sim_wait(&s, 100 * MS);
		while (s.on_wire)
			sim_answer(&s, 0, 200, "Content-Type: application/json\r\n",
				   SLICE_LIT("{\"rootHash\":\"\"}"));
	}
	for (int i = 0; i < CROWD; i++) {
		CU_ASSERT(client_heard(&c[i], 200));
		client_release(&c[i]);
	}
	CU_ASSERT_EQUAL(metric_value(s.r.telemetry.saved[SAVED_OUTAGE]), CROWD);
	sim_down(&s);
}

static void test_past_max_parked_hears_so_at_once(void)
{
	struct sim s;
	struct client c, d;
	sim_init(&s);
	s.cfg.gate.breaker.failures = 1;
	s.cfg.max_parked = 1;
	up(&s);
	get(&s, &c, SIM_GET);
	sim_fail(&s, 0, TRANSPORT_CONNECT);
	CU_ASSERT_EQUAL(flights_parked(&s.r), 1);
	get(&s, &d, SIM_GET);
	CU_ASSERT(client_heard(&d, 503));
	CU_ASSERT(answer_header(d.answer, "Retry-After").n > 0);
	client_release(&c);
	client_release(&d);
	sim_down(&s);
}

static void test_turned_away(void)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	up(&s);
	get(&s, &c, SIM_GET);
	exchange_turn_away(&c.x, "the test ends it");
	CU_ASSERT(client_heard(&c, 503));
	CU_ASSERT(answer_header(c.answer, "Retry-After").n > 0);
	exchange_turn_away(&c.x, "again: nothing happens");
	CU_ASSERT_EQUAL(c.answers, 1);
	CU_ASSERT_EQUAL(s.on_wire, 0);
	client_release(&c);
	sim_down(&s);
}

static void leave_after(struct sim *s, usec wait)
{
	struct client c;
	get(s, &c, "/api/v1/log/publicKey");
	sim_wait(s, wait);
	client_leave(&c);
	client_release(&c);
}

static void test_silence_is_a_time_out_to_the_breaker(void)
{
	struct sim s;
	sim_init(&s);
	s.cfg.gate.breaker.failures = 2;
	up(&s);
	for (int i = 0; i < 4; i++)
		leave_after(&s, 3 * S); /* it may have been the client */
	CU_ASSERT_EQUAL(relay_breaker(&s.r, SERVICE_REKOR, SIDE_READ), BREAKER_CLOSED);
	leave_after(&s, 4 * S);
	leave_after(&s, 4 * S);
	CU_ASSERT_EQUAL(relay_breaker(&s.r, SERVICE_REKOR, SIDE_READ), BREAKER_OPEN);
	CU_ASSERT_PTR_NOT_NULL(strstr(s.r.upstream[SERVICE_REKOR].last_error[SIDE_READ], "no answer"));
	CU_ASSERT_EQUAL(metric_value(s.r.telemetry.attempts[OP_REKOR_QUERY][OUTCOME_TIMEOUT]), 2);
	sim_down(&s);
}

static void test_the_log_s_state_is_asked_for_once_by_those_who_wait(void)
{
	struct sim s;
	struct client a, b, c, d;
	const struct slice state = SLICE_LIT("{\"treeSize\":1,\"treeID\":\"1\"}");
	sim_init(&s);
	s.cfg.gate.breaker.failures = 1;
	up(&s);
	get(&s, &a, "/api/v1/log");
	get(&s, &b, "/api/v1/log"); /* on its way: another one */
	CU_ASSERT_EQUAL(s.on_wire, 2);
	sim_fail(&s, 1, TRANSPORT_RESET);
	sim_fail(&s, 0, TRANSPORT_RESET);
	get(&s, &c, "/api/v1/log");
	get(&s, &d, "/api/v1/log?stable=true"); /* another question */
	CU_ASSERT_EQUAL(flights_parked(&s.r), 4);
	client_leave(&a);
	sim_wait(&s, 6 * S);
	CU_ASSERT_EQUAL(s.on_wire, 1); /* the probe */
	sim_answer(&s, 0, 200, "Content-Type: application/json\r\n", state);
	for (int i = 0; i < 10 && s.on_wire; i++)
		sim_answer(&s, 0, 200, "Content-Type: application/json\r\n", state);
	CU_ASSERT_EQUAL(a.answers, 0);
	CU_ASSERT(b.answers == 1 && c.answers == 1 && d.answers == 1);
	CU_ASSERT(s.sends <= 5); /* two that failed, the probe, and at most two more */
	client_release(&a);
	client_release(&b);
	client_release(&c);
	client_release(&d);
	sim_down(&s);
}

TEST_SUITE(relay_lookup, TEST(test_404_of_an_unknown_id_waits_for_lookup_wait),
	   TEST(test_lookup_wait_counts_from_the_first_404), TEST(test_known_id_waits_longer),
	   TEST(test_lookup_is_answered_from_memory), TEST(test_waiting_lookup_sees_what_came_by_another_way),
	   TEST(test_entry_of_another_id_is_junk), TEST(test_leaving_ends_the_attempt),
	   TEST(test_leaving_in_line), TEST(test_leaving_makes_room),
	   TEST(test_public_key_from_memory_after_one_failure),
	   TEST(test_token_bounds_the_certificate_request), TEST(test_expired_token_gets_its_first_attempt),
	   TEST(test_certificate_is_a_chain), TEST(test_throttling_waits_as_told),
	   TEST(test_parked_ones_cost_one_probe_an_interval), TEST(test_past_max_parked_hears_so_at_once),
	   TEST(test_turned_away), TEST(test_silence_is_a_time_out_to_the_breaker),
	   TEST(test_the_log_s_state_is_asked_for_once_by_those_who_wait))
