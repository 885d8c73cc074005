#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sigrelay/base/settings.h>
#include <sigrelay/commands/commands.h>

#define TEXT_MAX 16384

struct result {
	int code;
	char out[TEXT_MAX], err[TEXT_MAX];
};

static void read_back(FILE *f, char text[TEXT_MAX])
{
	rewind(f);
	text[fread(text, 1, TEXT_MAX - 1, f)] = '\0';
	fclose(f);
}

/* Runs the command with both streams in files. It reads the process's
 * environment: the tests run without settings of their own in it. */
static void run(struct result *r, int argc, char **argv)
{
	FILE *out = tmpfile(), *err = tmpfile();
	CU_ASSERT_FATAL(out && err);
	fflush(stdout);
	int saved_out = dup(STDOUT_FILENO), saved_err = dup(STDERR_FILENO);
	dup2(fileno(out), STDOUT_FILENO);
	dup2(fileno(err), STDERR_FILENO);
	r->code = command_check_config(argc, argv);
	fflush(stdout);
	fflush(stderr);
	dup2(saved_out, STDOUT_FILENO);
	dup2(saved_err, STDERR_FILENO);
	close(saved_out);
	close(saved_err);
	read_back(out, r->out);
	read_back(err, r->err);
}

static char name[] = "check-config", sample[] = SIGRELAY_SOURCE_DIR "/conf/sigrelay.ini",
	    retry[] = "--retry-for", five[] = "5m", ten[] = "10", missing[] = "/nonexistent/x.ini",
	    config[] = "--config", typo[] = "--retry-fro";
static struct result r;

static size_t lines(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void test_prints_every_setting_with_its_source(void)
{
	char *argv[] = { name, sample, retry, five, NULL };
	run(&r, 4, argv);
	CU_ASSERT_EQUAL(r.code, 0);
	CU_ASSERT_STRING_EQUAL(r.err, "");
	CU_ASSERT_PTR_NOT_NULL(strstr(r.out, "\nretry_for = 5m   # flag\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(r.out, "rekor_url = https://rekor.sigstore.dev   # default\n"));
	CU_ASSERT_EQUAL(lines(r.out), settings_count);
}

static void test_all_mistakes_at_once(void)
{
	char *argv[] = { name, retry, ten, missing, NULL };
	run(&r, 4, argv);
	CU_ASSERT_EQUAL(r.code, EXIT_CONFIG_ERROR);
	CU_ASSERT_STRING_EQUAL(r.out, "");
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(r.err, "--retry-for: expected a duration such as 500ms, 10s, 5m or 2h, not '10'\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(r.err, "cannot read the config file /nonexistent/x.ini"));
	CU_ASSERT_EQUAL(lines(r.err), 2);
}

static void test_wrong_usage(void)
{
	char *two[] = { name, sample, missing, NULL };
	run(&r, 3, two);
	CU_ASSERT_EQUAL(r.code, EXIT_USAGE_ERROR);
	char *both[] = { name, config, sample, missing, NULL };
	run(&r, 4, both);
	CU_ASSERT_EQUAL(r.code, EXIT_USAGE_ERROR);
	char *unknown[] = { name, typo, five, NULL };
	run(&r, 3, unknown);
	CU_ASSERT_EQUAL(r.code, EXIT_USAGE_ERROR);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.err, "did you mean --retry-for?"));
}

static void test_config_flag_is_the_file(void)
{
	char *argv[] = { name, config, sample, NULL };
	run(&r, 3, argv);
	CU_ASSERT_EQUAL(r.code, 0);
	CU_ASSERT_EQUAL(lines(r.out), settings_count);
}

TEST_SUITE(commands_check_config, TEST(test_prints_every_setting_with_its_source),
	   TEST(test_all_mistakes_at_once), TEST(test_wrong_usage), TEST(test_config_flag_is_the_file))
