#include <sigrelay/relay/memory.h>

#include <stdio.h>

#include "../unit.h"

static struct answer *entry_of(size_t bytes)
{
	struct answer *a = answer_new(200, bytes + 64);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_EQUAL_FATAL(buf_reserve(&a->body, bytes), STATUS_OK);
	return a;
}

/* A name of 80 digits, in tree 1, or of 64. */
static const char *name(unsigned n, size_t digits)
{
	static char id[REKOR_ENTRY_ID_HEX + 1];
	snprintf(id, sizeof(id), "%0*x", (int)digits, n);
	if (digits == REKOR_ENTRY_ID_HEX)
		id[15] = '1';
	return id;
}

static void remember(struct memory *m, unsigned n, const struct digest *create)
{
	struct answer *a = entry_of(100);
	memory_remember(m, name(n, 80), create, a);
	answer_unref(a);
}

static void test_entry_by_either_form_of_its_id(void)
{
	struct memory m;
	char id[REKOR_ENTRY_ID_HEX + 1];
	memory_init(&m, 10);
	remember(&m, 0xabc, NULL);
	CU_ASSERT_PTR_NOT_NULL(memory_entry(&m, slice_str(name(0xabc, 80)), id));
	CU_ASSERT_STRING_EQUAL(id, name(0xabc, 80));
	CU_ASSERT_PTR_NOT_NULL(memory_entry(&m, slice_str(name(0xabc, 64)), id));
	CU_ASSERT_STRING_EQUAL(id, name(0xabc, 80));
	char other[REKOR_ENTRY_ID_HEX + 1];
	memcpy(other, name(0xabc, 80), sizeof(other));
	other[15] = '2'; /* the same leaf in another tree */
	CU_ASSERT_PTR_NULL(memory_entry(&m, slice_str(other), NULL));
	CU_ASSERT_PTR_NULL(memory_entry(&m, slice_str(name(0xabd, 64)), NULL));
	CU_ASSERT_PTR_NULL(memory_entry(&m, SLICE_LIT("abc"), NULL));
	CU_ASSERT_PTR_NULL(memory_entry(&m, SLICE_LIT(""), NULL));
	memory_release(&m);
}

static void test_known_is_not_remembered(void)
{
	struct memory m;
	memory_init(&m, 10);
	memory_know(&m, name(1, 64));
	CU_ASSERT(memory_knows(&m, slice_str(name(1, 64))));
	CU_ASSERT(!memory_knows(&m, slice_str(name(2, 64))));
	CU_ASSERT_PTR_NULL(memory_entry(&m, slice_str(name(1, 64)), NULL));
	remember(&m, 1, NULL); /* it learns its tree and its entry */
	CU_ASSERT_EQUAL(m.entries, 1);
	CU_ASSERT_PTR_NOT_NULL(memory_entry(&m, slice_str(name(1, 80)), NULL));
	memory_release(&m);
}

static void test_least_recently_used_goes_first(void)
{
	struct memory m;
	memory_init(&m, 3);
	for (unsigned i = 1; i <= 3; i++)
		remember(&m, i, NULL);
	CU_ASSERT_PTR_NOT_NULL(memory_entry(&m, slice_str(name(1, 64)), NULL)); /* used */
	remember(&m, 4, NULL);
	CU_ASSERT_PTR_NOT_NULL(memory_entry(&m, slice_str(name(1, 64)), NULL));
	CU_ASSERT_PTR_NULL(memory_entry(&m, slice_str(name(2, 64)), NULL));
	CU_ASSERT_PTR_NOT_NULL(memory_entry(&m, slice_str(name(3, 64)), NULL));
	CU_ASSERT_EQUAL(m.entries, 3);
	memory_resize(&m, 1);
	CU_ASSERT_EQUAL(m.entries, 1);
	CU_ASSERT_PTR_NOT_NULL(memory_entry(&m, slice_str(name(3, 64)), NULL));
	memory_resize(&m, 0);
	CU_ASSERT_EQUAL(m.bytes, 0);
	remember(&m, 5, NULL); /* memory_entries = 0: none */
	CU_ASSERT_EQUAL(m.entries, 0);
	memory_release(&m);
}

static void test_bounded_by_bytes(void)
{
	struct memory m;
	memory_init(&m, 1000);
	for (unsigned i = 1; i <= 20; i++) {
		struct answer *a = entry_of((size_t)8 << 20);
		memory_remember(&m, name(i, 80), NULL, a);
		answer_unref(a);
		CU_ASSERT(m.bytes <= MEMORY_BYTES_MAX);
	}
	CU_ASSERT(m.entries >= 6);
	CU_ASSERT(m.entries <= 8);
	CU_ASSERT_PTR_NOT_NULL(memory_entry(&m, slice_str(name(20, 64)), NULL));
	CU_ASSERT_PTR_NULL(memory_entry(&m, slice_str(name(1, 64)), NULL));
	memory_release(&m);
}

static void test_creates_are_forgotten_with_their_entry(void)
{
	struct memory m;
	struct digest one = { .b = { 1 } }, two = { .b = { 2 } };
	char id[REKOR_ENTRY_ID_HEX + 1];
	memory_init(&m, 1);
	remember(&m, 1, &one);
	CU_ASSERT_PTR_NOT_NULL(memory_create(&m, &one, id));
	CU_ASSERT_STRING_EQUAL(id, name(1, 80));
	remember(&m, 2, &two);
	CU_ASSERT_PTR_NULL(memory_create(&m, &one, NULL));
	CU_ASSERT_PTR_NOT_NULL(memory_create(&m, &two, NULL));
	remember(&m, 2, &two); /* again: the first answer stays */
	CU_ASSERT_EQUAL(m.entries, 1);
	memory_release(&m);
}

static void tortured(void *arg)
{
	(void)arg;
	struct memory m;
	struct digest one = { .b = { 1 } };
	memory_init(&m, 2);
	for (unsigned i = 1; i <= 4; i++) {
		struct answer *a = answer_new(200, 64);
		if (!a)
			continue;
		if (buf_add_str(&a->body, "{}") == STATUS_OK) {
			memory_know(&m, name(i + 1, 64));
			memory_remember(&m, name(i, 80), &one, a);
		}
		answer_unref(a);
	}
	memory_release(&m);
}

static void test_torture(void)
{
	unit_torture(tortured, NULL);
}

TEST_SUITE(relay_memory, TEST(test_entry_by_either_form_of_its_id), TEST(test_known_is_not_remembered),
	   TEST(test_least_recently_used_goes_first), TEST(test_bounded_by_bytes),
	   TEST(test_creates_are_forgotten_with_their_entry), TEST(test_torture))
