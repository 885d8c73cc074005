#include "unit.h"

#include <stdio.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/registry/reference.h>

#define HEX63 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"
#define HEX64 HEX63 "f"
#define A10 "aaaaaaaaaa"
#define A50 A10 A10 A10 A10 A10
#define TAG128 A50 A50 A10 A10 "aaaaaaaa"

static void same(const char *got, const char *expected)
{
	CU_ASSERT_EQUAL(got == NULL, expected == NULL);
	if (got && expected)
		CU_ASSERT_STRING_EQUAL(got, expected);
}

static void reads(const char *text, const char *domain, const char *path, const char *tag, const char *digest)
{
	struct reference r = { 0 };
	struct buf why;
	buf_init(&why, 4096);
	CU_ASSERT_EQUAL(reference_parse(text, &r, &why), STATUS_OK);
	CU_ASSERT_EQUAL(why.n, 0);
	same(r.domain, domain);
	same(r.path, path);
	same(r.tag, tag);
	same(r.digest, digest);
	reference_release(&r);
	buf_release(&why);
}

/* shown is what stands below the first line. */
static void refuses(const char *text, const char *wrong, const char *shown)
{
	struct reference r = { 0 };
	struct buf why;
	buf_init(&why, 4096);
	CU_ASSERT_EQUAL(reference_parse(text, &r, &why), STATUS_INVALID);
	CU_ASSERT_PTR_NULL(r.domain);
	CU_ASSERT_PTR_NOT_NULL_FATAL(why.p);
	const char *line = strchr(why.p, '\n');
	CU_ASSERT_PTR_NOT_NULL_FATAL(line);
	if (!strstr(why.p, wrong) || (shown && strcmp(line + 1, shown) != 0)) {
		printf("\n%s\nis not: %s\n%s\n", why.p, wrong, shown);
		CU_FAIL("another complaint");
	}
	CU_ASSERT_NOT_EQUAL(why.p[why.n - 1], '\n');
	buf_release(&why);
}

static void test_docker_hubs_names(void)
{
	reads("alpine", "docker.io", "library/alpine", NULL, NULL);
	reads("alpine:3.20", "docker.io", "library/alpine", "3.20", NULL);
	reads("owner/app", "docker.io", "owner/app", NULL, NULL);
	reads("docker.io/alpine", "docker.io", "library/alpine", NULL, NULL);
	reads("docker.io/owner/app:1", "docker.io", "owner/app", "1", NULL);
	reads("index.docker.io/alpine", "docker.io", "library/alpine", NULL, NULL);
	reads("index.docker.io/owner/app", "docker.io", "owner/app", NULL, NULL);
	/* One part that is followed by a port's number is a name with a tag. */
	reads("localhost:5000", "docker.io", "library/localhost", "5000", NULL);
	reads("a/b/c/d", "docker.io", "a/b/c/d", NULL, NULL);
}

static void test_other_registries(void)
{
	reads("ghcr.io/owner/app", "ghcr.io", "owner/app", NULL, NULL);
	reads("ghcr.io/app", "ghcr.io", "app", NULL, NULL);
	reads("localhost/app", "localhost", "app", NULL, NULL);
	reads("localhost:5000/app:v1", "localhost:5000", "app", "v1", NULL);
	reads("registry:5000/app", "registry:5000", "app", NULL, NULL);
	reads("Upper/app", "Upper", "app", NULL, NULL);
	reads("a-b.Example.COM:65535/x", "a-b.Example.COM:65535", "x", NULL, NULL);
	reads("127.0.0.1:5000/x", "127.0.0.1:5000", "x", NULL, NULL);
	reads("[::1]/x", "[::1]", "x", NULL, NULL);
	reads("[2001:DB8::1]:5000/x:y", "[2001:DB8::1]:5000", "x", "y", NULL);
	reads("xn--n3h.com/myimage", "xn--n3h.com", "myimage", NULL, NULL);
}

static void test_tags_and_digests(void)
{
	reads("g.io/a@sha256:" HEX64, "g.io", "a", NULL, "sha256:" HEX64);
	reads("g.io/a:_T.-9@sha256:" HEX64, "g.io", "a", "_T.-9", "sha256:" HEX64);
	reads("g.io/a:" TAG128, "g.io", "a", TAG128, NULL);
	refuses("g.io/a:" TAG128 "b", "at most 128 characters", NULL);
	refuses("g.io/a:", "expected a tag after the ':'", "  g.io/a:\n         ^");
	refuses("g.io/a:@sha256:" HEX64, "expected a tag after the ':'", NULL);
	refuses("g.io/a:.1", "a tag begins with", "  g.io/a:.1\n         ^");
	refuses("g.io/a:-1", "a tag begins with", "  g.io/a:-1\n         ^");
	refuses("g.io/a:1/b", "may not stand in a tag", "  g.io/a:1/b\n          ^");
	refuses("g.io/a:1:2", "may not stand in a tag", "  g.io/a:1:2\n          ^");
}

static void test_digests_that_are_none(void)
{
	refuses("a@", "expected a digest", "  a@\n    ^");
	refuses("a@" HEX64, "expected a digest", NULL);
	refuses("a@sha256", "expected a digest", "  a@sha256\n          ^");
	refuses("a@sha256+:x", "expected a digest", "  a@sha256+:x\n           ^");
	refuses("a@sha512:" HEX64 HEX64, "only digests of sha256", NULL);
	refuses("a@sha512:ab", "only digests of sha256", "  a@sha512:ab\n    ^");
	refuses("a@sha256+b64u:ab", "only digests of sha256", "  a@sha256+b64u:ab\n    ^");
	refuses("a@SHA256:" HEX64, "only digests of sha256", NULL);
	refuses("a@sha256:abc", "here are fewer", "  a@sha256:abc\n              ^");
	refuses("a@sha256:" HEX63, "here are fewer", NULL);
	refuses("a@sha256:" HEX64 "0", "here are more", NULL);
	refuses("a@sha256:ABC", "lower-case hex digits", "  a@sha256:ABC\n           ^");
	refuses("a@sha256:" HEX64 "@sha256:" HEX64, "lower-case hex digits", NULL);
}

static void test_separators_in_paths(void)
{
	reads("g.io/a.b_c__d-e---f/0", "g.io", "a.b_c__d-e---f/0", NULL, NULL);
	refuses("g.io/a..b", "stands one of", "  g.io/a..b\n         ^");
	refuses("g.io/a___b", "stands one of", "  g.io/a___b\n          ^");
	refuses("g.io/a-_b", "stands one of", "  g.io/a-_b\n         ^");
	refuses("g.io/a._b", "stands one of", "  g.io/a._b\n         ^");
	refuses("g.io/-a", "stands one of", "  g.io/-a\n       ^");
	refuses("g.io/a/_b", "stands one of", "  g.io/a/_b\n         ^");
	refuses("g.io/a-", "expected a repository's name", "  g.io/a-\n         ^");
	refuses("g.io/a./b", "expected a repository's name", "  g.io/a./b\n         ^");
	refuses("g.io/a__:1", "expected a repository's name", "  g.io/a__:1\n          ^");
	refuses("g.io/", "expected a repository's name", "  g.io/\n       ^");
	refuses("g.io//a", "expected a repository's name", "  g.io//a\n       ^");
	refuses("g.io/a/", "expected a repository's name", "  g.io/a/\n         ^");
	refuses("/a", "expected a repository's name", "  /a\n  ^");
	refuses(":1", "expected a repository's name", "  :1\n  ^");
	refuses("g.io/a+b", "may not stand in a repository's name", "  g.io/a+b\n        ^");
	refuses("g.io/a b", "may not stand in a repository's name", "  g.io/a b\n        ^");
	refuses(" a", "may not stand in a repository's name", "   a\n  ^");
}

static void test_upper_case_gets_a_hint(void)
{
	refuses("ghcr.io/Owner/app", "repository names are lower-case", "  ghcr.io/Owner/app\n          ^");
	refuses("ghcr.io/owner/aPp:1", "repository names are lower-case",
		"  ghcr.io/owner/aPp:1\n                 ^");
	refuses("Alpine", "repository names are lower-case", "  Alpine\n  ^");
	refuses("owner/App", "repository names are lower-case", "  owner/App\n        ^");
}

static void test_registries_that_are_none(void)
{
	refuses("-a.io/x", "expected a registry's name", "  -a.io/x\n  ^");
	refuses("a-.io/x", "ends in a letter or a digit", "  a-.io/x\n   ^");
	refuses("a.io-/x", "ends in a letter or a digit", "  a.io-/x\n      ^");
	refuses("a..io/x", "expected a registry's name", "  a..io/x\n    ^");
	refuses(".io/x", "expected a registry's name", "  .io/x\n  ^");
	refuses("a.io./x", "expected a registry's name", "  a.io./x\n       ^");
	refuses("a_b.io/x", "may not stand in a registry's name", "  a_b.io/x\n   ^");
	refuses("user@a.io/x", "may not stand in a registry's name", "  user@a.io/x\n      ^");
	refuses("a.io:/x", "a port is a number", "  a.io:/x\n       ^");
	refuses("a.io:80a/x", "a port is a number", "  a.io:80a/x\n         ^");
	refuses("a.io:0/x", "from 1 to 65535", "  a.io:0/x\n       ^");
	refuses("a.io:65536/x", "from 1 to 65535", "  a.io:65536/x\n       ^");
	refuses("a.io:99999999999999999999/x", "from 1 to 65535", NULL);
	refuses("[::1/x", "an IPv6 address in brackets", "  [::1/x\n      ^");
	refuses("[fe80::1%eth0]/x", "an IPv6 address in brackets", "  [fe80::1%eth0]/x\n          ^");
	refuses("[:::]/x", "no IPv6 address", "  [:::]/x\n   ^");
	refuses("[]:/x", "no IPv6 address", "  []:/x\n   ^");
	refuses("[::1]x/y", "may not stand in a registry's name", "  [::1]x/y\n       ^");
	refuses("https://ghcr.io/a/b", "no scheme", "  https://ghcr.io/a/b\n  ^");
	refuses("docker://alpine", "no scheme", "  docker://alpine\n  ^");
}

static void test_names_that_are_none(void)
{
	refuses("", "it is empty", "  \n  ^");
	refuses(HEX64, "an image's id", NULL);
	reads(HEX63, "docker.io", "library/" HEX63, NULL, NULL);
	reads("g.io/" HEX64, "g.io", HEX64, NULL, NULL);
	reads(HEX64 ":1", "docker.io", "library/" HEX64, "1", NULL);
}

static void test_the_length_of_a_name(void)
{
	/* "g.io/" and 250: 255. */
	reads("g.io/" A50 A50 A50 A50 A50 ":1", "g.io", A50 A50 A50 A50 A50, "1", NULL);
	refuses("g.io/" A50 A50 A50 A50 A50 "b:1", "at most 255 characters", NULL);
	/* "docker.io/library/" counts: 18 and 237. */
	reads(A50 A50 A50 A50 A10 A10 A10 "aaaaaaa", "docker.io",
	      "library/" A50 A50 A50 A50 A10 A10 A10 "aaaaaaa", NULL, NULL);
	refuses(A50 A50 A50 A50 A10 A10 A10 "aaaaaaaa", "at most 255 characters", NULL);
	refuses(A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50, "at most 255 characters",
		"  " A50 A10 "…\n  ^");
}

static void test_hostile_bytes_are_shown_escaped(void)
{
	refuses("g.io/a\x01\x1b[31m\n:\xff", "may not stand", "  g.io/a\\x01\\x1b[31m\\x0a:\\xff\n        ^");
	refuses("g.io/a:t\xe2\x80\xae", "may not stand", "  g.io/a:t\\xe2\\x80\\xae\n          ^");
	refuses("g.io/\xc3\xbc", "may not stand", "  g.io/\xc3\xbc\n       ^");
}

static void test_a_long_text_is_cut_on_both_sides(void)
{
	refuses("g.io/" A50 A50 "B" A50 A50, "lower-case",
		"  …" A50 A10 "B" A50 "aaaaaaaaa…\n"
		"   "
		"          "
		"          "
		"          "
		"          "
		"          "
		"          "
		"^");
}

static void test_valid_digests_and_tags(void)
{
	CU_ASSERT(digest_is_valid("sha256:" HEX64));
	CU_ASSERT_FALSE(digest_is_valid("sha256:" HEX63));
	CU_ASSERT_FALSE(digest_is_valid("sha256:" HEX64 "0"));
	CU_ASSERT_FALSE(digest_is_valid("sha256:" HEX63 "F"));
	CU_ASSERT_FALSE(digest_is_valid("sha512:" HEX64));
	CU_ASSERT_FALSE(digest_is_valid(HEX64));
	CU_ASSERT_FALSE(digest_is_valid(""));
	CU_ASSERT(tag_is_valid("v1.0"));
	CU_ASSERT(tag_is_valid("_"));
	CU_ASSERT(tag_is_valid(TAG128));
	CU_ASSERT_FALSE(tag_is_valid(TAG128 "a"));
	CU_ASSERT_FALSE(tag_is_valid(""));
	CU_ASSERT_FALSE(tag_is_valid(".a"));
	CU_ASSERT_FALSE(tag_is_valid("-a"));
	CU_ASSERT_FALSE(tag_is_valid("a/b"));
	CU_ASSERT_FALSE(tag_is_valid("a+b"));
}

static void test_loopback(void)
{
	CU_ASSERT(reference_is_loopback("localhost"));
	CU_ASSERT(reference_is_loopback("LOCALHOST:5000"));
	CU_ASSERT(reference_is_loopback("127.0.0.1"));
	CU_ASSERT(reference_is_loopback("127.255.0.9:80"));
	CU_ASSERT(reference_is_loopback("[::1]"));
	CU_ASSERT(reference_is_loopback("[0:0:0:0:0:0:0:1]:5000"));
	CU_ASSERT_FALSE(reference_is_loopback("localhost.example.com"));
	CU_ASSERT_FALSE(reference_is_loopback("127.0.0.1.nip.io"));
	CU_ASSERT_FALSE(reference_is_loopback("127.1.example"));
	CU_ASSERT_FALSE(reference_is_loopback("128.0.0.1"));
	CU_ASSERT_FALSE(reference_is_loopback("10.0.0.1"));
	CU_ASSERT_FALSE(reference_is_loopback("[::2]"));
	CU_ASSERT_FALSE(reference_is_loopback("ghcr.io"));
	CU_ASSERT_FALSE(reference_is_loopback(""));
}

static void test_printed_and_copied(void)
{
	struct reference r = { 0 }, copy = { 0 };
	struct buf out;
	buf_init(&out, 4096);
	CU_ASSERT_EQUAL_FATAL(reference_parse("alpine:3@sha256:" HEX64, &r, &out), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(reference_copy(&r, &copy), STATUS_OK);
	CU_ASSERT(reference_is_dockerhub(&copy));
	reference_release(&r);
	CU_ASSERT_EQUAL(reference_print(&copy, copy.tag, NULL, &out), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(out.p, "docker.io/library/alpine:3");
	buf_reset(&out);
	CU_ASSERT_EQUAL(reference_print(&copy, NULL, copy.digest, &out), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(out.p, "docker.io/library/alpine@sha256:" HEX64);
	buf_reset(&out);
	CU_ASSERT_EQUAL(reference_print(&copy, NULL, NULL, &out), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(out.p, "docker.io/library/alpine");
	reference_release(&copy);
	reference_release(&copy);
	buf_release(&out);
}

/* The words may find no room: what is wrong with the text is still said. */
static void test_no_room_for_the_words(void)
{
	struct reference r = { 0 };
	struct buf why;
	buf_init(&why, 8);
	CU_ASSERT_EQUAL(reference_parse("A", &r, &why), STATUS_INVALID);
	buf_release(&why);
}

static void torture_reference(void *arg)
{
	struct reference r = { 0 }, copy = { 0 };
	struct buf why;
	buf_init(&why, 4096);
	enum status st = reference_parse(arg, &r, &why);
	CU_ASSERT(st == STATUS_NO_MEMORY || (strchr(arg, 'A') ? st == STATUS_INVALID : st == STATUS_OK));
	if (st == STATUS_OK && reference_copy(&r, &copy) != STATUS_OK)
		CU_ASSERT_PTR_NULL(copy.domain);
	reference_release(&r);
	reference_release(&copy);
	buf_release(&why);
}

static void test_without_memory(void)
{
	char good[] = "alpine:3@sha256:" HEX64, bad[] = "g.io/A";
	unit_torture(torture_reference, good);
	unit_torture(torture_reference, bad);
}

TEST_SUITE(registry_reference, TEST(test_docker_hubs_names), TEST(test_other_registries),
	   TEST(test_tags_and_digests), TEST(test_digests_that_are_none), TEST(test_separators_in_paths),
	   TEST(test_upper_case_gets_a_hint), TEST(test_registries_that_are_none),
	   TEST(test_names_that_are_none), TEST(test_the_length_of_a_name),
	   TEST(test_hostile_bytes_are_shown_escaped), TEST(test_a_long_text_is_cut_on_both_sides),
	   TEST(test_valid_digests_and_tags), TEST(test_loopback), TEST(test_printed_and_copied),
	   TEST(test_no_room_for_the_words), TEST(test_without_memory))
