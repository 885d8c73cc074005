#include "unit.h"

#include <stdio.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/registry/preflight.h>

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define IMAGES 3

/* What of names like "ghcr.io/o/app:1" reference_parse would make. */
static char texts[IMAGES][3][64];

static struct preflight_image image(size_t k, const char *name, enum tag_state state, const char *digest)
{
	struct preflight_image i = { .name = name, .look = { .state = state } };
	CU_ASSERT_EQUAL_FATAL(sscanf(name, "%63[^/]/%63[^:]:%63s", texts[k][0], texts[k][1], texts[k][2]), 3);
	i.ref = (struct reference){ .domain = texts[k][0], .path = texts[k][1], .tag = texts[k][2] };
	snprintf(i.look.digest, sizeof(i.look.digest), "%s", digest);
	if (state == TAG_UNKNOWN)
		snprintf(i.look.reason, sizeof(i.look.reason), "no answer");
	return i;
}

#define PRESENT(k, name, digest) image(k, name, TAG_PRESENT, digest)
#define ABSENT(k, name) image(k, name, TAG_ABSENT, "")
#define UNKNOWN(k, name) image(k, name, TAG_UNKNOWN, "")

static const struct preflight_policy fail = { ON_EXISTING_FAIL, ON_UNKNOWN_WARN };
static const struct preflight_policy skip = { ON_EXISTING_SKIP, ON_UNKNOWN_WARN };
static const struct preflight_policy warn = { ON_EXISTING_WARN, ON_UNKNOWN_WARN };
static const struct preflight_policy strict = { ON_EXISTING_WARN, ON_UNKNOWN_FAIL };

/* The notes, one a line: "E: text". */
static void explain(const struct preflight_image *v, size_t n, const struct preflight_policy *policy,
		    struct buf *out)
{
	struct preflight_verdict verdict;
	struct preflight_notes notes = { 0 };
	preflight_decide(v, n, policy, &verdict);
	CU_ASSERT_EQUAL_FATAL(preflight_explain(v, n, policy, &verdict, &notes), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(buf_add_str(out, ""), STATUS_OK);
	for (size_t i = 0; i < notes.n; i++) {
		CU_ASSERT_EQUAL(buf_addf(out, "%c: %s\n", "NWE"[notes.v[i].level], notes.v[i].text),
				STATUS_OK);
		CU_ASSERT_PTR_NULL(strchr(notes.v[i].text, '\n'));
		CU_ASSERT_TRUE(notes.v[i].title[0] != '\0');
	}
	preflight_notes_release(&notes);
}

static void decides(const struct preflight_image *v, size_t n, const struct preflight_policy *policy,
		    enum preflight_decision wanted, const char *digest)
{
	struct preflight_verdict out;
	preflight_decide(v, n, policy, &out);
	CU_ASSERT_STRING_EQUAL(preflight_decision_name(out.decision), preflight_decision_name(wanted));
	CU_ASSERT_STRING_EQUAL(out.digest, digest);
	CU_ASSERT_EQUAL(out.absent + out.present + out.unknown, n);
}

static void says(const struct preflight_image *v, size_t n, const struct preflight_policy *policy,
		 const char *first, const char *second)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	explain(v, n, policy, &out);
	if (!strstr(out.p, first) || !strstr(out.p, second)) {
		fprintf(stderr, "%s", out.p);
		CU_FAIL("a note does not say what it should");
	}
	buf_release(&out);
}

static void says_nothing(const struct preflight_image *v, size_t n, const struct preflight_policy *policy)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	explain(v, n, policy, &out);
	CU_ASSERT_STRING_EQUAL(out.p, "");
	buf_release(&out);
}

static void test_all_absent_is_built(void)
{
	const struct preflight_image v[] = { ABSENT(0, "ghcr.io/o/app:1"), ABSENT(1, "quay.io/o/app:1") };
	decides(v, 2, &fail, PREFLIGHT_BUILD, "");
	decides(v, 2, &skip, PREFLIGHT_BUILD, "");
	decides(v, 2, &strict, PREFLIGHT_BUILD, "");
	says_nothing(v, 2, &fail);
	says_nothing(v, 2, &skip);
}

static void test_all_present_is_one_image(void)
{
	const struct preflight_image v[] = { PRESENT(0, "ghcr.io/o/app:1", A),
					     PRESENT(1, "quay.io/o/app:1", A) };
	decides(v, 2, &fail, PREFLIGHT_FAIL, A);
	decides(v, 2, &skip, PREFLIGHT_SKIP, A);
	decides(v, 2, &warn, PREFLIGHT_BUILD, A);
	says(v, 2, &fail, "E: ghcr.io/o/app:1 exists already, with the digest " A,
	     "cosign sign --yes quay.io/o/app@" A);
	says(v, 2, &skip, "N: ghcr.io/o/app:1 exists already", "nothing has to be built");
	says(v, 2, &warn, "W: quay.io/o/app:1 exists already", "a push replaces it");
}

static void test_a_mix_is_built_with_a_warning(void)
{
	const struct preflight_image v[] = { ABSENT(0, "ghcr.io/o/app:1"), PRESENT(1, "quay.io/o/app:1", A) };
	decides(v, 2, &fail, PREFLIGHT_FAIL, A);
	decides(v, 2, &skip, PREFLIGHT_BUILD, A);
	says(v, 2, &skip,
	     "W: skip was chosen, and not all tags are there; present: quay.io/o/app:1 is " A
	     "; absent: ghcr.io/o/app:1; build",
	     "crane copy quay.io/o/app@" A " ghcr.io/o/app:1)");
}

static void test_a_mix_of_several_images_has_nothing_to_copy(void)
{
	const struct preflight_image v[] = { ABSENT(0, "ghcr.io/o/app:1"), PRESENT(1, "ghcr.io/o/app:2", A),
					     PRESENT(2, "ghcr.io/o/app:3", B) };
	struct buf out;
	decides(v, 3, &skip, PREFLIGHT_BUILD, "");
	buf_init(&out, 1 << 20);
	explain(v, 3, &skip, &out);
	CU_ASSERT_PTR_NOT_NULL(strstr(out.p, "present: ghcr.io/o/app:2 is " A ", ghcr.io/o/app:3 is " B ";"));
	CU_ASSERT_PTR_NULL(strstr(out.p, "crane copy"));
	buf_release(&out);
}

static void test_present_and_unknown_is_not_skipped(void)
{
	const struct preflight_image v[] = { PRESENT(0, "ghcr.io/o/app:1", A),
					     UNKNOWN(1, "quay.io/o/app:1") };
	const struct preflight_policy careful = { ON_EXISTING_SKIP, ON_UNKNOWN_FAIL };
	decides(v, 2, &skip, PREFLIGHT_BUILD, A);
	decides(v, 2, &careful, PREFLIGHT_FAIL, A);
	says(v, 2, &skip, "; unknown: quay.io/o/app:1; build",
	     "W: cannot tell whether quay.io/o/app:1 exists");
	says(v, 2, &careful, "E: cannot tell whether quay.io/o/app:1 exists: no answer\n", "");
}

static void test_unknown_does_what_was_chosen(void)
{
	const struct preflight_image v[] = { ABSENT(0, "ghcr.io/o/app:1"), UNKNOWN(1, "quay.io/o/app:1") };
	decides(v, 2, &fail, PREFLIGHT_BUILD, "");
	decides(v, 2, &skip, PREFLIGHT_BUILD, "");
	decides(v, 2, &strict, PREFLIGHT_FAIL, "");
	says(v, 2, &fail, "W: cannot tell whether quay.io/o/app:1 exists: no answer; the build goes on",
	     "--on-unknown=fail");
}

/* Whatever was chosen. */
static void test_one_tag_that_is_two_images(void)
{
	const struct preflight_image v[] = { PRESENT(0, "ghcr.io/o/app:1", A), ABSENT(1, "docker.io/o/app:1"),
					     PRESENT(2, "quay.io/x/app:1", B) };
	struct buf out;
	decides(v, 3, &fail, PREFLIGHT_FAIL, "");
	decides(v, 3, &skip, PREFLIGHT_FAIL, "");
	decides(v, 3, &warn, PREFLIGHT_FAIL, "");
	says(v, 3, &warn,
	     "E: the registries disagree on the tag 1: ghcr.io/o/app:1 is " A ", quay.io/x/app:1 is " B ";",
	     "take a new tag");
	buf_init(&out, 1 << 20);
	explain(v, 3, &skip, &out);
	char *first = strstr(out.p, "the registries disagree");
	CU_ASSERT_PTR_NOT_NULL_FATAL(first);
	CU_ASSERT_PTR_NULL(strstr(first + 1, "the registries disagree"));
	CU_ASSERT_PTR_NULL(strstr(out.p, "skip was chosen"));
	buf_release(&out);
}

/* Two tags, or two repositories of one registry, may well be two images. */
static void test_other_differences_are_no_conflict(void)
{
	const struct preflight_image tags[] = { PRESENT(0, "ghcr.io/o/app:1", A),
						PRESENT(1, "quay.io/o/app:latest", B) };
	const struct preflight_image paths[] = { PRESENT(0, "ghcr.io/o/app:1", A),
						 PRESENT(1, "ghcr.io/o/worker:1", B) };
	CU_ASSERT_FALSE(preflight_conflict(&tags[0], &tags[1]));
	decides(tags, 2, &warn, PREFLIGHT_BUILD, "");
	decides(paths, 2, &warn, PREFLIGHT_BUILD, "");
	/* But they are no one image to go on with. */
	decides(tags, 2, &skip, PREFLIGHT_FAIL, "");
	decides(paths, 2, &skip, PREFLIGHT_FAIL, "");
	says(paths, 2, &skip,
	     "E: skip was chosen and all tags are there, but they are not one image: "
	     "ghcr.io/o/app:1 is " A ", ghcr.io/o/worker:1 is " B ";",
	     "");
}

static void explain_without_memory(void *arg)
{
	const struct preflight_image v[] = { PRESENT(0, "ghcr.io/o/app:1", A),
					     PRESENT(1, "quay.io/o/app:1", B), UNKNOWN(2, "gcr.io/o/app:1") };
	struct preflight_verdict verdict;
	struct preflight_notes notes = { 0 };
	(void)arg;
	preflight_decide(v, IMAGES, &skip, &verdict);
	enum status st = preflight_explain(v, IMAGES, &skip, &verdict, &notes);
	CU_ASSERT_EQUAL(notes.n, st == STATUS_OK ? 4 : 0);
	preflight_notes_release(&notes);
}

static void test_without_memory(void)
{
	unit_torture(explain_without_memory, NULL);
}

TEST_SUITE(registry_preflight, TEST(test_all_absent_is_built), TEST(test_all_present_is_one_image),
	   TEST(test_a_mix_is_built_with_a_warning), TEST(test_a_mix_of_several_images_has_nothing_to_copy),
	   TEST(test_present_and_unknown_is_not_skipped), TEST(test_unknown_does_what_was_chosen),
	   TEST(test_one_tag_that_is_two_images), TEST(test_other_differences_are_no_conflict),
	   TEST(test_without_memory))
