#include <sigrelay/sigstore/rekor.h>

#include <ctype.h>

#include "unit.h"
#include "vectors.h"
#include <sigrelay/sigstore/merkle.h>

static const struct slice any = { NULL, 0 };

static enum belief check(struct slice body)
{
	struct entry e;
	return rekor_entry_check(body, any, &e);
}

static struct slice text(void)
{
	return vector("hashedrekord.entry.json");
}

static struct slice id_of(struct slice body)
{
	return (struct slice){ body.p + 2, REKOR_ENTRY_ID_HEX };
}

static struct slice copy(struct slice s)
{
	return edited(s, "", "");
}

static char *at(struct slice s, const char *needle)
{
	char *p = memmem((void *)(uintptr_t)s.p, s.n, needle, strlen(needle));
	CU_ASSERT_FATAL(p != NULL);
	return p + strlen(needle);
}

static void test_a_true_entry(void)
{
	struct entry e = { .log_index = -2 };
	struct slice body = text();
	CU_ASSERT_EQUAL(rekor_entry_check(body, any, &e), BELIEF_TRUE);
	CU_ASSERT(slice_eq(slice_str(e.id), id_of(body)));
	CU_ASSERT_EQUAL(e.integrated_time, 1795500180);
	CU_ASSERT_EQUAL(e.log_index, 25579); /* the whole log's, not the proof's */
	CU_ASSERT_STRING_EQUAL(e.stored.kind, "hashedrekord");
}

static void test_a_tree_of_one(void)
{
	CU_ASSERT_EQUAL(check(vector("single.entry.json")), BELIEF_TRUE);
}

static void test_ids(void)
{
	struct slice body = text(), id = id_of(body), leaf = { id.p + 16, 64 };
	struct slice upper = copy(id), other = edited(id, "0e91", "0e92");
	struct entry e = { .log_index = -2 };
	for (size_t i = 0; i < upper.n; i++)
		((char *)(uintptr_t)upper.p)[i] = (char)toupper(upper.p[i]);
	CU_ASSERT_EQUAL(rekor_entry_check(body, id, &e), BELIEF_TRUE);
	CU_ASSERT_EQUAL(rekor_entry_check(body, upper, &e), BELIEF_TRUE);
	CU_ASSERT_EQUAL(rekor_entry_check(body, leaf, &e), BELIEF_TRUE);
	e.log_index = -2;
	CU_ASSERT_EQUAL(rekor_entry_check(body, other, &e), BELIEF_OTHER_ID);
	CU_ASSERT_EQUAL(rekor_entry_check(body, slice_str("zz"), &e), BELIEF_OTHER_ID);
	CU_ASSERT_EQUAL(e.log_index, -2); /* untouched */
}

static void test_keys(void)
{
	struct slice body = text(), id = id_of(body);
	struct entry e;
	struct slice upper = copy(body);
	for (size_t i = 0; i < REKOR_ENTRY_ID_HEX; i++)
		((char *)(uintptr_t)upper.p)[i + 2] = (char)toupper(upper.p[i + 2]);
	CU_ASSERT_EQUAL(rekor_entry_check(upper, any, &e), BELIEF_TRUE);
	CU_ASSERT(slice_eq(slice_str(e.id), id)); /* lower case */
	CU_ASSERT_EQUAL(rekor_entry_check(edited(body, "{\"0e91b5e4d0f14f3a", "{\""), any, &e), BELIEF_TRUE);
	CU_ASSERT_EQUAL(strlen(e.id), 64);
	CU_ASSERT_EQUAL(check(edited(body, "{\"0e91", "{\"0e9")), BELIEF_SHAPE);
	CU_ASSERT_EQUAL(check(edited(body, "{\"0e91", "{\"0g91")), BELIEF_SHAPE);
	CU_ASSERT_EQUAL(check(edited(body, "{\"0e91", "{\"0e91\\u0000")), BELIEF_NOT_JSON);
}

static void flip_hex(char *p)
{
	*p = *p == '0' ? '1' : '0';
}

static void test_leaf_hash(void)
{
	struct slice body = copy(text());
	flip_hex((char *)(uintptr_t)body.p + 20);
	CU_ASSERT_EQUAL(check(body), BELIEF_LEAF_HASH);
	body = copy(text());
	char *b64 = at(body, "\"body\":\"");
	b64[9] = b64[9] == 'A' ? 'B' : 'A';
	CU_ASSERT_EQUAL(check(body), BELIEF_LEAF_HASH);
	/* Another true body under this key. */
	CU_ASSERT_EQUAL(check(edited(text(), "\"body\":\"", "\"body\":\"e30=\",\"was\":\"")),
			BELIEF_LEAF_HASH);
}

static void test_every_part_of_the_proof_counts(void)
{
	static const char *const places[] = { "\"rootHash\":\"", "\"hashes\":[\"" };
	struct slice body;
	for (size_t i = 0; i < 2; i++) {
		body = copy(text());
		flip_hex(at(body, places[i]));
		CU_ASSERT_EQUAL(check(body), BELIEF_PROOF);
	}
	static const struct {
		const char *from, *to;
	} edits[] = {
		{ "\"logIndex\":0", "\"logIndex\":1" },
		{ "\"logIndex\":0", "\"logIndex\":11" },
		{ "\"logIndex\":0", "\"logIndex\":-1" },
		{ "\"logIndex\":0", "\"logIndex\":\"0\"" },
		{ "\"logIndex\":0", "\"logIndex\":0.5" },
		{ "\"logIndex\":0", "\"logIndex\":1e300" },
		{ "\"logIndex\":0", "\"was\":0" },
		{ "\"treeSize\":11", "\"treeSize\":0" },
		{ "\"treeSize\":11", "\"treeSize\":-1" },
		{ "\"treeSize\":11", "\"treeSize\":1" },
		{ "\"treeSize\":11", "\"treeSize\":8" },
		{ "\"treeSize\":11", "\"treeSize\":1e15" },
		{ "\"treeSize\":11", "\"treeSize\":99999999999999999999" },
		{ "\"treeSize\":11", "\"was\":11" },
		{ "\"rootHash\":\"", "\"rootHash\":\"0" },
		{ "\"rootHash\":\"", "\"was\":\"" },
		{ "\"hashes\":[", "\"hashes\":[7," },
		{ "\"hashes\":[", "\"hashes\":[\"zz\"," },
		{ "\"hashes\":[", "\"hashes\":[],\"was\":[" },
		{ "\"hashes\":[", "\"hashes\":7,\"was\":[" },
		{ "\"hashes\":[", "\"was\":[" },
		{ "\"hashes\":[", "\"hashes\":null,\"was\":[" },
		{ "\"inclusionProof\":{", "\"inclusionProof\":7,\"was\":{" },
		{ "\"inclusionProof\":{", "\"inclusionProof\":[],\"was\":{" },
		/* A second of a name, in whatever case, is what Go would read. */
		{ "\"treeSize\":11", "\"treeSize\":11,\"treeSize\":11" },
		{ "\"treeSize\":11", "\"treeSize\":11,\"TreeSize\":12" },
	};
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++)
		CU_ASSERT_EQUAL(check(edited(text(), edits[i].from, edits[i].to)), BELIEF_PROOF);
}

static void test_without_a_proof(void)
{
	CU_ASSERT_EQUAL(check(edited(text(), "\"verification\"", "\"other\"")), BELIEF_TRUE);
	CU_ASSERT_EQUAL(check(edited(text(), "\"verification\":", "\"verification\":null,\"was\":")),
			BELIEF_TRUE);
	CU_ASSERT_EQUAL(check(edited(text(), "\"inclusionProof\":", "\"inclusionProof\":null,\"was\":")),
			BELIEF_TRUE);
	CU_ASSERT_EQUAL(check(edited(text(), "\"verification\":", "\"verification\":7,\"was\":")),
			BELIEF_SHAPE);
}

static void test_shape(void)
{
	static const struct {
		const char *from, *to;
	} edits[] = {
		{ "\"body\":", "\"was\":" },
		{ "\"body\":", "\"body\":{},\"was\":" },
		{ "\"body\":", "\"body\":\"\",\"was\":" },
		{ "\"body\":", "\"body\":\"****\",\"was\":" },
		{ "\"body\":", "\"body\":\"e30=\",\"body\":" },
		{ "\"body\":", "\"BODY\":\"e30=\",\"body\":" },
		{ "\"integratedTime\":", "\"integratedTime\":-1,\"was\":" },
		{ "\"integratedTime\":", "\"integratedTime\":\"1\",\"was\":" },
		{ "\"integratedTime\":", "\"integratedTime\":1e40,\"was\":" },
		{ "\"logIndex\":25579", "\"logIndex\":-1" },
		{ "\"logIndex\":25579", "\"logIndex\":{}" },
		{ "\"logIndex\":25579", "\"logIndex\":25579.5" },
		{ "\"logIndex\":25579", "\"logIndex\":25579,\"logindex\":1" },
		{ "{\"0e91", "{\"x\":{},\"0e91" },
	};
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++)
		CU_ASSERT_EQUAL(check(edited(text(), edits[i].from, edits[i].to)), BELIEF_SHAPE);
	CU_ASSERT_EQUAL(check(edited(text(), "}}\n", "},\"x\":{}}\n")), BELIEF_SHAPE);
	CU_ASSERT_EQUAL(check(slice_str("{}")), BELIEF_SHAPE);
	CU_ASSERT_EQUAL(check(slice_str("[]")), BELIEF_SHAPE);
	CU_ASSERT_EQUAL(check(slice_str("null")), BELIEF_SHAPE);
	CU_ASSERT_EQUAL(check(slice_str("{\"code\":404}")), BELIEF_SHAPE);
	CU_ASSERT_EQUAL(check(vector("retrieve.json")), BELIEF_SHAPE);
}

static void test_fields_not_stated(void)
{
	struct entry e;
	struct slice body =
	    edited(edited(text(), "\"integratedTime\":", "\"a\":"), "\"logIndex\":25579", "\"b\":1");
	CU_ASSERT_EQUAL(rekor_entry_check(body, any, &e), BELIEF_TRUE);
	CU_ASSERT_EQUAL(e.integrated_time, 0);
	CU_ASSERT_EQUAL(e.log_index, -1);
}

static void test_other_fields_and_order_do_not_matter(void)
{
	CU_ASSERT_EQUAL(
	    check(edited(text(), "\"body\":", "\"attestation\":{\"data\":\"e30=\"},\"x\":[[]],\"body\":")),
	    BELIEF_TRUE);
	CU_ASSERT_EQUAL(check(edited(text(), "\"logIndex\":25579,", "")), BELIEF_TRUE);
	CU_ASSERT_EQUAL(check(edited(text(), "{\"0e91", " \r\n\t{ \"0e91")), BELIEF_TRUE);
	/* Moved behind the rest. */
	struct slice body = edited(text(), "\"logIndex\":25579,", "");
	CU_ASSERT_EQUAL(check(edited(body, "}}\n", ",\"logIndex\":25579}}\n")), BELIEF_TRUE);
}

static void test_not_json(void)
{
	struct slice body = text();
	const struct slice bodies[] = {
		any,
		slice_str("<html>502 Bad Gateway</html>"),
		slice_str("\xff\xfe"),
		{ body.p, body.n / 2 },
		edited(body, "}}\n", "}} x"),
		edited(body, "}}\n", "}"),
		repeated("[", 200000),
		repeated("{\"a\":", 200000),
		SLICE_LIT("{\"a\0\":1}"),
	};
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		CU_ASSERT_EQUAL(check(bodies[i]), BELIEF_NOT_JSON);
}

/* Every bit that the proof hangs on, one by one: nothing that is altered in the
 * key, the body or the proof's hashes is believed. */
static void test_no_flipped_digit_is_believed(void)
{
	struct slice body = copy(text());
	char *p = (char *)(uintptr_t)body.p;
	for (size_t i = 2 + 16; i < 2 + REKOR_ENTRY_ID_HEX; i++) {
		char was = p[i];
		flip_hex(&p[i]);
		CU_ASSERT_EQUAL(check(body), BELIEF_LEAF_HASH);
		p[i] = was;
	}
	char *hashes = at(body, "\"hashes\":[\""), *end = strchr(hashes, ']');
	for (char *h = hashes; h < end; h++) {
		char was = *h;
		if (!isxdigit((unsigned char)was))
			continue;
		flip_hex(h);
		CU_ASSERT_EQUAL(check(body), BELIEF_PROOF);
		*h = was;
	}
	CU_ASSERT_EQUAL(check(body), BELIEF_TRUE);
}

static void test_entries(void)
{
	CU_ASSERT_EQUAL(rekor_entries_check(vector("retrieve.json")), BELIEF_TRUE);
	CU_ASSERT_EQUAL(rekor_entries_check(slice_str(" [] ")), BELIEF_TRUE);
	CU_ASSERT_EQUAL(rekor_entries_check(slice_str("{}")), BELIEF_SHAPE);
	CU_ASSERT_EQUAL(rekor_entries_check(slice_str("[{}]")), BELIEF_SHAPE);
	CU_ASSERT_EQUAL(rekor_entries_check(slice_str("[")), BELIEF_NOT_JSON);
	CU_ASSERT_EQUAL(rekor_entries_check(text()), BELIEF_SHAPE);
	/* The last of three counts as much as the first. */
	struct slice body = copy(vector("retrieve.json"));
	char *third = at(body, "\"logIndex\":25581");
	char *root = strstr(third, "\"rootHash\":\"");
	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	flip_hex(root + strlen("\"rootHash\":\""));
	CU_ASSERT_EQUAL(rekor_entries_check(body), BELIEF_PROOF);
}

static void test_names(void)
{
	for (int b = BELIEF_TRUE; b <= BELIEF_NO_MEMORY; b++) {
		CU_ASSERT_STRING_NOT_EQUAL(belief_name((enum belief)b), "unknown");
		for (int c = BELIEF_TRUE; c < b; c++)
			CU_ASSERT_STRING_NOT_EQUAL(belief_name((enum belief)b), belief_name((enum belief)c));
	}
	CU_ASSERT_STRING_EQUAL(belief_name(BELIEF_LEAF_HASH), "leaf hash does not match the key");
}

/* RFC 6962 2.1, from the definition: the root of a range, and the path to m. */
static size_t split(size_t n)
{
	size_t k = 1;
	while (k * 2 < n)
		k *= 2;
	return k;
}

static struct digest tree_root(const struct digest *leaves, size_t n)
{
	if (n == 1)
		return leaves[0];
	size_t k = split(n);
	struct digest left = tree_root(leaves, k), right = tree_root(leaves + k, n - k), out;
	const struct slice parts[] = { { "\x01", 1 }, { (char *)left.b, 32 }, { (char *)right.b, 32 } };
	CU_ASSERT_EQUAL_FATAL(sha256(&out, parts, 3), STATUS_OK);
	return out;
}

static size_t tree_path(size_t m, const struct digest *leaves, size_t n, struct digest *out)
{
	if (n == 1)
		return 0;
	size_t k = split(n), count;
	if (m < k) {
		count = tree_path(m, leaves, k, out);
		out[count] = tree_root(leaves + k, n - k);
	} else {
		count = tree_path(m - k, leaves + k, n - k, out);
		out[count] = tree_root(leaves, k);
	}
	return count + 1;
}

static enum status walk(uint64_t index, uint64_t size, const struct digest *leaf, const struct digest *path,
			size_t count, const struct digest *root)
{
	struct merkle_walk w;
	enum status st = merkle_walk_init(&w, index, size, leaf);
	for (size_t i = 0; st == STATUS_OK && i < count; i++)
		st = merkle_walk_step(&w, &path[i]);
	return st == STATUS_OK ? merkle_walk_end(&w, root) : st;
}

static void test_every_tree_up_to_33_leaves(void)
{
	struct digest leaves[33], path[8];
	for (size_t i = 0; i < 33; i++) {
		char name = (char)i;
		CU_ASSERT_EQUAL_FATAL(merkle_leaf((struct slice){ &name, 1 }, &leaves[i]), STATUS_OK);
	}
	for (size_t n = 1; n <= 33; n++) {
		struct digest root = tree_root(leaves, n);
		for (size_t m = 0; m < n; m++) {
			size_t count = tree_path(m, leaves, n, path);
			CU_ASSERT_EQUAL(walk(m, n, &leaves[m], path, count, &root), STATUS_OK);
			path[count] = root;
			CU_ASSERT_EQUAL(walk(m, n, &leaves[m], path, count + 1, &root), STATUS_INVALID);
			if (count > 0)
				CU_ASSERT_EQUAL(walk(m, n, &leaves[m], path, count - 1, &root),
						STATUS_INVALID);
			if (n > 1)
				CU_ASSERT_EQUAL(walk((m + 1) % n, n, &leaves[m], path, count, &root),
						STATUS_INVALID);
		}
		CU_ASSERT_EQUAL(walk(n, n, &leaves[0], path, 0, &root), STATUS_INVALID);
	}
}

static void torture_check(void *arg)
{
	struct entry e = { .log_index = -2 };
	(void)arg;
	enum belief b = rekor_entry_check(text(), any, &e);
	/* cJSON does not say why it gave up, so no memory may also be NOT_JSON. */
	CU_ASSERT(b == BELIEF_TRUE || ((b == BELIEF_NO_MEMORY || b == BELIEF_NOT_JSON) && e.log_index == -2));
}

static void torture_entries(void *arg)
{
	(void)arg;
	enum belief b = rekor_entries_check(vector("retrieve.json"));
	CU_ASSERT(b == BELIEF_TRUE || b == BELIEF_NO_MEMORY || b == BELIEF_NOT_JSON);
}

static void test_torture(void)
{
	unit_torture(torture_check, NULL);
	unit_torture(torture_entries, NULL);
}

TEST_SUITE(sigstore_rekor_entry, TEST(test_a_true_entry), TEST(test_a_tree_of_one), TEST(test_ids),
	   TEST(test_keys), TEST(test_leaf_hash), TEST(test_every_part_of_the_proof_counts),
	   TEST(test_without_a_proof), TEST(test_shape), TEST(test_fields_not_stated),
	   TEST(test_other_fields_and_order_do_not_matter), TEST(test_not_json),
	   TEST(test_no_flipped_digit_is_believed), TEST(test_entries), TEST(test_names),
	   TEST(test_every_tree_up_to_33_leaves), TEST(test_torture))
