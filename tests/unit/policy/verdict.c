#include "unit.h"

#include <sigrelay/policy/verdict.h>

#define MS USEC_PER_MSEC
#define SEC USEC_PER_SEC

static const struct backoff backoff = { .base = 250 * MS, .throttle_base = SEC, .max = 30 * SEC };
static const usec now = 1000 * SEC;

static struct verdict_facts facts(enum outcome o)
{
	return (struct verdict_facts){ .outcome = o,
				       .failures = 1,
				       .retry_after = -1,
				       .deadline = now + 600 * SEC,
				       .wait_until = now + 10 * SEC,
				       .poll_first = 250 * MS,
				       .poll_max = 2 * SEC,
				       .polls = 1 };
}

static struct verdict after(const struct verdict_facts *f)
{
	struct rng r;
	rng_seed(&r, 9);
	return verdict_after(f, &backoff, now, &r);
}

static void test_final_outcomes_are_answered(void)
{
	static const enum outcome final[] = { OUTCOME_GOOD,    OUTCOME_CONFLICT, OUTCOME_ABSENT,
					      OUTCOME_REFUSED, OUTCOME_OTHER,    OUTCOME_LATE };
	for (size_t i = 0; i < sizeof(final) / sizeof(final[0]); i++) {
		struct verdict_facts f = facts(final[i]);
		f.breaker_open = true; /* of no matter: there is an answer */
		f.deadline = now;
		CU_ASSERT_EQUAL(after(&f).kind, VERDICT_ANSWER);
		CU_ASSERT_EQUAL(after(&f).at, USEC_NEVER);
	}
}

static void test_transient_outcomes_are_retried(void)
{
	for (enum outcome o = 0; o < OUTCOME_COUNT; o++) {
		if (!outcome_may_retry(o))
			continue;
		struct verdict_facts f = facts(o);
		struct verdict v = after(&f);
		CU_ASSERT_EQUAL(v.kind, VERDICT_RETRY);
		CU_ASSERT_TRUE(v.at >= now && v.at <= now + (o == OUTCOME_THROTTLED ? SEC : 250 * MS));
	}
}

static void test_cancelled_has_no_answer(void)
{
	struct verdict_facts f = facts(OUTCOME_CANCELLED);
	CU_ASSERT_EQUAL(after(&f).kind, VERDICT_GIVE_UP);
}

static void test_absent_is_waited_for(void)
{
	struct verdict_facts f = facts(OUTCOME_ABSENT);
	f.may_come_true = true;
	struct verdict v = after(&f);
	CU_ASSERT_EQUAL(v.kind, VERDICT_WAIT);
	CU_ASSERT_TRUE(v.at >= now + 225 * MS && v.at <= now + 275 * MS);
	f.polls = 300;
	v = after(&f);
	CU_ASSERT_TRUE(v.at >= now + 1800 * MS && v.at <= now + 2200 * MS);
}

static void test_absent_gets_a_last_look(void)
{
	struct verdict_facts f = facts(OUTCOME_ABSENT);
	f.may_come_true = true;
	f.polls = 300;
	f.wait_until = now + SEC;
	struct verdict v = after(&f);
	CU_ASSERT_TRUE(v.kind == VERDICT_WAIT && v.at == now + SEC);
	f.wait_until = now;
	CU_ASSERT_EQUAL(after(&f).kind, VERDICT_ANSWER);
}

static void test_known_id_waits_until_the_deadline(void)
{
	struct verdict_facts f = facts(OUTCOME_ABSENT);
	f.may_come_true = true;
	f.wait_until = USEC_NEVER;
	f.polls = 0; /* a caller that counts only the others */
	CU_ASSERT_EQUAL(after(&f).kind, VERDICT_WAIT);
	f.deadline = now + 100 * MS;
	CU_ASSERT_EQUAL(after(&f).kind, VERDICT_GIVE_UP);
}

static void test_open_breaker_parks(void)
{
	struct verdict_facts f = facts(OUTCOME_TIMEOUT);
	f.breaker_open = true;
	f.retry_after = 20 * SEC; /* the breaker has taken it in */
	struct verdict v = after(&f);
	CU_ASSERT_TRUE(v.kind == VERDICT_PARK && v.at == now);
	f.deadline = now;
	CU_ASSERT_EQUAL(after(&f).kind, VERDICT_GIVE_UP);
	f.deadline = USEC_NEVER;
	CU_ASSERT_EQUAL(after(&f).kind, VERDICT_PARK);
}

static void test_retry_after_is_respected(void)
{
	struct verdict_facts f = facts(OUTCOME_SERVER_ERROR);
	f.retry_after = 20 * SEC;
	struct verdict v = after(&f);
	CU_ASSERT_TRUE(v.at >= now + 20 * SEC && v.at <= now + 22 * SEC);
}

static void test_wait_is_cut_by_the_deadline(void)
{
	struct verdict_facts f = facts(OUTCOME_SERVER_ERROR);
	f.retry_after = 3600 * SEC;
	struct verdict v = after(&f);
	CU_ASSERT_TRUE(v.kind == VERDICT_RETRY && v.at == f.deadline - VERDICT_ROOM);
	f.deadline = now + 4 * SEC;
	v = after(&f);
	CU_ASSERT_TRUE(v.kind == VERDICT_RETRY && v.at == now + 2 * SEC);
	f.deadline = now + VERDICT_LEAST_ROOM - 1;
	CU_ASSERT_EQUAL(after(&f).kind, VERDICT_GIVE_UP);
	f.deadline = now - 5;
	CU_ASSERT_EQUAL(after(&f).kind, VERDICT_GIVE_UP);
}

/* However the draws fall: it ends, never at or after the deadline. */
static void test_retries_end_at_the_deadline(void)
{
	for (uint64_t seed = 0; seed < 500; seed++) {
		struct rng r;
		rng_seed(&r, seed);
		struct verdict_facts f = facts(OUTCOME_SERVER_ERROR);
		f.deadline = now + 30 * SEC;
		f.retry_after = seed % 3 == 0 ? (usec)rng_below(&r, 60 * SEC) : -1;
		usec at = now;
		for (f.failures = 1; f.failures < 200; f.failures++) {
			struct verdict v = verdict_after(&f, &backoff, at, &r);
			if (v.kind == VERDICT_GIVE_UP)
				break;
			CU_ASSERT_TRUE_FATAL(v.at >= at && v.at < f.deadline);
			at = v.at + 10 * MS;
		}
		CU_ASSERT_TRUE(f.failures > 1 && f.failures < 60);
	}
}

static void test_too_big_is_tried_three_times(void)
{
	struct verdict_facts f = facts(OUTCOME_TOO_BIG);
	for (f.too_big_tries = 1; f.too_big_tries < 3; f.too_big_tries++)
		CU_ASSERT_EQUAL(after(&f).kind, VERDICT_RETRY);
	CU_ASSERT_EQUAL(after(&f).kind, VERDICT_ANSWER);
}

static void test_without_a_budget_there_is_no_retry(void)
{
	struct verdict_facts f = facts(OUTCOME_RESET);
	f.retries_off = true;
	CU_ASSERT_EQUAL(after(&f).kind, VERDICT_GIVE_UP);
	f.outcome = OUTCOME_GOOD;
	CU_ASSERT_EQUAL(after(&f).kind, VERDICT_ANSWER);
}

TEST_SUITE(policy_verdict, TEST(test_final_outcomes_are_answered), TEST(test_transient_outcomes_are_retried),
	   TEST(test_cancelled_has_no_answer), TEST(test_absent_is_waited_for),
	   TEST(test_absent_gets_a_last_look), TEST(test_known_id_waits_until_the_deadline),
	   TEST(test_open_breaker_parks), TEST(test_retry_after_is_respected),
	   TEST(test_wait_is_cut_by_the_deadline), TEST(test_retries_end_at_the_deadline),
	   TEST(test_too_big_is_tried_three_times), TEST(test_without_a_budget_there_is_no_retry))
