#include "unit.h"

#include <string.h>

#include <sigrelay/registry/registry.h>

static struct registry_error of(const char *body)
{
	struct registry_error e;
	registry_error_read(slice_str(body), &e);
	return e;
}

static void test_the_first_error_counts(void)
{
	struct registry_error e = of("{\"errors\":[{\"code\":\"A\",\"message\":\"m\",\"detail\":{\"x\":1}},"
				     "{\"code\":\"B\",\"message\":\"n\"}]}\n");
	CU_ASSERT_TRUE(e.is_error);
	CU_ASSERT_STRING_EQUAL(e.code, "A");
	CU_ASSERT_STRING_EQUAL(e.message, "m");
}

static void test_what_is_no_error_body(void)
{
	static const char *const bodies[] = { "",
					      "<html>404</html>",
					      "404 page not found\n",
					      "{\"errors\":[]}",
					      "{\"errors\":{}}",
					      "{\"errors\":[1]}",
					      "{\"code\":\"MANIFEST_UNKNOWN\"}",
					      "[{\"code\":\"A\"}]",
					      "{\"errors\":[{\"code\":\"A\"}]",
					      "{\"errors\":[{\"code\":\"A\"}]}x" };
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct registry_error e = of(bodies[i]);
		CU_ASSERT_FALSE(e.is_error);
		CU_ASSERT_STRING_EQUAL(e.code, "");
		CU_ASSERT_STRING_EQUAL(e.message, "");
	}
}

static void test_fields_of_other_types_are_empty(void)
{
	struct registry_error e = of("{\"errors\":[{\"code\":404,\"message\":null}]}");
	CU_ASSERT_TRUE(e.is_error);
	CU_ASSERT_STRING_EQUAL(e.code, "");
	CU_ASSERT_STRING_EQUAL(e.message, "");
}

/* "::error" at the start of a line is a command to GitHub Actions, an escape one to
 * a terminal. */
static void test_a_message_is_one_line_that_prints(void)
{
	struct registry_error e = of("{\"errors\":[{\"code\":\"A\\n::B\",\"message\":"
				     "\"a\\n::error::b\\u001b[2J\\u202e\xff\xc3\xa9\"}]}");
	CU_ASSERT_STRING_EQUAL(e.code, "A ::B");
	CU_ASSERT_STRING_EQUAL(e.message, "a ::error::b?[2J??\xc3\xa9");
}

static void test_a_long_message_is_cut_between_characters(void)
{
	char body[1024] = "{\"errors\":[{\"code\":\"A\",\"message\":\"", *end = body + strlen(body);
	for (int i = 0; i < 200; i++, end += 2)
		memcpy(end, "\xc3\xa9", 2);
	memcpy(end, "\"}]}", 5);
	struct registry_error e = of(body);
	CU_ASSERT_EQUAL(strlen(e.message), 254); /* 127 of two bytes: one more byte would be half of one */
}

static bool immutable(int status, const char *code, const char *message)
{
	struct registry_error e = { .is_error = true };
	strncpy(e.code, code, sizeof(e.code) - 1);
	strncpy(e.message, message, sizeof(e.message) - 1);
	return registry_error_immutable(status, &e);
}

/* As the registries word it. */
static void test_immutable(void)
{
	CU_ASSERT_TRUE(immutable(403, "DENIED",
				 "requested access to the resource is denied - This tag is already assigned "
				 "to an image in this repository and cannot be updated due to immutability "
				 "settings."));
	CU_ASSERT_TRUE(immutable(400, "TAG_INVALID",
				 "The image tag 'x' already exists in the 'r' repository and cannot be "
				 "overwritten because the tag is immutable."));
	CU_ASSERT_TRUE(immutable(400, "MANIFEST_INVALID",
				 "cannot update tag x. The repository has enabled tag immutability"));
	CU_ASSERT_TRUE(immutable(412, "PRECONDITION",
				 "Failed to process request due to 'r:t' configured as immutable."));
	CU_ASSERT_TRUE(
	    immutable(412, "PRECONDITION", "the tag x configured as IMMUTABLE, cannot be deleted"));
	CU_ASSERT_TRUE(immutable(409, "TAG_IMMUTABLE", ""));
	CU_ASSERT_TRUE(immutable(405, "REGISTRY_DISALLOWED_OPERATION", ""));
	CU_ASSERT_TRUE(
	    immutable(405, "X", "The operation is Disallowed on this registry, repository or image."));
	CU_ASSERT_TRUE(immutable(403, "DENIED", "This tag is already assigned to an image"));
}

static void test_not_immutable(void)
{
	struct registry_error none = { .is_error = false, .message = "immutable" };
	CU_ASSERT_FALSE(immutable(405, "UNSUPPORTED", "The operation is unsupported."));
	CU_ASSERT_FALSE(immutable(403, "DENIED", "requested access to the resource is denied"));
	CU_ASSERT_FALSE(immutable(400, "DIGEST_INVALID", "provided digest did not match uploaded content"));
	CU_ASSERT_FALSE(immutable(500, "UNKNOWN", "immutable"));
	CU_ASSERT_FALSE(immutable(202, "", "immutable"));
	CU_ASSERT_FALSE(registry_error_immutable(403, &none));
}

TEST_SUITE(registry_error, TEST(test_the_first_error_counts), TEST(test_what_is_no_error_body),
	   TEST(test_fields_of_other_types_are_empty), TEST(test_a_message_is_one_line_that_prints),
	   TEST(test_a_long_message_is_cut_between_characters), TEST(test_immutable),
	   TEST(test_not_immutable))
