/* What `run` asks of a relay: a read of the log of its own, and whether Sigstore
 * failed anybody. */
#include <sigrelay/relay/flight.h>
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
	   TEST(test_it_waits_for_a_log_that_fails_until_retry_for), TEST(test_a_cancelled_read_says_nothing),
	   TEST(test_without_memory), TEST(test_a_client_that_leaves_a_failing_service_was_failed),
	   TEST(test_a_client_that_leaves_a_working_service_was_not))
