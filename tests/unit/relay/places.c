#include <sigrelay/relay/places.h>

#include <stdio.h>

#include <sigrelay/base/mem.h>

#include "../unit.h"
#include "sim.h"

#define SIGN "/api/v1/signingCert"
#define GO "sigstore-go/1.4.0" /* waits 28 s for a certificate, and asks again by itself */

static struct request *signing(const char *body)
{
	struct request *q = sim_request("POST", SIGN, slice_str(body), GO);
	CU_ASSERT_PTR_NOT_NULL_FATAL(q);
	return q;
}

static void note(struct places *p, const char *body, usec first_seen, usec now)
{
	struct request *q = signing(body);
	places_note(p, q, first_seen, now);
	request_unref(q);
}

static usec take(struct places *p, const char *body, usec now)
{
	struct request *q = signing(body);
	usec at = places_take(p, q, now);
	request_unref(q);
	return at;
}

static void test_the_same_bytes_have_their_place(void)
{
	struct places p;
	CU_ASSERT_EQUAL_FATAL(places_init(&p, 10), STATUS_OK);
	CU_ASSERT_EQUAL(take(&p, "a", 50 * S), 50 * S);
	note(&p, "a", 20 * S, 50 * S);
	CU_ASSERT_EQUAL(take(&p, "b", 60 * S), 60 * S);
	CU_ASSERT_EQUAL(take(&p, "a", 60 * S), 20 * S);
	CU_ASSERT_EQUAL(take(&p, "a", 60 * S), 60 * S); /* one place, for one */
	note(&p, "a", 20 * S, 60 * S);
	note(&p, "a", 55 * S, 61 * S); /* twice in line: the better one */
	CU_ASSERT_EQUAL(take(&p, "a", 70 * S), 20 * S);
	places_release(&p);
}

static void test_a_place_is_kept_for_two_minutes(void)
{
	struct places p;
	CU_ASSERT_EQUAL_FATAL(places_init(&p, 10), STATUS_OK);
	note(&p, "a", 0, S);
	note(&p, "b", 0, 2 * S);
	note(&p, "a", 0, 3 * S);
	CU_ASSERT_EQUAL(take(&p, "b", 2 * S + PLACES_KEEP), 2 * S + PLACES_KEEP);
	CU_ASSERT_EQUAL(places_count(&p), 1);
	CU_ASSERT_EQUAL(take(&p, "a", 2 * S + PLACES_KEEP), 0);
	places_release(&p);
}

static void test_the_oldest_go_first(void)
{
	struct places p;
	char body[16];
	CU_ASSERT_EQUAL_FATAL(places_init(&p, 3), STATUS_OK);
	for (int i = 0; i < 5; i++) {
		snprintf(body, sizeof(body), "%d", i);
		note(&p, body, 0, S);
	}
	CU_ASSERT_EQUAL(places_count(&p), 3);
	CU_ASSERT_EQUAL(take(&p, "1", S), S);
	places_resize(&p, 1);
	CU_ASSERT_EQUAL(take(&p, "3", S), S);
	CU_ASSERT_EQUAL(take(&p, "4", S), 0);
	places_resize(&p, 0);
	note(&p, "5", 0, S);
	CU_ASSERT_EQUAL(places_count(&p), 0);
	places_release(&p);
}

/* The key is each process's own, and is gone with it. */
static void test_the_key_is_secret(void)
{
	static const uint8_t nothing[sizeof(((struct places *)0)->key)];
	struct places p, q;
	CU_ASSERT_EQUAL_FATAL(places_init(&p, 10), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(places_init(&q, 10), STATUS_OK);
	CU_ASSERT(memcmp(p.key, q.key, sizeof(p.key)) != 0);
	CU_ASSERT(memcmp(p.key, nothing, sizeof(p.key)) != 0);
	places_release(&p);
	places_release(&q);
	CU_ASSERT(memcmp(p.key, nothing, sizeof(p.key)) == 0);
}

static void test_a_request_without_a_body_has_none(void)
{
	struct places p;
	struct request *q = sim_request("GET", SIM_GET, SLICE_LIT(""), GO);
	CU_ASSERT_EQUAL_FATAL(places_init(&p, 10), STATUS_OK);
	places_note(&p, q, 0, S);
	CU_ASSERT_EQUAL(places_count(&p), 0); /* anybody's, not one client's */
	request_unref(q);
	places_release(&p);
}

static void tortured(void *arg)
{
	(void)arg;
	struct places p;
	struct request *q = sim_request("POST", SIGN, SLICE_LIT("a"), GO);
	if (q && places_init(&p, 2) == STATUS_OK) {
		places_note(&p, q, S, 2 * S);
		usec at = places_take(&p, q, 3 * S);
		CU_ASSERT(at == S || at == 3 * S);
		places_release(&p);
	}
	request_unref(q);
}

static void test_torture(void)
{
	unit_torture(tortured, NULL);
}

/* --- in the relay --------------------------------------------------------- */

static void up(struct sim *s)
{
	CU_ASSERT_EQUAL_FATAL(sim_up(s, 1), STATUS_OK);
}

static bool is_on_wire(const struct sim *s, size_t i, const char *body)
{
	return i < s->on_wire &&
	       slice_eq_str((struct slice){ s->sent[i]->request->body, s->sent[i]->request->body_size },
			    body);
}

static void refuse(struct sim *s, size_t i)
{
	sim_answer(s, i, 400, "", SLICE_LIT("{}"));
}

/* A is refused at its patience, B arrives, A comes back, the gate opens: A goes first. */
static void test_who_comes_back_stands_where_he_stood(void)
{
	struct sim s;
	struct client first, a, b, a_again;
	sim_init(&s);
	s.cfg.gate.max_in_flight = 1;
	up(&s);
	client_start(&first, &s, sim_request("POST", SIGN, SLICE_LIT("first"), "curl"));
	client_start(&a, &s, signing("a"));
	sim_wait(&s, 29 * S);
	CU_ASSERT(client_heard(&a, 503));
	CU_ASSERT_EQUAL(places_count(&s.r.places), 1);
	client_start(&b, &s, signing("b"));
	sim_wait(&s, S);
	client_start(&a_again, &s, signing("a"));
	refuse(&s, 0);
	CU_ASSERT(is_on_wire(&s, 0, "a"));
	refuse(&s, 0);
	CU_ASSERT(is_on_wire(&s, 0, "b"));
	refuse(&s, 0);
	CU_ASSERT(client_heard(&a_again, 400));
	client_release(&first);
	client_release(&a);
	client_release(&b);
	client_release(&a_again);
	sim_down(&s);
}

/* Its place is an early one, and it still has the time to use it: what may go is
 * judged by the true deadline. */
static void test_a_place_does_not_shorten_the_deadline(void)
{
	struct sim s;
	struct client first, a, b, a_again;
	sim_init(&s);
	s.cfg.gate.max_in_flight = 1;
	up(&s);
	client_start(&first, &s, sim_request("POST", SIGN, SLICE_LIT("first"), "curl"));
	client_start(&a, &s, signing("a"));
	sim_wait(&s, 60 * S);
	client_start(&a_again, &s, signing("a")); /* in order 32 s ago */
	client_start(&b, &s, signing("b"));
	refuse(&s, 0);
	CU_ASSERT(is_on_wire(&s, 0, "a"));
	sim_wait(&s, 27 * S);
	CU_ASSERT_EQUAL(a_again.answers, 0);
	refuse(&s, 0);
	CU_ASSERT(client_heard(&a_again, 400));
	CU_ASSERT(is_on_wire(&s, 0, "b"));
	refuse(&s, 0);
	client_release(&first);
	client_release(&a);
	client_release(&b);
	client_release(&a_again);
	sim_down(&s);
}

/* The log's write side opens; the create waits to be the probe. */
static void open_the_log(struct sim *s, struct client *create)
{
	s->cfg.gate.breaker.failures = 1;
	up(s);
	client_start(create, s, sim_request("POST", SIM_CREATE, sim_posted(), "curl"));
	sim_fail(s, 0, TRANSPORT_CONNECT);
	CU_ASSERT_EQUAL_FATAL(relay_breaker(&s->r, SERVICE_REKOR, SIDE_WRITE), BREAKER_OPEN);
}

static void recover_the_log(struct sim *s, struct client *create)
{
	while (!s->on_wire)
		sim_wait(s, S);
	sim_answer(s, 0, 201, SIM_CREATED, sim_entry());
	CU_ASSERT(client_heard(create, 201));
}

static void test_the_mint_gate_keeps_places_too(void)
{
	struct sim s;
	struct client create, a, b, a_again;
	sim_init(&s);
	open_the_log(&s, &create);
	client_start(&a, &s, signing("a"));
	while (!a.answers) {
		sim_wait(&s, S);
		if (s.on_wire)
			sim_fail(&s, 0, TRANSPORT_CONNECT);
	}
	client_start(&b, &s, signing("b"));
	client_start(&a_again, &s, signing("a"));
	CU_ASSERT_EQUAL(mint_line_waiting(&s.r.mint), 2);
	recover_the_log(&s, &create);
	CU_ASSERT(is_on_wire(&s, 0, "a"));
	CU_ASSERT(is_on_wire(&s, 1, "b"));
	client_release(&create);
	client_release(&a);
	client_release(&b);
	client_release(&a_again);
	sim_down(&s);
}

static void test_a_crowd_keeps_its_places(void)
{
	struct sim s;
	struct client c[3];
	sim_init(&s);
	s.cfg.gate.max_in_flight = 1;
	s.cfg.max_parked_memory = 150; /* one of them */
	up(&s);
	client_start(&c[0], &s, sim_request("POST", SIGN, SLICE_LIT("first"), "curl"));
	client_start(&c[1], &s, signing("a"));
	CU_ASSERT(client_heard(&c[1], 503));
	CU_ASSERT(answer_header(c[1].answer, "Retry-After").n > 0);
	CU_ASSERT_EQUAL(places_count(&s.r.places), 1);
	client_release(&c[1]);
	s.cfg.max_parked_memory = 1 << 20;
	relay_configure(&s.r, &s.cfg);
	sim_wait(&s, S);
	client_start(&c[2], &s, signing("b"));
	client_start(&c[1], &s, signing("a"));
	refuse(&s, 0);
	CU_ASSERT(is_on_wire(&s, 0, "a"));
	for (int i = 0; i < 3; i++)
		client_release(&c[i]);
	sim_down(&s);
}

/* --- what is held --------------------------------------------------------- */

static void test_memory_of_those_that_wait_is_bounded(void)
{
	struct sim s;
	struct client c[8];
	char body[300];
	sim_init(&s);
	s.cfg.max_parked_memory = 1500;
	up(&s);
	memset(body, 'x', sizeof(body));
	unsigned taken = 0;
	for (int i = 0; i < 8; i++) {
		body[0] = (char)('0' + i);
		client_start(&c[i], &s,
			     sim_request("POST", SIGN, (struct slice){ body, sizeof(body) }, "curl"));
		taken += c[i].answers == 0;
		CU_ASSERT(s.r.held_bytes <= 1500);
		CU_ASSERT(c[i].answers == 0 || client_heard(&c[i], 503));
	}
	CU_ASSERT_EQUAL(taken, 3);
	client_leave(&c[0]);
	client_release(&c[7]);
	client_start(&c[7], &s, sim_request("POST", SIGN, (struct slice){ body, sizeof(body) }, "curl"));
	CU_ASSERT_EQUAL(c[7].answers, 0); /* there is room again */
	for (int i = 0; i < 8; i++)
		client_release(&c[i]);
	CU_ASSERT_EQUAL(s.r.held_bytes, 0);
	sim_down(&s);
}

/* It holds nothing more, so it is no crowd that it adds to. */
static void test_a_create_in_flight_is_joined_by_whoever_is_crowded_out(void)
{
	struct sim s;
	struct client c, d;
	sim_init(&s);
	s.cfg.max_parked_memory = sim_posted().n + 200;
	up(&s);
	client_start(&c, &s, sim_request("POST", SIM_CREATE, sim_posted(), NULL));
	client_start(&d, &s, sim_request("POST", SIM_CREATE, sim_posted(), NULL));
	CU_ASSERT_EQUAL(s.on_wire, 1);
	sim_answer(&s, 0, 201, SIM_CREATED, sim_entry());
	CU_ASSERT(client_heard(&c, 201));
	CU_ASSERT(client_heard(&d, 201));
	client_release(&c);
	client_release(&d);
	sim_down(&s);
}

static void test_larger_than_all_of_it(void)
{
	struct sim s;
	struct client c;
	sim_init(&s);
	s.cfg.max_parked_memory = 100;
	up(&s);
	client_start(&c, &s, signing("a body"));
	CU_ASSERT(client_heard(&c, 413));
	CU_ASSERT_EQUAL(answer_header(c.answer, "Retry-After").n, 0);
	client_release(&c);
	sim_down(&s);
}

/* --- the mint gate's slots ------------------------------------------------ */

static void test_a_certificate_that_did_not_come_gives_its_slot_back(void)
{
	struct sim s;
	struct client c[3];
	sim_init(&s);
	up(&s);
	for (int i = 0; i < 3; i++)
		client_start(&c[i], &s, signing(&"abc"[i]));
	CU_ASSERT_EQUAL(s.r.mint.mint.count, 3);
	refuse(&s, 0);
	CU_ASSERT_EQUAL(s.r.mint.mint.count, 2);
	client_leave(&c[1]);
	CU_ASSERT_EQUAL(s.r.mint.mint.count, 1);
	sim_wait(&s, MINT_FORGET + S); /* counted no more: its end takes nobody else's */
	client_release(&c[0]);
	client_start(&c[0], &s, signing("d"));
	CU_ASSERT_EQUAL(s.r.mint.mint.count, 1);
	client_leave(&c[2]);
	CU_ASSERT_EQUAL(s.r.mint.mint.count, 1);
	for (int i = 0; i < 3; i++)
		client_release(&c[i]);
	sim_down(&s);
}

TEST_SUITE(relay_places, TEST(test_the_same_bytes_have_their_place),
	   TEST(test_a_place_is_kept_for_two_minutes), TEST(test_the_oldest_go_first),
	   TEST(test_the_key_is_secret), TEST(test_a_request_without_a_body_has_none), TEST(test_torture),
	   TEST(test_who_comes_back_stands_where_he_stood), TEST(test_a_place_does_not_shorten_the_deadline),
	   TEST(test_the_mint_gate_keeps_places_too), TEST(test_a_crowd_keeps_its_places),
	   TEST(test_memory_of_those_that_wait_is_bounded),
	   TEST(test_a_create_in_flight_is_joined_by_whoever_is_crowded_out),
	   TEST(test_larger_than_all_of_it), TEST(test_a_certificate_that_did_not_come_gives_its_slot_back))
