#include <sigrelay/sigstore/rekor.h>

#include <stdio.h>

#include "unit.h"
#include "vectors.h"

#define NOT_BEFORE 1795500000 /* 2026-11-24T06:00:00Z, as vectors/make says */
#define TREE "0e91b5e4d0f14f3a"

static const struct slice any = { NULL, 0 };
static const char *why;

static struct posted posted(const char *name)
{
	char file[64];
	struct posted p = { .kind = "untouched" };
	snprintf(file, sizeof(file), "%s.posted.json", name);
	CU_ASSERT_EQUAL(rekor_posted_parse(vector(file), &p), STATUS_OK);
	return p;
}

static struct slice entry_text(const char *name)
{
	char file[64];
	snprintf(file, sizeof(file), "%s.entry.json", name);
	return vector(file);
}

static struct entry entry(const char *name)
{
	struct entry e = { .log_index = -2 };
	CU_ASSERT_EQUAL(rekor_entry_check(entry_text(name), any, &e), BELIEF_TRUE);
	return e;
}

static const char *const names[] = {
	"hashedrekord", "hashedrekord_key", "hashedrekord_sha512", "hashedrekord_chain", "dsse",
	"dsse_two",     "dsse_spare",       "intoto001",           "intoto002",          "rekord"
};
#define NAMES (sizeof(names) / sizeof(names[0]))

static void test_each_entry_is_the_posted_one_and_no_other(void)
{
	for (size_t i = 0; i < NAMES; i++) {
		struct posted p = posted(names[i]);
		for (size_t j = 0; j < NAMES; j++) {
			struct entry e = entry(names[j]);
			CU_ASSERT_EQUAL(rekor_same_entry(&p, &e), i == j);
		}
	}
}

static void test_what_survives(void)
{
	static const struct {
		const char *name, *kind, *version;
		bool content, signature, verifier; /* posted */
		bool stored_content, stored_signature, stored_verifier;
	} rows[] = {
		{ "hashedrekord", "hashedrekord", "0.0.1", true, true, true, true, true, true },
		{ "dsse", "dsse", "0.0.1", true, true, true, true, true, true },
		{ "dsse_two", "dsse", "0.0.1", true, true, false, true, true, true },
		{ "dsse_spare", "dsse", "0.0.1", true, true, false, true, true, true },
		{ "intoto001", "intoto", "0.0.1", true, false, true, true, false, true },
		{ "intoto002", "intoto", "0.0.2", true, true, true, true, true, true },
		{ "rekord", "rekord", "0.0.1", true, true, true, true, true, true },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct posted p = posted(rows[i].name), s = entry(rows[i].name).stored;
		CU_ASSERT_STRING_EQUAL(p.kind, rows[i].kind);
		CU_ASSERT_STRING_EQUAL(s.kind, rows[i].kind);
		CU_ASSERT_STRING_EQUAL(p.api_version, rows[i].version);
		CU_ASSERT_EQUAL(p.has_content, rows[i].content);
		CU_ASSERT_EQUAL(p.has_signature, rows[i].signature);
		CU_ASSERT_EQUAL(p.has_verifier, rows[i].verifier);
		CU_ASSERT_EQUAL(s.has_content, rows[i].stored_content);
		CU_ASSERT_EQUAL(s.has_signature, rows[i].stored_signature);
		CU_ASSERT_EQUAL(s.has_verifier, rows[i].stored_verifier);
	}
}

static void test_content_is_the_hash_of_what_was_signed(void)
{
	static const char artifact[] = "c7c5c1d70c5dec4416ab6158afd0b223ef40c29b1dc1f97ed9428b94d4cadb1c";
	char hex[65];
	struct posted p = posted("hashedrekord");
	hex_encode(p.content.b, SHA256_SIZE, hex);
	CU_ASSERT_STRING_EQUAL(hex, artifact);
}

static void test_life(void)
{
	static const struct {
		const char *name;
		int64_t before, after;
	} rows[] = {
		{ "hashedrekord", NOT_BEFORE, NOT_BEFORE + 600 },
		{ "hashedrekord_key", 0, 0 },
		{ "hashedrekord_chain", NOT_BEFORE, NOT_BEFORE + 600 }, /* the leaf's, not the CA's */
		{ "dsse", NOT_BEFORE, NOT_BEFORE + 600 },
		{ "dsse_two", NOT_BEFORE, NOT_BEFORE + 300 }, /* the narrower of the two */
		{ "intoto001", NOT_BEFORE, NOT_BEFORE + 600 },
		{ "intoto002", NOT_BEFORE, NOT_BEFORE + 600 },
		{ "rekord", NOT_BEFORE, NOT_BEFORE + 600 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct posted p = posted(rows[i].name);
		CU_ASSERT_EQUAL(p.not_before, rows[i].before);
		CU_ASSERT_EQUAL(p.not_after, rows[i].after);
	}
}

static void test_late(void)
{
	struct posted p = { .not_before = 100, .not_after = 200 }, key = { .not_after = 0 };
	static const struct {
		int64_t at;
		bool late;
	} rows[] = { { 99, true }, { 100, false }, { 200, false }, { 201, true }, { 0, false } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct entry e = { .integrated_time = rows[i].at };
		CU_ASSERT_EQUAL(rekor_entry_late(&p, &e), rows[i].late);
		CU_ASSERT_FALSE(rekor_entry_late(&key, &e));
	}
}

/* What is not understood is relayed all the same, with kind "" and no more. */
static void test_bodies_that_are_not_understood(void)
{
	const struct slice bodies[] = {
		any,
		slice_str("<html>"),
		slice_str("[]"),
		slice_str("7"),
		slice_str("{}"),
		slice_str("{\"kind\":7}"),
		slice_str("{\"kind\":\"hashedrekord\""),
		slice_str("{\"kind\":\"hashedrekord\"} x"),
		slice_str("{\"kind\":\"hashedrekord\\u0000\"}"),
		SLICE_LIT("{\"kind\":\"hashedrekord\0\"}"),
		slice_str("{\"kind\":\"a name that is much longer than any kind's name is\"}"),
		repeated("[", 100000),
		repeated("{\"a\":", 100000),
	};
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct posted p = { .kind = "untouched" };
		CU_ASSERT_EQUAL(rekor_posted_parse(bodies[i], &p), STATUS_OK);
		CU_ASSERT_STRING_EQUAL(p.kind, "");
		CU_ASSERT_FALSE(p.has_content || p.has_signature || p.has_verifier);
		struct entry e = entry("dsse");
		CU_ASSERT(rekor_same_entry(&p, &e));
	}
}

/* A tree of cJSON costs 64 bytes a value. */
static void test_a_text_of_nothing_but_values_is_not_parsed(void)
{
	struct slice zeros = repeated("0,", 200000);
	struct slice body = edited(zeros, "0,0,0,0,0,0,0,0,", "{\"kind\":\"a\",\"x\":[");
	struct posted p = { .kind = "untouched" };
	CU_ASSERT_EQUAL(rekor_posted_parse(body, &p), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(p.kind, "");
}

static void test_fields_of_the_wrong_sort(void)
{
	static const char *const specs[] = {
		"null",
		"7",
		"\"x\"",
		"[]",
		"{\"data\":[],\"signature\":7}",
		"{\"proposedContent\":{}}",
		"{\"proposedContent\":{\"envelope\":\"{\",\"verifiers\":[7,null,\"\",\"!\",{}]}}",
		"{\"proposedContent\":{\"envelope\":\"{\\\"payload\\\":7,\\\"signatures\\\":{}}\","
		"\"verifiers\":7}}",
		"{\"signatures\":[7,null,{\"signature\":7,\"verifier\":[]}],\"payloadHash\":{\"value\":"
		"\"zz\"}}",
		"{\"data\":{\"hash\":{\"value\":\"abc\"}},\"signature\":{\"content\":\"****\",\"publicKey\":"
		"{\"content\":\"LS0tLS1CRUdJTg==\"}}}",
		"{\"content\":{\"envelope\":{\"payload\":\"!\",\"signatures\":[{}]}},\"publicKey\":[]}",
	};
	static const char *const kinds[] = { "hashedrekord", "dsse", "intoto", "rekord", "other" };
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
			char body[512];
			struct posted p;
			snprintf(body, sizeof(body), "{\"kind\":\"%s\",\"spec\":%s}", kinds[k], specs[i]);
			CU_ASSERT_EQUAL(rekor_posted_parse(slice_str(body), &p), STATUS_OK);
			CU_ASSERT_STRING_EQUAL(p.kind, kinds[k]);
			CU_ASSERT_FALSE(p.has_content || p.has_signature || p.has_verifier);
			CU_ASSERT_EQUAL(p.not_after, 0);
		}
	}
}

static void test_unknown_kinds_compare_by_name(void)
{
	struct posted p;
	struct entry e = entry("hashedrekord");
	CU_ASSERT_EQUAL(rekor_posted_parse(slice_str("{\"kind\":\"alpine\",\"apiVersion\":\"0.0.1\"}"), &p),
			STATUS_OK);
	CU_ASSERT_FALSE(rekor_same_entry(&p, &e));
	strcpy(e.stored.kind, "alpine");
	CU_ASSERT(rekor_same_entry(&p, &e));
	strcpy(p.api_version, "0.0.2");
	CU_ASSERT_FALSE(rekor_same_entry(&p, &e));
}

static void test_what_one_side_lacks_is_not_compared(void)
{
	struct posted p = posted("hashedrekord");
	struct entry e = entry("hashedrekord");
	e.stored.content.b[0] ^= 1;
	CU_ASSERT_FALSE(rekor_same_entry(&p, &e));
	e.stored.has_content = false;
	CU_ASSERT(rekor_same_entry(&p, &e));
	p.signature.b[31] ^= 1;
	CU_ASSERT_FALSE(rekor_same_entry(&p, &e));
	p.has_signature = false;
	CU_ASSERT(rekor_same_entry(&p, &e));
	p.verifier.b[5] ^= 1;
	CU_ASSERT_FALSE(rekor_same_entry(&p, &e));
}

/* Past what is compared, an entry is still known by what else it has. */
static void test_many_signatures(void)
{
	struct buf body;
	struct posted p;
	buf_init(&body, 65536);
	CU_ASSERT_EQUAL(buf_add_str(&body, "{\"kind\":\"dsse\",\"spec\":{\"signatures\":["), STATUS_OK);
	for (int i = 0; i < 17; i++)
		CU_ASSERT_EQUAL(buf_addf(&body, "%s{\"signature\":\"s%d\"}", i ? "," : "", i), STATUS_OK);
	CU_ASSERT_EQUAL(buf_add_str(&body, "]}}"), STATUS_OK);
	CU_ASSERT_EQUAL(rekor_posted_parse(buf_slice(&body), &p), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(p.kind, "dsse");
	CU_ASSERT_FALSE(p.has_signature);
	CU_ASSERT_EQUAL(rekor_posted_parse(edited(buf_slice(&body), ",{\"signature\":\"s16\"}", ""), &p),
			STATUS_OK);
	CU_ASSERT(p.has_signature);
	buf_release(&body);
}

static void test_order_and_repetition_of_signatures_do_not_count(void)
{
	struct posted a, b, c;
#define DSSE(sigs) slice_str("{\"kind\":\"dsse\",\"spec\":{\"signatures\":[" sigs "]}}")
	CU_ASSERT_EQUAL(rekor_posted_parse(DSSE("{\"signature\":\"x\"},{\"signature\":\"y\"}"), &a),
			STATUS_OK);
	CU_ASSERT_EQUAL(
	    rekor_posted_parse(DSSE("{\"signature\":\"y\"},{\"signature\":\"x\"},{\"signature\":\"y\"}"), &b),
	    STATUS_OK);
	CU_ASSERT_EQUAL(rekor_posted_parse(DSSE("{\"signature\":\"x\"},{\"signature\":\"z\"}"), &c),
			STATUS_OK);
	CU_ASSERT(a.has_signature && b.has_signature && c.has_signature);
	CU_ASSERT_EQUAL(memcmp(&a.signature, &b.signature, sizeof(a.signature)), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(&a.signature, &c.signature, sizeof(a.signature)), 0);
}

/* One verifier that cannot be read, and nothing is known of them all. */
static void test_an_unreadable_verifier(void)
{
	struct slice body = vector("dsse_two.posted.json");
	struct posted p;
	CU_ASSERT_EQUAL(
	    rekor_posted_parse(edited(body, "\"verifiers\":[", "\"verifiers\":[\"e30=\"],\"was\":["), &p),
	    STATUS_OK);
	CU_ASSERT_FALSE(p.has_verifier);
	body = vector("dsse.posted.json");
	CU_ASSERT_EQUAL(rekor_posted_parse(edited(body, "\"verifiers\":[", "\"verifiers\":[\"e30=\","), &p),
			STATUS_OK);
	CU_ASSERT_FALSE(p.has_verifier);
	CU_ASSERT(p.has_content && p.has_signature);
	CU_ASSERT_EQUAL(p.not_after, NOT_BEFORE + 600);
}

static void test_conflict_id(void)
{
#define U "24296fb24b8ad77a3c4a7a4b5a8a5e3a6c1d9c7f2a9d3b4c5d6e7f8091a2b3c4"
	static const struct {
		const char *location, *body, *id;
	} rows[] = {
		{ "/api/v1/log/entries/" TREE U, "", TREE U },
		{ "https://elsewhere.example/x/" U, "", U },
		{ " /api/v1/log/entries/" TREE U "/?apiKey=1#x ", "", TREE U },
		{ TREE U, "", TREE U },
		{ "/api/v1/log/entries/24296FB24B8AD77A3C4A7A4B5A8A5E3A6C1D9C7F2A9D3B4C5D6E7F8091A2B3C4", "",
		  U },
		{ "",
		  "{\"code\":409,\"message\":\"an equivalent entry already exists in the transparency log "
		  "with UUID " TREE U "\"}",
		  TREE U },
		{ "/api/v1/log/entries/", "{\"message\":\"" U "\"}", U },
		{ "/nowhere", "{\"message\":\"UUID " U "\"}", U },
		{ "/api/v1/log/entries/" U "0", "", NULL },
		{ "/", "{\"message\":\"with UUID " U " \"}", NULL },
		{ "", "{\"message\":7}", NULL },
		{ "", "<html>" U, NULL },
		{ "?" U, "", NULL },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char id[REKOR_ENTRY_ID_HEX + 1] = "untouched";
		enum status st = rekor_conflict_id(slice_str(rows[i].location), slice_str(rows[i].body), id);
		CU_ASSERT_EQUAL(st, rows[i].id ? STATUS_OK : STATUS_NOT_FOUND);
		CU_ASSERT_STRING_EQUAL(id, rows[i].id ? rows[i].id : "untouched");
	}
}

static void test_same_id(void)
{
	struct slice leaf = slice_str(U), id = slice_str(TREE U), other = slice_str("0000000000000001" U);
	struct slice upper = slice_str("24296FB24B8AD77A3C4A7A4B5A8A5E3A6C1D9C7F2A9D3B4C5D6E7F8091A2B3C4");
	CU_ASSERT(rekor_same_id(leaf, leaf));
	CU_ASSERT(rekor_same_id(leaf, id));
	CU_ASSERT(rekor_same_id(id, upper));
	CU_ASSERT_FALSE(rekor_same_id(id, other)); /* the same leaf in another tree */
	CU_ASSERT(rekor_same_id(leaf, other));
	CU_ASSERT_FALSE(rekor_same_id(leaf, edited(leaf, "2429", "2428")));
	CU_ASSERT_FALSE(rekor_same_id(any, any));
	CU_ASSERT_FALSE(rekor_same_id(leaf, edited(leaf, "2429", "g429")));
	CU_ASSERT_FALSE(rekor_same_id(edited(leaf, "2", ""), edited(leaf, "2", "")));
}

static bool query(const char *path, const char *q, struct slice body)
{
	why = NULL;
	bool good =
	    rekor_query_believed(slice_str(path), slice_str(q), slice_str("application/json"), body, &why);
	CU_ASSERT(good || why);
	return good;
}

static void test_queries(void)
{
	CU_ASSERT(query("/api/v1/log/publicKey", "", vector("key.pem")));
	CU_ASSERT_FALSE(query("/api/v1/log/publicKey", "", slice_str("{}")));
	CU_ASSERT_FALSE(query("/api/v1/log/publicKey", "", vector("chain.pem")));
	CU_ASSERT(query("/api/v1/log", "", slice_str("{\"treeSize\":7}\n")));
	CU_ASSERT_FALSE(query("/api/v1/log", "", slice_str("7")));
	CU_ASSERT_FALSE(query("/api/v1/log", "", slice_str("{\"treeSize\":7")));
	CU_ASSERT(query("/api/v1/index/retrieve", "", slice_str("[]")));
	CU_ASSERT_FALSE(query("/api/v1/log/proof", "", slice_str("<html>")));
	CU_ASSERT(query("/ping", "", slice_str(".")));
	CU_ASSERT_FALSE(query("/ping", "", slice_str(" <html>")));
	CU_ASSERT_FALSE(rekor_query_believed(slice_str("/api/v1/log"), any,
					     slice_str("text/html; charset=utf-8"), slice_str("{}"), &why));
}

static void test_an_index_answer_of_any_length(void)
{
	struct slice ids = repeated("\"" TREE U "\",", 25000);
	struct slice body = edited(ids, "\"" TREE U "\",", "[");
	CU_ASSERT_FALSE(query("/api/v1/index/retrieve", "", body)); /* no end yet */
	char *last = (char *)(uintptr_t)(body.p + body.n - 1);
	*last = ']';
	CU_ASSERT(query("/api/v1/index/retrieve", "", body));
}

static void test_queries_with_entries(void)
{
	struct slice one = entry_text("hashedrekord");
	CU_ASSERT(query("/api/v1/log/entries", "logIndex=25579", one));
	CU_ASSERT(query("/api/v1/log/entries", "a=b&logIndex=25579", one));
	CU_ASSERT(query("/api/v1/log/entries", "logIndex=abc", one));
	CU_ASSERT_FALSE(query("/api/v1/log/entries", "logIndex=25580", one));
	CU_ASSERT_FALSE(query("/api/v1/log/entries", "a=b&logIndex=25580&c", one));
	CU_ASSERT_FALSE(query("/api/v1/log/entries", "", vector("retrieve.json")));
	CU_ASSERT(query("/api/v1/log/entries/retrieve", "", vector("retrieve.json")));
	CU_ASSERT(query("/api/v1/log/entries/retrieve", "", slice_str("[]")));
	CU_ASSERT_FALSE(query("/api/v1/log/entries/retrieve", "", one));
	CU_ASSERT_FALSE(query("/api/v1/log/entries/retrieve", "", slice_str("[7]")));
	CU_ASSERT_FALSE(query("/api/v1/log/entries/retrieve", "",
			      edited(vector("retrieve.json"), "\"treeSize\":11", "\"treeSize\":8")));
}

static void torture_posted(void *arg)
{
	struct posted p = { .kind = "untouched" };
	enum status st = rekor_posted_parse(vector(arg), &p);
	CU_ASSERT(st == STATUS_OK || (st == STATUS_NO_MEMORY && strcmp(p.kind, "untouched") == 0));
}

static void torture_conflict(void *arg)
{
	char id[REKOR_ENTRY_ID_HEX + 1];
	(void)arg;
	enum status st = rekor_conflict_id(any, slice_str("{\"message\":\"UUID " U "\"}"), id);
	CU_ASSERT(st == STATUS_OK || st == STATUS_NOT_FOUND);
}

static void test_torture(void)
{
	for (size_t i = 0; i < NAMES; i++) {
		char file[64];
		snprintf(file, sizeof(file), "%s.posted.json", names[i]);
		unit_torture(torture_posted, file);
	}
	unit_torture(torture_conflict, NULL);
}

TEST_SUITE(sigstore_rekor, TEST(test_each_entry_is_the_posted_one_and_no_other), TEST(test_what_survives),
	   TEST(test_content_is_the_hash_of_what_was_signed), TEST(test_life), TEST(test_late),
	   TEST(test_bodies_that_are_not_understood), TEST(test_a_text_of_nothing_but_values_is_not_parsed),
	   TEST(test_fields_of_the_wrong_sort), TEST(test_unknown_kinds_compare_by_name),
	   TEST(test_what_one_side_lacks_is_not_compared), TEST(test_many_signatures),
	   TEST(test_order_and_repetition_of_signatures_do_not_count), TEST(test_an_unreadable_verifier),
	   TEST(test_conflict_id), TEST(test_same_id), TEST(test_queries),
	   TEST(test_an_index_answer_of_any_length), TEST(test_queries_with_entries), TEST(test_torture))
