#include "sim.h"

#include <string.h>

#include <sigrelay/base/log.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/sigstore/route.h>

#include "../sigstore/vectors.h"
#include "../unit.h"

static void take_out(struct sim *s, size_t i)
{
	s->on_wire--;
	memmove(&s->sent[i], &s->sent[i + 1], (s->on_wire - i) * sizeof(struct attempt *));
}

static void fake_send(void *wire, struct attempt *a, usec timeout)
{
	struct sim *s = wire;
	CU_ASSERT_FATAL(s->on_wire < SIM_SENT_MAX);
	s->sent[s->on_wire++] = a;
	s->most_on_wire = s->on_wire > s->most_on_wire ? s->on_wire : s->most_on_wire;
	s->sends++;
	s->timeout = timeout;
}

static void fake_cancel(void *wire, struct attempt *a)
{
	struct sim *s = wire;
	for (size_t i = 0; i < s->on_wire; i++) {
		if (s->sent[i] == a) {
			take_out(s, i);
			s->cancels++;
			return;
		}
	}
	CU_FAIL_FATAL("an attempt was cancelled that is not on the wire");
}

static const struct wire_ops fake_wire = { .send = fake_send, .cancel = fake_cancel };

void sim_init(struct sim *s)
{
	*s = (struct sim){
		.cfg = {
			.gate = {
				.breaker = { .failures = 1000, .window = 30 * S, .probe_interval = 5 * S, .probe_max = 60 * S },
				.retry_budget_floor = 1000,
				.retry_budget = 100,
				.max_in_flight = 128,
			},
			.backoff = { .base = 100 * MS, .throttle_base = S, .max = 10 * S },
			.attempt_timeout = 30 * S,
			.retry_for = 600 * S,
			.poll_interval = 100 * MS,
			.poll_max = 2 * S,
			.lookup_wait = 10 * S,
			.notafter_margin = 5 * S,
			.max_parked = 1000,
			.max_parked_memory = 1 << 20,
			.memory_entries = 100,
		},
	};
}

/* Lines are made, and thrown away. */
static void hush(void *arg, const char *line, size_t n)
{
	(void)arg;
	(void)line;
	(void)n;
}

enum status sim_up(struct sim *s, uint64_t seed)
{
	log_setup(LOG_DEBUG, LOG_TEXT);
	log_capture(hush, NULL);
	struct instant now = { .mono = 1000 * S, .wall = SIM_WALL_SECONDS * S };
	enum status st = relay_init(&s->r, &s->cfg, &fake_wire, s, seed, now);
	if (st != STATUS_OK)
		return st;
	st = flights_init(&s->r);
	if (st != STATUS_OK) {
		flights_release(&s->r);
		relay_release(&s->r);
	}
	return st;
}

void sim_down(struct sim *s)
{
	CU_ASSERT_EQUAL(s->r.exchanges, 0);
	flights_release(&s->r);
	relay_release(&s->r);
	log_capture(NULL, NULL);
	log_setup(LOG_INFO, LOG_TEXT);
	CU_ASSERT_EQUAL(s->on_wire, 0);
}

void sim_set_now(struct sim *s, struct instant now)
{
	if (relay_set_now(&s->r, now))
		flights_clock_set(&s->r);
}

static void move_clock(struct sim *s, usec to)
{
	struct instant now = s->r.now;
	now.wall += to - now.mono;
	now.mono = to;
	sim_set_now(s, now);
}

void sim_wait(struct sim *s, usec t)
{
	usec end = s->r.now.mono + t;
	unsigned still = 0;
	for (usec next; (next = timers_next(&s->r.timers)) <= end;) {
		/* A timer set again and again for now would be a busy loop. */
		still = next > s->r.now.mono ? 0 : still + 1;
		CU_ASSERT_FATAL(still < 10000);
		move_clock(s, usec_max(next, s->r.now.mono));
		relay_run_timers(&s->r);
	}
	move_clock(s, end);
}

void sim_fail(struct sim *s, size_t i, enum transport t)
{
	CU_ASSERT_FATAL(i < s->on_wire);
	struct attempt *a = s->sent[i];
	take_out(s, i);
	a->done(a, t, NULL, "the test says so");
}

void sim_answer(struct sim *s, size_t i, int status, const char *head, struct slice body)
{
	CU_ASSERT_FATAL(i < s->on_wire);
	struct answer *answer = answer_new(status, (size_t)1 << 20);
	if (!answer || buf_add_str(&answer->head, head) != STATUS_OK ||
	    buf_add_slice(&answer->body, body) != STATUS_OK) {
		answer_unref(answer);
		sim_fail(s, i, TRANSPORT_TRUNCATED);
		return;
	}
	struct attempt *a = s->sent[i];
	take_out(s, i);
	a->done(a, TRANSPORT_DONE, answer, "");
}

static enum status fill(struct request *q, struct slice body, const char *user_agent)
{
	enum status st = request_add_header(q, "Content-Type", "application/json");
	if (st == STATUS_OK && user_agent)
		st = request_add_header(q, "User-Agent", user_agent);
	if (st == STATUS_OK)
		st = request_seal(q, 7);
	if (st != STATUS_OK || !body.n)
		return st;
	q->body = mem_alloc(body.n);
	if (!q->body)
		return STATUS_NO_MEMORY;
	memcpy(q->body, body.p, body.n);
	q->body_size = body.n;
	return STATUS_OK;
}

struct request *sim_request(const char *method, const char *target, struct slice body, const char *user_agent)
{
	struct route route = route_of(slice_str(method), slice_str(target));
	struct request *q = NULL;
	CU_ASSERT_EQUAL_FATAL(route.kind, ROUTE_FORWARD);
	if (request_new(&q, &route,
			*method == 'G'   ? METHOD_GET
			: *method == 'H' ? METHOD_HEAD
					 : METHOD_POST) != STATUS_OK)
		return NULL;
	if (fill(q, body, user_agent) != STATUS_OK) {
		request_unref(q);
		return NULL;
	}
	return q;
}

static void on_answer(struct exchange *x, struct answer *answer)
{
	struct client *c = x->owner;
	CU_ASSERT(!c->abandoned);
	c->answers++;
	if (answer && !c->answer)
		c->answer = answer_ref(answer);
}

void client_start(struct client *c, struct sim *s, struct request *q)
{
	*c = (struct client){ .started = true };
	exchange_start(&c->x, &s->r, q, on_answer, c);
	request_unref(q);
}

void client_leave(struct client *c)
{
	if (!c->started || c->answers || c->abandoned)
		return;
	c->abandoned = true;
	exchange_abandon(&c->x);
}

void client_release(struct client *c)
{
	client_leave(c);
	answer_unref(c->answer);
	*c = (struct client){ .started = false };
}

bool client_heard(const struct client *c, int status)
{
	return c->answers == 1 && c->answer && c->answer->status == status;
}

struct slice sim_posted(void)
{
	static struct slice posted;
	if (!posted.n)
		posted = vector("hashedrekord_key.posted.json");
	return posted;
}

struct slice sim_entry(void)
{
	static struct slice entry;
	if (!entry.n)
		entry = vector("hashedrekord_key.entry.json");
	return entry;
}
