#include "unit.h"

#include <sigrelay/base/timers.h>

struct scene {
	struct timers ts;
	struct timer a, b, c;
	char trace[64];
};

static void mark(struct scene *s, char c)
{
	size_t n = strlen(s->trace);
	if (n + 1 < sizeof(s->trace)) {
		s->trace[n] = c;
		s->trace[n + 1] = '\0';
	}
}

static void mark_a(void *arg, usec now)
{
	(void)now;
	mark(arg, 'a');
}

static void mark_b(void *arg, usec now)
{
	(void)now;
	mark(arg, 'b');
}

static void again_now(void *arg, usec now)
{
	struct scene *s = arg;
	mark(s, 'r');
	timer_set(&s->a, now);
}

static void release_all(void *arg, usec now)
{
	struct scene *s = arg;
	(void)now;
	mark(s, 'x');
	timer_release(&s->a);
	timer_release(&s->b);
	timer_release(&s->c);
}

static void bring_forward(void *arg, usec now)
{
	struct scene *s = arg;
	mark(s, 'f');
	timer_set(&s->b, now - 100); /* was due in this very run: now the next call's */
	timer_clear(&s->c);
}

static void set_up(struct scene *s, timer_fn *a, timer_fn *b, timer_fn *c)
{
	*s = (struct scene){ 0 };
	timers_init(&s->ts);
	CU_ASSERT_EQUAL(timer_init(&s->ts, &s->a, a, s), STATUS_OK);
	CU_ASSERT_EQUAL(timer_init(&s->ts, &s->b, b, s), STATUS_OK);
	CU_ASSERT_EQUAL(timer_init(&s->ts, &s->c, c, s), STATUS_OK);
}

static void tear_down(struct scene *s)
{
	timer_release(&s->a);
	timer_release(&s->b);
	timer_release(&s->c);
	CU_ASSERT_EQUAL(s->ts.reserved, 0);
	timers_release(&s->ts);
}

static void test_earliest_first_and_only_when_due(void)
{
	struct scene s;
	set_up(&s, mark_a, mark_b, mark_a);
	CU_ASSERT_EQUAL(timers_next(&s.ts), USEC_NEVER);
	timer_set(&s.a, 20);
	timer_set(&s.b, 10);
	timer_set(&s.c, 31);
	CU_ASSERT_EQUAL(timers_next(&s.ts), 10);
	timers_run(&s.ts, 9);
	CU_ASSERT_STRING_EQUAL(s.trace, "");
	timers_run(&s.ts, 30);
	CU_ASSERT_STRING_EQUAL(s.trace, "ba");
	CU_ASSERT_FALSE(timer_pending(&s.a));
	CU_ASSERT_TRUE(timer_pending(&s.c));
	timer_clear(&s.c);
	CU_ASSERT_EQUAL(timers_next(&s.ts), USEC_NEVER);
	tear_down(&s);
}

static void test_set_again_fires_next_call(void)
{
	struct scene s;
	set_up(&s, again_now, mark_b, mark_a);
	timer_set(&s.a, 5);
	timer_set(&s.b, 6);
	timers_run(&s.ts, 10);
	CU_ASSERT_STRING_EQUAL(s.trace, "rb");
	CU_ASSERT_EQUAL(timers_next(&s.ts), 10);
	timers_run(&s.ts, 10);
	timers_run(&s.ts, 10);
	CU_ASSERT_STRING_EQUAL(s.trace, "rbrr");
	tear_down(&s);
}

static void test_callback_may_release_every_timer(void)
{
	struct scene s;
	set_up(&s, release_all, mark_b, mark_a);
	timer_set(&s.a, 1);
	timer_set(&s.b, 2);
	timer_set(&s.c, 2);
	timers_run(&s.ts, 10);
	CU_ASSERT_STRING_EQUAL(s.trace, "x");
	tear_down(&s);
}

static void test_callback_moves_one_that_is_due(void)
{
	struct scene s;
	set_up(&s, bring_forward, mark_b, mark_a);
	timer_set(&s.a, 1000);
	timer_set(&s.b, 1001);
	timer_set(&s.c, 1002);
	timers_run(&s.ts, 2000);
	CU_ASSERT_STRING_EQUAL(s.trace, "f");
	timers_run(&s.ts, 2000);
	CU_ASSERT_STRING_EQUAL(s.trace, "fb");
	tear_down(&s);
}

static void test_release_of_zeroed_is_fine(void)
{
	struct timer t = { 0 };
	timer_release(&t);
	CU_ASSERT_FALSE(timer_pending(&t));
}

static void torture_timers(void *arg)
{
	(void)arg;
	struct timers ts;
	struct timer t[60] = { 0 };
	struct scene s = { 0 };
	timers_init(&ts);
	for (size_t i = 0; i < 60; i++) {
		if (timer_init(&ts, &t[i], mark_a, &s) == STATUS_OK)
			timer_set(&t[i], (usec)i);
	}
	timers_run(&ts, 100);
	CU_ASSERT_EQUAL(timers_next(&ts), USEC_NEVER);
	for (size_t i = 0; i < 60; i++)
		timer_release(&t[i]);
	timers_release(&ts);
}

static void test_timers_torture(void)
{
	unit_torture(torture_timers, NULL);
}

TEST_SUITE(base_timers, TEST(test_earliest_first_and_only_when_due), TEST(test_set_again_fires_next_call),
	   TEST(test_callback_may_release_every_timer), TEST(test_callback_moves_one_that_is_due),
	   TEST(test_release_of_zeroed_is_fine), TEST(test_timers_torture))
