#include "unit.h"

#include <CUnit/Basic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <sigrelay/base/mem.h>

static struct unit_suite *suites;

void unit_register(struct unit_suite *suite)
{
	struct unit_suite **at = &suites;
	while (*at && strcmp((*at)->name, suite->name) < 0)
		at = &(*at)->next;
	suite->next = *at;
	*at = suite;
}

void unit_torture(void (*fn)(void *arg), void *arg)
{
	for (long n = 0;; n++) {
		mem_fail_at(n);
		fn(arg);
		bool hit = mem_fail_hit();
		mem_fail_at(-1);
		if (!hit)
			return;
		CU_ASSERT_FATAL(n < 100000);
	}
}

static bool wanted(const char *filter, const char *suite, const char *test)
{
	size_t n = strlen(suite);
	if (!filter || strcmp(filter, suite) == 0)
		return true;
	return strncmp(filter, suite, n) == 0 && filter[n] == '.' && strcmp(filter + n + 1, test) == 0;
}

static int add_suite(const struct unit_suite *s, const char *filter)
{
	CU_pSuite suite = NULL;
	int added = 0;
	for (const struct unit_test *t = s->tests; t->name; t++) {
		if (!wanted(filter, s->name, t->name))
			continue;
		if (!suite)
			suite = CU_add_suite(s->name, NULL, NULL);
		if (!suite || !CU_add_test(suite, t->name, t->fn))
			exit(2);
		added++;
	}
	return added;
}

int main(int argc, char **argv)
{
	mem_install_hooks();
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	int added = 0;
	for (const struct unit_suite *s = suites; s; s = s->next)
		added += add_suite(s, argc > 1 ? argv[1] : NULL);
	if (added == 0) {
		fprintf(stderr, "unit: no test is named '%s'\n", argc > 1 ? argv[1] : "");
		return 2;
	}
	CU_basic_set_mode(argc > 1 ? CU_BRM_VERBOSE : CU_BRM_NORMAL);
	CU_basic_run_tests();
	unsigned failed = CU_get_number_of_tests_failed();
	printf("unit: %u passed, %u failed\n", CU_get_number_of_tests_run() - failed, failed);
	CU_cleanup_registry();
	return failed ? 1 : 0;
}
