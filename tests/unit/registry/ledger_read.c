#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/registry/ledger_read.h>

static struct ledger_list read_text(const char *text)
{
	struct ledger_list l = { 0 };
	CU_ASSERT_EQUAL_FATAL(ledger_parse(slice_str(text), "7.1", &l), STATUS_OK);
	return l;
}

static void counts_are(const char *text, size_t ours, size_t others, size_t unreadable, bool torn)
{
	struct ledger_list l = read_text(text);
	CU_ASSERT_EQUAL(l.n, ours);
	CU_ASSERT_EQUAL(l.other_runs, others);
	CU_ASSERT_EQUAL(l.other_run != NULL, others > 0);
	CU_ASSERT_EQUAL(l.unreadable, unreadable);
	CU_ASSERT_EQUAL(l.torn, torn);
	ledger_list_release(&l);
}

static void test_what_is_written_is_read_back(void)
{
	struct buf text;
	struct ledger_list l;
	const struct ledger_line full = { LEDGER_PUSHED, "i\n\"", "r", "p", "t", "d", "s", "why" };
	const struct ledger_line bare = { .event = LEDGER_KEPT };
	buf_init(&text, 4096);
	CU_ASSERT_EQUAL_FATAL(ledger_format(&full, "7.1", 0, &text), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(ledger_format(&bare, "7.1", 0, &text), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(ledger_parse(buf_slice(&text), "7.1", &l), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(l.n, 2);
	CU_ASSERT_EQUAL(l.v[0].event, LEDGER_PUSHED);
	CU_ASSERT_STRING_EQUAL(l.v[0].image, "i\n\"");
	CU_ASSERT_STRING_EQUAL(l.v[0].registry, "r");
	CU_ASSERT_STRING_EQUAL(l.v[0].repository, "p");
	CU_ASSERT_STRING_EQUAL(l.v[0].tag, "t");
	CU_ASSERT_STRING_EQUAL(l.v[0].digest, "d");
	CU_ASSERT_STRING_EQUAL(l.v[0].state, "s");
	CU_ASSERT_STRING_EQUAL(l.v[0].reason, "why");
	CU_ASSERT_EQUAL(l.v[1].event, LEDGER_KEPT);
	CU_ASSERT_PTR_NULL(l.v[1].image);
	CU_ASSERT_PTR_NULL(l.v[1].reason);
	ledger_list_release(&l);
	buf_release(&text);
}

static void test_own_lines_only(void)
{
	counts_are("{\"run\":\"7.1\",\"event\":\"pushed\"}\n"
		   "{\"run\":\"7.10\",\"event\":\"pushed\"}\n"
		   "{\"run\":\"7.2\",\"event\":\"not known here\"}\n"
		   "{\"run\":\"\",\"event\":\"pushed\"}\n"
		   "\n \t\r\n"
		   "{\"run\":\"7.1\",\"event\":\"deleted\"}\r\n",
		   2, 3, 0, false);
	counts_are("", 0, 0, 0, false);
}

static void test_lines_that_are_none(void)
{
	counts_are("no json\n"
		   "[]\n"
		   "\"7.1\"\n"
		   "{\"event\":\"pushed\"}\n"
		   "{\"run\":\"7.1\"}\n"
		   "{\"run\":\"7.1\",\"event\":\"push\"}\n"
		   "{\"run\":\"7.1\",\"event\":\"PUSHED\"}\n"
		   "{\"run\":7.1,\"event\":\"pushed\"}\n"
		   "{\"run\":\"7.1\",\"event\":\"pushed\",\"tag\":7}\n"
		   "{\"run\":\"7.1\",\"event\":\"pushed\",\"digest\":[\"d\"]}\n"
		   "{\"run\":\"7.1\",\"event\":\"pushed\"}{}\n"
		   "{\"run\":\"7.1\",\"event\":\"pushed\",\"tag\":\"a\\u0000b\"}\n",
		   0, 0, 12, false);
}

/* Which of the two would another reader take? */
static void test_a_name_that_comes_twice(void)
{
	counts_are("{\"run\":\"8.1\",\"run\":\"7.1\",\"event\":\"pushed\"}\n"
		   "{\"run\":\"7.1\",\"event\":\"kept\",\"Event\":\"pushed\"}\n"
		   "{\"run\":\"7.1\",\"event\":\"pushed\",\"tag\":\"a\",\"tag\":\"b\"}\n",
		   0, 0, 3, false);
}

static void test_null_is_not_there(void)
{
	struct ledger_list l = read_text("{\"run\":\"7.1\",\"event\":\"pushed\",\"tag\":null,\"x\":[1]}\n");
	CU_ASSERT_EQUAL_FATAL(l.n, 1);
	CU_ASSERT_PTR_NULL(l.v[0].tag);
	ledger_list_release(&l);
}

static void test_a_torn_end(void)
{
	counts_are("{\"run\":\"7.1\",\"event\":\"pushed\"}\n{\"run\":\"7.1\",\"ev", 1, 0, 0, true);
	/* Only the newline is missing: the object is whole. */
	counts_are("{\"run\":\"7.1\",\"event\":\"pushed\"}", 1, 0, 0, false);
	/* A later writer began below it. */
	counts_are("{\"run\":\"7.1\",\"ev\n{\"run\":\"7.1\",\"event\":\"pushed\"}\n", 1, 0, 1, false);
}

/* One byte more than a line may have is no line; its neighbours are. */
static void test_a_line_that_is_too_long(void)
{
	static const char head[] = "{\"run\":\"7.1\",\"event\":\"pushed\",\"reason\":\"", tail[] = "\"}\n";
	size_t fill = LEDGER_LINE_MAX - (sizeof(head) - 1) - (sizeof(tail) - 1);
	for (size_t more = 0; more < 2; more++) {
		struct buf text;
		struct ledger_list l;
		buf_init(&text, (size_t)1 << 20);
		CU_ASSERT_EQUAL(buf_add_str(&text, head), STATUS_OK);
		for (size_t i = 0; i < fill + more; i++)
			CU_ASSERT_EQUAL(buf_add_str(&text, "x"), STATUS_OK);
		CU_ASSERT_EQUAL(buf_add_str(&text, tail), STATUS_OK);
		CU_ASSERT_EQUAL(buf_add_str(&text, "{\"run\":\"7.1\",\"event\":\"kept\"}\n"), STATUS_OK);
		CU_ASSERT_EQUAL_FATAL(ledger_parse(buf_slice(&text), "7.1", &l), STATUS_OK);
		CU_ASSERT_EQUAL(l.n, 2 - more);
		CU_ASSERT_EQUAL(l.unreadable, more);
		ledger_list_release(&l);
		buf_release(&text);
	}
}

static void test_from_a_file(void)
{
	struct ledger_list l = { 0 };
	char path[] = "/tmp/sigrelay-ledger.XXXXXX";
	int fd = mkstemp(path);
	CU_ASSERT_FATAL(fd >= 0);
	static const char line[] = "{\"run\":\"7.1\",\"event\":\"signed\"}\n";
	CU_ASSERT_EQUAL(write(fd, line, sizeof(line) - 1), sizeof(line) - 1);
	close(fd);
	CU_ASSERT_EQUAL(ledger_read(path, "7.1", &l), STATUS_OK);
	CU_ASSERT_EQUAL(l.n, 1);
	ledger_list_release(&l);
	unlink(path);
	CU_ASSERT_EQUAL(ledger_read(path, "7.1", &l), STATUS_IO);
	CU_ASSERT_EQUAL(errno, ENOENT);
	CU_ASSERT_EQUAL(l.n, 0);
}

static void read_without_memory(void *arg)
{
	struct ledger_list l = { 0 };
	(void)arg;
	enum status st =
	    ledger_parse(SLICE_LIT("{\"run\":\"7.1\",\"event\":\"pushed\",\"tag\":\"a\",\"digest\":\"d\"}\n"
				   "{\"run\":\"7.1\",\"event\":\"pushed\",\"image\":\"i\"}\n"),
			 "7.1", &l);
	/* A line that could not be parsed for want of memory counts as unreadable: never as another. */
	CU_ASSERT_TRUE(st == STATUS_NO_MEMORY || l.n + l.unreadable == 2);
	ledger_list_release(&l);
}

static void test_without_memory(void)
{
	unit_torture(read_without_memory, NULL);
}

TEST_SUITE(registry_ledger_read, TEST(test_what_is_written_is_read_back), TEST(test_own_lines_only),
	   TEST(test_lines_that_are_none), TEST(test_a_name_that_comes_twice), TEST(test_null_is_not_there),
	   TEST(test_a_torn_end), TEST(test_a_line_that_is_too_long), TEST(test_from_a_file),
	   TEST(test_without_memory))
