#include "unit.h"

#include <stdlib.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/builtin/tree.h>

/* The eight leaves of RFC 6962's reference implementation. */
static const struct slice leaves[] = {
	{ "", 0 },
	{ "\x00", 1 },
	{ "\x10", 1 },
	{ "\x20\x21", 2 },
	{ "\x30\x31", 2 },
	{ "\x40\x41\x42\x43", 4 },
	{ "\x50\x51\x52\x53\x54\x55\x56\x57", 8 },
	{ "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16 },
};
static const char *const roots[] = {
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

static void fill(struct tree *t, size_t n)
{
	tree_init(t);
	for (size_t i = 0; i < n; i++) {
		struct digest d;
		uint8_t byte = (uint8_t)i;
		struct slice leaf = n <= 8 ? leaves[i] : (struct slice){ (const char *)&byte, 1 };
		CU_ASSERT_EQUAL_FATAL(tree_leaf(leaf, &d), STATUS_OK);
		CU_ASSERT_EQUAL_FATAL(tree_add(t, &d), STATUS_OK);
	}
}

static void check_hex(const struct digest *d, const char *want)
{
	char hex[2 * SHA256_SIZE + 1];
	hex_encode(d->b, SHA256_SIZE, hex);
	CU_ASSERT_STRING_EQUAL(hex, want);
}

static void test_roots_are_those_of_the_reference_implementation(void)
{
	struct tree t;
	struct digest root;
	fill(&t, 8);
	for (size_t n = 0; n <= 8; n++) {
		CU_ASSERT_EQUAL_FATAL(tree_root(&t, n, &root), STATUS_OK);
		check_hex(&root, roots[n]);
	}
	CU_ASSERT_EQUAL(tree_root(&t, 9, &root), STATUS_INVALID);
	tree_release(&t);
}

static struct digest parent(const struct digest *l, const struct digest *r)
{
	struct digest out;
	const struct slice parts[] = { { "\1", 1 },
				       { (const char *)l->b, SHA256_SIZE },
				       { (const char *)r->b, SHA256_SIZE } };
	CU_ASSERT_EQUAL_FATAL(sha256(&out, parts, 3), STATUS_OK);
	return out;
}

/* RFC 9162 section 2.1.3.2: from a leaf and its proof to the root. */
static struct digest climb(struct digest r, uint64_t fn, uint64_t sn, const struct tree_proof *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if ((fn & 1) || fn == sn) {
			r = parent(&p->v[i], &r);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			r = parent(&r, &p->v[i]);
		}
		fn >>= 1;
		sn >>= 1;
	}
	CU_ASSERT_EQUAL(sn, 0);
	return r;
}

static void test_every_inclusion_proof_leads_to_its_root(void)
{
	struct tree t;
	struct tree_proof p;
	struct digest root;
	fill(&t, 67);
	for (size_t size = 1; size <= 67; size++) {
		CU_ASSERT_EQUAL_FATAL(tree_root(&t, size, &root), STATUS_OK);
		for (size_t i = 0; i < size; i++) {
			CU_ASSERT_EQUAL_FATAL(tree_inclusion(&t, i, size, &p), STATUS_OK);
			struct digest got = climb(t.level[0].v[i], i, size - 1, &p);
			CU_ASSERT_EQUAL(memcmp(&got, &root, sizeof(root)), 0);
		}
	}
	CU_ASSERT_EQUAL(tree_inclusion(&t, 5, 5, &p), STATUS_INVALID);
	CU_ASSERT_EQUAL(tree_inclusion(&t, 0, 68, &p), STATUS_INVALID);
	tree_release(&t);
}

static void test_consistency_proofs_are_those_of_the_reference_implementation(void)
{
	struct tree t;
	struct tree_proof p;
	fill(&t, 8);
	CU_ASSERT_EQUAL_FATAL(tree_consistency(&t, 1, 8, &p), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(p.n, 3);
	check_hex(&p.v[0], "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7");
	check_hex(&p.v[1], "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e");
	check_hex(&p.v[2], "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4");
	CU_ASSERT_EQUAL_FATAL(tree_consistency(&t, 6, 8, &p), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(p.n, 3);
	check_hex(&p.v[0], "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a");
	check_hex(&p.v[1], "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0");
	check_hex(&p.v[2], roots[4]);
	CU_ASSERT_EQUAL(tree_consistency(&t, 8, 8, &p), STATUS_OK);
	CU_ASSERT_EQUAL(p.n, 0);
	CU_ASSERT_EQUAL(tree_consistency(&t, 0, 8, &p), STATUS_INVALID);
	tree_release(&t);
}

static void fill_again(void *arg)
{
	struct tree t;
	struct digest d = { { 0 } };
	(void)arg;
	tree_init(&t);
	for (size_t i = 0; i < 64; i++) {
		size_t before = tree_size(&t);
		if (tree_add(&t, &d) != STATUS_OK)
			CU_ASSERT_EQUAL(tree_size(&t), before);
	}
	/* A failed add must leave the tree whole. */
	CU_ASSERT_EQUAL(tree_root(&t, tree_size(&t), &d), STATUS_OK);
	CU_ASSERT_EQUAL(t.level[1].n, t.level[0].n / 2);
	tree_release(&t);
}

static void test_survives_every_failed_allocation(void)
{
	unit_torture(fill_again, NULL);
}

TEST_SUITE(builtin_tree, TEST(test_roots_are_those_of_the_reference_implementation),
	   TEST(test_every_inclusion_proof_leads_to_its_root),
	   TEST(test_consistency_proofs_are_those_of_the_reference_implementation),
	   TEST(test_survives_every_failed_allocation))
