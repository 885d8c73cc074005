#include "unit.h"

#include <sigrelay/base/heap.h>
#include <sigrelay/base/rng.h>

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

/* Against the plainest model: after every random step the top is a
 * smallest, and no node is before the one above it. */
static void check_top(const struct heap *h, const struct item *items, size_t count)
{
	const struct heap_node *top = heap_top(h);
	size_t in = 0;
	for (size_t i = 0; i < count; i++) {
		if (!heap_has(&items[i].node))
			continue;
		in++;
		CU_ASSERT_TRUE(top && top->key <= items[i].node.key);
		size_t at = items[i].node.index;
		CU_ASSERT_PTR_EQUAL(h->v[at - 1], &items[i].node);
		CU_ASSERT_TRUE(at == 1 || h->v[at / 2 - 1]->key <= items[i].node.key);
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
		if (heap_has(&it->node))
			heap_remove(&h, &it->node);
		else
			CU_ASSERT_EQUAL(heap_add(&h, &it->node, key), STATUS_OK);
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
