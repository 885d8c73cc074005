#include "unit.h"

#include <stdlib.h>

#include <sigrelay/base/heap.h>
#include <sigrelay/base/rng.h>
#include <sigrelay/base/timers.h>

struct item {
	int id;
	struct heap_node node;
};

static void test_equal_keys_leave_in_order(void)
{
	struct heap h;
	struct item items[40] = { 0 };
	heap_init(&h);
	CU_ASSERT_PTR_NULL(heap_top(&h));
	for (int i = 0; i < 40; i++) {
		items[i].id = i;
		CU_ASSERT_EQUAL(heap_add(&h, &items[i].node, i % 4), STATUS_OK);
	}
	for (int i = 0; i < 40; i++) {
		struct item *it = heap_owner(heap_top(&h), struct item, node);
		CU_ASSERT_EQUAL(it->id, (i % 10) * 4 + i / 10);
		heap_remove(&h, &it->node);
		heap_remove(&h, &it->node); /* twice is fine */
	}
	heap_release(&h);
}

/* Against the plainest model: after every random step the top is a smallest. */
static void check_top(const struct heap *h, const struct item *items, size_t count)
{
	const struct heap_node *top = heap_top(h);
	size_t in = 0;
	for (size_t i = 0; i < count; i++) {
		if (!heap_has(&items[i].node))
			continue;
		in++;
		CU_ASSERT_TRUE(top && top->key <= items[i].node.key);
		CU_ASSERT_PTR_EQUAL(h->v[items[i].node.index - 1], &items[i].node);
	}
	CU_ASSERT_EQUAL(in, h->n);
}

static void test_random_steps(void)
{
	struct heap h;
	struct rng r;
	struct item items[64] = { 0 };
	heap_init(&h);
	rng_seed(&r, 7);
	for (int step = 0; step < 3000; step++) {
		struct item *it = &items[rng_below(&r, 64)];
		int64_t key = (int64_t)rng_below(&r, 30) - 15;
		if (!heap_has(&it->node)) {
			CU_ASSERT_EQUAL(heap_add(&h, &it->node, key), STATUS_OK);
		} else if (rng_below(&r, 2)) {
			heap_move(&h, &it->node, key);
		} else {
			heap_remove(&h, &it->node);
		}
		check_top(&h, items, 64);
	}
	heap_release(&h);
	for (size_t i = 0; i < 64; i++)
		CU_ASSERT_FALSE(heap_has(&items[i].node));
}

static void torture_heap(void *arg)
{
	(void)arg;
	struct heap h;
	struct item items[100] = { 0 };
	heap_init(&h);
	size_t in = 0;
	for (size_t i = 0; i < 100; i++) {
		enum status st = heap_add(&h, &items[i].node, -(int64_t)i);
		CU_ASSERT_TRUE(st == STATUS_OK || st == STATUS_NO_MEMORY);
		CU_ASSERT_EQUAL(heap_has(&items[i].node), st == STATUS_OK);
		in += st == STATUS_OK;
	}
	CU_ASSERT_EQUAL(h.n, in);
	heap_release(&h);
}

static void test_heap_torture(void)
{
	unit_torture(torture_heap, NULL);
}

TEST_SUITE(base_heap, TEST(test_equal_keys_leave_in_order), TEST(test_random_steps), TEST(test_heap_torture))

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
