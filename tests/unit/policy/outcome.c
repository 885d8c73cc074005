#include "unit.h"

#include <sigrelay/policy/outcome.h>

static const unsigned long long small = 4096, big = OUTCOME_BIG_BODY + 1;

static void test_status_gives_outcome(void)
{
	static const struct {
		int status;
		enum outcome outcome;
	} rows[] = {
		{ 200, OUTCOME_GOOD },         { 201, OUTCOME_GOOD },         { 299, OUTCOME_GOOD },
		{ 400, OUTCOME_REFUSED },      { 401, OUTCOME_REFUSED },      { 403, OUTCOME_REFUSED },
		{ 413, OUTCOME_REFUSED },      { 422, OUTCOME_REFUSED },      { 404, OUTCOME_ABSENT },
		{ 409, OUTCOME_CONFLICT },     { 429, OUTCOME_THROTTLED },    { 500, OUTCOME_SERVER_ERROR },
		{ 502, OUTCOME_SERVER_ERROR }, { 503, OUTCOME_SERVER_ERROR }, { 504, OUTCOME_SERVER_ERROR },
		{ 501, OUTCOME_OTHER },        { 505, OUTCOME_OTHER },        { 301, OUTCOME_OTHER },
		{ 304, OUTCOME_OTHER },        { 101, OUTCOME_OTHER },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_EQUAL(outcome_of(TRANSPORT_DONE, rows[i].status, small), rows[i].outcome);
}

static void test_transport_gives_outcome(void)
{
	CU_ASSERT_EQUAL(outcome_of(TRANSPORT_CONNECT, 0, small), OUTCOME_CONNECT);
	CU_ASSERT_EQUAL(outcome_of(TRANSPORT_TIMEOUT, 0, small), OUTCOME_TIMEOUT);
	CU_ASSERT_EQUAL(outcome_of(TRANSPORT_RESET, 0, small), OUTCOME_RESET);
	CU_ASSERT_EQUAL(outcome_of(TRANSPORT_TRUNCATED, 200, small), OUTCOME_TRUNCATED);
	CU_ASSERT_EQUAL(outcome_of(TRANSPORT_ABORTED, 0, small), OUTCOME_CANCELLED);
}

/* The load balancer's limit looks like a 502 or a closed connection. */
static void test_big_body_is_no_fault_of_the_service(void)
{
	CU_ASSERT_EQUAL(outcome_of(TRANSPORT_DONE, 502, big), OUTCOME_TOO_BIG);
	CU_ASSERT_EQUAL(outcome_of(TRANSPORT_RESET, 0, big), OUTCOME_TOO_BIG);
	CU_ASSERT_EQUAL(outcome_of(TRANSPORT_DONE, 502, OUTCOME_BIG_BODY), OUTCOME_SERVER_ERROR);
	CU_ASSERT_EQUAL(outcome_of(TRANSPORT_DONE, 503, big), OUTCOME_SERVER_ERROR);
	CU_ASSERT_EQUAL(outcome_of(TRANSPORT_DONE, 413, big), OUTCOME_REFUSED);
	CU_ASSERT_EQUAL(outcome_of(TRANSPORT_DONE, 201, big), OUTCOME_GOOD);
	CU_ASSERT_EQUAL(outcome_weight(OUTCOME_TOO_BIG), WEIGHT_NEUTRAL);
}

static void test_final_outcomes_are_never_retried(void)
{
	static const enum outcome final[] = { OUTCOME_GOOD,     OUTCOME_CONFLICT, OUTCOME_ABSENT,
					      OUTCOME_REFUSED,  OUTCOME_OTHER,    OUTCOME_LATE,
					      OUTCOME_CANCELLED };
	for (size_t i = 0; i < sizeof(final) / sizeof(final[0]); i++)
		CU_ASSERT_FALSE(outcome_may_retry(final[i]));
	static const enum outcome transient[] = { OUTCOME_THROTTLED, OUTCOME_SERVER_ERROR, OUTCOME_CONNECT,
						  OUTCOME_TIMEOUT,   OUTCOME_RESET,        OUTCOME_TRUNCATED,
						  OUTCOME_JUNK,      OUTCOME_TOO_BIG };
	for (size_t i = 0; i < sizeof(transient) / sizeof(transient[0]); i++)
		CU_ASSERT_TRUE(outcome_may_retry(transient[i]));
}

static void test_every_failure_may_be_retried(void)
{
	for (enum outcome o = 0; o < OUTCOME_COUNT; o++)
		if (outcome_weight(o) == WEIGHT_FAILURE)
			CU_ASSERT_TRUE(outcome_may_retry(o));
}

static void test_labels_are_distinct(void)
{
	for (enum outcome a = 0; a < OUTCOME_COUNT; a++) {
		CU_ASSERT_TRUE(strlen(outcome_label(a)) > 0);
		for (enum outcome b = 0; b < a; b++)
			CU_ASSERT_STRING_NOT_EQUAL(outcome_label(a), outcome_label(b));
	}
	CU_ASSERT_STRING_EQUAL(outcome_label(OUTCOME_SERVER_ERROR), "server_error");
}

TEST_SUITE(policy_outcome, TEST(test_status_gives_outcome), TEST(test_transport_gives_outcome),
	   TEST(test_big_body_is_no_fault_of_the_service), TEST(test_final_outcomes_are_never_retried),
	   TEST(test_every_failure_may_be_retried), TEST(test_labels_are_distinct))
