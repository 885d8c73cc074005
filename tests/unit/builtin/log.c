/* The log itself, without faults: Rekor v1's answers. Entries are judged by the
 * code that judges them in production, which shares nothing with the log. */
#include "unit.h"

#include <stdio.h>

#include "builtin/talk.h"
#include <sigrelay/base/mem.h>
#include <sigrelay/sigstore/rekor.h>

#define ENTRIES "/api/v1/log/entries"

static struct slice body_of(const struct reply *r)
{
	return (struct slice){ r->body, r->body_n };
}

static enum belief judge(const struct reply *r, const char *id)
{
	struct entry e;
	return rekor_entry_check(body_of(r), slice_str(id), &e);
}

static void header_is(const struct reply *r, const char *name, const char *want)
{
	char got[256];
	reply_header(r, name, got, sizeof(got));
	CU_ASSERT_STRING_EQUAL(got, want);
}

static void get(struct stage *s, const char *id, struct reply *r)
{
	char path[256];
	snprintf(path, sizeof(path), ENTRIES "/%s", id);
	ask(s, "GET", path, NULL, r);
}

/* Posts a fresh entry; its id. */
static void add_one(struct stage *s, char id[81])
{
	struct reply r;
	char *entry = new_entry();
	ask(s, "POST", ENTRIES, entry, &r);
	CU_ASSERT_EQUAL_FATAL(r.status, 201);
	entry_id(&r, id);
	reply_release(&r);
	mem_free(entry);
}

static void test_create_answers_the_entry_with_its_id_in_the_headers(void)
{
	struct stage s;
	struct reply r;
	char id[81], location[128];
	stage_init(&s, NULL);
	char *entry = new_entry();
	ask(&s, "POST", ENTRIES, entry, &r);
	CU_ASSERT_EQUAL(r.status, 201);
	CU_ASSERT_EQUAL(judge(&r, ""), BELIEF_TRUE);
	entry_id(&r, id);
	snprintf(location, sizeof(location), ENTRIES "/%s", id);
	header_is(&r, "ETag", id);
	header_is(&r, "Location", location);
	header_is(&r, "Content-Type", "application/json");
	reply_release(&r);
	mem_free(entry);
	stage_release(&s);
}

static void test_the_same_again_is_a_conflict_with_a_relative_location(void)
{
	struct stage s;
	struct reply r;
	char id[81], want[256];
	stage_init(&s, NULL);
	char *entry = new_entry();
	ask(&s, "POST", ENTRIES, entry, &r);
	entry_id(&r, id);
	reply_release(&r);
	/* Reformatted, it is still the same entry. */
	cJSON *root = json_parse(slice_str(entry));
	char *pretty = cJSON_Print(root);
	ask(&s, "POST", ENTRIES, pretty, &r);
	CU_ASSERT_EQUAL(r.status, 409);
	snprintf(want, sizeof(want), ENTRIES "/%s", id);
	header_is(&r, "Location", want);
	header_is(&r, "ETag", "");
	snprintf(want, sizeof(want),
		 "{\"code\":409,\"message\":\"an equivalent entry already exists in the transparency log "
		 "with UUID "
		 "%s\"}\n",
		 id);
	CU_ASSERT(slice_eq_str(body_of(&r), want));
	reply_release(&r);
	cJSON_free(pretty);
	cJSON_Delete(root);
	mem_free(entry);
	stage_release(&s);
}

static void test_get_takes_both_ids_and_has_no_etag(void)
{
	struct stage s;
	struct reply r;
	char id[81], key[81];
	stage_init(&s, NULL);
	for (int i = 0; i < 5; i++)
		add_one(&s, id);
	get(&s, id, &r);
	CU_ASSERT_EQUAL(r.status, 200);
	CU_ASSERT_EQUAL(judge(&r, id), BELIEF_TRUE);
	header_is(&r, "ETag", "");
	header_is(&r, "Location", "");
	reply_release(&r);
	get(&s, id + 16, &r);
	CU_ASSERT_EQUAL(r.status, 200);
	entry_id(&r, key);
	CU_ASSERT_STRING_EQUAL(key, id);
	reply_release(&r);
	stage_release(&s);
}

static void test_an_unknown_entry_is_an_empty_404(void)
{
	struct stage s;
	struct reply r;
	char id[81];
	stage_init(&s, NULL);
	add_one(&s, id);
	id[79] = id[79] == '0' ? '1' : '0';
	get(&s, id, &r);
	CU_ASSERT_EQUAL(r.status, 404);
	CU_ASSERT_EQUAL(r.body_n, 0);
	header_is(&r, "Content-Type", "");
	header_is(&r, "Content-Length", "0");
	reply_release(&r);
	get(&s, "abc", &r);
	CU_ASSERT_EQUAL(r.status, 422);
	CU_ASSERT(slice_starts(body_of(&r), "{\"code\":605,"));
	reply_release(&r);
	stage_release(&s);
}

static void test_by_index(void)
{
	struct stage s;
	struct reply r;
	char id[81];
	stage_init(&s, NULL);
	add_one(&s, id);
	add_one(&s, id);
	ask(&s, "GET", ENTRIES "?logIndex=1", NULL, &r);
	CU_ASSERT_EQUAL(r.status, 200);
	CU_ASSERT_EQUAL(judge(&r, id), BELIEF_TRUE);
	reply_release(&r);
	ask(&s, "GET", ENTRIES "?logIndex=2", NULL, &r);
	CU_ASSERT_EQUAL(r.status, 404);
	reply_release(&r);
	ask(&s, "GET", ENTRIES, NULL, &r);
	CU_ASSERT_EQUAL(r.status, 422);
	reply_release(&r);
	stage_release(&s);
}

static void test_retrieve_omits_what_is_missing_and_takes_at_most_ten(void)
{
	struct stage s;
	struct reply r;
	char id[81], query[8192];
	stage_init(&s, NULL);
	char *entry = new_entry();
	add_one(&s, id);
	snprintf(query, sizeof(query), "{\"entryUUIDs\":[\"%s\",\"%064d\"],\"entries\":[%s]}", id, 1, entry);
	ask(&s, "POST", ENTRIES "/retrieve", query, &r);
	CU_ASSERT_EQUAL(r.status, 200);
	cJSON *list = json_parse(body_of(&r));
	CU_ASSERT_EQUAL(cJSON_GetArraySize(list), 1);
	CU_ASSERT_EQUAL(rekor_entries_check(body_of(&r)), BELIEF_TRUE);
	cJSON_Delete(list);
	reply_release(&r);
	ask(&s, "POST", ENTRIES, entry, &r);
	reply_release(&r);
	ask(&s, "POST", ENTRIES "/retrieve", query, &r);
	list = json_parse(body_of(&r));
	CU_ASSERT_EQUAL(cJSON_GetArraySize(list), 2);
	cJSON_Delete(list);
	reply_release(&r);
	ask(&s, "POST", ENTRIES "/retrieve", "{\"logIndexes\":[1,2,3,4,5,6,7,8,9,10,11]}", &r);
	CU_ASSERT_EQUAL(r.status, 422);
	CU_ASSERT(slice_starts(body_of(&r), "{\"code\":611,"));
	reply_release(&r);
	mem_free(entry);
	stage_release(&s);
}

static void test_other_reads(void)
{
	struct stage s;
	struct reply r;
	char id[81];
	int64_t size = 0;
	stage_init(&s, NULL);
	for (int i = 0; i < 3; i++)
		add_one(&s, id);
	ask(&s, "GET", "/api/v1/log", NULL, &r);
	cJSON *root = json_parse(body_of(&r));
	CU_ASSERT_EQUAL(json_int(json_at(root, "treeSize", NULL), &size), STATUS_OK);
	CU_ASSERT_EQUAL(size, 3);
	CU_ASSERT(slice_contains(json_str_at(root, "signedTreeHead", NULL), "\n3\n"));
	cJSON_Delete(root);
	reply_release(&r);
	ask(&s, "GET", "/api/v1/log/publicKey", NULL, &r);
	header_is(&r, "Content-Type", "application/x-pem-file");
	CU_ASSERT(slice_starts(body_of(&r), "-----BEGIN PUBLIC KEY-----\n"));
	reply_release(&r);
	ask(&s, "GET", "/api/v1/log/proof?firstSize=1&lastSize=3", NULL, &r);
	root = json_parse(body_of(&r));
	CU_ASSERT_EQUAL(cJSON_GetArraySize(json_at(root, "hashes", NULL)), 2);
	cJSON_Delete(root);
	reply_release(&r);
	ask(&s, "GET", "/api/v1/log/proof?lastSize=4", NULL, &r);
	CU_ASSERT_EQUAL(r.status, 400);
	reply_release(&r);
	ask(&s, "GET", "/ping", NULL, &r);
	CU_ASSERT_EQUAL(r.status, 200);
	reply_release(&r);
	stage_release(&s);
}

static void refused(struct stage *s, const char *type, const char *body, int status)
{
	struct talk t;
	struct reply r;
	talk_init(&t, s);
	talk_request(&t, "POST", ENTRIES, type, NULL, body, strlen(body));
	talk_hear(&t, &r);
	CU_ASSERT_EQUAL(r.status, status);
	reply_release(&r);
	talk_release(&t);
}

static void test_what_is_no_entry_is_refused(void)
{
	struct stage s;
	struct reply r;
	stage_init(&s, NULL);
	refused(&s, "text/plain", "{}", 415);
	refused(&s, "application/json", "{", 400);
	refused(&s, "application/json", "{\"kind\":\"hashedrekord\",\"apiVersion\":\"0.0.1\"}", 422);
	ask(&s, "DELETE", ENTRIES, NULL, &r);
	CU_ASSERT_EQUAL(r.status, 405);
	reply_release(&r);
	ask(&s, "GET", "/nothing/here", NULL, &r);
	CU_ASSERT_EQUAL(r.status, 404);
	reply_release(&r);
	CU_ASSERT_EQUAL(state(&s, "queued"), 0);
	stage_release(&s);
}

static void test_keep_alive_and_pipelining(void)
{
	struct stage s;
	struct talk t;
	struct reply r;
	stage_init(&s, NULL);
	talk_init(&t, &s);
	for (int i = 0; i < 3; i++)
		talk_request(&t, "GET", "/api/v1/log", NULL, NULL, NULL, 0);
	talk_request(&t, "GET", "/ping", NULL, "Connection: close\r\n", NULL, 0);
	for (int i = 0; i < 4; i++) {
		talk_hear(&t, &r);
		CU_ASSERT_EQUAL(r.status, 200);
		CU_ASSERT_EQUAL(r.body_n == 1, i == 3);
		reply_release(&r);
	}
	talk_hear(&t, &r);
	CU_ASSERT(r.closed && r.status == 0);
	reply_release(&r);
	talk_release(&t);
	stage_release(&s);
}

static void test_chunked_bodies(void)
{
	struct stage s;
	struct talk t;
	struct reply r;
	char size[32];
	stage_init(&s, NULL);
	char *entry = new_entry();
	talk_init(&t, &s);
	talk_request(&t, "POST", ENTRIES, "application/json", "Transfer-Encoding: chunked\r\n", NULL, 0);
	for (size_t at = 0, n = strlen(entry); at < n; at += 100) {
		size_t some = n - at < 100 ? n - at : 100;
		talk_say(&t, size, (size_t)snprintf(size, sizeof(size), "%zx\r\n", some));
		talk_say(&t, entry + at, some);
		talk_say(&t, "\r\n", 2);
	}
	talk_say(&t, "0\r\n\r\n", 5);
	talk_hear(&t, &r);
	CU_ASSERT_EQUAL(r.status, 201);
	reply_release(&r);
	talk_request(&t, "GET", "/ping", NULL, NULL, NULL, 0);
	talk_hear(&t, &r);
	CU_ASSERT_EQUAL(r.status, 200);
	reply_release(&r);
	talk_release(&t);
	mem_free(entry);
	stage_release(&s);
}

TEST_SUITE(builtin_log, TEST(test_create_answers_the_entry_with_its_id_in_the_headers),
	   TEST(test_the_same_again_is_a_conflict_with_a_relative_location),
	   TEST(test_get_takes_both_ids_and_has_no_etag), TEST(test_an_unknown_entry_is_an_empty_404),
	   TEST(test_by_index), TEST(test_retrieve_omits_what_is_missing_and_takes_at_most_ten),
	   TEST(test_other_reads), TEST(test_what_is_no_entry_is_refused),
	   TEST(test_keep_alive_and_pipelining), TEST(test_chunked_bodies))
