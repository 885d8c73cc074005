#include "fleet_fake.h"

#include <stdio.h>
#include <string.h>

#include "../unit.h"

#define NOW_MS 1795500060000

static void link_connect(void *link)
{
	struct fake *k = link;
	k->connects++;
}

static enum kind kind_of(const struct slice *words, size_t count)
{
	static const char *const telling[] = { "ZADD", "'doubt'", "#KEYS, 1, -1", "HMGET", "local leaf" };
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
	if (k->full)
		return STATUS_NO_MEMORY;
	CU_ASSERT_FATAL(k->connected && k->n < ASKED_MAX);
	struct asked *a = &k->asked[k->n++];
	*a = (struct asked){ .kind = kind_of(words, count) };
	for (size_t i = a->kind == OTHER ? 0 : 2; i < count && a->count < ASKED_WORDS; i++)
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

const struct fleet_link_ops fake_ops = { link_connect, link_command, link_drop };

void fake_reply(struct fake *k, const struct fleet_reply *r)
{
	CU_ASSERT_FATAL(k->n > 0);
	memmove(&k->asked[0], &k->asked[1], --k->n * sizeof(k->asked[0]));
	fleet_replied(k->f, r);
}

void fake_reply_integer(struct fake *k, int64_t n)
{
	fake_reply(k, &(struct fleet_reply){ .value = { .type = FLEET_INTEGER, .integer = n } });
}

void fake_reply_text(struct fake *k, struct slice text)
{
	fake_reply(k, &(struct fleet_reply){ .value = { .type = FLEET_TEXT, .text = text } });
}

void fake_reply_error(struct fake *k, const char *text)
{
	fake_reply(k, &(struct fleet_reply){ .value = { .type = FLEET_ERROR, .text = slice_str(text) } });
}

void fake_reply_tokens(struct fake *k, int64_t n, int64_t ms)
{
	struct fleet_reply r = { .value = { .type = FLEET_ARRAY }, .count = 2 };
	r.item[0] = (struct fleet_value){ .type = FLEET_INTEGER, .integer = n };
	r.item[1] = (struct fleet_value){ .type = FLEET_INTEGER, .integer = ms };
	fake_reply(k, &r);
}

void fake_reply_look(struct fake *k, unsigned relays, const char *word)
{
	struct fleet_reply r = { .value = { .type = FLEET_ARRAY }, .count = 8 };
	CU_ASSERT_EQUAL_FATAL(k->asked[0].kind, LOOK);
	r.item[0] = (struct fleet_value){ .type = FLEET_INTEGER, .integer = relays };
	r.item[1] = (struct fleet_value){ .type = FLEET_INTEGER, .integer = NOW_MS };
	for (size_t i = 2; i < r.count; i++)
		r.item[i] = (struct fleet_value){ .type = FLEET_TEXT, .text = slice_str(i == 3 ? word : "") };
	fake_reply(k, &r);
}

void fake_connect_now(struct fake *k)
{
	k->connected = true;
	k->n = 0;
	fleet_connected(k->f);
}

void fake_up(struct fake *k)
{
	static const struct fleet_config cfg = { .prefix = "p",
						 .timeout = FAKE_TIMEOUT,
						 .url = { "a", "b", "c" } };
	k->s.cfg.gate.breaker.failures = 2;
	CU_ASSERT_EQUAL_FATAL(sim_up(&k->s, 5), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(fleet_new(&k->f, &k->s.r, &cfg, &fake_ops, k), STATUS_OK);
	sim_wait(&k->s, 1);
	CU_ASSERT_EQUAL_FATAL(k->connects, 1);
	fake_connect_now(k);
	fake_reply_look(k, 2, "");
	CU_ASSERT_TRUE_FATAL(fleet_status(k->f).up);
}

struct fake *fake_begin(void)
{
	static struct fake k;
	memset(&k, 0, sizeof(k));
	sim_init(&k.s);
	return &k;
}

void fake_end(struct fake *k)
{
	flights_cancel(&k->s.r);
	fleet_free(k->f);
	sim_down(&k->s);
}

struct asked *fake_until_asked(struct fake *k, enum kind kind, const char *word, usec most)
{
	usec stop = k->s.r.now.mono + most;
	while (k->s.r.now.mono < stop) {
		if (k->n && k->asked[0].kind == kind)
			return &k->asked[0];
		if (k->n && k->asked[0].kind == LOOK)
			fake_reply_look(k, 2, word);
		else
			sim_wait(&k->s, 10 * MS);
	}
	CU_FAIL_FATAL("it was not asked");
	return NULL;
}

enum breaker_state fake_state(const struct fake *k)
{
	return relay_breaker(&k->s.r, SERVICE_REKOR, SIDE_WRITE);
}

void fake_post(struct fake *k, struct client *c)
{
	client_start(c, &k->s, sim_request("POST", SIM_CREATE, sim_posted(), NULL));
}

void fake_post_unknown(struct fake *k, struct client *c)
{
	fake_post(k, c);
	fake_until_asked(k, CREATE, "", S);
	fake_reply(k, &(struct fleet_reply){ .value = { .type = FLEET_NIL } });
}

void fake_go_down(struct fake *k, struct client *c)
{
	fake_post_unknown(k, c);
	for (int i = 0; i < 40 && fake_state(k) == BREAKER_CLOSED; i++) {
		if (k->s.on_wire)
			sim_answer(&k->s, 0, 502, "", NOTHING);
		else if (k->n && k->asked[0].kind == LOOK)
			fake_reply_look(k, 2, "");
		else
			sim_wait(&k->s, 20 * MS);
	}
	CU_ASSERT_EQUAL_FATAL(fake_state(k), BREAKER_OPEN);
}
