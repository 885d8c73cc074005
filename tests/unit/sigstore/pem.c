#include <sigrelay/sigstore/pem.h>

#include "unit.h"
#include "vectors.h"

/* PEM around any bytes. */
static void armour(const char *name, struct slice der, struct buf *out)
{
	CU_ASSERT_EQUAL_FATAL(buf_addf(out, "-----BEGIN %s-----\n", name), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(base64_encode(der, out), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(buf_addf(out, "\n-----END %s-----\n", name), STATUS_OK);
}

/* The DER of a vector's first block. */
static void first_der(const char *name, struct buf *out)
{
	struct slice pem = vector(name);
	struct buf digits;
	buf_init(&digits, pem.n);
	for (const char *p = memchr(pem.p, '\n', pem.n); *p != '-'; p++) {
		if (*p != '\n')
			CU_ASSERT_EQUAL_FATAL(buf_add(&digits, p, 1), STATUS_OK);
	}
	CU_ASSERT_EQUAL_FATAL(base64_decode(buf_slice(&digits), out), STATUS_OK);
	buf_release(&digits);
}

static void test_how_it_is_written_does_not_matter(void)
{
	struct pem_facts a, b;
	struct buf der, pem;
	buf_init(&der, 4096);
	buf_init(&pem, 4096);
	first_der("key.pem", &der);
	armour("PUBLIC KEY", buf_slice(&der), &pem); /* on one long line */
	CU_ASSERT_EQUAL(pem_read(vector("key.pem"), true, &a), STATUS_OK);
	CU_ASSERT_EQUAL(pem_read(buf_slice(&pem), true, &b), STATUS_OK);
	CU_ASSERT_EQUAL(memcmp(&a.der, &b.der, sizeof(a.der)), 0);
	CU_ASSERT_EQUAL(a.not_after, 0);
	struct digest expected;
	const struct slice part = buf_slice(&der);
	CU_ASSERT_EQUAL(sha256(&expected, &part, 1), STATUS_OK);
	CU_ASSERT_EQUAL(memcmp(&a.der, &expected, sizeof(expected)), 0);
	buf_release(&der);
	buf_release(&pem);
}

static void test_life_only_where_asked(void)
{
	struct pem_facts with, without;
	CU_ASSERT_EQUAL(pem_read(vector("chain.pem"), true, &with), STATUS_OK);
	CU_ASSERT_EQUAL(pem_read(vector("chain.pem"), false, &without), STATUS_OK);
	CU_ASSERT_EQUAL(with.not_after, 1795500600);
	CU_ASSERT_EQUAL(without.not_after, 0);
	CU_ASSERT_EQUAL(memcmp(&with.der, &without.der, sizeof(with.der)), 0);
}

static bool believed(const char *name, const char *vector_name, bool (*judge)(struct slice), const char *tail)
{
	struct buf der, pem;
	buf_init(&der, 4096);
	buf_init(&pem, 4096);
	first_der(vector_name, &der);
	CU_ASSERT_EQUAL(buf_add_str(&der, tail), STATUS_OK);
	armour(name, buf_slice(&der), &pem);
	bool good = judge(buf_slice(&pem));
	buf_release(&der);
	buf_release(&pem);
	return good;
}

static void test_bytes_after_the_structure(void)
{
	CU_ASSERT(believed("PUBLIC KEY", "key.pem", pem_is_public_key, ""));
	CU_ASSERT_FALSE(believed("PUBLIC KEY", "key.pem", pem_is_public_key, "x"));
	CU_ASSERT(believed("CERTIFICATE", "chain.pem", pem_is_certificates, ""));
	CU_ASSERT_FALSE(believed("CERTIFICATE", "chain.pem", pem_is_certificates, "x"));
}

static void test_other_blocks(void)
{
	struct pem_facts facts;
	struct slice pem = vector("key.pem");
	struct slice other = edited(edited(pem, "PUBLIC", "PGP"), "PUBLIC", "PGP");
	CU_ASSERT_EQUAL(pem_read(other, true, &facts), STATUS_INVALID);
	CU_ASSERT_FALSE(pem_is_public_key(other));
	CU_ASSERT_EQUAL(pem_read((struct slice){ NULL, 0 }, true, &facts), STATUS_INVALID);
	CU_ASSERT_EQUAL(pem_read(slice_str("-----BEGIN CERTIFICATE-----"), true, &facts), STATUS_INVALID);
	CU_ASSERT_FALSE(
	    pem_is_certificates(slice_str("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")));
}

static void test_a_block_that_is_no_certificate(void)
{
	struct pem_facts facts;
	struct buf pem;
	buf_init(&pem, 4096);
	armour("CERTIFICATE", slice_str("no DER at all"), &pem);
	CU_ASSERT_FALSE(pem_is_certificates(buf_slice(&pem)));
	/* Comparable bytes all the same; it has no life. */
	CU_ASSERT_EQUAL(pem_read(buf_slice(&pem), true, &facts), STATUS_OK);
	CU_ASSERT_EQUAL(facts.not_after, 0);
	buf_release(&pem);
}

TEST_SUITE(sigstore_pem, TEST(test_how_it_is_written_does_not_matter), TEST(test_life_only_where_asked),
	   TEST(test_bytes_after_the_structure), TEST(test_other_blocks),
	   TEST(test_a_block_that_is_no_certificate))
