/* Documents that list commands and settings, held to the tables. */
#include "unit.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/file.h>
#include <sigrelay/commands/help.h>

static void read_document(const char *name, struct buf *out)
{
	char path[512];
	buf_init(out, 1 << 20);
	snprintf(path, sizeof(path), SIGRELAY_SOURCE_DIR "/%s", name);
	CU_ASSERT_EQUAL_FATAL(file_read(path, out), STATUS_OK);
}

static void must_hold(const struct buf *document, const char *what, const char *name)
{
	if (strstr(document->p, what))
		return;
	fprintf(stderr, "%s does not say: %s\n", name, what);
	CU_FAIL("a document and a table disagree");
}

/* As a whole word: --retry-budget is not there because --retry-budget-floor is. */
static bool holds_word(const char *text, const char *word)
{
	size_t n = strlen(word);
	for (; (text = strstr(text, word)) != NULL; text++) {
		if (text[n] != '-' && !isalnum((unsigned char)text[n]))
			return true;
	}
	return false;
}

static void must_hold_word(const struct buf *document, const char *word, const char *name)
{
	if (holds_word(document->p, word))
		return;
	fprintf(stderr, "%s does not list: %s\n", name, word);
	CU_FAIL("a completion and a table disagree");
}

/* ".It Va retry_for Pq 10m" for each setting, and no other ".It Va". */
static void test_man_page_lists_the_settings(void)
{
	struct buf page;
	size_t items = 0;
	read_document("docs/sigrelay.1", &page);
	for (size_t i = 0; i < settings_count; i++) {
		char line[160];
		const struct setting_info *s = &settings_table[i];
		snprintf(line, sizeof(line), "\n.It Va %s%s%s\n", s->name, *s->default_text ? " Pq " : "",
			 s->default_text);
		must_hold(&page, line, "docs/sigrelay.1");
	}
	for (const char *at = page.p; (at = strstr(at, "\n.It Va ")) != NULL; at++)
		items++;
	CU_ASSERT_EQUAL(items, settings_count);
	buf_release(&page);
}

static void test_man_page_lists_the_commands(void)
{
	struct buf page;
	read_document("docs/sigrelay.1", &page);
	for (const struct command *c = commands_table; c->name; c++) {
		char line[64];
		snprintf(line, sizeof(line), "\n.Ss %s\n", c->name);
		CU_ASSERT_EQUAL(strstr(page.p, line) != NULL, !c->hidden);
	}
	buf_release(&page);
}

static void test_completions_list_commands_and_settings(void)
{
	static const char *const names[] = { "completions/sigrelay.bash", "completions/_sigrelay",
					     "completions/sigrelay.fish" };
	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		struct buf text;
		bool fish = strstr(names[n], ".fish") != NULL;
		read_document(names[n], &text);
		for (const struct command *c = commands_table; c->name; c++) {
			if (!c->hidden)
				must_hold_word(&text, c->name, names[n]);
		}
		for (size_t i = 0; i < settings_count; i++) {
			char flag[64], word[80];
			setting_flag(&settings_table[i], flag);
			snprintf(word, sizeof(word), "%s%s", fish ? "-l " : "", fish ? flag + 2 : flag);
			must_hold_word(&text, word, names[n]);
		}
		buf_release(&text);
	}
}

TEST_SUITE(commands_documents, TEST(test_man_page_lists_the_settings), TEST(test_man_page_lists_the_commands),
	   TEST(test_completions_list_commands_and_settings))
