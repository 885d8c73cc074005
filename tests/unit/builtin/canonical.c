/* Against what Rekor's own code makes of the same requests
 * (tests/unit/sigstore/vectors). */
#include <sigrelay/builtin/canonical.h>

#include <stdio.h>

#include <sigrelay/base/bytes.h>
#include <sigrelay/base/json.h>

#include "sigstore/vectors.h"
#include "unit.h"

/* The body of the one entry in {"…":{"body":…}}, decoded. */
static void stored(const char *name, struct buf *out)
{
	char file[64];
	snprintf(file, sizeof(file), "%s.entry.json", name);
	cJSON *root = json_parse(vector(file));
	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	CU_ASSERT_EQUAL_FATAL(base64_decode(json_str_at(root->child, "body", NULL), out), STATUS_OK);
	cJSON_Delete(root);
}

static void test_is_byte_for_byte_what_rekor_stores(void)
{
	static const char *const names[] = {
		"hashedrekord", "hashedrekord_key", "hashedrekord_sha512", "hashedrekord_chain",
		"dsse",         "dsse_two",         "dsse_spare"
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char file[64];
		struct refusal why = { .message = "" };
		struct buf want, got;
		buf_init(&want, 65536);
		buf_init(&got, 65536);
		snprintf(file, sizeof(file), "%s.posted.json", names[i]);
		stored(names[i], &want);
		CU_ASSERT_EQUAL(canonical_entry(vector(file), &got, &why), STATUS_OK);
		if (!slice_eq(buf_slice(&got), buf_slice(&want)))
			printf("%s: %s\n%s\n%s\n", names[i], why.message, got.p ? got.p : "", want.p);
		CU_ASSERT(slice_eq(buf_slice(&got), buf_slice(&want)));
		buf_release(&want);
		buf_release(&got);
	}
}

static void refused(struct slice body, int status, int code, const char *message)
{
	struct refusal why = { .message = "" };
	struct buf got;
	buf_init(&got, 65536);
	CU_ASSERT_EQUAL(canonical_entry(body, &got, &why), STATUS_INVALID);
	CU_ASSERT_EQUAL(why.status, status);
	CU_ASSERT_EQUAL(why.code, code);
	if (!strstr(why.message, message))
		printf("%s\n", why.message);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.message, message));
	CU_ASSERT_EQUAL(got.n, 0);
	buf_release(&got);
}

static void test_what_rekor_refuses_is_refused(void)
{
	struct slice ok = vector("hashedrekord.posted.json");
	refused(SLICE_LIT("{"), 400, 400, "failed, because");
	refused(SLICE_LIT("{\"kind\":\"rfc822\"}"), 400, 400, "invalid kind value: \"rfc822\"");
	refused(SLICE_LIT("{\"kind\":\"dsse\",\"apiVersion\":\"0.0.1\"}"), 422, 602,
		"spec in body is required");
	refused(SLICE_LIT("{\"kind\":\"dsse\",\"spec\":{}}"), 422, 602, "apiVersion in body is required");
	refused(SLICE_LIT("{\"kind\":\"dsse\",\"apiVersion\":\"0.0.1\",\"spec\":{}}"), 400, 400,
		"envelope is missing");
	refused(edited(ok, "0.0.1", "0.0.9"), 400, 400, "version '0.0.9' is not supported");
	refused(edited(ok, "\"signature\"", "\"signatory\""), 400, 400, "missing signature");
	refused(edited(ok, "\"publicKey\"", "\"publicKoy\""), 400, 400, "missing public key");
	refused(edited(ok, "\"sha256\"", "\"md5\""), 400, 400, "should be one of");
}

static void test_a_signature_over_something_else_is_refused(void)
{
	struct slice ok = vector("hashedrekord.posted.json");
	cJSON *root = json_parse(ok);
	struct slice hash = json_str_at(root, "spec", "data", "hash", "value", NULL);
	CU_ASSERT_FATAL(hash.n == 64);
	char other[65];
	snprintf(other, sizeof(other), "%s", hash.p);
	other[0] = other[0] == '0' ? '1' : '0';
	refused(edited(ok, hash.p, other), 400, 400, "verifying signature");
	cJSON_Delete(root);
	/* The envelope travels as a string in JSON, so its quotes are escaped. */
	refused(edited(vector("dsse.posted.json"), "\\\"payloadType\\\":\\\"", "\\\"payloadType\\\":\\\"x"),
		400, 400, "could not verify envelope");
}

static void canonical_again(void *arg)
{
	struct refusal why;
	struct buf got;
	buf_init(&got, 65536);
	enum status s = canonical_entry(*(struct slice *)arg, &got, &why);
	CU_ASSERT(s == STATUS_OK || s == STATUS_NO_MEMORY || s == STATUS_INVALID);
	buf_release(&got);
}

static void test_survives_every_failed_allocation(void)
{
	struct slice hashedrekord = vector("hashedrekord.posted.json"), dsse = vector("dsse_two.posted.json");
	unit_torture(canonical_again, &hashedrekord);
	unit_torture(canonical_again, &dsse);
}

TEST_SUITE(builtin_canonical, TEST(test_is_byte_for_byte_what_rekor_stores),
	   TEST(test_what_rekor_refuses_is_refused), TEST(test_a_signature_over_something_else_is_refused),
	   TEST(test_survives_every_failed_allocation))
