/* The fleet on a fake link, in virtual time: no Redis, no socket. */
#include <sigrelay/relay/fleet.h>

#include <stdio.h>
#include <string.h>

#include <sigrelay/relay/flight.h>

#include "../sigstore/vectors.h"
#include "../unit.h"
#include "sim.h"

#define NOTHING SLICE_LIT("")
#define ASKED_MAX 32
#define TIMEOUT (50 * MS)

enum kind { LOOK, TELL, LEASE, TOKENS, CREATE, OTHER };

struct asked {
	enum kind kind;
	char words[8][400]; /* those after the script */
	size_t count;
};

struct fake {
	struct sim s;
	struct fleet *f;
	struct asked asked[ASKED_MAX]; /* not answered, oldest first */
	size_t n, ever;
	size_t connects, drops;
	bool connected;
};

static void link_connect(void *link)
{
	struct fake *k = link;
	k->connects++;
}

static enum kind kind_of(const struct slice *words, size_t count)
{
	static const char *const telling[] = { "ZADD", "'doubt'", "SET', KEYS[1], ARGV[1], 'NX'", "HMGET",
					       "local leaf" };
	if (count < 2 || !slice_eq_str(words[0], "EVAL"))
		return OTHER;
	if (slice_contains(words[1], telling[0]))
		return LOOK;
	if (slice_contains(words[1], telling[2]))
		return LEASE;
	if (slice_contains(words[1], telling[3]))
		return TOKENS;
	return slice_contains(words[1], telling[4]) ? CREATE : TELL;
}

static enum status link_command(void *link, const struct slice *words, size_t count)
{
	struct fake *k = link;
	CU_ASSERT_FATAL(k->connected && k->n < ASKED_MAX);
	struct asked *a = &k->asked[k->n++];
	*a = (struct asked){ .kind = kind_of(words, count) };
	for (size_t i = a->kind == OTHER ? 0 : 2; i < count && a->count < 8; i++)
		snprintf(a->words[a->count++], sizeof(a->words[0]), "%.*s", (int)words[i].n, words[i].p);
	k->ever++;
	return STATUS_OK;
}

static void link_drop(void *link)
{
	struct fake *k = link;
	k->drops++;
	k->connected = false;
	k->n = 0;
}

static const struct fleet_link_ops ops = { link_connect, link_command, link_drop };

static void reply(struct fake *k, const struct fleet_reply *r)
{
	CU_ASSERT_FATAL(k->n > 0);
	memmove(&k->asked[0], &k->asked[1], --k->n * sizeof(k->asked[0]));
	fleet_replied(k->f, r);
}

static void reply_integer(struct fake *k, int64_t n)
{
	reply(k, &(struct fleet_reply){ .value = { .type = FLEET_INTEGER, .integer = n } });
}

static void reply_text(struct fake *k, struct slice text)
{
	reply(k, &(struct fleet_reply){ .value = { .type = FLEET_TEXT, .text = text } });
}

static void reply_error(struct fake *k, const char *text)
{
	reply(k, &(struct fleet_reply){ .value = { .type = FLEET_ERROR, .text = slice_str(text) } });
}

static void reply_tokens(struct fake *k, int64_t n, int64_t ms)
{
	struct fleet_reply r = { .value = { .type = FLEET_ARRAY }, .count = 2 };
	r.item[0] = (struct fleet_value){ .type = FLEET_INTEGER, .integer = n };
	r.item[1] = (struct fleet_value){ .type = FLEET_INTEGER, .integer = ms };
	reply(k, &r);
}

#define NOW_MS 1795500060000
/* Of a look, with a word for the write side of the log. */
static void reply_look(struct fake *k, unsigned relays, const char *word)
{
	struct fleet_reply r = { .value = { .type = FLEET_ARRAY }, .count = 8 };
	CU_ASSERT_EQUAL_FATAL(k->asked[0].kind, LOOK);
	r.item[0] = (struct fleet_value){ .type = FLEET_INTEGER, .integer = relays };
	r.item[1] = (struct fleet_value){ .type = FLEET_INTEGER, .integer = NOW_MS };
	for (size_t i = 2; i < r.count; i++)
		r.item[i] = (struct fleet_value){ .type = FLEET_TEXT, .text = slice_str(i == 3 ? word : "") };
	reply(k, &r);
}

static void connect_now(struct fake *k)
{
	k->connected = true;
	k->n = 0;
	fleet_connected(k->f);
}

/* Connected, and the first look answered. */
static void up(struct fake *k)
{
	static const struct fleet_config cfg = { .prefix = "p",
						 .timeout = TIMEOUT,
						 .url = { "a", "b", "c" } };
	k->s.cfg.gate.breaker.failures = 2;
	CU_ASSERT_EQUAL_FATAL(sim_up(&k->s, 5), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(fleet_new(&k->f, &k->s.r, &cfg, &ops, k), STATUS_OK);
	sim_wait(&k->s, 1);
	CU_ASSERT_EQUAL_FATAL(k->connects, 1);
	connect_now(k);
	reply_look(k, 2, "");
	CU_ASSERT_TRUE_FATAL(fleet_status(k->f).up);
}

static struct fake *begin(void)
{
	static struct fake k;
	memset(&k, 0, sizeof(k));
	sim_init(&k.s);
	return &k;
}

static void end(struct fake *k)
{
	flights_cancel(&k->s.r);
	fleet_free(k->f);
	sim_down(&k->s);
}

/* Until a command of that kind is out; looks on the way are answered with this word. */
static struct asked *until_asked(struct fake *k, enum kind kind, const char *word, usec most)
{
	usec stop = k->s.r.now.mono + most;
	while (k->s.r.now.mono < stop) {
		if (k->n && k->asked[0].kind == kind)
			return &k->asked[0];
		if (k->n && k->asked[0].kind == LOOK)
			reply_look(k, 2, word);
		else
			sim_wait(&k->s, 10 * MS);
	}
	CU_FAIL_FATAL("it was not asked");
	return NULL;
}

static enum breaker_state state(const struct fake *k)
{
	return relay_breaker(&k->s.r, SERVICE_REKOR, SIDE_WRITE);
}

static void post(struct fake *k, struct client *c)
{
	client_start(c, &k->s, sim_request("POST", SIM_CREATE, sim_posted(), NULL));
}

/* Nobody knows the create: it goes to the log. */
static void post_unknown(struct fake *k, struct client *c)
{
	post(k, c);
	CU_ASSERT_EQUAL_FATAL(until_asked(k, CREATE, "", S)->kind, CREATE);
	reply(k, &(struct fleet_reply){ .value = { .type = FLEET_NIL } });
}

static void go_down(struct fake *k, struct client *c)
{
	post_unknown(k, c);
	for (int i = 0; i < 40 && state(k) == BREAKER_CLOSED; i++) {
		if (k->s.on_wire)
			sim_answer(&k->s, 0, 502, "", NOTHING);
		else if (k->n && k->asked[0].kind == LOOK)
			reply_look(k, 2, "");
		else
			sim_wait(&k->s, 20 * MS);
	}
	CU_ASSERT_EQUAL_FATAL(state(k), BREAKER_OPEN);
}

static void test_a_create_waits_for_redis_no_longer_than_the_timeout(void)
{
	struct fake *k = begin();
	struct client c;
	up(k);
	post(k, &c);
	CU_ASSERT_EQUAL(k->s.on_wire, 0);
	sim_wait(&k->s, TIMEOUT - 1);
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
	end(k);
}

static void test_a_late_reply_is_the_way_back(void)
{
	struct fake *k = begin();
	struct client c;
	up(k);
	post(k, &c);
	sim_wait(&k->s, TIMEOUT);
	CU_ASSERT_FALSE(fleet_status(k->f).up);
	size_t ever = k->ever;
	sim_wait(&k->s, 300 * MS);
	CU_ASSERT_EQUAL(k->ever, ever); /* nothing more is asked of one that is silent */
	reply(k, &(struct fleet_reply){ .value = { .type = FLEET_NIL } });
	until_asked(k, LOOK, "", S);
	reply_look(k, 2, "");
	CU_ASSERT_TRUE(fleet_status(k->f).up);
	CU_ASSERT_EQUAL(k->drops, 0);
	client_release(&c);
	end(k);
}

static void test_a_silent_connection_is_given_up_and_made_anew(void)
{
	struct fake *k = begin();
	up(k);
	sim_wait(&k->s, 3 * S); /* the next look is never answered */
	CU_ASSERT_FALSE(fleet_status(k->f).up);
	CU_ASSERT_EQUAL(k->drops, 1 + (k->connects - 2));
	CU_ASSERT(k->connects >= 2);
	connect_now(k);
	reply_look(k, 2, "");
	CU_ASSERT_TRUE(fleet_status(k->f).up);
	end(k);
}

static void test_connecting_again_backs_off(void)
{
	struct fake *k = begin();
	up(k);
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
	end(k);
}

static void test_an_error_is_the_end_of_trust(void)
{
	struct fake *k = begin();
	struct client c;
	up(k);
	post(k, &c);
	reply_error(k, "OOM command not allowed");
	CU_ASSERT_FALSE(fleet_status(k->f).up);
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	until_asked(k, LOOK, "", S);
	reply_look(k, 1, "");
	CU_ASSERT_TRUE(fleet_status(k->f).up);
	client_release(&c);
	end(k);
}

static void test_own_slowness_is_not_taken_for_redis(void)
{
	struct fake *k = begin();
	struct client c;
	up(k);
	post(k, &c);
	/* The loop was away for a second: its reply may have come in long ago. */
	struct instant late = k->s.r.now;
	late.mono += S;
	late.wall += S;
	relay_set_now(&k->s.r, late);
	relay_run_timers(&k->s.r);
	CU_ASSERT_TRUE(fleet_status(k->f).up);
	reply(k, &(struct fleet_reply){ .value = { .type = FLEET_NIL } });
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	CU_ASSERT_TRUE(fleet_status(k->f).up);
	client_release(&c);
	end(k);
}

static void test_an_entry_of_another_relay_is_the_answer(void)
{
	struct fake *k = begin();
	struct client c;
	up(k);
	post(k, &c);
	CU_ASSERT_EQUAL(k->asked[0].kind, CREATE);
	CU_ASSERT_PTR_NOT_NULL(strstr(k->asked[0].words[1], "p:v1:create:"));
	reply_text(k, sim_entry());
	CU_ASSERT(client_heard(&c, 201));
	CU_ASSERT(slice_eq_str(answer_header(c.answer, "ETag"), SIM_ID));
	CU_ASSERT_EQUAL(k->s.sends, 0);
	client_release(&c);
	end(k);
}

static void test_what_redis_says_is_judged(void)
{
	static const char *const junk[] = { "{}", "{\"a\":{}}", "junk", "{", "" };
	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]) + 1; i++) {
		struct fake *k = begin();
		struct client c;
		up(k);
		post(k, &c);
		/* A true entry, and not the one that was posted, is junk too. */
		reply_text(k, i < 5 ? slice_str(junk[i]) : vector("dsse.entry.json"));
		CU_ASSERT_EQUAL(c.answers, 0);
		CU_ASSERT_EQUAL(k->s.on_wire, 1);
		sim_answer(&k->s, 0, 201, SIM_CREATED, sim_entry());
		CU_ASSERT(client_heard(&c, 201));
		client_release(&c);
		end(k);
	}
}

static void test_a_create_that_ended_is_told(void)
{
	struct fake *k = begin();
	struct client c;
	up(k);
	post_unknown(k, &c);
	sim_answer(&k->s, 0, 201, SIM_CREATED, sim_entry());
	CU_ASSERT(client_heard(&c, 201));
	CU_ASSERT_EQUAL_FATAL(k->n, 2);
	CU_ASSERT_STRING_EQUAL(k->asked[0].words[0], "SET");
	CU_ASSERT_STRING_EQUAL(k->asked[0].words[1], "p:v1:entry:" SIM_LEAF);
	CU_ASSERT_STRING_EQUAL(k->asked[0].words[3], "EX");
	CU_ASSERT_STRING_EQUAL(k->asked[0].words[4], "900");
	CU_ASSERT_STRING_EQUAL(k->asked[1].words[2], SIM_LEAF);
	client_release(&c);
	end(k);
}

static void test_a_queued_entry_is_waited_for_like_a_known_one(void)
{
	struct fake *k = begin();
	struct client c;
	up(k);
	client_start(&c, &k->s, sim_request("GET", SIM_GET, NOTHING, NULL));
	CU_ASSERT_STRING_EQUAL_FATAL(k->asked[0].words[1], "p:v1:entry:" SIM_LEAF);
	reply_text(k, SLICE_LIT(SIM_ID));
	CU_ASSERT_TRUE(memory_knows(&k->s.r.memory, SLICE_LIT(SIM_ID)));
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	client_release(&c);
	end(k);
}

static void test_own_outage_is_told_and_its_end(void)
{
	struct fake *k = begin();
	struct client c;
	up(k);
	go_down(k, &c);
	struct asked *a = until_asked(k, TELL, "", S);
	CU_ASSERT_PTR_NOT_NULL(strstr(a->words[1], "p:v1:outage:rekor."));
	CU_ASSERT_STRING_EQUAL(a->words[4], "down");
	CU_ASSERT_STRING_EQUAL(a->words[6], "0");
	reply_integer(k, 1);
	until_asked(k, LEASE, "down 5000 1795500059000", 20 * S);
	CU_ASSERT_EQUAL(k->s.on_wire, 0);
	reply_integer(k, -1);
	CU_ASSERT_EQUAL_FATAL(k->s.on_wire, 1);
	sim_answer(&k->s, 0, 201, SIM_CREATED, sim_entry());
	CU_ASSERT_EQUAL(state(k), BREAKER_CLOSED);
	CU_ASSERT_STRING_EQUAL(until_asked(k, TELL, "", S)->words[4], "up");
	client_release(&c);
	end(k);
}

static void test_another_has_the_lease(void)
{
	struct fake *k = begin();
	struct client c;
	up(k);
	go_down(k, &c);
	until_asked(k, TELL, "", S);
	reply_integer(k, 1);
	until_asked(k, LEASE, "down 5000 1795500059000", 20 * S);
	reply_integer(k, 3000);
	usec begun = k->s.r.now.mono;
	CU_ASSERT_EQUAL(k->s.on_wire, 0);
	until_asked(k, LEASE, "down 5000 1795500059000", 20 * S);
	CU_ASSERT(k->s.r.now.mono - begun >= 3 * S);
	CU_ASSERT(k->s.r.now.mono - begun <= 4 * S);
	/* No answer: the probe goes out alone. */
	sim_wait(&k->s, TIMEOUT);
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	client_release(&c);
	end(k);
}

static void test_no_lease_is_taken_for_nobody(void)
{
	struct fake *k = begin();
	up(k);
	sim_wait(&k->s, FLEET_LOOK);
	reply_look(k, 2, "down 5000 1795500060000");
	CU_ASSERT_EQUAL(state(k), BREAKER_OPEN);
	for (int i = 0; i < 100; i++) {
		sim_wait(&k->s, 100 * MS);
		CU_ASSERT(!k->n || k->asked[0].kind == LOOK);
		if (k->n)
			reply_look(k, 2, "down 5000 1795500060000");
	}
	end(k);
}

static void test_outage_of_others_opens_and_closes(void)
{
	struct fake *k = begin();
	struct client c;
	up(k);
	sim_wait(&k->s, FLEET_LOOK);
	reply_look(k, 2, "down 20000 1795500060000");
	CU_ASSERT_EQUAL(state(k), BREAKER_OPEN);
	const struct breaker *b = &k->s.r.upstream[SERVICE_REKOR].gate.breaker[SIDE_WRITE];
	CU_ASSERT_EQUAL(b->interval, 20 * S);
	CU_ASSERT_EQUAL(relay_breaker(&k->s.r, SERVICE_REKOR, SIDE_READ), BREAKER_CLOSED);
	post_unknown(k, &c);
	CU_ASSERT_EQUAL(k->s.on_wire, 0);
	/* A Redis that has forgotten says nothing, nor does an old word. */
	until_asked(k, LOOK, "", S);
	reply_look(k, 2, "");
	CU_ASSERT_EQUAL(state(k), BREAKER_OPEN);
	until_asked(k, LOOK, "", S);
	reply_look(k, 2, "up 0 1795500000000");
	CU_ASSERT_EQUAL(state(k), BREAKER_OPEN);
	until_asked(k, LOOK, "", S);
	reply_look(k, 2, "up 0 1795500060000");
	CU_ASSERT_EQUAL(state(k), BREAKER_CLOSED);
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	client_release(&c);
	end(k);
}

static void test_a_flush_makes_the_finder_speak_again(void)
{
	struct fake *k = begin();
	struct client c;
	up(k);
	go_down(k, &c);
	until_asked(k, TELL, "", S);
	reply_integer(k, 1);
	until_asked(k, LOOK, "", S);
	reply_look(k, 2, "down 5000 1795500060000");
	until_asked(k, LOOK, "", S);
	reply_look(k, 2, "");
	CU_ASSERT_EQUAL(state(k), BREAKER_OPEN);
	CU_ASSERT_EQUAL_FATAL(k->asked[0].kind, TELL);
	CU_ASSERT_STRING_EQUAL(k->asked[0].words[4], "down");
	client_release(&c);
	end(k);
}

static void test_who_opens_again_after_good_news_is_in_doubt(void)
{
	struct fake *k = begin();
	struct client c;
	up(k);
	go_down(k, &c);
	until_asked(k, TELL, "", S);
	reply_integer(k, 1);
	until_asked(k, LOOK, "", S);
	reply_look(k, 2, "up 0 1795500060000");
	CU_ASSERT_EQUAL(state(k), BREAKER_CLOSED);
	for (int i = 0; i < 100 && state(k) == BREAKER_CLOSED; i++) {
		if (k->s.on_wire)
			sim_answer(&k->s, 0, 502, "", NOTHING);
		else if (k->n && k->asked[0].kind == LOOK)
			reply_look(k, 2, "up 0 1795500060000");
		else
			sim_wait(&k->s, 50 * MS);
	}
	CU_ASSERT_EQUAL_FATAL(state(k), BREAKER_OPEN);
	CU_ASSERT_STRING_EQUAL(until_asked(k, TELL, "", S)->words[6], "1");
	reply_integer(k, 0);
	/* It probes by itself, and nobody's good news closes it. */
	CU_ASSERT_FALSE(k->s.r.upstream[SERVICE_REKOR].gate.breaker[SIDE_WRITE].by_lease);
	until_asked(k, LOOK, "", S);
	reply_look(k, 2, "up 0 1795500060000");
	CU_ASSERT_EQUAL(state(k), BREAKER_OPEN);
	/* Until another finds the same. */
	until_asked(k, TELL, "", S);
	reply_integer(k, 1);
	until_asked(k, LOOK, "", S);
	reply_look(k, 2, "down 5000 1795500060000");
	CU_ASSERT_TRUE(k->s.r.upstream[SERVICE_REKOR].gate.breaker[SIDE_WRITE].by_lease);
	client_release(&c);
	end(k);
}

static void test_tokens_are_borrowed_by_demand(void)
{
	struct fake *k = begin();
	struct client c;
	k->s.cfg.gate.rate_per_minute = 600;
	k->s.cfg.gate.rate_burst = 10;
	up(k);
	CU_ASSERT_EQUAL(k->n, 0);
	client_start(&c, &k->s, sim_request("GET", "/api/v1/log", NOTHING, NULL));
	CU_ASSERT_EQUAL_FATAL(k->asked[0].kind, TOKENS);
	CU_ASSERT_STRING_EQUAL(k->asked[0].words[4], "1");
	reply_tokens(k, 0, 200);
	CU_ASSERT_EQUAL(k->s.on_wire, 0);
	until_asked(k, TOKENS, "", S);
	reply_tokens(k, 1, 0);
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	sim_answer(&k->s, 0, 429, "", NOTHING);
	CU_ASSERT_STRING_EQUAL(until_asked(k, TOKENS, "", S)->words[5], "throttled");
	client_release(&c);
	end(k);
}

static void test_without_redis_the_rate_is_shared_by_those_last_seen(void)
{
	struct fake *k = begin();
	struct client c;
	k->s.cfg.gate.rate_per_minute = 600;
	k->s.cfg.gate.rate_burst = 10;
	up(k);
	client_start(&c, &k->s, sim_request("GET", "/api/v1/log", NOTHING, NULL));
	sim_wait(&k->s, TIMEOUT);
	CU_ASSERT_EQUAL(k->s.on_wire, 1); /* at once */
	CU_ASSERT_EQUAL(k->s.r.upstream[SERVICE_REKOR].gate.bucket.relays, 2);
	client_release(&c);
	end(k);
}

static void test_a_reply_of_the_wrong_kind_is_no_redis(void)
{
	struct fake *k = begin();
	struct client c;
	k->s.cfg.gate.rate_per_minute = 600;
	up(k);
	client_start(&c, &k->s, sim_request("GET", "/api/v1/log", NOTHING, NULL));
	CU_ASSERT_EQUAL_FATAL(k->asked[0].kind, TOKENS);
	reply_text(k, SLICE_LIT("many"));
	CU_ASSERT_FALSE(fleet_status(k->f).up);
	CU_ASSERT_EQUAL(k->s.on_wire, 1);
	client_release(&c);
	end(k);
}

static void test_a_reply_that_nobody_asked_for_ends_the_connection(void)
{
	struct fake *k = begin();
	up(k);
	fleet_replied(k->f, &(struct fleet_reply){ .value = { .type = FLEET_NIL } });
	CU_ASSERT_EQUAL(k->drops, 1);
	CU_ASSERT_FALSE(fleet_status(k->f).up);
	end(k);
}

static void test_a_client_that_leaves_takes_its_question_along(void)
{
	struct fake *k = begin();
	struct client c;
	up(k);
	client_start(&c, &k->s, sim_request("GET", SIM_GET, NOTHING, NULL));
	client_release(&c);
	reply_text(k, sim_entry());
	CU_ASSERT_EQUAL(k->s.sends, 0);
	CU_ASSERT_TRUE(fleet_status(k->f).up);
	end(k);
}

/* Every allocation fails in turn: what is lost is the fleet's help, never an answer. */
static void without_memory(void *arg)
{
	static const struct fleet_config cfg = { .prefix = "p",
						 .timeout = TIMEOUT,
						 .url = { "a", "b", "c" } };
	struct fake *k = begin();
	struct client c = { .started = false };
	(void)arg;
	if (sim_up(&k->s, 5) != STATUS_OK)
		return;
	if (fleet_new(&k->f, &k->s.r, &cfg, &ops, k) == STATUS_OK) {
		struct request *q = sim_request("POST", SIM_CREATE, sim_posted(), NULL);
		sim_wait(&k->s, 1);
		connect_now(k);
		if (k->n)
			reply_look(k, 2, "");
		if (q)
			client_start(&c, &k->s, q);
		if (k->n && k->asked[0].kind == CREATE)
			reply_text(k, sim_entry());
		if (k->s.on_wire)
			sim_answer(&k->s, 0, 201, SIM_CREATED, sim_entry());
		sim_wait(&k->s, 700 * S);
		CU_ASSERT(!q || c.answers == 1);
	}
	client_release(&c);
	end(k);
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
	   TEST(test_a_flush_makes_the_finder_speak_again),
	   TEST(test_who_opens_again_after_good_news_is_in_doubt), TEST(test_tokens_are_borrowed_by_demand),
	   TEST(test_without_redis_the_rate_is_shared_by_those_last_seen),
	   TEST(test_a_reply_of_the_wrong_kind_is_no_redis),
	   TEST(test_a_reply_that_nobody_asked_for_ends_the_connection),
	   TEST(test_a_client_that_leaves_takes_its_question_along), TEST(test_without_memory))
