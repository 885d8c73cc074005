#include "unit.h"

#include <string.h>

#include <sigrelay/registry/oci.h>

#define DIGEST "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define NAMED "Docker-Content-Digest: " DIGEST "\r\nContent-Type: application/json; charset=x\r\n\r\n"
#define MANIFEST "{\"schemaVersion\":2}"
#define MANIFEST_DIGEST "sha256:bafebd36189ad3688b7b3915ea55d461e0bfcfbdde11e54b0a123999fb6be50f"
#define ERROR(code, message) "{\"errors\":[{\"code\":\"" code "\",\"message\":\"" message "\"}]}"

static struct web_answer answer(int status, const char *head, const char *body)
{
	struct web_answer a = { .status = status, .attempts = 1, .retry_after = -1 };
	buf_init(&a.head, 4096);
	buf_init(&a.body, 4096);
	CU_ASSERT_EQUAL_FATAL(buf_add_str(&a.head, head), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(buf_add_str(&a.body, body), STATUS_OK);
	return a;
}

static struct tag_look judge(struct web_answer *head, struct web_answer *get, const char *no_access)
{
	struct tag_look out;
	tag_judge(head, get, no_access, &out);
	CU_ASSERT_EQUAL(out.state == TAG_PRESENT, out.digest[0] != '\0');
	if (out.state == TAG_UNKNOWN || out.state == TAG_REFUSED)
		CU_ASSERT_NOT_EQUAL(out.reason[0], '\0');
	if (head)
		web_answer_release(head);
	if (get)
		web_answer_release(get);
	return out;
}

/* After a HEAD 404, what GET's status and body say. */
static struct tag_look after_404(int status, const char *body)
{
	struct web_answer head = answer(404, "", ""), get = answer(status, "", body);
	return judge(&head, &get, "");
}

static void check(struct tag_look got, enum tag_state state, const char *reason)
{
	CU_ASSERT_STRING_EQUAL(tag_state_name(got.state), tag_state_name(state));
	if (!strstr(got.reason, reason))
		CU_ASSERT_STRING_EQUAL(got.reason, reason);
}

static void test_present_by_head(void)
{
	struct web_answer head = answer(200, NAMED, "");
	struct tag_look got = judge(&head, NULL, "");
	check(got, TAG_PRESENT, "");
	CU_ASSERT_STRING_EQUAL(got.digest, DIGEST);
	CU_ASSERT_STRING_EQUAL(got.media_type, "application/json");
}

static void test_present_by_hash(void)
{
	struct web_answer head = answer(200, "Docker-Content-Digest: sha256:junk\r\n", "");
	struct web_answer get = answer(200, "", MANIFEST);
	struct tag_look got = judge(&head, &get, "");
	check(got, TAG_PRESENT, "");
	CU_ASSERT_STRING_EQUAL(got.digest, MANIFEST_DIGEST);
}

static void test_present_though_head_said_404(void)
{
	struct web_answer head = answer(404, "", ""), get = answer(200, NAMED, MANIFEST);
	check(judge(&head, &get, ""), TAG_PRESENT, "");
}

static void test_a_page_with_200_is_no_manifest(void)
{
	struct web_answer head = answer(200, "", ""), get = answer(200, "", "<html>log in</html>");
	check(judge(&head, &get, ""), TAG_UNKNOWN, "neither a digest nor a manifest");
	head = answer(200, "", "");
	get = answer(200, "", "{\"ok\":true}");
	check(judge(&head, &get, ""), TAG_UNKNOWN, "neither a digest nor a manifest");
	head = answer(200, "", "");
	check(judge(&head, NULL, ""), TAG_UNKNOWN, "neither a digest nor a manifest");
}

static void test_absent(void)
{
	check(after_404(404, ERROR("MANIFEST_UNKNOWN", "manifest unknown")), TAG_ABSENT, "");
	check(after_404(404, ERROR("NAME_UNKNOWN", "x")), TAG_ABSENT, "no such repository");
	check(after_404(404, ERROR("NOT_FOUND", "artifact r:t not found")), TAG_ABSENT, "");
	check(after_404(404, ERROR("TAG_EXPIRED", "Tag t was deleted")), TAG_ABSENT, "");
}

static void test_404_that_is_not_absent(void)
{
	check(after_404(404, ERROR("MANIFEST_UNKNOWN",
				   "OCI index found, but Accept header does not support OCI indexes")),
	      TAG_UNKNOWN, "in a form");
	check(after_404(404, ERROR("MANIFEST_UNKNOWN", "Manifest has media type \\\"x\\\"")), TAG_UNKNOWN,
	      "in a form");
	check(after_404(404, ERROR("BLOB_UNKNOWN", "x")), TAG_UNKNOWN, "404 BLOB_UNKNOWN: x");
	check(after_404(404, "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\"},{\"code\":\"DENIED\"}]}"),
	      TAG_UNKNOWN, "MANIFEST_UNKNOWN and more errors");
	check(after_404(404, ""), TAG_UNKNOWN, "without a registry's error");
	check(after_404(404, "<html>MANIFEST_UNKNOWN</html>"), TAG_UNKNOWN, "without a registry's error");
	check(after_404(404, "{\"code\":\"MANIFEST_UNKNOWN\"}"), TAG_UNKNOWN, "without a registry's error");
	check(after_404(410, ERROR("MANIFEST_UNKNOWN", "x")), TAG_UNKNOWN, "410");
	struct web_answer head = answer(404, "", "");
	check(judge(&head, NULL, ""), TAG_UNKNOWN, "without a registry's error");
	head = answer(200, "", "");
	struct web_answer get = answer(404, "", ERROR("MANIFEST_UNKNOWN", "x"));
	check(judge(&head, &get, ""), TAG_UNKNOWN, "differ");
}

static void test_no_access_is_unknown_whatever_was_answered(void)
{
	struct web_answer get = answer(404, "", ERROR("NAME_UNKNOWN", "of the token service"));
	check(judge(NULL, &get, "no access: x"), TAG_UNKNOWN, "no access: x");
	get = answer(400, "", ERROR("INVALID_REQUEST", "of the token service"));
	check(judge(NULL, &get, "no access: x"), TAG_UNKNOWN, "no access: x");
	get = answer(200, NAMED, MANIFEST);
	check(judge(NULL, &get, "no access: x"), TAG_UNKNOWN, "no access: x");
	struct web_answer head = answer(401, "", "");
	check(judge(&head, NULL, ""), TAG_UNKNOWN, "no access, or it does not exist");
	head = answer(403, "", "");
	check(judge(&head, NULL, ""), TAG_UNKNOWN, "no access, or it does not exist");
}

static void test_faults_are_unknown_with_their_cause(void)
{
	struct web_answer head = answer(0, "", "");
	strcpy(head.error, "ghcr.io: connection refused");
	check(judge(&head, NULL, ""), TAG_UNKNOWN, "ghcr.io: connection refused");
	head = answer(429, "", "");
	head.retry_after = 90 * USEC_PER_SEC;
	head.attempts = 3;
	check(judge(&head, NULL, ""), TAG_UNKNOWN,
	      "429; it wants to be left alone for 1m 30s (tried 3 times)");
	head = answer(503, "", "");
	check(judge(&head, NULL, ""), TAG_UNKNOWN, "the registry fails: it answered 503");
	head = answer(404, "", "");
	struct web_answer get = answer(0, "", "");
	strcpy(get.error, "ghcr.io: the answer broke off");
	check(judge(&head, &get, ""), TAG_UNKNOWN, "broke off");
	head = answer(302, "", "");
	check(judge(&head, NULL, ""), TAG_UNKNOWN, "302");
}

static void test_refused(void)
{
	check(after_404(400, ERROR("TAG_INVALID", "bad tag")), TAG_REFUSED, "400 TAG_INVALID: bad tag");
	check(after_404(400, ""), TAG_REFUSED, "400");
	check(after_404(422, ERROR("NAME_INVALID", "x")), TAG_REFUSED, "422 NAME_INVALID");
	check(after_404(404, ERROR("NAME_INVALID", "x")), TAG_UNKNOWN, "NAME_INVALID");
}

static void test_400_that_is_not_refused(void)
{
	check(after_404(400, "Client sent an HTTP request to an HTTPS server.\n"), TAG_UNKNOWN, "TLS");
	check(after_404(400, ERROR("NAME_UNKNOWN", "x")), TAG_UNKNOWN, "400 NAME_UNKNOWN");
	check(after_404(400, ERROR("UNSUPPORTED", "x")), TAG_UNKNOWN, "400 UNSUPPORTED");
}

TEST_SUITE(registry_tag_judge, TEST(test_present_by_head), TEST(test_present_by_hash),
	   TEST(test_present_though_head_said_404), TEST(test_a_page_with_200_is_no_manifest),
	   TEST(test_absent), TEST(test_404_that_is_not_absent),
	   TEST(test_no_access_is_unknown_whatever_was_answered),
	   TEST(test_faults_are_unknown_with_their_cause), TEST(test_refused),
	   TEST(test_400_that_is_not_refused))
