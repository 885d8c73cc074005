#include "unit.h"
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sigrelay/commands/environment.h>

static char *const env[] = { W("PATH=/bin"), W("EMPTY="), W("PATHS=x"), W("COSIGN_REKOR_URL=https://r"),
			     NULL };

static void test_get_tells_names_apart(void)
{
	CU_ASSERT_STRING_EQUAL(environment_get(env, "PATH"), "/bin");
	CU_ASSERT_STRING_EQUAL(environment_get(env, "PATHS"), "x");
	CU_ASSERT_PTR_NULL(environment_get(env, "PAT"));
}

static void test_empty_is_unset(void)
{
	CU_ASSERT_PTR_NULL(environment_get(env, "EMPTY"));
}

static void test_apply_replaces_adds_and_takes_out(void)
{
	struct environment_edits e = { 0 };
	char **out;
	CU_ASSERT_EQUAL(environment_set(&e, "COSIGN_REKOR_URL", "first"), STATUS_OK);
	CU_ASSERT_EQUAL(environment_set(&e, "COSIGN_REKOR_URL", "second"), STATUS_OK);
	CU_ASSERT_EQUAL(environment_set(&e, "NEW", "a=b"), STATUS_OK);
	CU_ASSERT_EQUAL(environment_unset(&e, "PATHS"), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(environment_apply(env, &e, &out), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(out[0], "PATH=/bin");
	CU_ASSERT_STRING_EQUAL(out[1], "EMPTY=");
	CU_ASSERT_STRING_EQUAL(out[2], "COSIGN_REKOR_URL=second");
	CU_ASSERT_STRING_EQUAL(out[3], "NEW=a=b");
	CU_ASSERT_PTR_NULL(out[4]);
	environment_free(out);
	environment_edits_release(&e);
}

static void test_more_edits_than_there_is_room_for_are_refused(void)
{
	static const char *const names[] = { "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M",
					     "N", "O", "P", "Q", "R", "S", "T", "U", "V", "W", "X", "Y" };
	struct environment_edits e = { 0 };
	for (size_t i = 0; i < ENVIRONMENT_EDITS_MAX; i++)
		CU_ASSERT_EQUAL(environment_set(&e, names[i], "1"), STATUS_OK);
	CU_ASSERT_EQUAL(environment_set(&e, names[ENVIRONMENT_EDITS_MAX], "1"), STATUS_TOO_LARGE);
	CU_ASSERT_EQUAL(environment_set(&e, "A", "2"), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(e.v[0].value, "2");
	environment_edits_release(&e);
}

/* What `sh` makes of the printed lines is what was meant. */
static void test_a_shell_reads_back_what_was_quoted(void)
{
	static const char odd[] = "a'b\"c $(id) `id` \\ \n ;|&* ~ !x";
	struct environment_edits e = { 0 };
	struct buf script;
	char got[128];
	buf_init(&script, 4096);
	CU_ASSERT_EQUAL(environment_set(&e, "ODD", odd), STATUS_OK);
	CU_ASSERT_EQUAL(environment_unset(&e, "GONE"), STATUS_OK);
	CU_ASSERT_EQUAL(buf_add_str(&script, "GONE=1\n"), STATUS_OK);
	CU_ASSERT_EQUAL(environment_print(&e, &script), STATUS_OK);
	CU_ASSERT_EQUAL(buf_add_str(&script, "printf '%s%s' \"$ODD\" \"${GONE-}\""), STATUS_OK);
	FILE *sh = popen(script.p, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(sh);
	size_t n = fread(got, 1, sizeof(got) - 1, sh);
	got[n] = '\0';
	CU_ASSERT_EQUAL(pclose(sh), 0);
	CU_ASSERT_STRING_EQUAL(got, odd);
	environment_edits_release(&e);
	buf_release(&script);
}

static void apply_once(void *arg)
{
	struct environment_edits e = { 0 };
	char **out = NULL;
	(void)arg;
	if (environment_set(&e, "NEW", "v") == STATUS_OK && environment_unset(&e, "PATH") == STATUS_OK &&
	    environment_apply(env, &e, &out) == STATUS_OK)
		CU_ASSERT_STRING_EQUAL(out[0], "EMPTY=");
	environment_free(out);
	environment_edits_release(&e);
}

static void test_torture(void)
{
	unit_torture(apply_once, NULL);
}

TEST_SUITE(commands_environment, TEST(test_get_tells_names_apart), TEST(test_empty_is_unset),
	   TEST(test_apply_replaces_adds_and_takes_out),
	   TEST(test_more_edits_than_there_is_room_for_are_refused),
	   TEST(test_a_shell_reads_back_what_was_quoted), TEST(test_torture))
