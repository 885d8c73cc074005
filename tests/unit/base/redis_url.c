#include "unit.h"

#include <sigrelay/base/redis_url.h>

static struct redis_url good(const char *text)
{
	struct redis_url u = { .tls = false };
	const char *why = NULL;
	CU_ASSERT_EQUAL(redis_url_parse(slice_str(text), &u, &why), STATUS_OK);
	return u;
}

static void bad(const char *text)
{
	struct redis_url u = { .port = 7 };
	const char *why = NULL;
	CU_ASSERT_EQUAL(redis_url_parse(slice_str(text), &u, &why), STATUS_INVALID);
	CU_ASSERT_PTR_NOT_NULL(why);
	CU_ASSERT_EQUAL(u.port, 7);
}

static void test_parts(void)
{
	struct redis_url u = good("redis://host");
	CU_ASSERT_STRING_EQUAL(u.host, "host");
	CU_ASSERT_EQUAL(u.port, 6379);
	CU_ASSERT_FALSE(u.tls || u.local || u.db || u.user[0] || u.password[0]);
	u = good("rediss://me:p%40ss%2fw:rd@[::1]:7000/12");
	CU_ASSERT_STRING_EQUAL(u.host, "::1");
	CU_ASSERT_STRING_EQUAL(u.user, "me");
	CU_ASSERT_STRING_EQUAL(u.password, "p@ss/w:rd");
	CU_ASSERT_EQUAL(u.port, 7000);
	CU_ASSERT_EQUAL(u.db, 12);
	CU_ASSERT_TRUE(u.tls);
	u = good("redis://:secret@10.0.0.1/");
	CU_ASSERT_STRING_EQUAL(u.user, "");
	CU_ASSERT_STRING_EQUAL(u.password, "secret");
	u = good("redis://me@[::1]");
	CU_ASSERT_STRING_EQUAL(u.user, "me");
	CU_ASSERT_STRING_EQUAL(u.host, "::1");
	CU_ASSERT_EQUAL(u.port, 6379);
}

static void test_an_at_in_a_password_is_not_the_end_of_it(void)
{
	struct redis_url u = good("redis://me:a@b@host:1");
	CU_ASSERT_STRING_EQUAL(u.password, "a@b");
	CU_ASSERT_STRING_EQUAL(u.host, "host");
}

static void test_sockets(void)
{
	struct redis_url u = good("unix:/run/redis.sock");
	CU_ASSERT_TRUE(u.local);
	CU_ASSERT_STRING_EQUAL(u.host, "/run/redis.sock");
	u = good("redis+unix:///run/redis.sock");
	CU_ASSERT_STRING_EQUAL(u.host, "/run/redis.sock");
}

static void test_what_is_none(void)
{
	static const char *const texts[] = { "",
					     "host",
					     "http://host",
					     "redis:/host",
					     "redis://",
					     "redis://:1",
					     "redis://host:0",
					     "redis://host:70000",
					     "redis://h/x",
					     "redis://h/65536",
					     "redis://h/1/2",
					     "redis://u:%zz@h",
					     "redis://u:%4@h",
					     "redis://u:%00@h",
					     "redis://h ost",
					     "redis://[::1",
					     "unix:relative",
					     "redis+unix://rel",
					     "redis://unix:/x:1",
					     "redis://h?x" };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		bad(texts[i]);
}

static void masked(const char *text, const char *want)
{
	struct buf out;
	buf_init(&out, 4096);
	CU_ASSERT_EQUAL(redis_url_mask(slice_str(text), &out), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(out.p ? out.p : "", want);
	buf_release(&out);
}

static void test_the_password_is_masked(void)
{
	masked("redis://host:1/2", "redis://host:1/2");
	masked("redis://me@host", "redis://me@host");
	masked("redis://me:secret@host:1/2", "redis://me:***@host:1/2");
	masked("rediss://:se:cr@et@host", "rediss://:***@host");
	masked("REDIS://:secret@host", "REDIS://:***@host");
	masked("redis://:@host", "redis://:***@host");
	masked("unix:/run/a:b@c", "unix:/run/a:b@c");
	masked("", "");
}

TEST_SUITE(base_redis_url, TEST(test_parts), TEST(test_an_at_in_a_password_is_not_the_end_of_it),
	   TEST(test_sockets), TEST(test_what_is_none), TEST(test_the_password_is_masked))
