/* The fleet on a fake link, in virtual time: no Redis, no socket. */
#include <stdio.h>
#include <string.h>

#include "../sigstore/vectors.h"
#include "../unit.h"
#include "fleet_fake.h"

static void test_a_create_waits_for_redis_no_longer_than_the_timeout(void)
{
	struct fake *k = fake_begin();
	struct client c;
	fake_up(k);
	fake_post(k, &c);
	CU_ASSERT_EQUAL(k->s.on_wire, 0);
	sim_wait(&k->s, FAKE_TIMEOUT - 1);
	CU_ASSERT_EQUAL(k->s.on_wire, 0);
	sim_wait(&k->s, 1);
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	CU_ASSERT_FALSE(fleet_status(k->f).up);
	/* And from now on nobody waits at all. */
	struct client d;
	client_start(&d, &k->s, sim_request("GET", SIM_GET, NOTHING, NULL));
	CU_ASSERT_EQUAL(k->s.on_wire, 2);
	client_release(&c);
	client_release(&d);
	fake_end(k);
}

static void test_a_late_reply_is_the_way_back(void)
{
	struct fake *k = fake_begin();
	struct client c;
	fake_up(k);
	fake_post(k, &c);
	sim_wait(&k->s, FAKE_TIMEOUT);
	CU_ASSERT_FALSE(fleet_status(k->f).up);
	size_t ever = k->ever;
	sim_wait(&k->s, 300 * MS);
	CU_ASSERT_EQUAL(k->ever, ever); /* nothing more is asked of one that is silent */
	fake_reply(k, &(struct fleet_reply){ .value = { .type = FLEET_NIL } });
	fake_until_asked(k, LOOK, "", S);
	fake_reply_look(k, 2, "");
	CU_ASSERT_TRUE(fleet_status(k->f).up);
	CU_ASSERT_EQUAL(k->drops, 0);
	client_release(&c);
	fake_end(k);
}

static void test_a_silent_connection_is_given_up_and_made_anew(void)
{
	struct fake *k = fake_begin();
	fake_up(k);
	sim_wait(&k->s, 3 * S); /* the next look is never answered */
	CU_ASSERT_FALSE(fleet_status(k->f).up);
	CU_ASSERT_EQUAL(k->drops, 1 + (k->connects - 2));
	CU_ASSERT(k->connects >= 2);
	fake_connect_now(k);
	fake_reply_look(k, 2, "");
	CU_ASSERT_TRUE(fleet_status(k->f).up);
	fake_end(k);
}

static void test_connecting_again_backs_off(void)
{
	struct fake *k = fake_begin();
	fake_up(k);
	k->connected = false;
	k->n = 0;
	fleet_lost(k->f, "the test says so");
	size_t before = k->connects;
	for (int i = 0; i < 600; i++) {
		size_t n = k->connects;
		sim_wait(&k->s, 100 * MS);
		if (k->connects > n)
			fleet_lost(k->f, "refused");
	}
	CU_ASSERT(k->connects - before >= 60 / 5);
	CU_ASSERT(k->connects - before <= 60 / 2);
	fake_end(k);
}

static void test_an_error_is_the_end_of_trust(void)
{
	struct fake *k = fake_begin();
	struct client c;
	fake_up(k);
	fake_post(k, &c);
	fake_reply_error(k, "OOM command not allowed");
	CU_ASSERT_FALSE(fleet_status(k->f).up);
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	/* Another Redis may be behind the address by now. */
	CU_ASSERT_EQUAL(k->drops, 1);
	sim_wait(&k->s, S);
	CU_ASSERT_EQUAL(k->connects, 2);
	fake_connect_now(k);
	fake_reply_look(k, 1, "");
	CU_ASSERT_TRUE(fleet_status(k->f).up);
	client_release(&c);
	fake_end(k);
}

static void test_own_slowness_is_not_taken_for_redis(void)
{
	struct fake *k = fake_begin();
	struct client c;
	fake_up(k);
	fake_post(k, &c);
	/* The loop was away for a second: its reply may have come in long ago. */
	struct instant late = k->s.r.now;
	late.mono += S;
	late.wall += S;
	sim_set_now(&k->s, late);
	relay_run_timers(&k->s.r);
	CU_ASSERT_TRUE(fleet_status(k->f).up);
	fake_reply(k, &(struct fleet_reply){ .value = { .type = FLEET_NIL } });
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	CU_ASSERT_TRUE(fleet_status(k->f).up);
	client_release(&c);
	fake_end(k);
}

static void test_an_entry_of_another_relay_is_the_answer(void)
{
	struct fake *k = fake_begin();
	struct client c;
	fake_up(k);
	fake_post(k, &c);
	CU_ASSERT_EQUAL(k->asked[0].kind, CREATE);
	CU_ASSERT_PTR_NOT_NULL(strstr(k->asked[0].words[1], "p:v1:create:"));
	fake_reply_text(k, sim_entry());
	CU_ASSERT(client_heard(&c, 201));
	CU_ASSERT(slice_eq_str(answer_header(c.answer, "ETag"), SIM_ID));
	CU_ASSERT_EQUAL(k->s.sends, 0);
	client_release(&c);
	fake_end(k);
}

static void test_what_redis_says_is_judged(void)
{
	static const char *const junk[] = { "{}", "{\"a\":{}}", "junk", "{", "" };
	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]) + 1; i++) {
		struct fake *k = fake_begin();
		struct client c;
		fake_up(k);
		fake_post(k, &c);
		/* A true entry, and not the one that was posted, is junk too. */
		fake_reply_text(k, i < 5 ? slice_str(junk[i]) : vector("dsse.entry.json"));
		CU_ASSERT_EQUAL(c.answers, 0);
		CU_ASSERT_EQUAL(k->s.on_wire, 1);
		sim_answer(&k->s, 0, 201, SIM_CREATED, sim_entry());
		CU_ASSERT(client_heard(&c, 201));
		client_release(&c);
		fake_end(k);
	}
}

static void test_a_create_that_ended_is_told(void)
{
	struct fake *k = fake_begin();
	struct client c;
	fake_up(k);
	fake_post_unknown(k, &c);
	sim_answer(&k->s, 0, 201, SIM_CREATED, sim_entry());
	CU_ASSERT(client_heard(&c, 201));
	CU_ASSERT_EQUAL_FATAL(k->n, 2);
	CU_ASSERT_STRING_EQUAL(k->asked[0].words[0], "SET");
	CU_ASSERT_STRING_EQUAL(k->asked[0].words[1], "p:v1:entry:" SIM_LEAF);
	CU_ASSERT_STRING_EQUAL(k->asked[0].words[3], "EX");
	CU_ASSERT_STRING_EQUAL(k->asked[0].words[4], "900");
	CU_ASSERT_STRING_EQUAL(k->asked[1].words[2], SIM_LEAF);
	client_release(&c);
	fake_end(k);
}

static void test_a_queued_entry_is_waited_for_like_a_known_one(void)
{
	struct fake *k = fake_begin();
	struct client c;
	fake_up(k);
	client_start(&c, &k->s, sim_request("GET", SIM_GET, NOTHING, NULL));
	CU_ASSERT_STRING_EQUAL_FATAL(k->asked[0].words[1], "p:v1:entry:" SIM_LEAF);
	fake_reply_text(k, SLICE_LIT(SIM_ID));
	CU_ASSERT_TRUE(memory_knows(&k->s.r.memory, SLICE_LIT(SIM_ID)));
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	client_release(&c);
	fake_end(k);
}

static void test_own_outage_is_told_and_its_end(void)
{
	struct fake *k = fake_begin();
	struct client c;
	fake_up(k);
	fake_go_down(k, &c);
	struct asked *a = fake_until_asked(k, TELL, "", S);
	CU_ASSERT_PTR_NOT_NULL(strstr(a->words[1], "p:v1:outage:rekor."));
	CU_ASSERT_STRING_EQUAL(a->words[TELL_WORD], "down");
	CU_ASSERT_STRING_EQUAL(a->words[TELL_DOUBT], "0");
	fake_reply_integer(k, 1);
	fake_until_asked(k, LEASE, "down 5000 1795500059000", 20 * S);
	CU_ASSERT_EQUAL(k->s.on_wire, 0);
	fake_reply_integer(k, -1);
	CU_ASSERT_EQUAL_FATAL(k->s.on_wire, 1);
	sim_answer(&k->s, 0, 201, SIM_CREATED, sim_entry());
	CU_ASSERT_EQUAL(fake_state(k), BREAKER_CLOSED);
	CU_ASSERT_STRING_EQUAL(fake_until_asked(k, TELL, "", S)->words[TELL_WORD], "up");
	client_release(&c);
	fake_end(k);
}

static void test_another_has_the_lease(void)
{
	struct fake *k = fake_begin();
	struct client c;
	fake_up(k);
	fake_go_down(k, &c);
	fake_until_asked(k, TELL, "", S);
	fake_reply_integer(k, 1);
	fake_until_asked(k, LEASE, "down 5000 1795500059000", 20 * S);
	fake_reply_integer(k, 3000);
	usec begun = k->s.r.now.mono;
	CU_ASSERT_EQUAL(k->s.on_wire, 0);
	fake_until_asked(k, LEASE, "down 5000 1795500059000", 20 * S);
	CU_ASSERT(k->s.r.now.mono - begun >= 3 * S);
	CU_ASSERT(k->s.r.now.mono - begun <= 4 * S);
	/* No answer: the probe goes out alone. */
	sim_wait(&k->s, FAKE_TIMEOUT);
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	client_release(&c);
	fake_end(k);
}

static void test_no_lease_is_taken_for_nobody(void)
{
	struct fake *k = fake_begin();
	fake_up(k);
	sim_wait(&k->s, FLEET_LOOK);
	fake_reply_look(k, 2, "down 5000 1795500060000");
	CU_ASSERT_EQUAL(fake_state(k), BREAKER_OPEN);
	for (int i = 0; i < 100; i++) {
		sim_wait(&k->s, 100 * MS);
		CU_ASSERT(!k->n || k->asked[0].kind == LOOK);
		if (k->n)
			fake_reply_look(k, 2, "down 5000 1795500060000");
	}
	fake_end(k);
}

static void test_outage_of_others_opens_and_closes(void)
{
	struct fake *k = fake_begin();
	struct client c;
	fake_up(k);
	sim_wait(&k->s, FLEET_LOOK);
	fake_reply_look(k, 2, "down 20000 1795500060000");
	CU_ASSERT_EQUAL(fake_state(k), BREAKER_OPEN);
	const struct breaker *b = &k->s.r.upstream[SERVICE_REKOR].gate.breaker[SIDE_WRITE];
	CU_ASSERT_EQUAL(b->interval, 20 * S);
	CU_ASSERT_EQUAL(relay_breaker(&k->s.r, SERVICE_REKOR, SIDE_READ), BREAKER_CLOSED);
	fake_post_unknown(k, &c);
	CU_ASSERT_EQUAL(k->s.on_wire, 0);
	/* A Redis that has forgotten says nothing, nor does an old word. */
	fake_until_asked(k, LOOK, "", S);
	fake_reply_look(k, 2, "");
	CU_ASSERT_EQUAL(fake_state(k), BREAKER_OPEN);
	fake_until_asked(k, LOOK, "", S);
	fake_reply_look(k, 2, "up 0 1795500000000");
	CU_ASSERT_EQUAL(fake_state(k), BREAKER_OPEN);
	fake_until_asked(k, LOOK, "", S);
	fake_reply_look(k, 2, "up 0 1795500060000");
	CU_ASSERT_EQUAL(fake_state(k), BREAKER_CLOSED);
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	client_release(&c);
	fake_end(k);
}

/* Said before Redis went away, and not unsaid by the relay that recovered meanwhile. */
static void test_an_outage_that_is_over_is_not_heard_again(void)
{
	struct fake *k = fake_begin();
	struct client c;
	fake_up(k);
	fake_go_down(k, &c);
	k->connected = false;
	k->n = 0;
	fleet_lost(k->f, "the test says so");
	while (!k->s.on_wire)
		sim_wait(&k->s, S);
	sim_answer(&k->s, 0, 201, SIM_CREATED, sim_entry());
	CU_ASSERT_EQUAL_FATAL(fake_state(k), BREAKER_CLOSED);
	sim_wait(&k->s, 10 * S);
	fake_connect_now(k);
	fake_reply_look(k, 2, "down 5000 1795500040000");
	CU_ASSERT_EQUAL(fake_state(k), BREAKER_CLOSED);
	CU_ASSERT_STRING_EQUAL(fake_until_asked(k, TELL, "", S)->words[TELL_WORD], "up");
	fake_reply_integer(k, 1);
	/* A word that came later is one. */
	fake_until_asked(k, LOOK, "", S);
	fake_reply_look(k, 2, "down 5000 1795500059000");
	CU_ASSERT_EQUAL(fake_state(k), BREAKER_OPEN);
	client_release(&c);
	fake_end(k);
}

static void test_a_flush_makes_the_finder_speak_again(void)
{
	struct fake *k = fake_begin();
	struct client c;
	fake_up(k);
	fake_go_down(k, &c);
	fake_until_asked(k, TELL, "", S);
	fake_reply_integer(k, 1);
	fake_until_asked(k, LOOK, "", S);
	fake_reply_look(k, 2, "down 5000 1795500060000");
	fake_until_asked(k, LOOK, "", S);
	fake_reply_look(k, 2, "");
	CU_ASSERT_EQUAL(fake_state(k), BREAKER_OPEN);
	CU_ASSERT_EQUAL_FATAL(k->asked[0].kind, TELL);
	CU_ASSERT_STRING_EQUAL(k->asked[0].words[TELL_WORD], "down");
	client_release(&c);
	fake_end(k);
}

static void test_who_opens_again_after_good_news_is_in_doubt(void)
{
	struct fake *k = fake_begin();
	struct client c;
	fake_up(k);
	fake_go_down(k, &c);
	fake_until_asked(k, TELL, "", S);
	fake_reply_integer(k, 1);
	fake_until_asked(k, LOOK, "", S);
	fake_reply_look(k, 2, "up 0 1795500060000");
	CU_ASSERT_EQUAL(fake_state(k), BREAKER_CLOSED);
	for (int i = 0; i < 100 && fake_state(k) == BREAKER_CLOSED; i++) {
		if (k->s.on_wire)
			sim_answer(&k->s, 0, 502, "", NOTHING);
		else if (k->n && k->asked[0].kind == LOOK)
			fake_reply_look(k, 2, "up 0 1795500060000");
		else
			sim_wait(&k->s, 50 * MS);
	}
	CU_ASSERT_EQUAL_FATAL(fake_state(k), BREAKER_OPEN);
	CU_ASSERT_STRING_EQUAL(fake_until_asked(k, TELL, "", S)->words[TELL_DOUBT], "1");
	fake_reply_integer(k, 0);
	/* It probes by itself, and nobody's good news closes it. */
	CU_ASSERT_FALSE(k->s.r.upstream[SERVICE_REKOR].gate.breaker[SIDE_WRITE].by_lease);
	fake_until_asked(k, LOOK, "", S);
	fake_reply_look(k, 2, "up 0 1795500060000");
	CU_ASSERT_EQUAL(fake_state(k), BREAKER_OPEN);
	/* Until another finds the same. */
	fake_until_asked(k, TELL, "", S);
	fake_reply_integer(k, 1);
	fake_until_asked(k, LOOK, "", S);
	fake_reply_look(k, 2, "down 5000 1795500060000");
	CU_ASSERT_TRUE(k->s.r.upstream[SERVICE_REKOR].gate.breaker[SIDE_WRITE].by_lease);
	client_release(&c);
	fake_end(k);
}

static void test_tokens_are_borrowed_by_demand(void)
{
	struct fake *k = fake_begin();
	struct client c;
	k->s.cfg.gate.rate_per_minute = 600;
	k->s.cfg.gate.rate_burst = 10;
	fake_up(k);
	CU_ASSERT_EQUAL(k->n, 0);
	client_start(&c, &k->s, sim_request("GET", "/api/v1/log", NOTHING, NULL));
	CU_ASSERT_EQUAL_FATAL(k->asked[0].kind, TOKENS);
	CU_ASSERT_STRING_EQUAL(k->asked[0].words[4], "1");
	fake_reply_tokens(k, 0, 200);
	CU_ASSERT_EQUAL(k->s.on_wire, 0);
	fake_until_asked(k, TOKENS, "", S);
	fake_reply_tokens(k, 1, 0);
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	sim_answer(&k->s, 0, 429, "", NOTHING);
	CU_ASSERT_STRING_EQUAL(fake_until_asked(k, TOKENS, "", S)->words[5], "throttled");
	client_release(&c);
	fake_end(k);
}

/* Its token is asked for with its entry: one round trip and not two. */
static void test_a_create_waits_for_redis_once(void)
{
	struct fake *k = fake_begin();
	struct client c, d;
	k->s.cfg.gate.rate_per_minute = 600;
	k->s.cfg.gate.rate_burst = 10;
	fake_up(k);
	fake_post(k, &c);
	CU_ASSERT_EQUAL_FATAL(k->n, 2);
	CU_ASSERT_EQUAL(k->asked[0].kind, CREATE);
	CU_ASSERT_EQUAL(k->asked[1].kind, TOKENS);
	sim_wait(&k->s, FAKE_TIMEOUT - 1);
	fake_reply_text(k, NOTHING);
	CU_ASSERT_EQUAL(k->n, 1);
	fake_reply_tokens(k, 1, 0);
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	/* With no token left in the fleet it waits for that, as all do. */
	client_start(&d, &k->s, sim_request("GET", SIM_GET, NOTHING, NULL));
	CU_ASSERT_EQUAL_FATAL(k->n, 2);
	fake_reply_text(k, NOTHING);
	fake_reply_tokens(k, 0, 200);
	CU_ASSERT_EQUAL(k->n, 0);
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	fake_until_asked(k, TOKENS, "", S);
	fake_reply_tokens(k, 1, 0);
	CU_ASSERT_EQUAL(k->s.on_wire, 2);
	client_release(&c);
	client_release(&d);
	fake_end(k);
}

static void test_without_redis_the_rate_is_shared_by_those_last_seen(void)
{
	struct fake *k = fake_begin();
	struct client c;
	k->s.cfg.gate.rate_per_minute = 600;
	k->s.cfg.gate.rate_burst = 10;
	fake_up(k);
	client_start(&c, &k->s, sim_request("GET", "/api/v1/log", NOTHING, NULL));
	sim_wait(&k->s, FAKE_TIMEOUT);
	CU_ASSERT_EQUAL(k->s.on_wire, 1); /* at once */
	CU_ASSERT_EQUAL(k->s.r.upstream[SERVICE_REKOR].gate.bucket.relays, 2);
	client_release(&c);
	fake_end(k);
}

static void test_a_reply_of_the_wrong_kind_is_no_redis(void)
{
	struct fake *k = fake_begin();
	struct client c;
	k->s.cfg.gate.rate_per_minute = 600;
	fake_up(k);
	client_start(&c, &k->s, sim_request("GET", "/api/v1/log", NOTHING, NULL));
	CU_ASSERT_EQUAL_FATAL(k->asked[0].kind, TOKENS);
	fake_reply_text(k, SLICE_LIT("many"));
	CU_ASSERT_FALSE(fleet_status(k->f).up);
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	client_release(&c);
	fake_end(k);
}

static void test_a_reply_that_nobody_asked_for_ends_the_connection(void)
{
	struct fake *k = fake_begin();
	fake_up(k);
	fleet_replied(k->f, &(struct fleet_reply){ .value = { .type = FLEET_NIL } });
	CU_ASSERT_EQUAL(k->drops, 1);
	CU_ASSERT_FALSE(fleet_status(k->f).up);
	fake_end(k);
}

static void test_a_client_that_leaves_takes_its_question_along(void)
{
	struct fake *k = fake_begin();
	struct client c;
	fake_up(k);
	client_start(&c, &k->s, sim_request("GET", SIM_GET, NOTHING, NULL));
	client_release(&c);
	fake_reply_text(k, sim_entry());
	CU_ASSERT_EQUAL(k->s.sends, 0);
	CU_ASSERT_TRUE(fleet_status(k->f).up);
	fake_end(k);
}

/* Every allocation fails in turn: what is lost is the fleet's help, never an answer. */
static void without_memory(void *arg)
{
	static const struct fleet_config cfg = { .prefix = "p",
						 .timeout = FAKE_TIMEOUT,
						 .url = { "a", "b", "c" } };
	struct fake *k = fake_begin();
	struct client c = { .started = false };
	(void)arg;
	if (sim_up(&k->s, 5) != STATUS_OK)
		return;
	if (fleet_new(&k->f, &k->s.r, &cfg, &fake_ops, k) == STATUS_OK) {
		struct request *q = sim_request("POST", SIM_CREATE, sim_posted(), NULL);
		sim_wait(&k->s, 1);
		fake_connect_now(k);
		if (k->n)
			fake_reply_look(k, 2, "");
		if (q)
			client_start(&c, &k->s, q);
		if (k->n && k->asked[0].kind == CREATE)
			fake_reply_text(k, sim_entry());
		if (k->s.on_wire)
			sim_answer(&k->s, 0, 201, SIM_CREATED, sim_entry());
		sim_wait(&k->s, 700 * S);
		CU_ASSERT(!q || c.answers == 1);
	}
	client_release(&c);
	fake_end(k);
}

static void test_without_memory(void)
{
	unit_torture(without_memory, NULL);
}

TEST_SUITE(relay_fleet, TEST(test_a_create_waits_for_redis_no_longer_than_the_timeout),
	   TEST(test_a_late_reply_is_the_way_back), TEST(test_a_silent_connection_is_given_up_and_made_anew),
	   TEST(test_connecting_again_backs_off), TEST(test_an_error_is_the_end_of_trust),
	   TEST(test_own_slowness_is_not_taken_for_redis), TEST(test_an_entry_of_another_relay_is_the_answer),
	   TEST(test_what_redis_says_is_judged), TEST(test_a_create_that_ended_is_told),
	   TEST(test_a_queued_entry_is_waited_for_like_a_known_one),
	   TEST(test_own_outage_is_told_and_its_end), TEST(test_another_has_the_lease),
	   TEST(test_no_lease_is_taken_for_nobody), TEST(test_outage_of_others_opens_and_closes),
	   TEST(test_an_outage_that_is_over_is_not_heard_again),
	   TEST(test_a_flush_makes_the_finder_speak_again),
	   TEST(test_who_opens_again_after_good_news_is_in_doubt), TEST(test_tokens_are_borrowed_by_demand),
	   TEST(test_a_create_waits_for_redis_once),
	   TEST(test_without_redis_the_rate_is_shared_by_those_last_seen),
	   TEST(test_a_reply_of_the_wrong_kind_is_no_redis),
	   TEST(test_a_reply_that_nobody_asked_for_ends_the_connection),
	   TEST(test_a_client_that_leaves_takes_its_question_along), TEST(test_without_memory))
