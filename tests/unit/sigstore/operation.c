#include <sigrelay/sigstore/operation.h>

#include "unit.h"

static void test_every_operation_is_in_the_table(void)
{
	static const char *const names[] = { "rekor.create", "rekor.get",     "rekor.query", "fulcio.sign",
					     "fulcio.query", "tsa.timestamp", "tsa.query" };
	CU_ASSERT_EQUAL_FATAL(sizeof(names) / sizeof(names[0]), OP_COUNT);
	for (int op = 0; op < OP_COUNT; op++) {
		const char *service = service_name(operation_service((enum operation)op));
		CU_ASSERT_STRING_EQUAL(operation_name((enum operation)op), names[op]);
		CU_ASSERT_EQUAL(strncmp(names[op], service, strlen(service)), 0);
	}
}

static void test_sides(void)
{
	CU_ASSERT_EQUAL(operation_side(OP_REKOR_CREATE), SIDE_WRITE);
	CU_ASSERT_EQUAL(operation_side(OP_FULCIO_SIGN), SIDE_WRITE);
	CU_ASSERT_EQUAL(operation_side(OP_TSA_TIMESTAMP), SIDE_WRITE);
	CU_ASSERT_EQUAL(operation_side(OP_REKOR_GET), SIDE_READ);
	CU_ASSERT_EQUAL(operation_side(OP_REKOR_QUERY), SIDE_READ);
	CU_ASSERT_EQUAL(operation_side(OP_FULCIO_QUERY), SIDE_READ);
	CU_ASSERT_EQUAL(operation_side(OP_TSA_QUERY), SIDE_READ);
}

TEST_SUITE(sigstore_operation, TEST(test_every_operation_is_in_the_table), TEST(test_sides))
