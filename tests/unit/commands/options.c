#include "unit.h"

#include "words.h"

#include <sigrelay/commands/commands.h>
#include <sigrelay/commands/options.h>

#define WORDS_MAX 16

/* Takes --host, a list, off the words; the number of other words is left in argc. */
static int take(struct option_list *l, int *argc, char **words)
{
	const struct option own[] = { { .name = "--host", .list = l } };
	*argc = 0;
	while (words[*argc])
		(*argc)++;
	return options_take(argc, words, own, 1, WORDS_MAX);
}

static void test_a_list_comes_again_and_with_commas(void)
{
	struct option_list l = { 0 };
	int argc;
	char *words[] = { W("x"), W("--host"), W("a"), W("image"), W("--host=b, c,,"), W("--host="), NULL };
	CU_ASSERT_EQUAL(take(&l, &argc, words), 0);
	CU_ASSERT_EQUAL(argc, 2);
	CU_ASSERT_STRING_EQUAL(words[1], "image");
	CU_ASSERT_EQUAL_FATAL(l.n, 3);
	CU_ASSERT_STRING_EQUAL(l.v[0], "a");
	CU_ASSERT_STRING_EQUAL(l.v[1], "b");
	CU_ASSERT_STRING_EQUAL(l.v[2], "c");
	option_list_release(&l);
	CU_ASSERT_EQUAL(l.n, 0);
}

static void test_a_list_needs_a_value(void)
{
	struct option_list l = { 0 };
	int argc;
	char *words[] = { W("x"), W("--host"), W("--json"), NULL };
	CU_ASSERT_EQUAL(take(&l, &argc, words), EXIT_USAGE_ERROR);
	CU_ASSERT_EQUAL(l.n, 0);
	option_list_release(&l);
}

static void without_memory(void *arg)
{
	struct option_list l = { 0 };
	int argc;
	char *words[] = { W("x"), W("--host"), W("a,b"), NULL };
	(void)arg;
	(void)take(&l, &argc, words);
	option_list_release(&l);
}

static void test_without_memory(void)
{
	unit_torture(without_memory, NULL);
}

TEST_SUITE(commands_options, TEST(test_a_list_comes_again_and_with_commas), TEST(test_a_list_needs_a_value),
	   TEST(test_without_memory))
