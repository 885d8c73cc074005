#include "unit.h"

#include <stdio.h>

#include <sigrelay/base/json.h>
#include <sigrelay/commands/preflight_print.h>

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static char domain[] = "docker.io", path[] = "o/app", tag[] = "1", other[] = "2";

static const struct preflight_image images[] = {
	{ "o/app:1", { domain, path, tag, NULL }, { TAG_PRESENT, A, "type", "" } },
	{ "o/app:2", { domain, path, other, NULL }, { TAG_UNKNOWN, "", "", "a|b <i> \"c\"" } },
	{ "o/app:3", { domain, path, other, NULL }, { TAG_ABSENT, "", "", "" } },
};
static const struct preflight_verdict verdict = { PREFLIGHT_BUILD, A, 1, 1, 1, false };
static const struct preflight_result result = { images, 3, &verdict };

typedef enum status print_fn(const struct preflight_result *r, struct buf *out);

static void prints(print_fn *print, const struct preflight_result *r, const char *wanted)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	CU_ASSERT_EQUAL_FATAL(print(r, &out), STATUS_OK);
	if (strcmp(out.p, wanted) != 0)
		fprintf(stderr, "got: %s\nwanted: %s\n", out.p, wanted);
	CU_ASSERT_STRING_EQUAL(out.p, wanted);
	buf_release(&out);
}

static enum status plain_table(const struct preflight_result *r, struct buf *out)
{
	return preflight_table(r, false, out);
}

static enum status coloured_table(const struct preflight_result *r, struct buf *out)
{
	return preflight_table(r, true, out);
}

static void test_json_is_the_contracts(void)
{
	prints(preflight_json, &result,
	       "{\"decision\":\"build\",\"digest\":\"" A "\",\"images\":["
	       "{\"image\":\"o/app:1\",\"registry\":\"docker.io\",\"repository\":\"o/app\",\"tag\":\"1\","
	       "\"state\":\"present\",\"digest\":\"" A "\",\"reason\":\"\"},"
	       "{\"image\":\"o/app:2\",\"registry\":\"docker.io\",\"repository\":\"o/app\",\"tag\":\"2\","
	       "\"state\":\"unknown\",\"digest\":\"\",\"reason\":\"a|b <i> \\\"c\\\"\"},"
	       "{\"image\":\"o/app:3\",\"registry\":\"docker.io\",\"repository\":\"o/app\",\"tag\":\"2\","
	       "\"state\":\"absent\",\"digest\":\"\",\"reason\":\"\"}]}\n");
}

static void test_the_table(void)
{
	prints(plain_table, &result,
	       "IMAGE    STATE    DIGEST OR REASON\n"
	       "o/app:1  present  " A "\n"
	       "o/app:2  unknown  a|b <i> \"c\"\n"
	       "o/app:3  absent\n"
	       "\ndecision: build, digest " A "\n");
}

/* Without its colours it is the same table. */
static void test_the_table_with_colours(void)
{
	struct buf plain, coloured;
	char bare[4096];
	size_t n = 0;
	buf_init(&plain, 1 << 20);
	buf_init(&coloured, 1 << 20);
	CU_ASSERT_EQUAL_FATAL(plain_table(&result, &plain), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(coloured_table(&result, &coloured), STATUS_OK);
	CU_ASSERT_FATAL(coloured.n < sizeof(bare));
	for (const char *p = coloured.p; *p;)
		if (*p == '\033')
			p += strcspn(p, "m") + 1;
		else
			bare[n++] = *p++;
	bare[n] = '\0';
	CU_ASSERT_STRING_EQUAL(bare, plain.p);
	CU_ASSERT_PTR_NOT_NULL(strstr(coloured.p, "\033[33munknown\033[0m"));
	buf_release(&plain);
	buf_release(&coloured);
}

static void test_the_summary_has_no_markup_of_others(void)
{
	prints(preflight_summary, &result,
	       "### Preflight: build, digest " A "\n\n"
	       "| Image | State | Digest or reason |\n"
	       "| --- | --- | --- |\n"
	       "| o/app:1 | present | " A " |\n"
	       "| o/app:2 | unknown | a&#124;b &#60;i&#62; &#34;c&#34; |\n"
	       "| o/app:3 | absent |  |\n\n");
}

static void test_outputs(void)
{
	const struct preflight_result two = { images, 2, &verdict };
	const struct preflight_verdict nothing = { .decision = PREFLIGHT_FAIL };
	const struct preflight_result none = { images, 0, &nothing };
	prints(preflight_outputs, &two, "decision=build\ndigest=" A "\nexisting=o/app:1\nunknown=o/app:2\n");
	prints(preflight_outputs, &none, "decision=fail\ndigest=\nexisting=\nunknown=\n");
}

static void test_several_existing_are_one_line(void)
{
	const struct preflight_image twice[] = { images[0], images[0] };
	const struct preflight_result r = { twice, 2, &verdict };
	prints(preflight_outputs, &r, "decision=build\ndigest=" A "\nexisting=o/app:1,o/app:1\nunknown=\n");
}

static void print_without_memory(void *arg)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	(void)arg;
	if (preflight_json(&result, &out) != STATUS_OK)
		CU_ASSERT_EQUAL(out.n, 0);
	if (preflight_outputs(&result, &out) != STATUS_OK)
		buf_reset(&out);
	buf_release(&out);
}

static void test_without_memory(void)
{
	unit_torture(print_without_memory, NULL);
}

TEST_SUITE(commands_preflight_print, TEST(test_json_is_the_contracts), TEST(test_the_table),
	   TEST(test_the_table_with_colours), TEST(test_the_summary_has_no_markup_of_others),
	   TEST(test_outputs), TEST(test_several_existing_are_one_line), TEST(test_without_memory))
