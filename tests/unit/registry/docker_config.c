#include "unit.h"

#include <stdio.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/registry/docker_config.h>

/* "user:secret" and the like, in base64. */
#define USER_SECRET "dXNlcjpzZWNyZXQ="
#define U2_S2 "dTI6czI="
#define U3_S3 "dTM6czM="

static struct docker_config parsed(const char *text)
{
	struct docker_config c = { 0 };
	struct buf why;
	buf_init(&why, 4096);
	CU_ASSERT_EQUAL_FATAL(docker_config_parse("/h/config.json", slice_str(text), &c, &why), STATUS_OK);
	CU_ASSERT_EQUAL(why.n, 0);
	buf_release(&why);
	return c;
}

static void same(const char *got, const char *expected)
{
	CU_ASSERT_EQUAL(got == NULL, expected == NULL);
	if (got && expected)
		CU_ASSERT_STRING_EQUAL(got, expected);
}

/* user NULL: nobody. */
static void finds(const char *text, const char *domain, const char *path, const char *user,
		  const char *secret)
{
	struct docker_config c = parsed(text);
	struct credentials found = { 0 };
	struct buf why;
	buf_init(&why, 4096);
	CU_ASSERT_EQUAL(docker_config_find(&c, domain, path, &found, &why),
			user ? STATUS_OK : STATUS_NOT_FOUND);
	same(found.username, user);
	same(found.secret, secret);
	CU_ASSERT_EQUAL(why.n, 0);
	credentials_release(&found);
	docker_config_release(&c);
	buf_release(&why);
}

static void test_the_exact_key(void)
{
	static const char text[] =
	    "{\"auths\":{\"https://g.io\":{\"auth\":\"" U2_S2 "\"},"
	    "\"g.io\":{\"auth\":\"" USER_SECRET "\"},\"g.io:5000\":{\"auth\":\"" U3_S3 "\"}}}";
	finds(text, "g.io", "a/b", "user", "secret");
	finds(text, "g.io:5000", "a/b", "u3", "s3");
	finds(text, "h.io", "a/b", NULL, NULL);
	finds(text, "G.io", "a/b", NULL, NULL);
	finds("{}", "g.io", "a", NULL, NULL);
	finds("", "g.io", "a", NULL, NULL);
	finds(" \n", "g.io", "a", NULL, NULL);
	finds("{\"auths\":null,\"credHelpers\":null,\"credsStore\":null}", "g.io", "a", NULL, NULL);
}

static void test_a_key_with_the_host_in_it(void)
{
	finds("{\"auths\":{\"https://g.io/v1/\":{\"auth\":\"" USER_SECRET "\"}}}", "g.io", "a", "user",
	      "secret");
	finds("{\"auths\":{\"https://g.io/some/api\":{\"auth\":\"" USER_SECRET "\"}}}", "g.io", "a", "user",
	      "secret");
	finds("{\"auths\":{\"http://g.io\":{\"auth\":\"" USER_SECRET "\"}}}", "g.io", "a", "user", "secret");
	finds("{\"auths\":{\"g.io/v2/\":{\"auth\":\"" USER_SECRET "\"}}}", "g.io", "a", "user", "secret");
	finds("{\"auths\":{\"https://g.io.evil/v1/\":{\"auth\":\"" USER_SECRET "\"}}}", "g.io", "a", NULL,
	      NULL);
	finds("{\"auths\":{\"https://evil/g.io\":{\"auth\":\"" USER_SECRET "\"}}}", "g.io", "a", NULL, NULL);
	finds("{\"auths\":{\"https://g.io@evil/\":{\"auth\":\"" USER_SECRET "\"}}}", "g.io", "a", NULL, NULL);
}

static void test_docker_hubs_key(void)
{
	static const char text[] = "{\"auths\":{\"docker.io\":{\"auth\":\"" U2_S2 "\"},"
				   "\"https://index.docker.io/v1/\":{\"auth\":\"" USER_SECRET "\"}}}";
	CU_ASSERT_STRING_EQUAL(credential_key("docker.io"), "https://index.docker.io/v1/");
	CU_ASSERT_STRING_EQUAL(credential_key("g.io"), "g.io");
	finds("{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"" USER_SECRET "\"}}}", "docker.io",
	      "a/b", "user", "secret");
	finds("{\"auths\":{\"index.docker.io\":{\"auth\":\"" USER_SECRET "\"}}}", "docker.io", "a/b", "user",
	      "secret");
	finds("{\"auths\":{\"docker.io\":{\"auth\":\"" USER_SECRET "\"}}}", "docker.io", "a/b", "user",
	      "secret");
	finds(text, "g.io", "a", NULL, NULL);
	finds("{\"auths\":{\"https://index.docker.io/v1/access-token\":{\"auth\":\"" U2_S2 "\"},"
	      "\"https://index.docker.io/v1/\":{\"auth\":\"" USER_SECRET "\"}}}",
	      "docker.io", "a/b", "user", "secret");
}

static void test_podmans_keys_with_a_path(void)
{
	static const char text[] =
	    "{\"auths\":{\"g.io\":{\"auth\":\"" USER_SECRET "\"},"
	    "\"g.io/a\":{\"auth\":\"" U2_S2 "\"},\"g.io/a/b\":{\"auth\":\"" U3_S3 "\"}}}";
	finds(text, "g.io", "a/b", "u3", "s3");
	finds(text, "g.io", "a/b/c", "u3", "s3");
	finds(text, "g.io", "a/bb", "u2", "s2");
	finds(text, "g.io", "ab", "user", "secret");
	/* Another's path is not what to go by at the same host. */
	finds("{\"auths\":{\"g.io/a\":{\"auth\":\"" U2_S2 "\"}}}", "g.io", "b", NULL, NULL);
}

static void test_an_empty_entry_names_nobody(void)
{
	finds("{\"auths\":{\"g.io\":{}}}", "g.io", "a", NULL, NULL);
	finds("{\"auths\":{\"g.io\":null}}", "g.io", "a", NULL, NULL);
	finds("{\"auths\":{\"g.io\":{\"auth\":\"\",\"email\":7}}}", "g.io", "a", NULL, NULL);
	finds("{\"auths\":{\"g.io/a\":{},\"g.io\":{\"auth\":\"" USER_SECRET "\"}}}", "g.io", "a", "user",
	      "secret");
}

static void test_how_a_pair_is_written(void)
{
	finds("{\"auths\":{\"g.io\":{\"username\":\"u\",\"password\":\"p:q\"}}}", "g.io", "a", "u", "p:q");
	finds("{\"auths\":{\"g.io\":{\"username\":\"u\"}}}", "g.io", "a", "u", "");
	finds("{\"auths\":{\"g.io\":{\"auth\":\"" USER_SECRET "\",\"username\":\"x\",\"password\":\"y\"}}}",
	      "g.io", "a", "user", "secret");
	/* u:a:b, u:, user:secret and three NULs, the first in two lines */
	finds("{\"auths\":{\"g.io\":{\"auth\":\"dTph\\nOmI=\\r\\n\"}}}", "g.io", "a", "u", "a:b");
	finds("{\"auths\":{\"g.io\":{\"auth\":\"dTo=\"}}}", "g.io", "a", "u", "");
	finds("{\"auths\":{\"g.io\":{\"auth\":\"dXNlcjpzZWNyZXQAAAA=\"}}}", "g.io", "a", "user", "secret");
}

static void test_tokens(void)
{
	struct docker_config c = parsed("{\"auths\":{\"g.io\":{\"auth\":\"dTo=\",\"identitytoken\":\"it\"},"
					"\"h.io\":{\"registrytoken\":\"rt\"}}}");
	struct credentials found = { 0 };
	struct buf why;
	buf_init(&why, 4096);
	CU_ASSERT_EQUAL(docker_config_find(&c, "g.io", "a", &found, &why), STATUS_OK);
	same(found.username, "u");
	same(found.secret, NULL);
	same(found.identity_token, "it");
	same(found.registry_token, NULL);
	credentials_release(&found);
	CU_ASSERT_EQUAL(docker_config_find(&c, "h.io", "a", &found, &why), STATUS_OK);
	same(found.username, NULL);
	same(found.secret, NULL);
	same(found.registry_token, "rt");
	credentials_release(&found);
	docker_config_release(&c);
	buf_release(&why);
}

/* Names file and key, and never what was written. */
static void refuses_entry(const char *entry, const char *wrong, const char *secret)
{
	char text[512];
	struct credentials found = { 0 };
	struct buf why;
	snprintf(text, sizeof(text), "{\"auths\":{\"g.io\":{%s}}}", entry);
	struct docker_config c = parsed(text);
	buf_init(&why, 4096);
	CU_ASSERT_EQUAL(docker_config_find(&c, "g.io", "a", &found, &why), STATUS_INVALID);
	CU_ASSERT_PTR_NULL(found.username);
	CU_ASSERT_PTR_NULL(found.identity_token);
	CU_ASSERT_PTR_NOT_NULL_FATAL(why.p);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.p, wrong));
	CU_ASSERT_PTR_NOT_NULL(strstr(why.p, "/h/config.json"));
	CU_ASSERT_PTR_NOT_NULL(strstr(why.p, "'g.io'"));
	CU_ASSERT_PTR_NULL(strstr(why.p, secret));
	docker_config_release(&c);
	buf_release(&why);
}

static void test_entries_that_are_no_good(void)
{
	refuses_entry("\"auth\":\"dXNlcjpz!\",\"identitytoken\":\"it\"", "no base64", "dXNlcjpz");
	refuses_entry("\"auth\":\"dXNlcjpzZWNyZXQ\\t\"", "no base64", "dXNlcjpz");
	refuses_entry("\"auth\":\"c2VjcmV0\"", "':' is missing", "c2VjcmV0");
	refuses_entry("\"auth\":\"c2VjcmV0\"", "':' is missing", "secret");
	refuses_entry("\"auth\":\"OnNlY3JldA==\"", "no user name", "secret");
	refuses_entry("\"auth\":\"AAAA\"", "':' is missing", "AAAA");
	refuses_entry("\"auth\":\"dQB1OnB3\"", "NUL", "pw");
	refuses_entry("\"password\":\"pw77\"", "no username", "pw77");
	refuses_entry("\"registrytoken\":\"pw77\\r\\nX: 1\"", "registrytoken has a blank, a line break",
		      "pw77");
	refuses_entry("\"registrytoken\":\"pw 77\"", "registrytoken", "pw 77");
}

static void refuses_file(const char *name, const char *text, const char *wrong)
{
	struct docker_config c = { 0 };
	struct buf why;
	buf_init(&why, 4096);
	CU_ASSERT_EQUAL(docker_config_parse(name, slice_str(text), &c, &why), STATUS_INVALID);
	CU_ASSERT_PTR_NULL(c.root);
	CU_ASSERT_PTR_NOT_NULL_FATAL(why.p);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.p, name));
	if (!strstr(why.p, wrong))
		printf("\n%s: %s, not %s\n", text, why.p, wrong);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.p, wrong));
	CU_ASSERT_PTR_NULL(strstr(why.p, "pw77"));
	buf_release(&why);
}

static void test_files_that_are_no_good(void)
{
	static const char file[] = "/h/config.json";
	refuses_file(file, "{", "not JSON");
	refuses_file(file, "{\"auths\":{\"g.io\":{\"password\":\"pw77", "not JSON");
	refuses_file(file, "{}{}", "not JSON");
	refuses_file(file, "\"pw77\"", "not JSON");
	refuses_file(file, "{\"auths\":{\"g.io\":{\"auth\":\"pw77\\u0000\"}}}", "not JSON");
	refuses_file(file, "[\"pw77\"]", "no JSON object");
	refuses_file(file, "{\"auths\":[\"pw77\"]}", "to be objects");
	refuses_file(file, "{\"credHelpers\":\"pw77\"}", "to be objects");
	refuses_file(file, "{\"credsStore\":7}", "to be a string");
	refuses_file(file, "{\"auths\":{\"g.io\":\"pw77\"}}", "no object");
	refuses_file(file, "{\"auths\":{\"g.io\":{\"auth\":[\"pw77\"]}}}", "no string");
	refuses_file(file, "{\"credHelpers\":{\"g.io\":7}}", "no string");
}

/* As docker: a field that it does not know is no wish to go by half of. */
static void test_the_variable_takes_auths_alone(void)
{
	refuses_file(DOCKER_AUTH_CONFIG, "{\"credsStore\":\"x\"}", "nothing else");
	refuses_file(DOCKER_AUTH_CONFIG, "{\"auths\":{},\"HttpHeaders\":{}}", "nothing else");
	refuses_file(DOCKER_AUTH_CONFIG, "{\"auths\":{\"g.io\":{\"username\":\"u\",\"password\":\"pw77\"}}}",
		     "nothing else");
	refuses_file(DOCKER_AUTH_CONFIG, "{\"auths\":{\"g.io\":{}}}", "nothing else");
	struct docker_config c = { 0 };
	struct buf why;
	buf_init(&why, 4096);
	CU_ASSERT_EQUAL(
	    docker_config_parse(DOCKER_AUTH_CONFIG,
				SLICE_LIT("{\"auths\":{\"g.io\":{\"auth\":\"" USER_SECRET "\"}}}"), &c, &why),
	    STATUS_OK);
	docker_config_release(&c);
	buf_release(&why);
}

static void helper_is(const struct docker_config *c, const char *domain, const char *name, const char *field)
{
	const char *found_field = NULL;
	same(docker_config_helper(c, domain, &found_field), name);
	if (name)
		same(found_field, field);
}

static void test_which_helper(void)
{
	struct docker_config c =
	    parsed("{\"credsStore\":\"desktop\",\"credHelpers\":{\"g.io\":\"gcloud\","
		   "\"https://index.docker.io/v1/\":\"pass\",\"none.io\":\"\",\"https://k.io/v1/\":\"k\"}}");
	helper_is(&c, "g.io", "gcloud", "credHelpers");
	helper_is(&c, "docker.io", "pass", "credHelpers");
	helper_is(&c, "k.io", "k", "credHelpers");
	helper_is(&c, "other.io", "desktop", "credsStore");
	helper_is(&c, "none.io", NULL, NULL);
	docker_config_release(&c);
	c = parsed("{\"credHelpers\":{\"docker.io\":\"pass\"},\"credsStore\":\"\"}");
	helper_is(&c, "docker.io", "pass", "credHelpers");
	helper_is(&c, "g.io", NULL, NULL);
	docker_config_release(&c);
	c = parsed("");
	helper_is(&c, "g.io", NULL, NULL);
	docker_config_release(&c);
}

static void torture_config(void *arg)
{
	struct docker_config c = { 0 };
	struct credentials found = { 0 };
	struct buf why;
	buf_init(&why, 4096);
	enum status st = docker_config_parse("f", slice_str(arg), &c, &why);
	if (st == STATUS_OK)
		st = docker_config_find(&c, "g.io", "a", &found, &why);
	CU_ASSERT(st == STATUS_OK || st == STATUS_INVALID || st == STATUS_NO_MEMORY);
	CU_ASSERT(st == STATUS_OK || !found.username);
	credentials_release(&found);
	docker_config_release(&c);
	buf_release(&why);
}

static void test_without_memory(void)
{
	char good[] = "{\"auths\":{\"g.io\":{\"auth\":\"" USER_SECRET
		      "\",\"identitytoken\":\"i\",\"registrytoken\":\"r\"}}}";
	char bad[] = "{\"auths\":{\"g.io\":{\"auth\":\"!\"}}}", none[] = "{";
	unit_torture(torture_config, good);
	unit_torture(torture_config, bad);
	unit_torture(torture_config, none);
}

TEST_SUITE(registry_docker_config, TEST(test_the_exact_key), TEST(test_a_key_with_the_host_in_it),
	   TEST(test_docker_hubs_key), TEST(test_podmans_keys_with_a_path),
	   TEST(test_an_empty_entry_names_nobody), TEST(test_how_a_pair_is_written), TEST(test_tokens),
	   TEST(test_entries_that_are_no_good), TEST(test_files_that_are_no_good),
	   TEST(test_the_variable_takes_auths_alone), TEST(test_which_helper), TEST(test_without_memory))
