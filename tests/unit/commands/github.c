#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sigrelay/base/file.h>
#include <sigrelay/commands/github.h>

#include "words.h"

static void test_who_is_a_runner(void)
{
	char *yes[] = { W("GITHUB_ACTIONS=true"), NULL }, *no[] = { W("GITHUB_ACTIONS=false"), NULL };
	char *none[] = { W("GITHUB_ACTIONS="), NULL };
	CU_ASSERT_TRUE(github_is_runner(yes));
	CU_ASSERT_FALSE(github_is_runner(no));
	CU_ASSERT_FALSE(github_is_runner(none));
}

static void test_outputs_of_one_line(void)
{
	struct buf out;
	const struct github_output v[] = { { "decision", "build" }, { "digest", "" }, { "x", "a<<b=c" } };
	buf_init(&out, 4096);
	CU_ASSERT_EQUAL(github_outputs_print(v, 3, &out), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(out.p, "decision=build\ndigest=\nx=a<<b=c\n");
	buf_release(&out);
}

/* The mark that ends it is another one each time. */
static void test_an_output_of_several_lines(void)
{
	static const char *const values[] = { "a\nadmin=yes", "a\radmin=yes" };
	char last[64] = "";
	for (size_t i = 0; i < 2; i++) {
		const struct github_output v = { "existing", values[i] };
		struct buf out;
		char mark[64] = "", wanted[256];
		buf_init(&out, 4096);
		CU_ASSERT_EQUAL(github_outputs_print(&v, 1, &out), STATUS_OK);
		CU_ASSERT_EQUAL_FATAL(sscanf(out.p, "existing<<%63[^\n]", mark), 1);
		CU_ASSERT_EQUAL(strlen(mark), 36);
		snprintf(wanted, sizeof(wanted), "existing<<%s\n%s\n%s\n", mark, values[i], mark);
		CU_ASSERT_STRING_EQUAL(out.p, wanted);
		CU_ASSERT_STRING_NOT_EQUAL(mark, last);
		memcpy(last, mark, sizeof(last));
		buf_release(&out);
	}
}

static void test_an_annotation_is_one_command(void)
{
	struct buf out;
	buf_init(&out, 4096);
	CU_ASSERT_EQUAL(github_annotation_print("warning", "a:b,c%\n", "50%: x,\r\n::error::y", &out),
			STATUS_OK);
	CU_ASSERT_STRING_EQUAL(out.p, "::warning title=a%3Ab%2Cc%25%0A::50%25: x,%0D%0A::error::y\n");
	buf_release(&out);
}

static void test_a_cell_holds_no_markup(void)
{
	struct buf out;
	buf_init(&out, 4096);
	CU_ASSERT_EQUAL(github_cell_print("a|b `c` <i>&amp;\n[x](y) *z* _w_ \\ \xc3\xa9 sha256:0f", &out),
			STATUS_OK);
	CU_ASSERT_STRING_EQUAL(out.p, "a&#124;b &#96;c&#96; &#60;i&#62;&#38;amp; &#91;x&#93;(y) "
				      "&#42;z&#42; &#95;w&#95; &#92; \xc3\xa9 sha256:0f");
	buf_release(&out);
}

static void test_text_from_elsewhere_commands_nothing(void)
{
	char out[64];
	github_plain(SLICE_LIT("x ##[set-output name=a]b ###[\n::error::\x1b[1m"), out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "x #?[set-output name=a]b ##?[ ::error::?[1m");
}

static void test_a_file_is_added_to(void)
{
	char path[] = "/tmp/sigrelay-github.XXXXXX";
	int fd = mkstemp(path);
	struct buf text;
	CU_ASSERT_FATAL(fd >= 0);
	close(fd);
	buf_init(&text, 4096);
	CU_ASSERT_EQUAL(github_file_add(path, SLICE_LIT("a=1\n")), STATUS_OK);
	CU_ASSERT_EQUAL(github_file_add(path, SLICE_LIT("b=2\n")), STATUS_OK);
	CU_ASSERT_EQUAL(file_read(path, &text), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(text.p, "a=1\nb=2\n");
	CU_ASSERT_EQUAL(github_file_add("/dev/full", SLICE_LIT("a=1\n")), STATUS_IO);
	CU_ASSERT_EQUAL(github_file_add("/no/such/folder/x", SLICE_LIT("a=1\n")), STATUS_IO);
	buf_release(&text);
	unlink(path);
}

TEST_SUITE(commands_github, TEST(test_who_is_a_runner), TEST(test_outputs_of_one_line),
	   TEST(test_an_output_of_several_lines), TEST(test_an_annotation_is_one_command),
	   TEST(test_a_cell_holds_no_markup), TEST(test_text_from_elsewhere_commands_nothing),
	   TEST(test_a_file_is_added_to))
