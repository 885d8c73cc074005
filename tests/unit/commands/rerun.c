#include "unit.h"

#include <sigrelay/commands/rerun.h>

#define S USEC_PER_SEC

/* The command failed at 100 s; every side is as it was at the start. */
static const struct rerun plan = {
	.give_up = 1000 * S, .token_end = USEC_NEVER, .failed_at = 100 * S, .pause_until = 105 * S
};
static struct rerun_sight calm(void)
{
	return (struct rerun_sight){ .read_at = -1 };
}

static struct server_side open_until(usec next_probe)
{
	return (struct server_side){ .state = BREAKER_OPEN, .since = 90 * S, .next_probe = next_probe };
}

static void decides(const struct rerun_sight *sight, usec now, enum rerun_verdict wanted, usec wanted_at)
{
	usec at = -2;
	CU_ASSERT_EQUAL(rerun_decide(&plan, sight, now, &at), wanted);
	CU_ASSERT_EQUAL(at, wanted_at);
}

static void test_pause_then_read_then_again(void)
{
	struct rerun_sight sight = calm();
	decides(&sight, 100 * S, RERUN_WAIT, 105 * S);
	decides(&sight, 105 * S - 1, RERUN_WAIT, 105 * S);
	decides(&sight, 105 * S, RERUN_READ, 105 * S);
	sight.read_at = 104 * S; /* before the pause was over: old news */
	decides(&sight, 106 * S, RERUN_READ, 105 * S);
	sight.read_at = 106 * S;
	decides(&sight, 106 * S, RERUN_AGAIN, 105 * S);
}

static void test_an_open_write_side_waits_for_its_probe(void)
{
	for (int s = 0; s < SERVICE_COUNT; s++) {
		struct rerun_sight sight = calm();
		sight.write[s] = open_until(130 * S);
		decides(&sight, 129 * S, RERUN_WAIT, 130 * S);
		decides(&sight, 130 * S, RERUN_READ, 130 * S);
		sight.read_at = 131 * S;
		decides(&sight, 131 * S, RERUN_AGAIN, 130 * S);
	}
}

static void test_the_pause_holds_though_the_probe_is_due(void)
{
	struct rerun_sight sight = calm();
	sight.write[SERVICE_REKOR] = open_until(101 * S);
	decides(&sight, 102 * S, RERUN_WAIT, 105 * S);
}

static void test_somebody_elses_probe_is_waited_for(void)
{
	struct rerun_sight sight = calm();
	sight.read_at = 300 * S;
	sight.write[SERVICE_REKOR] = open_until(130 * S);
	sight.write[SERVICE_REKOR].in_line = 1;
	decides(&sight, 300 * S, RERUN_WAIT, USEC_NEVER);
	sight.write[SERVICE_REKOR].in_line = 0;
	sight.write[SERVICE_REKOR].state = BREAKER_HALF_OPEN;
	decides(&sight, 300 * S, RERUN_WAIT, USEC_NEVER);
}

static void test_a_recovery_ends_the_pause(void)
{
	struct rerun_sight sight = calm();
	sight.write[SERVICE_REKOR] = (struct server_side){ .state = BREAKER_CLOSED, .since = 102 * S };
	decides(&sight, 102 * S, RERUN_READ, 102 * S);
	sight.read_at = 103 * S;
	decides(&sight, 103 * S, RERUN_AGAIN, 102 * S);
	/* Not while another service is down, nor for one that recovered before the command failed. */
	sight.write[SERVICE_FULCIO] = open_until(110 * S);
	decides(&sight, 103 * S, RERUN_WAIT, 110 * S);
	sight.write[SERVICE_FULCIO] = (struct server_side){ 0 };
	sight.write[SERVICE_REKOR].since = 99 * S;
	decides(&sight, 103 * S, RERUN_WAIT, 105 * S);
}

static void test_the_end_of_for(void)
{
	struct rerun_sight sight = calm();
	sight.read_at = 1000 * S;
	decides(&sight, 1000 * S - 1, RERUN_AGAIN, 105 * S);
	decides(&sight, 1000 * S, RERUN_OUT_OF_TIME, 105 * S);
}

static void test_a_token_that_ends_is_told_at_once(void)
{
	struct rerun r = plan;
	struct rerun_sight sight = calm();
	usec at;
	r.token_end = 105 * S; /* the pause is over too late */
	CU_ASSERT_EQUAL(rerun_decide(&r, &sight, 100 * S, &at), RERUN_TOKEN_ENDS);
	r.token_end = 106 * S;
	CU_ASSERT_EQUAL(rerun_decide(&r, &sight, 100 * S, &at), RERUN_WAIT);
	CU_ASSERT_EQUAL(rerun_decide(&r, &sight, 106 * S, &at), RERUN_TOKEN_ENDS);
	sight.write[SERVICE_REKOR] = open_until(130 * S);
	CU_ASSERT_EQUAL(rerun_decide(&r, &sight, 100 * S, &at), RERUN_TOKEN_ENDS);
	/* Somebody else's probe may yet be in time. */
	sight.write[SERVICE_REKOR].in_line = 1;
	CU_ASSERT_EQUAL(rerun_decide(&r, &sight, 100 * S, &at), RERUN_WAIT);
}

static void test_pauses_grow_to_the_longest(void)
{
	struct rng rng;
	rng_seed(&rng, 7);
	for (int i = 0; i < 1000; i++) {
		usec one = rerun_pause_until(0, 5 * S, 60 * S, 1, &rng);
		usec three = rerun_pause_until(0, 5 * S, 60 * S, 3, &rng);
		usec many = rerun_pause_until(0, 5 * S, 60 * S, 1000, &rng);
		usec odd = rerun_pause_until(0, 5 * S, S, 9, &rng);
		CU_ASSERT_TRUE(one >= 4 * S && one <= 6 * S);
		CU_ASSERT_TRUE(three >= 16 * S && three <= 24 * S);
		CU_ASSERT_TRUE(many >= 48 * S && many <= 60 * S);
		CU_ASSERT_TRUE(odd >= 4 * S && odd <= 5 * S);
	}
}

/* It has paused already, while it was held in line. */
static void test_a_run_longer_than_the_pause_goes_again_at_once(void)
{
	struct rng rng;
	usec at;
	rng_seed(&rng, 7);
	struct rerun r = plan;
	struct rerun_sight sight = { .read_at = 100 * S };
	r.pause_until = rerun_pause_until(30 * S, 5 * S, 60 * S, 9, &rng);
	CU_ASSERT_EQUAL(rerun_decide(&r, &sight, 100 * S, &at), RERUN_AGAIN);
}

TEST_SUITE(commands_rerun, TEST(test_pause_then_read_then_again),
	   TEST(test_an_open_write_side_waits_for_its_probe),
	   TEST(test_the_pause_holds_though_the_probe_is_due), TEST(test_somebody_elses_probe_is_waited_for),
	   TEST(test_a_recovery_ends_the_pause), TEST(test_the_end_of_for),
	   TEST(test_a_token_that_ends_is_told_at_once), TEST(test_pauses_grow_to_the_longest),
	   TEST(test_a_run_longer_than_the_pause_goes_again_at_once))
