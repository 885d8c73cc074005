#include "unit.h"

#include <sigrelay/commands/run_record.h>

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_image_digest(void)
{
	const char *with_tag = "ghcr.io/o/app:1@sha256:" HEX;
	CU_ASSERT_STRING_EQUAL(image_digest(with_tag), "sha256:" HEX);
	CU_ASSERT_PTR_NULL(image_digest("ghcr.io/o/app:1"));
	CU_ASSERT_PTR_NULL(image_digest("app@sha256:" HEX "0"));
	CU_ASSERT_PTR_NULL(image_digest("app@sha256:0123"));
	CU_ASSERT_PTR_NULL(image_digest("app@sha256:" HEX ".sig"));
	CU_ASSERT_PTR_NULL(image_digest("@sha256:" HEX));
	CU_ASSERT_PTR_NULL(image_digest("cosign sign --yes app@sha256:" HEX));
	CU_ASSERT_PTR_NULL(image_digest("--certificate-identity=app@sha256:" HEX));
}

TEST_SUITE(commands_run_record, TEST(test_image_digest))
