#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/registry/plan.h>

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* Lines as short words: "absent v1", "present v1 DIGEST", "unknown v1", "pushed v1 DIGEST",
 * "deleted v1", "kept v1", "signed v1 DIGEST", of ghcr.io/acme/app. */
static void add_line(struct buf *out, const char *word, const char *tag, const char *digest)
{
	const char *event = word, *state = "";
	char rest[200] = "";
	if (strcmp(word, "absent") == 0 || strcmp(word, "present") == 0 || strcmp(word, "unknown") == 0) {
		event = "preflight";
		state = word;
	}
	if (*state)
		snprintf(rest, sizeof(rest), ",\"state\":\"%s\"", state);
	if (*digest)
		snprintf(rest + strlen(rest), sizeof(rest) - strlen(rest), ",\"digest\":\"%s\"", digest);
	CU_ASSERT_EQUAL_FATAL(
	    buf_addf(out,
		     "{\"run\":\"7\",\"event\":\"%s\",\"registry\":\"ghcr.io\",\"repository\":\"acme/app\","
		     "\"tag\":\"%s\"%s}\n",
		     event, tag, rest),
	    STATUS_OK);
}

static enum status plan_of_text(const char *text, struct plan *out)
{
	struct ledger_list list;
	enum status st = ledger_parse(slice_str(text), "7", &list);
	if (st != STATUS_OK)
		return st;
	st = plan_make(&list, out);
	ledger_list_release(&list);
	return st;
}

static void plan_of(const char *lines, struct plan *out)
{
	struct buf text;
	buf_init(&text, 1 << 16);
	while (*lines) {
		char word[16], tag[16], digest[80] = "";
		int used = 0, n = 0;
		CU_ASSERT_TRUE_FATAL(sscanf(lines, "%15s %15s%n", word, tag, &used) == 2);
		lines += used;
		if (*lines == ' ' && sscanf(lines, " %79s%n", digest, &n) == 1)
			lines += n;
		add_line(&text, word, tag, digest);
		lines += *lines == '\n';
	}
	CU_ASSERT_EQUAL_FATAL(plan_of_text(text.p ? text.p : "", out), STATUS_OK);
	buf_release(&text);
}

static void one(const char *lines, enum plan_fate fate, const char *digest)
{
	struct plan p;
	plan_of(lines, &p);
	CU_ASSERT_EQUAL_FATAL(p.n, 1);
	CU_ASSERT_EQUAL(p.v[0].fate, fate);
	CU_ASSERT_STRING_EQUAL(p.v[0].digest ? p.v[0].digest : "", digest);
	CU_ASSERT_STRING_EQUAL(p.v[0].ref.domain, "ghcr.io");
	CU_ASSERT_STRING_EQUAL(p.v[0].ref.path, "acme/app");
	CU_ASSERT_STRING_EQUAL(p.v[0].ref.tag, "v1");
	CU_ASSERT_PTR_NULL(p.v[0].ref.digest);
	plan_release(&p);
}

static void test_only_what_was_absent_goes(void)
{
	one("absent v1\npushed v1 " A, PLAN_GOES, A);
	one("pushed v1 " A, PLAN_UNSEEN, A);
	one("unknown v1\npushed v1 " A, PLAN_UNKNOWN, A);
	one("present v1 " B "\npushed v1 " A, PLAN_REPLACED, A);
	one("present v1\npushed v1 " A, PLAN_REPLACED, A);
	one("present v1 " A "\npushed v1 " A, PLAN_AS_BEFORE, A);
	one("refused v1\nabsent v2\npushed v1 " A, PLAN_UNSEEN, A);
}

static void test_the_last_look_before_the_first_push_counts(void)
{
	one("unknown v1\nabsent v1\npushed v1 " A, PLAN_GOES, A);
	one("absent v1\npresent v1 " B "\npushed v1 " A, PLAN_REPLACED, A);
	one("absent v1\npushed v1 " A "\npresent v1 " A "\npushed v1 " B, PLAN_GOES, B);
	one("pushed v1 " A "\nabsent v1\npushed v1 " A, PLAN_UNSEEN, A);
}

static void test_the_last_digest_counts(void)
{
	one("absent v1\npushed v1 " A "\npushed v1 " B, PLAN_GOES, B);
	one("absent v1\npushed v1 " A "\npushed v1", PLAN_NO_DIGEST, "");
	one("absent v1\npushed v1 sha256:1", PLAN_NO_DIGEST, "");
}

static void test_a_deleted_tag_is_done_until_it_is_pushed_again(void)
{
	one("absent v1\npushed v1 " A "\ndeleted v1", PLAN_DONE, A);
	one("absent v1\npushed v1 " A "\nkept v1", PLAN_GOES, A);
	one("absent v1\npushed v1 " A "\ndeleted v1\npushed v1 " B, PLAN_GOES, B);
	one("absent v1\npushed v1 " A "\ndeleted v1\npresent v1 " B "\npushed v1 " A, PLAN_REPLACED, A);
	one("absent v1\ndeleted v1\npushed v1 " A, PLAN_GOES, A);
}

static void test_what_was_pushed_last_goes_first(void)
{
	struct plan p;
	plan_of("absent v1\nabsent v2\nabsent v3\npushed v1 " A "\npushed v2 " A "\npushed v1 " A
		"\ndeleted x\n",
		&p);
	CU_ASSERT_EQUAL_FATAL(p.n, 2);
	CU_ASSERT_STRING_EQUAL(p.v[0].ref.tag, "v1");
	CU_ASSERT_STRING_EQUAL(p.v[1].ref.tag, "v2");
	plan_release(&p);
}

static void test_a_line_of_this_run_says_that_it_is_signed(void)
{
	struct plan p;
	plan_of("pushed v1 " A "\npushed v2 " B "\nsigned other " A "\nunsigned other " B, &p);
	CU_ASSERT_EQUAL_FATAL(p.n, 2);
	CU_ASSERT_FALSE(p.v[0].is_signed);
	CU_ASSERT_TRUE(p.v[1].is_signed);
	plan_release(&p);
}

static void test_lines_that_name_no_tag_are_counted(void)
{
	struct plan p;
	CU_ASSERT_EQUAL_FATAL(
	    plan_of_text("{\"run\":\"7\",\"event\":\"pushed\"}\n"
			 "{\"run\":\"7\",\"event\":\"pushed\",\"image\":\"acme/app\",\"digest\":\"" A "\"}\n"
			 "{\"run\":\"7\",\"event\":\"pushed\",\"registry\":\"ghcr.io\",\"repository\":\"../"
			 "x\",\"tag\":\"1\"}\n"
			 "{\"run\":\"7\",\"event\":\"deleted\"}\n"
			 "{\"run\":\"8\",\"event\":\"pushed\",\"image\":\"acme/app:v8\",\"digest\":\"" A
			 "\"}\n"
			 "{\"run\":\"7\",\"event\":\"pushed\",\"image\":\"app:v1\",\"digest\":\"" A "\"}\n",
			 &p),
	    STATUS_OK);
	CU_ASSERT_EQUAL(p.unusable, 3);
	CU_ASSERT_EQUAL_FATAL(p.n, 1);
	CU_ASSERT_STRING_EQUAL(p.v[0].ref.domain, "docker.io");
	CU_ASSERT_STRING_EQUAL(p.v[0].ref.path, "library/app");
	plan_release(&p);
}

/* A line about a digest without a tag. */
#define UNTAGGED(event, digest, more)                                                                        \
	"{\"run\":\"7\",\"event\":\"" event                                                                  \
	"\",\"registry\":\"ghcr.io\",\"repository\":\"acme/app\",\"digest\":\"" digest "\"" more "}\n"
#define LEFT ",\"state\":\"left\""

static void rest(const char *text, const char *digest)
{
	struct plan p;
	CU_ASSERT_EQUAL_FATAL(plan_of_text(text, &p), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(p.rest_n, *digest ? 1 : 0);
	if (*digest) {
		CU_ASSERT_STRING_EQUAL(p.rest[0].path, "acme/app");
		CU_ASSERT_STRING_EQUAL(p.rest[0].digest, digest);
		CU_ASSERT_PTR_NULL(p.rest[0].tag);
	}
	plan_release(&p);
}

static void test_the_last_line_about_a_digest_says_whether_it_is_left(void)
{
	rest(UNTAGGED("kept", A, LEFT), A);
	rest(UNTAGGED("kept", A, LEFT) UNTAGGED("kept", A, LEFT), A);
	rest(UNTAGGED("kept", A, LEFT) UNTAGGED("deleted", B, ""), A);
	rest(UNTAGGED("kept", A, LEFT) UNTAGGED("deleted", A, ""), "");
	rest(UNTAGGED("kept", A, LEFT) UNTAGGED("kept", A, ""), "");
	rest(UNTAGGED("kept", A, ""), "");
	rest(UNTAGGED("deleted", A, LEFT), "");
	rest(UNTAGGED("kept", A, LEFT ",\"tag\":\"v1\""), "");
	rest(UNTAGGED("kept", "sha256:1", LEFT), "");
	rest("{\"run\":\"7\",\"event\":\"kept\",\"digest\":\"" A "\"" LEFT "}\n", "");
}

static void test_every_fate_that_keeps_has_a_reason(void)
{
	for (enum plan_fate f = 0; f < PLAN_FATE_COUNT; f++)
		CU_ASSERT_EQUAL(*plan_fate_reason(f) == '\0', f == PLAN_GOES);
}

static void make(void *arg)
{
	struct plan p;
	if (plan_of_text(arg, &p) == STATUS_OK)
		plan_release(&p);
}

static void test_torture(void)
{
	char text[] =
	    "{\"run\":\"7\",\"event\":\"preflight\",\"image\":\"acme/app:v1\",\"state\":\"absent\"}\n"
	    "{\"run\":\"7\",\"event\":\"pushed\",\"image\":\"acme/app:v1\",\"digest\":\"" A "\"}\n"
	    "{\"run\":\"7\",\"event\":\"preflight\",\"image\":\"acme/app:v2\",\"state\":\"present\","
	    "\"digest\":\"" B "\"}\n"
	    "{\"run\":\"7\",\"event\":\"pushed\",\"image\":\"acme/app:v2\",\"digest\":\"" A
	    "\"}\n" UNTAGGED("kept", A, LEFT) UNTAGGED("kept", B, LEFT);
	unit_torture(make, text);
}

TEST_SUITE(registry_plan, TEST(test_only_what_was_absent_goes),
	   TEST(test_the_last_look_before_the_first_push_counts), TEST(test_the_last_digest_counts),
	   TEST(test_a_deleted_tag_is_done_until_it_is_pushed_again),
	   TEST(test_what_was_pushed_last_goes_first), TEST(test_a_line_of_this_run_says_that_it_is_signed),
	   TEST(test_lines_that_name_no_tag_are_counted),
	   TEST(test_the_last_line_about_a_digest_says_whether_it_is_left),
	   TEST(test_every_fate_that_keeps_has_a_reason), TEST(test_torture))
