#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sigrelay/base/json.h>
#include <sigrelay/registry/ledger.h>

#define WALL ((usec)1795509605 * USEC_PER_SEC + 7 * USEC_PER_MSEC)

static char path[64];

static void begin(void)
{
	snprintf(path, sizeof(path), "/tmp/sigrelay-ledger.XXXXXX");
	int fd = mkstemp(path);
	CU_ASSERT_FATAL(fd >= 0);
	close(fd);
}

static void put(const char *text)
{
	FILE *f = fopen(path, "a");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
}

static char *content(void)
{
	static char text[1 << 16];
	FILE *f = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static bool add(const char *run, const struct ledger_line *line)
{
	struct ledger l = { .fd = -1 };
	bool torn = false;
	CU_ASSERT_EQUAL_FATAL(ledger_open(&l, path, run), STATUS_OK);
	CU_ASSERT_EQUAL(ledger_add(&l, line, WALL, &torn), STATUS_OK);
	ledger_close(&l);
	return torn;
}

static void test_a_line_has_what_applies(void)
{
	struct buf out;
	buf_init(&out, 4096);
	const struct ledger_line full = { LEDGER_PUSHED, "i", "r", "p", "t", "d", "s", "why" };
	const struct ledger_line bare = { .event = LEDGER_SIGNED };
	CU_ASSERT_EQUAL(ledger_format(&full, "7.1", WALL, &out), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(out.p, "{\"time\":\"2026-11-24T08:40:05.007Z\",\"run\":\"7.1\",\"event\":"
				      "\"pushed\",\"image\":\"i\",\"registry\":\"r\",\"repository\":\"p\","
				      "\"tag\":\"t\",\"digest\":\"d\",\"state\":\"s\",\"reason\":\"why\"}\n");
	buf_reset(&out);
	CU_ASSERT_EQUAL(ledger_format(&bare, "x", WALL, &out), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(
	    out.p, "{\"time\":\"2026-11-24T08:40:05.007Z\",\"run\":\"x\",\"event\":\"signed\"}\n");
	buf_release(&out);
}

static void test_any_text_is_one_line_of_json(void)
{
	struct buf out;
	buf_init(&out, 4096);
	const struct ledger_line odd = { .event = LEDGER_KEPT,
					 .reason = "a \"b\" \\ \n\t\x7f \xff \xc3\xa9 \xe2\x82" };
	CU_ASSERT_EQUAL(ledger_format(&odd, "r", WALL, &out), STATUS_OK);
	CU_ASSERT_PTR_EQUAL(strchr(out.p, '\n'), out.p + out.n - 1);
	cJSON *root = json_parse(buf_slice(&out));
	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	struct slice reason = json_str_at(root, "reason", NULL);
	CU_ASSERT_TRUE(slice_starts(reason, "a \"b\" \\ \n\t\x7f \xef\xbf\xbd \xc3\xa9 "));
	cJSON_Delete(root);
	buf_release(&out);
}

static void test_lines_are_appended(void)
{
	begin();
	const struct ledger_line one = { .event = LEDGER_SIGNED };
	CU_ASSERT_FALSE(add("1", &one));
	CU_ASSERT_FALSE(add("2", &one));
	char *second = strchr(content(), '\n') + 1;
	CU_ASSERT_PTR_NOT_NULL(strstr(second, "\"run\":\"2\""));
	CU_ASSERT_EQUAL(second[strlen(second) - 1], '\n');
	unlink(path);
}

static void test_a_torn_line_is_left_and_told(void)
{
	begin();
	put("{\"time\":\"2026-11-24T08:40:05.007Z\",\"ru");
	const struct ledger_line one = { .event = LEDGER_UNSIGNED, .reason = "down" };
	CU_ASSERT_TRUE(add("1", &one));
	CU_ASSERT_FALSE(add("1", &one));
	char *second = strchr(content(), '\n') + 1;
	CU_ASSERT_EQUAL(strncmp(second, "{\"time\"", 7), 0);
	CU_ASSERT_EQUAL(strncmp(strchr(second, '\n') + 1, "{\"time\"", 7), 0);
	unlink(path);
}

static void test_no_ledger_is_fine(void)
{
	struct ledger l = { .fd = -1 };
	const struct ledger_line one = { .event = LEDGER_SIGNED };
	CU_ASSERT_EQUAL(ledger_open(&l, NULL, "1"), STATUS_OK);
	CU_ASSERT_EQUAL(ledger_add(&l, &one, WALL, NULL), STATUS_OK);
	ledger_close(&l);
	CU_ASSERT_EQUAL(ledger_open(&l, "/no/such/folder/x", "1"), STATUS_IO);
	CU_ASSERT_EQUAL(errno, ENOENT);
	CU_ASSERT_EQUAL(l.fd, -1);
}

static void test_a_full_disk_is_an_error(void)
{
	struct ledger l = { .fd = -1 };
	const struct ledger_line one = { .event = LEDGER_SIGNED };
	CU_ASSERT_EQUAL_FATAL(ledger_open(&l, "/dev/full", "1"), STATUS_OK);
	CU_ASSERT_EQUAL(ledger_add(&l, &one, WALL, NULL), STATUS_IO);
	CU_ASSERT_EQUAL(errno, ENOSPC);
	ledger_close(&l);
}

#define WRITERS 4
#define LINES 25

/* Each writer tears nothing and is torn by nobody. */
static void test_writers_at_once(void)
{
	begin();
	put("torn");
	for (int i = 0; i < WRITERS; i++) {
		if (fork() == 0) {
			const struct ledger_line one = { .event = LEDGER_PUSHED, .image = "app:1" };
			struct ledger l = { .fd = -1 };
			int bad = ledger_open(&l, path, "r") != STATUS_OK;
			for (int n = 0; n < LINES && !bad; n++)
				bad = ledger_add(&l, &one, WALL, NULL) != STATUS_OK;
			_exit(bad);
		}
	}
	for (int i = 0; i < WRITERS; i++) {
		int status = -1;
		wait(&status);
		CU_ASSERT_EQUAL(status, 0);
	}
	int lines = 0;
	for (char *p = strchr(content(), '\n') + 1; *p; p = strchr(p, '\n') + 1, lines++)
		CU_ASSERT_EQUAL_FATAL(strncmp(p, "{\"time\"", 7), 0);
	CU_ASSERT_EQUAL(lines, WRITERS * LINES);
	unlink(path);
}

static void run_id_is(const char *setting, const char *run, const char *attempt, const char *wanted)
{
	struct buf out;
	buf_init(&out, 256);
	CU_ASSERT_EQUAL(ledger_run_id(setting, run, attempt, 0xab, &out), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(out.p, wanted);
	buf_release(&out);
}

static void test_run_id(void)
{
	run_id_is("mine", "12", "3", "mine");
	run_id_is(NULL, "12", "3", "12.3");
	run_id_is("", "12", NULL, "12.1");
	run_id_is(NULL, "", "3", "run-00000000000000ab");
}

TEST_SUITE(registry_ledger, TEST(test_a_line_has_what_applies), TEST(test_any_text_is_one_line_of_json),
	   TEST(test_lines_are_appended), TEST(test_a_torn_line_is_left_and_told),
	   TEST(test_no_ledger_is_fine), TEST(test_a_full_disk_is_an_error), TEST(test_writers_at_once),
	   TEST(test_run_id))
