#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include <sigrelay/commands/help.h>

static void check_nearest(const char *typed, const char *meant)
{
	const char *got = command_nearest(typed);
	CU_ASSERT_STRING_EQUAL(got ? got : "none", meant);
}

static void test_nearest_command(void)
{
	check_nearest("srve", "serve");
	check_nearest("statsu", "status");
	check_nearest("check_config", "check-config");
	check_nearest("xyzzyx", "none");
	check_nearest("", "none");
}

static void test_hidden_commands_are_not_offered(void)
{
	check_nearest("builtin-logg", "none");
	CU_ASSERT_PTR_NOT_NULL(command_find("builtin-log"));
}

static void test_every_command_says_what_it_is(void)
{
	for (const struct command *c = commands_table; c->name; c++) {
		CU_ASSERT_PTR_EQUAL(command_find(c->name), c);
		CU_ASSERT_PTR_NOT_NULL(c->run);
		CU_ASSERT(strlen(c->summary) > 0 && strlen(c->summary) < 66);
	}
	CU_ASSERT_PTR_NULL(command_find("prefligh"));
}

static char *help_text(const char *name)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	if (name)
		help_of(f, command_find(name));
	else
		help_overview(f);
	fclose(f);
	return text;
}

static void test_overview_lists_what_is_not_hidden(void)
{
	char *text = help_text(NULL);
	for (const struct command *c = commands_table; c->name; c++)
		CU_ASSERT_EQUAL(strstr(text, c->summary) != NULL, !c->hidden);
	free(text);
}

static void test_help_lists_every_setting(void)
{
	char *text = help_text("serve");
	for (size_t i = 0; i < settings_count; i++) {
		char flag[64];
		setting_flag(&settings_table[i], flag);
		CU_ASSERT_PTR_NOT_NULL(strstr(text, flag));
		CU_ASSERT_PTR_NOT_NULL(strstr(text, settings_table[i].help));
	}
	free(text);
}

static bool is_setting(const char *name)
{
	for (size_t i = 0; i < settings_count; i++) {
		if (strcmp(settings_table[i].name, name) == 0)
			return true;
	}
	return false;
}

static void test_a_command_may_list_those_it_acts_on(void)
{
	char *text = help_text("preflight");
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "--ca-file"));
	CU_ASSERT_PTR_NULL(strstr(text, "--breaker-failures"));
	free(text);
	for (const struct command *c = commands_table; c->name; c++) {
		for (const char *const *name = c->listed; name && *name; name++)
			CU_ASSERT(is_setting(*name));
	}
}

TEST_SUITE(commands_help, TEST(test_nearest_command), TEST(test_hidden_commands_are_not_offered),
	   TEST(test_every_command_says_what_it_is), TEST(test_overview_lists_what_is_not_hidden),
	   TEST(test_help_lists_every_setting), TEST(test_a_command_may_list_those_it_acts_on))
