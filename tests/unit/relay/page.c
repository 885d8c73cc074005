#include <sigrelay/relay/page.h>

#include <stdio.h>

#include "../unit.h"

static void check_text(const char *text, const char *html)
{
	struct buf out;
	buf_init(&out, 1024);
	CU_ASSERT(html_text(slice_str(text), &out) == STATUS_OK);
	CU_ASSERT_STRING_EQUAL(out.n ? out.p : "", html);
	buf_release(&out);
}

static void test_text_stays_text(void)
{
	check_text("", "");
	check_text("plain \xc3\xa9", "plain \xc3\xa9");
	check_text("<a href=\"x\">'&'</a>", "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
}

static void test_the_newest_event_is_the_first(void)
{
	struct events *e = NULL;
	struct event_line line;
	char wanted[16];
	CU_ASSERT_FATAL(events_new(&e) == STATUS_OK);
	CU_ASSERT(!events_at(e, 0, &line));
	log_setup(LOG_ERROR, LOG_JSON); /* what is not written is kept all the same, as text */
	for (int i = 0; i < EVENTS_KEPT + 7; i++)
		log_event(LOG_INFO, "tick", LOG_D("n", i));
	log_event(LOG_DEBUG, "hidden", LOG_D("n", -1));
	for (size_t i = 0; i < EVENTS_KEPT; i++) {
		CU_ASSERT_FATAL(events_at(e, i, &line));
		snprintf(wanted, sizeof(wanted), "tick n=%zu", EVENTS_KEPT + 6 - i);
		CU_ASSERT(slice_ends(line.text, wanted));
		CU_ASSERT(line.level == LOG_INFO);
	}
	CU_ASSERT(!events_at(e, EVENTS_KEPT, &line));
	log_setup(LOG_INFO, LOG_TEXT);
	events_free(e);
}

static void test_a_long_event_is_cut_between_characters(void)
{
	struct events *e = NULL;
	struct event_line line;
	char value[600];
	for (size_t i = 0; i + 1 < sizeof(value); i += 2)
		memcpy(value + i, "\xc3\xa9", 2);
	value[sizeof(value) - 2] = '\0';
	CU_ASSERT_FATAL(events_new(&e) == STATUS_OK);
	for (int lead = 0; lead < 4; lead++) {
		log_setup(LOG_ERROR, LOG_TEXT);
		log_event(LOG_INFO, &"xxxx"[lead], LOG_S("v", value));
		CU_ASSERT_FATAL(events_at(e, 0, &line));
		CU_ASSERT(line.text.n <= EVENTS_LINE_MAX);
		CU_ASSERT((unsigned char)line.text.p[line.text.n - 1] < 0xc0);
	}
	log_setup(LOG_INFO, LOG_TEXT);
	events_free(e);
}

TEST_SUITE(relay_page, TEST(test_text_stays_text), TEST(test_the_newest_event_is_the_first),
	   TEST(test_a_long_event_is_cut_between_characters))
