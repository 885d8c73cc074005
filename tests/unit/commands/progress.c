#include "unit.h"

#include <sigrelay/commands/progress.h>

#define S USEC_PER_SEC

static const struct progress_moment moment = {
	.what = "rekor (write side down)", .now = 110 * S, .next = 122 * S, .give_up = 410 * S
};

static void line_is(const struct progress *p, const struct progress_moment *m, size_t columns,
		    const char *wanted)
{
	struct buf out;
	buf_init(&out, 1024);
	CU_ASSERT_EQUAL(progress_line(p, m, columns, &out), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(out.p, wanted);
	buf_release(&out);
}

static void test_the_line(void)
{
	struct progress p = { .begun = 100 * S };
	struct progress_moment m = moment;
	line_is(&p, &m, 200,
		"waiting for rekor (write side down) since 10s; next try in 12s; gives up in 5m");
	m.next = USEC_NEVER;
	line_is(&p, &m, 200, "waiting for rekor (write side down) since 10s; a try is out; gives up in 5m");
}

static void test_it_never_wraps(void)
{
	struct progress p = { .begun = 100 * S };
	line_is(&p, &moment, 12, "waiting for");
	p.colour = true;
	line_is(&p, &moment, 12, "\033[33mwaiting for\033[0m");
}

static void test_at_most_one_log_line_a_minute(void)
{
	struct progress p = { .told = -1 };
	CU_ASSERT_TRUE(progress_due(&p, 5 * S));
	p.told = 5 * S;
	CU_ASSERT_FALSE(progress_due(&p, 65 * S - 1));
	CU_ASSERT_TRUE(progress_due(&p, 65 * S));
}

TEST_SUITE(commands_progress, TEST(test_the_line), TEST(test_it_never_wraps),
	   TEST(test_at_most_one_log_line_a_minute))
