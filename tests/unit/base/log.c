#include "unit.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <sigrelay/base/json.h>
#include <sigrelay/base/log.h>
#include <sigrelay/base/utf8.h>

static char seen[8192];
static size_t lines;

static void catch (void *arg, const char *line, size_t n)
{
	(void)arg;
	CU_ASSERT_FATAL(n < sizeof(seen));
	memcpy(seen, line, n);
	seen[n] = '\0';
	lines++;
}

static void begin(enum log_level level, enum log_format format)
{
	lines = 0;
	seen[0] = '\0';
	log_setup(level, format);
	log_capture(catch, NULL);
}

static void end(void)
{
	log_capture(NULL, NULL);
	log_setup(LOG_INFO, LOG_TEXT);
}

/* What follows the time stamp. */
static const char *after_stamp(void)
{
	const char *blank = strchr(seen, ' ');
	return blank ? blank + 1 : "";
}

static void test_text_line(void)
{
	begin(LOG_INFO, LOG_TEXT);
	log_event(LOG_INFO, "retry", LOG_S("request", "r1"), LOG_D("attempt", 2),
		  LOG_T("wait", 250 * USEC_PER_MSEC), LOG_S("next", "send again"), LOG_B("last", false),
		  LOG_S("absent", NULL), LOG_S("empty", ""));
	CU_ASSERT_STRING_EQUAL(
	    after_stamp(),
	    "info retry request=r1 attempt=2 wait=250ms next=\"send again\" last=no empty=\"\"\n");
	int year, month, day, hour, minute, second, ms;
	CU_ASSERT_EQUAL(
	    sscanf(seen, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ ", &year, &month, &day, &hour, &minute, &second, &ms),
	    7);
	end();
}

static void test_json_line(void)
{
	begin(LOG_INFO, LOG_JSON);
	log_event(LOG_WARN, "retry", LOG_S("text", "say \"hi\"\n"), LOG_D("attempt", -2),
		  LOG_T("wait", 250 * USEC_PER_MSEC), LOG_T("whole", 3 * USEC_PER_SEC),
		  LOG_T("never", USEC_NEVER), LOG_B("last", true));
	cJSON *root = json_parse(slice_str(seen));
	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	CU_ASSERT_TRUE(slice_eq_str(json_str_at(root, "level", NULL), "warn"));
	CU_ASSERT_TRUE(slice_eq_str(json_str_at(root, "event", NULL), "retry"));
	CU_ASSERT_TRUE(slice_eq_str(json_str_at(root, "text", NULL), "say \"hi\"\n"));
	CU_ASSERT_TRUE(cJSON_IsTrue(json_at(root, "last", NULL)));
	CU_ASSERT_TRUE(cJSON_IsNull(json_at(root, "never_seconds", NULL)));
	CU_ASSERT_PTR_NOT_NULL(strstr(seen, "\"attempt\":-2,\"wait_seconds\":0.25,\"whole_seconds\":3,"));
	cJSON_Delete(root);
	end();
}

static void check_value(enum log_format format, const char *value, size_t n, const char *want)
{
	begin(LOG_INFO, format);
	log_event(LOG_INFO, "e", LOG_SL("v", ((struct slice){ value, n })));
	const char *at = strstr(seen, format == LOG_TEXT ? " v=" : "\"v\":");
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	at += format == LOG_TEXT ? 3 : 4;
	CU_ASSERT_TRUE(strncmp(at, want, strlen(want)) == 0);
	CU_ASSERT_EQUAL(strlen(at), strlen(want) + (format == LOG_TEXT ? 1 : 2));
	end();
}

static void test_values_from_outside_are_escaped(void)
{
	check_value(LOG_TEXT, "plain/1.0", 9, "plain/1.0");
	check_value(LOG_TEXT, "a=b", 3, "\"a=b\"");
	check_value(LOG_TEXT, "a\nb\x1b[31m", 8, "\"a\\nb\\u001b[31m\"");
	check_value(LOG_TEXT, "q\"\\", 3, "\"q\\\"\\\\\"");
	check_value(LOG_TEXT, "größe", 7, "größe");
	check_value(LOG_TEXT, "\xff\xc0\xaf", 3, "\"\\xff\\xc0\\xaf\"");
	check_value(LOG_TEXT,
		    "\xe2\x80\xae"
		    "x",
		    4, "\"\\u202ex\"");                      /* turns the reading direction */
	check_value(LOG_TEXT, "\xc2\x85", 2, "\"\\u0085\""); /* a newline to some terminals */
	check_value(LOG_TEXT, "a\0b", 3, "\"a\\u0000b\"");
	check_value(LOG_JSON, "\xff", 1, "\"\\\\xff\"");
	check_value(LOG_JSON, "\xf3\xa0\x80\x81", 4, "\"\\udb40\\udc01\""); /* a tag character */
	check_value(LOG_JSON, "\x7f", 1, "\"\\u007f\"");
}

static void test_long_values_are_cut_between_characters(void)
{
	char text[700], want[600] = "\"";
	memset(text, 'a', sizeof(text));
	memcpy(text + 511, "ö", 2); /* bytes 511 and 512: the cut is inside it */
	memset(want + 1, 'a', 511);
	memcpy(want + 512, "…\"", 5);
	check_value(LOG_TEXT, text, sizeof(text), want);
	check_value(LOG_JSON, text, sizeof(text), want);
}

static void test_fields_beyond_the_line_are_counted_as_lost(void)
{
	char noise[512];
	memset(noise, 1, sizeof(noise));
	struct slice v = { noise, sizeof(noise) };
	for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
		begin(LOG_INFO, (enum log_format)format);
		log_event(LOG_INFO, "e", LOG_SL("one", v), LOG_SL("two", v), LOG_SL("three", v),
			  LOG_D("four", 4));
		CU_ASSERT_TRUE(strlen(seen) <= 4096);
		CU_ASSERT_PTR_NOT_NULL(strstr(seen, "four"));
		CU_ASSERT_PTR_NULL(strstr(seen, "two"));
		CU_ASSERT_PTR_NOT_NULL(
		    strstr(seen, format == LOG_TEXT ? " fields_lost=2\n" : ",\"fields_lost\":2}\n"));
		cJSON *root = format == LOG_JSON ? json_parse(slice_str(seen)) : NULL;
		CU_ASSERT_EQUAL(root != NULL, format == LOG_JSON);
		cJSON_Delete(root);
		end();
	}
}

static void test_levels(void)
{
	begin(LOG_WARN, LOG_TEXT);
	log_event(LOG_INFO, "no", LOG_D("v", 1));
	CU_ASSERT_EQUAL(lines, 0);
	log_event(LOG_WARN, "yes", LOG_D("v", 1));
	log_event(LOG_ERROR, "yes", LOG_D("v", 1));
	CU_ASSERT_EQUAL(lines, 2);
	CU_ASSERT_FALSE(log_enabled(LOG_DEBUG));
	end();
}

/* stderr is a pipe that nobody reads: every line returns, some are lost, and
 * those that came through are whole. */
static void test_full_pipe_loses_lines_not_the_program(void)
{
	int ends[2], saved = dup(STDERR_FILENO);
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	for (int i = 0; i < 5000; i++)
		log_event(LOG_INFO, "fill", LOG_S("text", "0123456789012345678901234567890123456789"));
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(ends[1]);
	static char all[1 << 20];
	size_t n = 0;
	for (ssize_t got; (got = read(ends[0], all + n, sizeof(all) - n)) > 0;)
		n += (size_t)got;
	close(ends[0]);
	size_t whole = 0;
	for (size_t i = 0; i < n; i++)
		whole += all[i] == '\n';
	CU_ASSERT_TRUE(whole > 100 && whole < 5000);
	CU_ASSERT_TRUE(n > 0 && all[n - 1] == '\n');
}

static void check_code(const char *bytes, size_t n, size_t want, uint32_t code)
{
	uint32_t got = 0;
	CU_ASSERT_EQUAL(utf8_next((struct slice){ bytes, n }, &got), want);
	CU_ASSERT_EQUAL(got, code);
}

static void test_utf8_well_formed(void)
{
	check_code("A", 1, 1, 'A');
	check_code("\xc3\xb6", 2, 2, 0xf6);
	check_code("\xe2\x82\xac", 3, 3, 0x20ac);
	check_code("\xf0\x9f\x98\x80", 4, 4, 0x1f600);
	check_code("\xf0\x9f\x98", 3, 0, 0);     /* torn */
	check_code("\xc0\x80", 2, 0, 0);         /* overlong */
	check_code("\xe0\x80\xaf", 3, 0, 0);     /* overlong */
	check_code("\xed\xa0\x80", 3, 0, 0);     /* surrogate */
	check_code("\xf4\x90\x80\x80", 4, 0, 0); /* beyond the last */
	check_code("\x80", 1, 0, 0);
	check_code("", 0, 0, 0);
	CU_ASSERT_TRUE(utf8_printable(0x1f600) && utf8_printable(' '));
	CU_ASSERT_FALSE(utf8_printable(0xffff) || utf8_printable(0x200b) || utf8_printable(0x1fffe));
}

TEST_SUITE(base_log, TEST(test_text_line), TEST(test_json_line), TEST(test_values_from_outside_are_escaped),
	   TEST(test_long_values_are_cut_between_characters),
	   TEST(test_fields_beyond_the_line_are_counted_as_lost), TEST(test_levels),
	   TEST(test_full_pipe_loses_lines_not_the_program), TEST(test_utf8_well_formed))
