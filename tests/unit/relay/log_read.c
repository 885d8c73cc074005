/* What `run` asks of a relay: a read of the log of its own, and whether Sigstore
 * failed anybody. */
#include <sigrelay/relay/log_read.h>

#include "../unit.h"
#include "sim.h"

#define NOTHING SLICE_LIT("")
#define LOG_INFO_BODY SLICE_LIT("{\"treeSize\":1,\"rootHash\":\"00\"}")

struct told {
	unsigned good, bad;
};

static void tell(void *arg, bool good)
{
	struct told *t = arg;
	*(good ? &t->good : &t->bad) += 1;
}

static void up(struct sim *s)
{
	sim_init(s);
	CU_ASSERT_EQUAL_FATAL(sim_up(s, 1), STATUS_OK);
}

static void test_one_read_and_no_write(void)
{
	struct sim s;
	struct log_read l = { .going = false };
	struct told t = { 0 };
	up(&s);
	CU_ASSERT_EQUAL(log_read_begin(&l, &s.r, tell, &t), STATUS_OK);
	CU_ASSERT_EQUAL(log_read_begin(&l, &s.r, tell, &t), STATUS_OK); /* goes already */
	CU_ASSERT_EQUAL_FATAL(s.on_wire, 1);
	CU_ASSERT_EQUAL(s.sent[0]->request->method, METHOD_GET);
	CU_ASSERT_STRING_EQUAL(s.sent[0]->request->target, "/api/v1/log");
	sim_answer(&s, 0, 200, "", LOG_INFO_BODY);
	CU_ASSERT_TRUE(t.good == 1 && t.bad == 0 && !l.going);
	sim_down(&s);
}

static void read_again(struct sim *s, struct told *t)
{
	struct log_read l = { .going = false };
	CU_ASSERT_EQUAL(log_read_begin(&l, &s->r, tell, t), STATUS_OK);
	log_read_cancel(&l);
}

static void test_one_answer_is_enough_for_a_probe_interval(void)
{
	struct sim s;
	struct log_read a = { .going = false }, b = { .going = false };
	struct client c;
	struct told t = { 0 };
	up(&s);
	CU_ASSERT_EQUAL(log_read_begin(&a, &s.r, tell, &t), STATUS_OK);
	sim_wait(&s, 20 * MS);
	CU_ASSERT_EQUAL(log_read_begin(&b, &s.r, tell, &t), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(s.on_wire, 1); /* two wait for it */
	sim_answer(&s, 0, 200, "", LOG_INFO_BODY);
	CU_ASSERT_EQUAL(t.good, 2);
	sim_wait(&s, s.cfg.gate.breaker.probe_interval - 100 * MS);
	read_again(&s, &t);
	CU_ASSERT_TRUE(t.good == 3 && s.sends == 1);
	/* A client that does not say so gets the log's own word of now. */
	client_start(&c, &s, sim_request("GET", "/api/v1/log", NOTHING, NULL));
	CU_ASSERT_EQUAL(s.sends, 2);
	client_leave(&c);
	sim_wait(&s, 200 * MS);
	read_again(&s, &t);
	CU_ASSERT_TRUE(t.good == 3 && s.sends == 3);
	client_release(&c);
	sim_down(&s);
}

static void test_no_answer_is_good_beyond_an_outage(void)
{
	struct sim s;
	struct told t = { 0 };
	struct log_read l = { .going = false };
	sim_init(&s);
	s.cfg.gate.breaker.probe_interval = s.cfg.gate.breaker.probe_max = 60 * S;
	CU_ASSERT_EQUAL_FATAL(sim_up(&s, 1), STATUS_OK);
	CU_ASSERT_EQUAL(log_read_begin(&l, &s.r, tell, &t), STATUS_OK);
	sim_answer(&s, 0, 200, "", LOG_INFO_BODY);
	sim_wait(&s, S);
	relay_hear(&s.r, SERVICE_REKOR, SIDE_READ, 60 * S, "down");
	read_again(&s, &t);
	CU_ASSERT_EQUAL(t.good, 1); /* while it lasts */
	sim_wait(&s, S);
	relay_hear_back(&s.r, SERVICE_REKOR, SIDE_READ, "back");
	sim_wait(&s, S);
	read_again(&s, &t);
	CU_ASSERT_TRUE(t.good == 1 && s.sends == 2); /* nor after it */
	sim_down(&s);
}

static struct request *content_with(unsigned seconds)
{
	char value[24];
	struct request *q = sim_request("GET", "/api/v1/log", NOTHING, NULL);
	snprintf(value, sizeof(value), "max-age=%u", seconds);
	CU_ASSERT_EQUAL_FATAL(request_add_header(q, "Cache-Control", value), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(request_seal(q, 1), STATUS_OK);
	return q;
}

static void test_an_answer_tells_its_age_and_is_not_aged_twice(void)
{
	struct sim s;
	struct client c;
	up(&s);
	client_start(&c, &s, content_with(9));
	sim_answer(&s, 0, 200, "X-Own: yes\r\n", LOG_INFO_BODY);
	CU_ASSERT_TRUE(client_heard(&c, 200) && answer_header(c.answer, "Age").n == 0);
	client_release(&c);
	sim_wait(&s, 3 * S);
	client_start(&c, &s, content_with(9));
	CU_ASSERT_TRUE(client_heard(&c, 200) && slice_eq_str(answer_header(c.answer, "Age"), "3"));
	CU_ASSERT_TRUE(slice_eq_str(answer_header(c.answer, "X-Own"), "yes"));
	CU_ASSERT_TRUE(slice_eq(buf_slice(&c.answer->body), LOG_INFO_BODY));
	client_release(&c);
	sim_wait(&s, 7 * S);
	for (unsigned i = 2; i <= 3; i++) { /* one that has an age is not remembered */
		client_start(&c, &s, content_with(9));
		CU_ASSERT_EQUAL(s.sends, i);
		sim_answer(&s, 0, 200, "Age: 4\r\n", LOG_INFO_BODY);
		client_release(&c);
	}
	sim_down(&s);
}

static void test_it_waits_for_a_log_that_fails_until_retry_for(void)
{
	struct sim s;
	struct log_read l = { .going = false };
	struct told t = { 0 };
	up(&s);
	CU_ASSERT_EQUAL(log_read_begin(&l, &s.r, tell, &t), STATUS_OK);
	sim_answer(&s, 0, 503, "", NOTHING);
	CU_ASSERT_EQUAL(t.bad, 0);
	for (usec begun = s.r.now.mono; !t.bad && s.r.now.mono < begun + 2 * s.cfg.retry_for;) {
		while (s.on_wire)
			sim_answer(&s, 0, 503, "", NOTHING);
		sim_wait(&s, S);
	}
	CU_ASSERT_TRUE(t.good == 0 && t.bad == 1 && !l.going);
	sim_down(&s);
}

static void test_a_cancelled_read_says_nothing(void)
{
	struct sim s;
	struct log_read l = { .going = false };
	struct told t = { 0 };
	up(&s);
	log_read_cancel(&l);
	CU_ASSERT_EQUAL(log_read_begin(&l, &s.r, tell, &t), STATUS_OK);
	log_read_cancel(&l);
	log_read_cancel(&l);
	CU_ASSERT_EQUAL(s.on_wire, 0);
	sim_down(&s);
	CU_ASSERT_TRUE(t.good == 0 && t.bad == 0);
}

static void read_tortured(void *arg)
{
	struct sim s;
	struct log_read l = { .going = false };
	struct told t = { 0 };
	(void)arg;
	sim_init(&s);
	if (sim_up(&s, 3) != STATUS_OK)
		return;
	if (log_read_begin(&l, &s.r, tell, &t) == STATUS_OK) {
		if (s.on_wire)
			sim_answer(&s, 0, 200, "", LOG_INFO_BODY);
		sim_wait(&s, 700 * S);
		while (s.on_wire)
			sim_answer(&s, 0, 200, "", LOG_INFO_BODY);
		CU_ASSERT_EQUAL(t.good + t.bad, 1);
	}
	log_read_cancel(&l);
	sim_down(&s);
}

static void test_without_memory(void)
{
	unit_torture(read_tortured, NULL);
}

static void test_a_client_that_leaves_a_failing_service_was_failed(void)
{
	struct sim s;
	struct client c;
	char cause[256] = "";
	up(&s);
	client_start(&c, &s, sim_request("POST", SIM_CREATE, sim_posted(), NULL));
	CU_ASSERT_FALSE(flights_failing(&s.r, cause)); /* slow is not failing */
	sim_answer(&s, 0, 502, "", NOTHING);
	CU_ASSERT_TRUE(flights_failing(&s.r, cause));
	CU_ASSERT_PTR_NOT_NULL(strstr(cause, "rekor.create"));
	CU_ASSERT_PTR_NOT_NULL(strstr(cause, "502"));
	CU_ASSERT_EQUAL(s.r.failures.count, 0);
	client_leave(&c);
	CU_ASSERT_EQUAL(s.r.failures.count, 1);
	CU_ASSERT_STRING_EQUAL(s.r.failures.last, cause);
	CU_ASSERT_FALSE(flights_failing(&s.r, cause)); /* it goes on, and nobody waits for it */
	client_release(&c);
	sim_down(&s);
}

static void test_a_client_that_leaves_a_working_service_was_not(void)
{
	struct sim s;
	struct client c;
	up(&s);
	client_start(&c, &s, sim_request("POST", SIM_CREATE, sim_posted(), NULL));
	client_leave(&c);
	CU_ASSERT_EQUAL(s.r.failures.count, 0);
	client_release(&c);
	sim_down(&s);
}

TEST_SUITE(relay_log_read, TEST(test_one_read_and_no_write),
	   TEST(test_one_answer_is_enough_for_a_probe_interval),
	   TEST(test_no_answer_is_good_beyond_an_outage),
	   TEST(test_an_answer_tells_its_age_and_is_not_aged_twice),
	   TEST(test_it_waits_for_a_log_that_fails_until_retry_for), TEST(test_a_cancelled_read_says_nothing),
	   TEST(test_without_memory), TEST(test_a_client_that_leaves_a_failing_service_was_failed),
	   TEST(test_a_client_that_leaves_a_working_service_was_not))
