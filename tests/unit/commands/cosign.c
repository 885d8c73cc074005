#include "unit.h"
#include "words.h"

#include <sigrelay/commands/cosign.h>

static char *const no_env[] = { NULL };

static void test_cosign_is_known_by_its_name(void)
{
	CU_ASSERT_TRUE(cosign_named("cosign"));
	CU_ASSERT_TRUE(cosign_named("/opt/v3/cosign"));
	CU_ASSERT_TRUE(cosign_named("./cosign-linux-amd64"));
	CU_ASSERT_FALSE(cosign_named("cosign-wrapper"));
	CU_ASSERT_FALSE(cosign_named("/opt/cosign/make"));
}

static void check_version(const char *json, unsigned major, unsigned minor)
{
	struct cosign_version v = cosign_version_read(slice_str(json));
	CU_ASSERT_EQUAL(v.major, major);
	CU_ASSERT_EQUAL(v.minor, minor);
}

static void test_version_is_read_from_its_json(void)
{
	check_version("{\"gitVersion\":\"v2.5.0\",\"gitCommit\":\"x\"}", 2, 5);
	check_version("{\"gitVersion\":\"3.1.3\"}", 3, 1);
	check_version("{\"gitVersion\":\"v2.10.0-rc.1\"}", 2, 10);
}

static void test_a_version_without_a_number_is_unknown(void)
{
	check_version("{\"gitVersion\":\"devel\"}", 0, 0);
	check_version("{\"gitVersion\":\"\"}", 0, 0);
	check_version("{\"gitVersion\":\"v\"}", 0, 0);
	check_version("{\"gitVersion\":\"v3\"}", 0, 0);
	check_version("{}", 0, 0);
	check_version("cosign: v2.5.0", 0, 0);
	check_version("", 0, 0);
}

static void test_flags_are_read_up_to_the_dashes(void)
{
	char *const argv[] = { W("cosign"),
			       W("sign"),
			       W("--use-signing-config=false"),
			       W("--rekor-url=https://r"),
			       W("-t"),
			       W("5m"),
			       W("--"),
			       W("--signing-config"),
			       W("x"),
			       NULL };
	struct cosign_flags f;
	cosign_flags_read(argv, &f);
	CU_ASSERT_EQUAL(f.use_signing_config, FLAG_NO);
	CU_ASSERT_PTR_NULL(f.signing_config);
	CU_ASSERT_STRING_EQUAL(f.service_flag, "--rekor-url");
	CU_ASSERT_STRING_EQUAL(f.timeout, "5m");
}

static void test_a_flag_at_the_end_has_no_value(void)
{
	char *const argv[] = { W("cosign"), W("sign"), W("--use-signing-config"), W("--signing-config"),
			       NULL };
	struct cosign_flags f;
	cosign_flags_read(argv, &f);
	CU_ASSERT_EQUAL(f.use_signing_config, FLAG_YES);
	CU_ASSERT_PTR_NULL(f.signing_config);
}

static enum client_style style(unsigned major, unsigned minor, const struct cosign_flags *flags,
			       char *const *env)
{
	static const struct cosign_flags none;
	const char *why;
	enum client_style s =
	    cosign_style((struct cosign_version){ major, minor }, flags ? flags : &none, env, &why);
	CU_ASSERT_EQUAL(s == STYLE_LEAVE, why != NULL);
	return s;
}

static void test_each_version_by_default(void)
{
	CU_ASSERT_EQUAL(style(2, 5, NULL, no_env), STYLE_URLS);
	CU_ASSERT_EQUAL(style(2, 6, NULL, no_env), STYLE_URLS);
	CU_ASSERT_EQUAL(style(3, 0, NULL, no_env), STYLE_SIGNING_CONFIG);
	CU_ASSERT_EQUAL(style(3, 1, NULL, no_env), STYLE_SIGNING_CONFIG);
}

static void test_an_unknown_version_gets_what_all_take(void)
{
	CU_ASSERT_EQUAL(style(0, 0, NULL, no_env), STYLE_URLS);
}

static void test_a_signing_config_of_the_user_counts_from_2_6(void)
{
	char *const config[] = { W("COSIGN_SIGNING_CONFIG=/x.json"), NULL };
	char *const use[] = { W("COSIGN_USE_SIGNING_CONFIG=true"), NULL };
	CU_ASSERT_EQUAL(style(2, 5, NULL, config), STYLE_URLS);
	CU_ASSERT_EQUAL(style(2, 6, NULL, config), STYLE_SIGNING_CONFIG);
	CU_ASSERT_EQUAL(style(2, 6, NULL, use), STYLE_SIGNING_CONFIG);
	CU_ASSERT_EQUAL(style(3, 1, NULL, config), STYLE_SIGNING_CONFIG);
}

static void test_a_user_who_wants_none_gets_urls(void)
{
	char *const off[] = { W("COSIGN_USE_SIGNING_CONFIG=0"), NULL };
	struct cosign_flags flags = { .use_signing_config = FLAG_NO };
	CU_ASSERT_EQUAL(style(3, 1, NULL, off), STYLE_URLS);
	CU_ASSERT_EQUAL(style(3, 1, &flags, no_env), STYLE_URLS);
}

static void test_services_on_the_command_line_are_left_alone(void)
{
	struct cosign_flags file = { .signing_config = "x.json" };
	struct cosign_flags tuf = { .use_signing_config = FLAG_YES };
	CU_ASSERT_EQUAL(style(3, 1, &file, no_env), STYLE_LEAVE);
	CU_ASSERT_EQUAL(style(2, 6, &tuf, no_env), STYLE_LEAVE);
}

static usec duration(const char *text)
{
	usec t = -1;
	return go_duration_read(text, &t) == STATUS_OK ? t : -1;
}

static void test_go_durations(void)
{
	CU_ASSERT_EQUAL(duration("90s"), 90 * USEC_PER_SEC);
	CU_ASSERT_EQUAL(duration("3m0s"), 180 * USEC_PER_SEC);
	CU_ASSERT_EQUAL(duration("1h30m"), 5400 * USEC_PER_SEC);
	CU_ASSERT_EQUAL(duration("1.5h"), 5400 * USEC_PER_SEC);
	CU_ASSERT_EQUAL(duration("250ms"), 250 * USEC_PER_MSEC);
}

static void test_what_is_no_go_duration(void)
{
	static const char *const bad[] = { "",    "5",    "s",   "5x", "-5s",         "+5s",
					   "inf", "0x5s", "5m ", "0s", "99999999999h" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_EQUAL(duration(bad[i]), -1);
}

TEST_SUITE(commands_cosign, TEST(test_cosign_is_known_by_its_name), TEST(test_version_is_read_from_its_json),
	   TEST(test_a_version_without_a_number_is_unknown), TEST(test_flags_are_read_up_to_the_dashes),
	   TEST(test_a_flag_at_the_end_has_no_value), TEST(test_each_version_by_default),
	   TEST(test_an_unknown_version_gets_what_all_take),
	   TEST(test_a_signing_config_of_the_user_counts_from_2_6),
	   TEST(test_a_user_who_wants_none_gets_urls), TEST(test_services_on_the_command_line_are_left_alone),
	   TEST(test_go_durations), TEST(test_what_is_no_go_duration))
