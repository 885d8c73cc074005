#include <sigrelay/base/cidr.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../unit.h"

static bool holds(const char *networks, const char *address)
{
	struct cidr_list l;
	struct slice bad;
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	bool is4 = inet_pton(AF_INET, address, &in4.sin_addr) == 1;
	CU_ASSERT_FATAL(is4 || inet_pton(AF_INET6, address, &in6.sin6_addr) == 1);
	CU_ASSERT_FATAL(cidr_list_parse(networks, &l, &bad) == STATUS_OK);
	bool yes = cidr_list_holds(&l, is4 ? (const struct sockaddr *)&in4 : (const struct sockaddr *)&in6);
	cidr_list_release(&l);
	return yes;
}

static void test_a_network_holds_its_addresses(void)
{
	CU_ASSERT(holds("10.0.0.0/8", "10.255.0.1"));
	CU_ASSERT(!holds("10.0.0.0/8", "11.0.0.1"));
	CU_ASSERT(holds("10.1.128.0/17", "10.1.128.0"));
	CU_ASSERT(!holds("10.1.128.0/17", "10.1.127.255"));
	CU_ASSERT(holds("192.0.2.7", "192.0.2.7"));
	CU_ASSERT(!holds("192.0.2.7", "192.0.2.6"));
	CU_ASSERT(holds("0.0.0.0/0", "203.0.113.9"));
	CU_ASSERT(!holds("0.0.0.0/0", "2001:db8::1"));
	CU_ASSERT(holds("::/0", "203.0.113.9"));
	CU_ASSERT(holds("fd00::/8", "fdff::1"));
	CU_ASSERT(!holds("fd00::/8", "fe80::1"));
	CU_ASSERT(holds("2001:db8::/33", "2001:db8:7fff::1"));
	CU_ASSERT(!holds("2001:db8::/33", "2001:db8:8000::1"));
}

static void test_an_ipv4_address_as_ipv6_sees_it(void)
{
	CU_ASSERT(holds("10.0.0.0/8", "::ffff:10.2.3.4"));
	CU_ASSERT(!holds("10.0.0.0/8", "::ffff:11.2.3.4"));
}

static void test_any_of_a_list(void)
{
	CU_ASSERT(holds("10.0.0.0/8, fd00::/8 192.0.2.0/24", "192.0.2.1"));
	CU_ASSERT(holds("10.0.0.0/8,fd00::/8,", "fd00::1"));
	CU_ASSERT(!holds("10.0.0.0/8,fd00::/8", "192.0.2.1"));
}

static void test_no_list_holds_everyone_and_a_socket_file_always_is_in(void)
{
	struct cidr_list l;
	struct slice bad;
	const struct sockaddr_un un = { .sun_family = AF_UNIX };
	CU_ASSERT(holds("", "203.0.113.9"));
	CU_ASSERT(holds(NULL, "2001:db8::1"));
	CU_ASSERT_FATAL(cidr_list_parse("10.0.0.0/8", &l, &bad) == STATUS_OK);
	CU_ASSERT(cidr_list_holds(&l, (const struct sockaddr *)&un));
	cidr_list_release(&l);
}

static void test_what_is_no_network(void)
{
	static const char *const wrong[] = { "10.0.0.0/33", "10.0.0.0/",   "10.0.0/8",  "10.0.0.1/8",
					     "fd00::/129",  "fd00::1/8",   "localhost", "/8",
					     "10.0.0.0/-1", "10.0.0.0/8x", "[::1]",     "10.0.0.0/8/8" };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct cidr c;
		CU_ASSERT(cidr_parse(slice_str(wrong[i]), &c) == STATUS_INVALID);
	}
}

static void test_the_first_that_is_none_is_named(void)
{
	struct cidr_list l = { 0 };
	struct slice bad = { NULL, 0 };
	CU_ASSERT(cidr_list_parse("10.0.0.0/8, ten, eleven", &l, &bad) == STATUS_INVALID);
	CU_ASSERT(slice_eq_str(bad, "ten"));
	CU_ASSERT(l.n == 0);
}

static void parse_some(void *arg)
{
	struct cidr_list l;
	struct slice bad;
	(void)arg;
	if (cidr_list_parse("10.0.0.0/8 fd00::/8 ::1", &l, &bad) == STATUS_OK)
		cidr_list_release(&l);
}

static void test_without_memory_nothing_leaks(void)
{
	unit_torture(parse_some, NULL);
}

TEST_SUITE(base_cidr, TEST(test_a_network_holds_its_addresses), TEST(test_an_ipv4_address_as_ipv6_sees_it),
	   TEST(test_any_of_a_list), TEST(test_no_list_holds_everyone_and_a_socket_file_always_is_in),
	   TEST(test_what_is_no_network), TEST(test_the_first_that_is_none_is_named),
	   TEST(test_without_memory_nothing_leaks))
