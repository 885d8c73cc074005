/* Unit tests register themselves:
 *
 *   static void test_first_retry_waits_at_most_base(void) { CU_ASSERT(…); }
 *   TEST_SUITE(policy_backoff, TEST(test_first_retry_waits_at_most_base), …)
 *
 * and run all (`unit`), by suite (`unit policy_backoff`), or one
 * (`unit policy_backoff.test_first_retry_waits_at_most_base`). */
#ifndef SIGRELAY_TESTS_UNIT_H
#define SIGRELAY_TESTS_UNIT_H

#include <CUnit/CUnit.h>
#include <string.h>

struct unit_test {
	const char *name;
	void (*fn)(void);
};

struct unit_suite {
	const char *name;
	const struct unit_test *tests; /* ends with a NULL name */
	struct unit_suite *next;
};

void unit_register(struct unit_suite *suite);

#define TEST(fn)                                                                                             \
	{                                                                                                    \
#fn, fn                                                                                      \
	}
#define TEST_SUITE(id, ...)                                                                                  \
	static const struct unit_test id##_tests_[] = { __VA_ARGS__, { NULL, NULL } };                       \
	__attribute__((constructor)) static void id##_register_(void)                                        \
	{                                                                                                    \
		static struct unit_suite suite = { #id, id##_tests_, NULL };                                 \
		unit_register(&suite);                                                                       \
	}

/* Torture: runs fn again and again, with the first, the second, … allocation
 * failing, until one run meets no failure. fn must clean up after itself and
 * may report any status, but never crash or leak (the sanitizers see to that). */
void unit_torture(void (*fn)(void *arg), void *arg);

#endif
