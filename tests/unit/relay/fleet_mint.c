/* Certificate requests while the log is down: one an interval for all relays together. */
#include <string.h>

#include "../unit.h"
#include "fleet_fake.h"

#define DOWN "down 5000 1795500060000"
#define SIGN "/api/v1/signingCert"

/* Another relay has found the outage; nobody here waits to post. */
static struct fake *begin_in_an_outage(void)
{
	struct fake *k = fake_begin();
	fake_up(k);
	sim_wait(&k->s, FLEET_LOOK);
	fake_reply_look(k, 2, DOWN);
	CU_ASSERT_EQUAL_FATAL(fake_state(k), BREAKER_OPEN);
	return k;
}

static void sign(struct fake *k, struct client *c, const char *body)
{
	client_start(c, &k->s, sim_request("POST", SIGN, slice_str(body), "curl"));
}

/* Looks are answered meanwhile; nothing else may be asked. */
static void pass(struct fake *k, usec t)
{
	usec end = k->s.r.now.mono + t;
	while (k->s.r.now.mono < end) {
		if (k->n)
			fake_reply_look(k, 2, DOWN);
		sim_wait(&k->s, 10 * MS);
	}
}

static struct asked *until_lease(struct fake *k)
{
	return fake_until_asked(k, LEASE, DOWN, 20 * S);
}

static bool is_for(const struct asked *a, const char *key)
{
	return strncmp(a->words[1], key, strlen(key)) == 0 && strstr(a->words[1], ":write");
}

static void test_one_certificate_a_lease(void)
{
	struct fake *k = begin_in_an_outage();
	struct client c[3];
	for (int i = 0; i < 3; i++)
		sign(k, &c[i], &"abc"[i]);
	const struct asked *a = until_lease(k);
	CU_ASSERT_EQUAL(k->s.on_wire, 0);
	CU_ASSERT_STRING_EQUAL(a->words[0], "2");
	CU_ASSERT(is_for(a, "p:v1:mint:rekor."));
	CU_ASSERT_PTR_NOT_NULL(strstr(a->words[2], "p:v1:probe:rekor."));
	CU_ASSERT_STRING_EQUAL(a->words[4], "5000");
	fake_reply_integer(k, -1);
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	/* Its client never posts: the next one needs the next lease. */
	pass(k, 4900 * MS);
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	until_lease(k);
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	fake_reply_integer(k, -1);
	CU_ASSERT_EQUAL(k->s.on_wire, 2);
	for (int i = 0; i < 3; i++)
		client_release(&c[i]);
	fake_end(k);
}

static void test_another_relay_has_the_lease(void)
{
	struct fake *k = begin_in_an_outage();
	struct client c;
	sign(k, &c, "a");
	until_lease(k);
	fake_reply_integer(k, 3000);
	usec begun = k->s.r.now.mono;
	CU_ASSERT_EQUAL(k->s.on_wire, 0);
	until_lease(k);
	CU_ASSERT(k->s.r.now.mono - begun >= 3 * S);
	CU_ASSERT(k->s.r.now.mono - begun <= 4 * S);
	CU_ASSERT_EQUAL(k->s.on_wire, 0);
	client_release(&c);
	fake_end(k);
}

static void test_without_redis_one_goes_as_for_a_relay_alone(void)
{
	struct fake *k = begin_in_an_outage();
	struct client c[2];
	sign(k, &c[0], "a");
	sign(k, &c[1], "b");
	until_lease(k);
	sim_wait(&k->s, FAKE_TIMEOUT);
	CU_ASSERT_FALSE(fleet_status(k->f).up);
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	sim_wait(&k->s, 5 * S);
	CU_ASSERT_EQUAL(k->s.on_wire, 2);
	client_release(&c[0]);
	client_release(&c[1]);
	fake_end(k);
}

/* It was put off for a minute by a relay that Redis takes along. */
static void test_nobody_stays_put_off_when_redis_goes(void)
{
	struct fake *k = begin_in_an_outage();
	struct client c;
	sign(k, &c, "a");
	until_lease(k);
	fake_reply_integer(k, 60000);
	k->connected = false;
	k->n = 0;
	fleet_lost(k->f, "the test says so");
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	client_release(&c);
	fake_end(k);
}

static void test_the_create_that_follows_takes_the_probe(void)
{
	struct fake *k = begin_in_an_outage();
	struct client c[2], create;
	sign(k, &c[0], "a");
	sign(k, &c[1], "b");
	until_lease(k);
	fake_reply_integer(k, -1);
	sim_fail(&k->s, 0, TRANSPORT_TRUNCATED); /* and is asked for again, without another lease */
	pass(k, S);
	CU_ASSERT_EQUAL_FATAL(k->s.on_wire, 1);
	sim_answer(&k->s, 0, 400, "", SLICE_LIT("{}"));
	fake_post_unknown(k, &create);
	CU_ASSERT_EQUAL(k->s.on_wire, 0);
	const struct asked *a = until_lease(k);
	CU_ASSERT_STRING_EQUAL(a->words[0], "1");
	CU_ASSERT(is_for(a, "p:v1:probe:rekor."));
	fake_reply_integer(k, -1);
	CU_ASSERT_EQUAL_FATAL(k->s.on_wire, 1);
	sim_answer(&k->s, 0, 201, SIM_CREATED, sim_entry());
	CU_ASSERT_EQUAL(fake_state(k), BREAKER_CLOSED);
	CU_ASSERT_EQUAL(k->s.on_wire, 1); /* the next certificate */
	/* The leases end with the outage, not in the middle of the next one. */
	a = fake_until_asked(k, TELL, "", S);
	CU_ASSERT_STRING_EQUAL(a->words[TELL_WORD], "up");
	CU_ASSERT_PTR_NOT_NULL(strstr(a->words[3], "p:v1:probe:rekor."));
	CU_ASSERT_PTR_NOT_NULL(strstr(a->words[4], "p:v1:mint:rekor."));
	client_release(&create);
	client_release(&c[0]);
	client_release(&c[1]);
	fake_end(k);
}

static void test_another_relays_certificate_keeps_no_create_from_probing(void)
{
	struct fake *k = begin_in_an_outage();
	struct client c, create;
	sign(k, &c, "a");
	until_lease(k);
	fake_reply_integer(k, 60000);
	fake_post_unknown(k, &create);
	CU_ASSERT(is_for(until_lease(k), "p:v1:probe:rekor."));
	fake_reply_integer(k, -1);
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	client_release(&create);
	client_release(&c);
	fake_end(k);
}

static void test_a_create_in_line_needs_no_certificate(void)
{
	struct fake *k = fake_begin();
	struct client c, create;
	fake_up(k);
	fake_go_down(k, &create);
	fake_until_asked(k, TELL, "", S);
	fake_reply_integer(k, 1);
	sign(k, &c, "a");
	CU_ASSERT(is_for(until_lease(k), "p:v1:probe:rekor."));
	fake_reply_integer(k, 5000);
	pass(k, 4900 * MS);
	CU_ASSERT(is_for(until_lease(k), "p:v1:probe:rekor."));
	client_release(&create);
	client_release(&c);
	fake_end(k);
}

static void test_a_lease_outlives_who_it_was_asked_for(void)
{
	struct fake *k = begin_in_an_outage();
	struct client c;
	sign(k, &c, "a");
	until_lease(k);
	client_release(&c);
	fake_reply_integer(k, -1);
	CU_ASSERT_EQUAL(k->s.on_wire, 0);
	pass(k, 2 * S);
	sign(k, &c, "b");
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	client_release(&c);
	pass(k, 4 * S); /* a probe interval from the last one */
	sign(k, &c, "c");
	CU_ASSERT_EQUAL(k->s.on_wire, 0);
	until_lease(k);
	client_release(&c);
	fake_end(k);
}

static void test_what_cannot_be_asked_for_needs_no_leave(void)
{
	struct fake *k = begin_in_an_outage();
	struct client c;
	sign(k, &c, "a");
	k->full = true;
	sim_wait(&k->s, 10 * S);
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	client_release(&c);
	fake_end(k);
}

/* The same for a create as the probe. */
static void test_a_probe_that_cannot_be_asked_for_needs_no_leave(void)
{
	struct fake *k = begin_in_an_outage();
	struct client create;
	fake_post_unknown(k, &create);
	k->full = true;
	sim_wait(&k->s, 10 * S);
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	client_release(&create);
	fake_end(k);
}

TEST_SUITE(relay_fleet_mint, TEST(test_one_certificate_a_lease), TEST(test_another_relay_has_the_lease),
	   TEST(test_without_redis_one_goes_as_for_a_relay_alone),
	   TEST(test_nobody_stays_put_off_when_redis_goes),
	   TEST(test_the_create_that_follows_takes_the_probe),
	   TEST(test_another_relays_certificate_keeps_no_create_from_probing),
	   TEST(test_a_create_in_line_needs_no_certificate), TEST(test_a_lease_outlives_who_it_was_asked_for),
	   TEST(test_what_cannot_be_asked_for_needs_no_leave),
	   TEST(test_a_probe_that_cannot_be_asked_for_needs_no_leave))
