#include "unit.h"

#include <sigrelay/base/json.h>
#include <sigrelay/commands/cleanup_print.h>

#define D "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static char domain[] = "ghcr.io", path[] = "acme/app", tag[] = "v1", digest[] = D, sig[] = "sha256-aa.sig";
static char steps[] = "do this\nor that\n";

static struct removal parts[] = {
	{ .what = REMOVAL_TAG,
	  .result = REMOVAL_DELETED,
	  .ref = { .domain = domain, .path = path, .tag = tag, .digest = digest } },
	{ .what = REMOVAL_SIGNATURE,
	  .result = REMOVAL_LEFT,
	  .ref = { .domain = domain, .path = path, .tag = sig },
	  .reason = "403 <b>no</b> \"way\"",
	  .steps = steps },
	{ .what = REMOVAL_CHILD,
	  .result = REMOVAL_KEPT,
	  .ref = { .domain = domain, .path = path, .digest = digest },
	  .reason = "multi names it too" },
};
static const struct removals tags[] = { { .v = parts, .n = 3 }, { .v = NULL, .n = 0 } };
/* The second tag was not come to. */
static const struct cleanup_result result = { .run = "7.1", .tags = tags, .n = 2 };

static void test_counts(void)
{
	CU_ASSERT_EQUAL(cleanup_count(&result, REMOVAL_LEFT), 1);
	CU_ASSERT_EQUAL(cleanup_count(&result, REMOVAL_DELETED), 1);
	CU_ASSERT_EQUAL(cleanup_count(&result, REMOVAL_PLANNED), 0);
	CU_ASSERT_FALSE(cleanup_unsigned(&result));
	parts[1].result = REMOVAL_DELETED;
	CU_ASSERT_TRUE(cleanup_unsigned(&result));
	parts[1].result = REMOVAL_LEFT;
}

static void test_json(void)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	CU_ASSERT_EQUAL_FATAL(cleanup_json(&result, &out), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(
	    out.p,
	    "{\"run\":\"7.1\",\"dry_run\":false,\"left\":1,\"images\":[{\"image\":\"ghcr.io/acme/app:v1\","
	    "\"registry\":\"ghcr.io\",\"repository\":\"acme/app\",\"tag\":\"v1\",\"digest\":\"" D
	    "\",\"result\":\"deleted\",\"reason\":\"\",\"steps\":[],\"also\":[{\"what\":\"signature\","
	    "\"tag\":\"sha256-aa.sig\",\"digest\":\"\",\"result\":\"left\",\"reason\":\"403 <b>no</b> "
	    "\\\"way\\\"\",\"steps\":[\"do this\",\"or that\"]},{\"what\":\"child\",\"tag\":\"\",\"digest\":"
	    "\"" D "\",\"result\":\"kept\",\"reason\":\"multi names it too\",\"steps\":[]}]}]}\n");
	buf_release(&out);
}

static void test_table(void)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	CU_ASSERT_EQUAL_FATAL(cleanup_table(&result, false, &out), STATUS_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(out.p, "ghcr.io/acme/app:v1  deleted  " D "\n"));
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(out.p, "  signature sha256-aa.sig  left     403 <b>no</b> \"way\"\n  child " D));
	CU_ASSERT_PTR_NOT_NULL(strstr(out.p, "\nleft of run 7.1: 1\n"));
	CU_ASSERT_PTR_NULL(strchr(out.p, '\033'));
	buf_reset(&out);
	CU_ASSERT_EQUAL(cleanup_table(&result, true, &out), STATUS_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(out.p, "\033[31mleft   \033[0m"));
	buf_release(&out);
}

static void test_github(void)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	CU_ASSERT_EQUAL_FATAL(cleanup_outputs(&result, &out), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(out.p, "deleted=1\nleft=1\n");
	buf_reset(&out);
	CU_ASSERT_EQUAL_FATAL(cleanup_summary(&result, &out), STATUS_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(out.p, "### Cleanup: 1 left\n"));
	CU_ASSERT_PTR_NULL(strstr(out.p, "<b>"));
	buf_release(&out);
}

static void test_warning(void)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	CU_ASSERT_EQUAL_FATAL(cleanup_warning(&parts[1], &out), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(out.p, "ghcr.io/acme/app:sha256-aa.sig is left: 403 <b>no</b> \"way\"\n"
				      "  - do this\n  - or that");
	buf_release(&out);
}

static void print_all(void *arg)
{
	struct buf out;
	(void)arg;
	buf_init(&out, 1 << 16);
	if (cleanup_json(&result, &out) != STATUS_OK || cleanup_table(&result, true, &out) != STATUS_OK ||
	    cleanup_summary(&result, &out) != STATUS_OK || cleanup_outputs(&result, &out) != STATUS_OK ||
	    cleanup_warning(&parts[1], &out) != STATUS_OK)
		CU_PASS("a failure is fine, a leak is not");
	buf_release(&out);
}

static void test_torture(void)
{
	unit_torture(print_all, NULL);
}

TEST_SUITE(commands_cleanup_print, TEST(test_counts), TEST(test_json), TEST(test_table), TEST(test_github),
	   TEST(test_warning), TEST(test_torture))
