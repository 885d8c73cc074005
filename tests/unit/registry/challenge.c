#include "unit.h"

#include <sigrelay/base/mem.h>
#include <sigrelay/registry/challenge.h>

static void same(const char *got, const char *expected)
{
	CU_ASSERT_EQUAL(got == NULL, expected == NULL);
	if (got && expected)
		CU_ASSERT_STRING_EQUAL(got, expected);
}

static struct challenge chosen(const char *first, const char *second)
{
	struct slice headers[] = { slice_str(first), slice_str(second) };
	struct challenge c = { .scheme = CHALLENGE_NONE };
	CU_ASSERT_EQUAL(challenge_choose(headers, second ? 2 : 1, &c), STATUS_OK);
	return c;
}

static void bearer(const char *header, const char *realm, const char *service, const char *scope)
{
	struct challenge c = chosen(header, NULL);
	CU_ASSERT_EQUAL(c.scheme, CHALLENGE_BEARER);
	same(c.realm, realm);
	same(c.service, service);
	same(c.scope, scope);
	challenge_release(&c);
}

static void scheme_is(const char *header, enum challenge_scheme scheme)
{
	struct challenge c = chosen(header, NULL);
	CU_ASSERT_EQUAL(c.scheme, scheme);
	challenge_release(&c);
}

static void test_a_bearer_challenge(void)
{
	bearer("Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\","
	       "scope=\"repository:a/b:pull,push\"",
	       "https://auth.docker.io/token", "registry.docker.io", "repository:a/b:pull,push");
	bearer("Bearer scope=\"s\" ,  realm = \"r\"\t, service=x", "r", "x", "s");
	bearer("bEARER REALM=\"r\",Service=\"s\"", "r", "s", NULL);
	bearer("Bearer realm=https://h/token?a=b,service=s", "https://h/token?a=b", "s", NULL);
	bearer("Bearer realm=\"r\" service=\"s\"", "r", "s", NULL);
	bearer(",, ,Bearer realm=\"r\",,service=\"s\",", "r", "s", NULL);
	bearer("Bearer realm=\"r\",scope=\"\"", "r", NULL, "");
}

static void test_backslashes(void)
{
	bearer("Bearer realm=\"a\\\"b\\\\c\\d\"", "a\"b\\cd", NULL, NULL);
	bearer("Bearer service=\"a\\\",realm=\\\"x\",realm=\"r\"", "r", "a\",realm=\"x", NULL);
}

static void test_an_error_is_read(void)
{
	struct challenge c =
	    chosen("Bearer realm=\"r\",error=\"insufficient_scope\",error_description=\"no\"", NULL);
	same(c.error, "insufficient_scope");
	challenge_release(&c);
	CU_ASSERT_PTR_NULL(c.error);
}

static void test_bearer_goes_before_basic(void)
{
	bearer("Basic realm=\"b\", Bearer realm=\"r\",service=\"s\"", "r", "s", NULL);
	bearer("Bearer realm=\"r\",service=\"s\", Basic realm=\"b\"", "r", "s", NULL);
	bearer("Basic, Bearer realm=\"r\"", "r", NULL, NULL);
	bearer("Negotiate, Basic realm=\"b\", Bearer realm=\"r\"", "r", NULL, NULL);
	bearer("Negotiate YWJjZA==, Bearer realm=\"r\"", "r", NULL, NULL);
	bearer("NTLM Basic, Bearer realm=\"r\"", "r", NULL, NULL);
	bearer("Bearer realm=\"first\", Bearer realm=\"second\"", "first", NULL, NULL);
	bearer("Digest realm=\"d\",qop=\"auth,auth-int\",nonce=\"n\", Bearer realm=\"r\"", "r", NULL, NULL);
	struct challenge c = chosen("Basic realm=\"b\"", "Bearer realm=\"r\"");
	CU_ASSERT_EQUAL(c.scheme, CHALLENGE_BEARER);
	same(c.realm, "r");
	challenge_release(&c);
}

static void test_a_parameter_belongs_to_its_scheme(void)
{
	bearer("Digest service=\"d\", Bearer realm=\"r\"", "r", NULL, NULL);
	bearer("Bearer realm=\"r\", Basic service=\"b\"", "r", NULL, NULL);
	bearer("realm=\"lost\", Bearer realm=\"r\",realm=\"again\"", "r", NULL, NULL);
	struct challenge c = chosen("Bearer realm=\"r\"", "service=\"s\"");
	CU_ASSERT_PTR_NULL(c.service);
	challenge_release(&c);
}

static void test_basic(void)
{
	struct challenge c = chosen("Basic realm=\"harbor, or so\"", NULL);
	CU_ASSERT_EQUAL(c.scheme, CHALLENGE_BASIC);
	same(c.realm, "harbor, or so");
	challenge_release(&c);
	scheme_is("basic", CHALLENGE_BASIC);
	scheme_is("Bearer, Basic", CHALLENGE_BASIC);
	scheme_is("Bearer service=\"s\", Basic realm=\"b\"", CHALLENGE_BASIC);
	scheme_is("Bearer realm=\"\", Basic realm=\"b\"", CHALLENGE_BASIC);
}

static void test_what_is_no_challenge(void)
{
	scheme_is("", CHALLENGE_NONE);
	scheme_is("Bearer", CHALLENGE_NONE);
	scheme_is("Bearer realm=", CHALLENGE_NONE);
	scheme_is("Bearer realm=,service=\"s\"", CHALLENGE_NONE);
	scheme_is("Bearer realm=\"no end", CHALLENGE_NONE);
	scheme_is("Bearer realm=\"a\nb\"", CHALLENGE_NONE);
	scheme_is("\"Bearer realm=x\"", CHALLENGE_NONE);
	scheme_is("Bearerrealm=\"r\"", CHALLENGE_NONE);
	scheme_is("(((\"", CHALLENGE_NONE);
	scheme_is("Negotiate Basic", CHALLENGE_NONE);
	CU_ASSERT_EQUAL(chosen("x=\"Basic\"", NULL).scheme, CHALLENGE_NONE);
	struct challenge c = { .scheme = CHALLENGE_BASIC };
	CU_ASSERT_EQUAL(challenge_choose(NULL, 0, &c), STATUS_OK);
	CU_ASSERT_EQUAL(c.scheme, CHALLENGE_NONE);
}

static void test_a_nul_in_a_value(void)
{
	static const char text[] = "Bearer realm=\"https://good\0.evil\",service=\"s\"";
	struct slice header = { text, sizeof(text) - 1 };
	struct challenge c;
	CU_ASSERT_EQUAL(challenge_choose(&header, 1, &c), STATUS_OK);
	CU_ASSERT_EQUAL(c.scheme, CHALLENGE_NONE);
	challenge_release(&c);
}

static void torture_challenge(void *arg)
{
	struct slice header = slice_str(arg);
	struct challenge c = { .scheme = CHALLENGE_NONE };
	enum status st = challenge_choose(&header, 1, &c);
	CU_ASSERT(st == STATUS_OK || (st == STATUS_NO_MEMORY && !c.realm));
	challenge_release(&c);
}

static void test_without_memory(void)
{
	char header[] = "Bearer realm=\"r\",service=\"s\",scope=\"x\",error=\"e\"";
	unit_torture(torture_challenge, header);
}

TEST_SUITE(registry_challenge, TEST(test_a_bearer_challenge), TEST(test_backslashes),
	   TEST(test_an_error_is_read), TEST(test_bearer_goes_before_basic),
	   TEST(test_a_parameter_belongs_to_its_scheme), TEST(test_basic), TEST(test_what_is_no_challenge),
	   TEST(test_a_nul_in_a_value), TEST(test_without_memory))
