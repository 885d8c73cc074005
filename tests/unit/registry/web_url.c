#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/registry/web_url.h>

static enum network of(const char *text)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr_storage s = { 0 };
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		memcpy(&s, &v4, sizeof(v4));
	} else {
		CU_ASSERT_EQUAL_FATAL(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
		memcpy(&s, &v6, sizeof(v6));
	}
	enum network n = network_of((const struct sockaddr *)&s);
	CU_ASSERT_EQUAL(network_of_text(text), n);
	return n;
}

static void test_networks_of_ipv4(void)
{
	CU_ASSERT_EQUAL(of("8.8.8.8"), NETWORK_PUBLIC);
	CU_ASSERT_EQUAL(of("172.15.255.255"), NETWORK_PUBLIC);
	CU_ASSERT_EQUAL(of("172.32.0.0"), NETWORK_PUBLIC);
	CU_ASSERT_EQUAL(of("100.63.255.255"), NETWORK_PUBLIC);
	CU_ASSERT_EQUAL(of("100.128.0.0"), NETWORK_PUBLIC);
	CU_ASSERT_EQUAL(of("192.169.0.1"), NETWORK_PUBLIC);
	CU_ASSERT_EQUAL(of("10.255.0.1"), NETWORK_PRIVATE);
	CU_ASSERT_EQUAL(of("172.16.0.0"), NETWORK_PRIVATE);
	CU_ASSERT_EQUAL(of("172.31.255.255"), NETWORK_PRIVATE);
	CU_ASSERT_EQUAL(of("192.168.1.1"), NETWORK_PRIVATE);
	CU_ASSERT_EQUAL(of("100.64.0.1"), NETWORK_PRIVATE);
	CU_ASSERT_EQUAL(of("127.0.0.1"), NETWORK_LOOPBACK);
	CU_ASSERT_EQUAL(of("127.9.9.9"), NETWORK_LOOPBACK);
	CU_ASSERT_EQUAL(of("0.0.0.0"), NETWORK_LOOPBACK);
	CU_ASSERT_EQUAL(of("169.254.169.254"), NETWORK_LINK);
	CU_ASSERT_EQUAL(of("224.0.0.1"), NETWORK_LINK);
	CU_ASSERT_EQUAL(of("255.255.255.255"), NETWORK_LINK);
}

static void test_networks_of_ipv6(void)
{
	CU_ASSERT_EQUAL(of("2606:4700::1"), NETWORK_PUBLIC);
	CU_ASSERT_EQUAL(of("::1"), NETWORK_LOOPBACK);
	CU_ASSERT_EQUAL(of("::"), NETWORK_LOOPBACK);
	CU_ASSERT_EQUAL(of("fd00::1"), NETWORK_PRIVATE);
	CU_ASSERT_EQUAL(of("fc00::1"), NETWORK_PRIVATE);
	CU_ASSERT_EQUAL(of("fe80::1"), NETWORK_LINK);
	CU_ASSERT_EQUAL(of("ff02::1"), NETWORK_LINK);
	CU_ASSERT_EQUAL(of("::ffff:127.0.0.1"), NETWORK_LOOPBACK);
	CU_ASSERT_EQUAL(of("::ffff:169.254.169.254"), NETWORK_LINK);
	CU_ASSERT_EQUAL(of("::ffff:8.8.8.8"), NETWORK_PUBLIC);
	CU_ASSERT_EQUAL(of("64:ff9b::10.0.0.1"), NETWORK_PRIVATE);
	CU_ASSERT_EQUAL(of("2002:7f00:1::"), NETWORK_LOOPBACK);
	CU_ASSERT_EQUAL(network_of_text("[::1]"), NETWORK_LOOPBACK);
	CU_ASSERT_EQUAL(network_of_text("localhost"), NETWORK_LOOPBACK);
	CU_ASSERT_EQUAL(network_of_text("ghcr.io"), NETWORK_PUBLIC);
}

/* Rows: where to; columns: from a public, private, loopback, link-local address. */
static void test_what_may_be_named(void)
{
	static const bool refused[4][4] = { { false, false, false, false },
					    { true, false, true, true },
					    { true, true, true, true },
					    { true, true, true, true } };
	for (int to = NETWORK_PUBLIC; to <= NETWORK_LINK; to++) {
		for (int from = NETWORK_PUBLIC; from <= NETWORK_LINK; from++) {
			bool near = to == NETWORK_LOOPBACK && from == NETWORK_LOOPBACK;
			CU_ASSERT_EQUAL(network_is_refused((enum network)to, (enum network)from, false),
					refused[to][from]);
			CU_ASSERT_EQUAL(network_is_refused((enum network)to, (enum network)from, true),
					refused[to][from] && !near);
		}
	}
}

static void check_place(const char *url, const char *host, const char *port, const char *printed)
{
	struct place p;
	char text[264];
	CU_ASSERT_TRUE_FATAL(place_of(url, &p));
	CU_ASSERT_STRING_EQUAL(p.host, host);
	CU_ASSERT_STRING_EQUAL(p.port, port);
	CU_ASSERT_EQUAL(p.tls, strncmp(url, "https", 5) == 0);
	place_print(&p, text);
	CU_ASSERT_STRING_EQUAL(text, printed);
}

static void test_places(void)
{
	struct place p;
	check_place("https://GHCR.io/token?service=ghcr.io", "ghcr.io", "443", "ghcr.io");
	check_place("http://localhost:5000", "localhost", "5000", "localhost:5000");
	check_place("https://h:80/", "h", "80", "h:80");
	check_place("http://[::1]:5000/x", "[::1]", "5000", "[::1]:5000");
	CU_ASSERT_FALSE(place_of("ftp://h/", &p));
	CU_ASSERT_FALSE(place_of("file:///etc/passwd", &p));
	CU_ASSERT_FALSE(place_of("https://u:p@h/", &p));
	CU_ASSERT_FALSE(place_of("/token", &p));
	CU_ASSERT_FALSE(place_of("", &p));
	CU_ASSERT_FALSE(place_of("https://", &p));
}

static bool is(const char *url, const char *host_port)
{
	struct place p;
	return place_of(url, &p) && place_is(&p, host_port);
}

static void test_a_place_by_its_domain(void)
{
	CU_ASSERT_TRUE(is("https://ghcr.io/token", "ghcr.io"));
	CU_ASSERT_TRUE(is("https://ghcr.io/token", "ghcr.io:443"));
	CU_ASSERT_TRUE(is("http://localhost:5000/token", "localhost:5000"));
	CU_ASSERT_FALSE(is("https://ghcr.io:444/token", "ghcr.io"));
	CU_ASSERT_FALSE(is("https://ghcr.io.evil.example/token", "ghcr.io"));
	CU_ASSERT_FALSE(is("http://localhost:5001/token", "localhost:5000"));
	CU_ASSERT_FALSE(is("http://127.0.0.1:5000/token", "localhost:5000"));
}

static void check_follow(const char *from, const char *to, const char *found)
{
	char *out = NULL;
	CU_ASSERT_EQUAL(url_follow(from, slice_str(to), &out), STATUS_OK);
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	CU_ASSERT_STRING_EQUAL(out, found);
	mem_free(out);
}

static void test_following(void)
{
	char *out = NULL;
	check_follow("https://h/v2/a/tags/list", "/v2/a/tags/list?last=b&n=2",
		     "https://h/v2/a/tags/list?last=b&n=2");
	check_follow("https://h/v2/a/x", "y", "https://h/v2/a/y");
	check_follow("https://h/a", "//other.example/b", "https://other.example/b");
	check_follow("https://h/a", "http://g:5/b#part", "http://g:5/b");
	check_follow("https://h/a?q=1", "?r=2", "https://h/a?r=2");
	CU_ASSERT_NOT_EQUAL(url_follow("https://h/a", ((struct slice){ "x\0y", 3 }), &out), STATUS_OK);
	CU_ASSERT_NOT_EQUAL(url_follow("https://h/a", SLICE_LIT("https://"), &out), STATUS_OK);
	CU_ASSERT_PTR_NULL(out);
}

static void test_encoding(void)
{
	struct buf b;
	buf_init(&b, 100);
	CU_ASSERT_EQUAL(url_encode(SLICE_LIT("repository:a/b_c-d.e~f:pull,push \xff"), &b), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(b.p, "repository%3Aa%2Fb_c-d.e~f%3Apull%2Cpush%20%FF");
	buf_release(&b);
}

static void torture(void *arg)
{
	char *out = NULL;
	(void)arg;
	enum status st = url_follow("https://h/a", SLICE_LIT("/b"), &out);
	CU_ASSERT_EQUAL(st == STATUS_OK, out != NULL);
	mem_free(out);
}

static void test_torture(void)
{
	unit_torture(torture, NULL);
}

TEST_SUITE(registry_web_url, TEST(test_networks_of_ipv4), TEST(test_networks_of_ipv6),
	   TEST(test_what_may_be_named), TEST(test_places), TEST(test_a_place_by_its_domain),
	   TEST(test_following), TEST(test_encoding), TEST(test_torture))
