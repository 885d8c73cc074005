#include "unit.h"

#include <sigrelay/builtin/faults.h>

static void refused(const char *script, const char *why)
{
	struct faults f;
	struct buf error;
	faults_init(&f);
	buf_init(&error, 512);
	CU_ASSERT_EQUAL(faults_add(&f, slice_str(script), &error), STATUS_INVALID);
	CU_ASSERT_PTR_NOT_NULL_FATAL(error.p);
	if (strcmp(error.p, why) != 0)
		printf("%s\n", error.p);
	CU_ASSERT_STRING_EQUAL(error.p, why);
	CU_ASSERT_EQUAL(faults_left(&f), 0);
	buf_release(&error);
	faults_release(&f);
}

static void test_a_bad_script_is_refused_whole_and_says_where(void)
{
	refused("create ok\nget frobnicate", "line 2: unknown word: 'frobnicate'");
	refused("creat ok",
		"line 1: unknown place (want create, get, query, sign, stamp, token or all): 'creat'");
	refused("get", "line 1: unknown word: ''");
	refused("get 0 ok", "line 1: unknown word: '0'");
	refused("get drip", "line 1: wants a duration such as 500ms, 10s or 5m: ''");
	refused("get stall 10", "line 1: wants a duration such as 500ms, 10s or 5m: '10'");
	refused("get status 99", "line 1: status wants a number from 200 to 599: '99'");
	refused("get status 503 soon",
		"line 1: after status N only 'retry-after SECONDS' may follow: 'soon'");
	refused("get status 503 retry-after x", "line 1: retry-after wants whole seconds: 'x'");
	refused("create lose it", "line 1: lose wants reset, close, stall or a status: 'it'");
	refused("get absent", "line 1: wants a count: ''");
	refused("get reset now", "line 1: more than the word takes: 'now'");
}

static void ignore(void *arg, const struct fault *f)
{
	(void)f;
	++*(int *)arg;
}

static void add(struct faults *f, const char *script)
{
	struct buf error;
	buf_init(&error, 512);
	CU_ASSERT_EQUAL_FATAL(faults_add(f, slice_str(script), &error), STATUS_OK);
	buf_release(&error);
}

static void test_rules_of_a_place_are_used_up_in_order(void)
{
	struct faults f;
	int changes = 0;
	faults_init(&f);
	add(&f, "# first\ncreate 2 reset # twice\r\n\n get\tjunk\ncreate stall 5m");
	CU_ASSERT_EQUAL(faults_left(&f), 4);
	CU_ASSERT_EQUAL(faults_take(&f, PLACE_CREATE, ignore, &changes).word, WORD_RESET);
	CU_ASSERT_EQUAL(faults_take(&f, PLACE_CREATE, ignore, &changes).word, WORD_RESET);
	struct fault last = faults_take(&f, PLACE_CREATE, ignore, &changes);
	CU_ASSERT_EQUAL(last.word, WORD_STALL);
	CU_ASSERT_EQUAL(last.duration, 300 * USEC_PER_SEC);
	CU_ASSERT_EQUAL(faults_take(&f, PLACE_CREATE, ignore, &changes).word, WORD_OK);
	CU_ASSERT_EQUAL(faults_take(&f, PLACE_SIGN, ignore, &changes).word, WORD_OK);
	CU_ASSERT_EQUAL(faults_take(&f, PLACE_GET, ignore, &changes).word, WORD_JUNK);
	CU_ASSERT_EQUAL(changes, 0);
	CU_ASSERT_EQUAL(faults_left(&f), 0);
	faults_release(&f);
}

static void test_all_means_every_place_and_always_never_ends(void)
{
	struct faults f;
	int changes = 0;
	faults_init(&f);
	add(&f, "all always status 503 retry-after 7");
	for (int i = 0; i < 100; i++) {
		struct fault fault = faults_take(&f, (enum place)(i % PLACE_CONTROL), ignore, &changes);
		CU_ASSERT_EQUAL(fault.word, WORD_STATUS);
		CU_ASSERT_EQUAL(fault.n, 503);
		CU_ASSERT_EQUAL(fault.retry_after, 7);
	}
	CU_ASSERT_EQUAL(faults_left(&f), 1);
	faults_release(&f);
}

static void test_a_change_of_the_log_leaves_the_request_to_its_next_rule(void)
{
	struct faults f;
	int changes = 0;
	faults_init(&f);
	add(&f, "create pause-log\ncreate always late 5s\ncreate lose close\ncreate lose\ncreate lose reset");
	struct fault fault = faults_take(&f, PLACE_CREATE, ignore, &changes);
	CU_ASSERT_EQUAL(changes, 2);
	CU_ASSERT_EQUAL(fault.word, WORD_LOSE);
	CU_ASSERT_EQUAL(fault.lost_by, LOST_BY_CLOSE);
	fault = faults_take(&f, PLACE_CREATE, ignore, &changes);
	CU_ASSERT_EQUAL(changes, 3);
	CU_ASSERT_EQUAL(fault.lost_by, LOST_BY_STATUS);
	CU_ASSERT_EQUAL(fault.n, 502);
	CU_ASSERT_EQUAL(faults_take(&f, PLACE_CREATE, ignore, &changes).lost_by, LOST_BY_RESET);
	CU_ASSERT_EQUAL(faults_take(&f, PLACE_CREATE, ignore, &changes).word, WORD_OK);
	faults_release(&f);
}

static void add_a_script(void *arg)
{
	struct faults f;
	struct buf error;
	(void)arg;
	faults_init(&f);
	buf_init(&error, 512);
	if (faults_add(&f, SLICE_LIT("create reset\nget junk\nsign status 500\n"), &error) != STATUS_OK)
		CU_ASSERT_EQUAL(faults_left(&f), 0);
	buf_release(&error);
	faults_release(&f);
}

static void test_survives_every_failed_allocation(void)
{
	unit_torture(add_a_script, NULL);
}

TEST_SUITE(builtin_faults, TEST(test_a_bad_script_is_refused_whole_and_says_where),
	   TEST(test_rules_of_a_place_are_used_up_in_order),
	   TEST(test_all_means_every_place_and_always_never_ends),
	   TEST(test_a_change_of_the_log_leaves_the_request_to_its_next_rule),
	   TEST(test_survives_every_failed_allocation))
