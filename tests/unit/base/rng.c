#include "unit.h"

#include <sigrelay/base/rng.h>

static void test_same_seed_same_run(void)
{
	struct rng a, b, c;
	rng_seed(&a, 1);
	rng_seed(&b, 1);
	rng_seed(&c, 2);
	int differ = 0;
	for (int i = 0; i < 100; i++) {
		uint64_t v = rng_next(&a);
		CU_ASSERT_TRUE(v == rng_next(&b));
		differ += v != rng_next(&c);
	}
	CU_ASSERT_TRUE(differ > 95);
}

/* The first outputs of the published reference for the state 1, 2, 3, 4. */
static void test_reference_outputs(void)
{
	static const uint64_t want[] = { 11520, 0, 1509978240, 1215971899390074240 };
	struct rng r = { { 1, 2, 3, 4 } };
	for (size_t i = 0; i < 4; i++)
		CU_ASSERT_TRUE(rng_next(&r) == want[i]);
}

static void test_below_is_uniform_and_in_range(void)
{
	struct rng r;
	int seen[10] = { 0 };
	rng_seed(&r, 42);
	for (int i = 0; i < 10000; i++)
		seen[rng_below(&r, 10)]++;
	for (int i = 0; i < 10; i++)
		CU_ASSERT_TRUE(seen[i] > 850 && seen[i] < 1150);
	CU_ASSERT_TRUE(rng_below(&r, 0) == 0);
	CU_ASSERT_TRUE(rng_below(&r, 1) == 0);
	CU_ASSERT_TRUE(rng_below(&r, UINT64_MAX) < UINT64_MAX);
}

static void test_entropy_differs(void)
{
	CU_ASSERT_TRUE(rng_entropy() != rng_entropy());
}

TEST_SUITE(base_rng, TEST(test_same_seed_same_run), TEST(test_reference_outputs),
	   TEST(test_below_is_uniform_and_in_range), TEST(test_entropy_differs))
