#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <sigrelay/registry/oci.h>

static struct web_config config(void)
{
	return (struct web_config){
		.backoff = { .base = USEC_PER_MSEC, .throttle_base = USEC_PER_MSEC, .max = USEC_PER_MSEC },
		.attempt_timeout = 5 * USEC_PER_SEC,
		.connect_timeout = 5 * USEC_PER_SEC,
		.deadline = clock_now().mono + 20 * USEC_PER_SEC,
		.attempts = 2,
	};
}

/* The URL of a port where nobody listens: it is bound, so nobody else takes it. */
static const char *dead_url(void)
{
	static char url[64];
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr sa;
	socklen_t n = sizeof(sa);
	if (url[0])
		return url;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(&sa, &a, sizeof(sa));
	CU_ASSERT_EQUAL_FATAL(bind(fd, &sa, sizeof(sa)), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(fd, &sa, &n), 0);
	memcpy(&a, &sa, sizeof(a));
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(a.sin_port));
	return url;
}

static bool is(struct slice got, const char *want)
{
	return got.p && slice_eq_str(got, want);
}

static void test_headers_of_an_answer(void)
{
	struct web_answer a = { .status = 401 };
	buf_init(&a.head, 1024);
	CU_ASSERT_EQUAL(
	    buf_add_str(&a.head, "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate:  Basic realm=\"a: b\" \r\n"
				 "www-authenticate: Bearer\r\nEmpty:\r\nX-WWW-Authenticate: no\r\n\r\n"),
	    STATUS_OK);
	CU_ASSERT_TRUE(is(web_header(&a, "WWW-Authenticate", 0), "Basic realm=\"a: b\""));
	CU_ASSERT_TRUE(is(web_header(&a, "WWW-Authenticate", 1), "Bearer"));
	CU_ASSERT_PTR_NULL(web_header(&a, "WWW-Authenticate", 2).p);
	CU_ASSERT_TRUE(is(web_header(&a, "empty", 0), ""));
	CU_ASSERT_PTR_NULL(web_header(&a, "None", 0).p);
	buf_release(&a.head);
	CU_ASSERT_PTR_NULL(web_header(&a, "Empty", 0).p);
}

static void count(void *arg, const struct web_answer *a)
{
	int *calls = arg;
	++*calls;
	CU_ASSERT_EQUAL(a->status, 0);
	CU_ASSERT_NOT_EQUAL(a->error[0], '\0');
}

static void test_urls_that_are_none(void)
{
	static const char *const urls[] = { "", "x", "ftp://h/", "file:///etc/passwd", "https://u:p@h/" };
	struct web *w = NULL;
	struct web_config cfg = config();
	int calls = 0;
	CU_ASSERT_EQUAL_FATAL(web_new(&w, &cfg), STATUS_OK);
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		const struct web_request q = { .method = "GET", .url = urls[i], .deadline = USEC_NEVER };
		CU_ASSERT_EQUAL(web_start(w, &q, count, &calls), STATUS_INVALID);
	}
	web_run(w);
	CU_ASSERT_EQUAL(calls, 0);
	web_free(w);
}

static void test_nothing_begins_after_the_deadline(void)
{
	struct web *w = NULL;
	struct web_config cfg = config();
	struct web_answer a;
	CU_ASSERT_EQUAL_FATAL(web_new(&w, &cfg), STATUS_OK);
	const struct web_request q = { .method = "GET", .url = dead_url(), .deadline = web_now(w) };
	CU_ASSERT_EQUAL_FATAL(web_ask(w, &q, &a), STATUS_OK);
	CU_ASSERT_EQUAL(a.attempts, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(a.error, "no time is left"));
	web_answer_release(&a);
	web_free(w);
}

static void test_what_is_in_flight_ends_without_done(void)
{
	struct web *w = NULL;
	struct web_config cfg = config();
	int calls = 0;
	CU_ASSERT_EQUAL_FATAL(web_new(&w, &cfg), STATUS_OK);
	const struct web_request q = { .method = "GET", .url = dead_url(), .deadline = USEC_NEVER };
	CU_ASSERT_EQUAL(web_start(w, &q, count, &calls), STATUS_OK);
	web_free(w);
	CU_ASSERT_EQUAL(calls, 0);
}

struct chain {
	struct web *w;
	int left;
};

static void start_next(void *arg, const struct web_answer *a)
{
	struct chain *c = arg;
	const struct web_request q = { .method = "GET", .url = dead_url(), .deadline = USEC_NEVER };
	CU_ASSERT_EQUAL(a->attempts, 2);
	if (--c->left > 0)
		CU_ASSERT_EQUAL(web_start(c->w, &q, start_next, c), STATUS_OK);
}

static void test_done_may_start_more(void)
{
	struct web_config cfg = config();
	struct chain c = { NULL, 4 };
	CU_ASSERT_EQUAL_FATAL(web_new(&c.w, &cfg), STATUS_OK);
	const struct web_request q = { .method = "GET", .url = dead_url(), .deadline = USEC_NEVER };
	CU_ASSERT_EQUAL(web_start(c.w, &q, start_next, &c), STATUS_OK);
	web_run(c.w);
	CU_ASSERT_EQUAL(c.left, 0);
	web_free(c.w);
}

/* What is started is told of exactly once, whatever allocation fails. */
static void torture(void *arg)
{
	(void)arg;
	struct web *w = NULL;
	struct web_config cfg = config();
	const char *const headers[] = { "Authorization: Bearer x", NULL };
	const struct web_request q = { .method = "PUT",
				       .url = dead_url(),
				       .headers = headers,
				       .body = SLICE_LIT("body"),
				       .deadline = USEC_NEVER,
				       .trusted_host = "h" };
	int calls = 0;
	if (web_new(&w, &cfg) != STATUS_OK)
		return;
	bool started = web_start(w, &q, count, &calls) == STATUS_OK;
	web_run(w);
	CU_ASSERT_EQUAL(calls, started ? 1 : 0);
	web_free(w);
}

static void test_torture(void)
{
	unit_torture(torture, NULL);
}

TEST_SUITE(registry_web, TEST(test_headers_of_an_answer), TEST(test_urls_that_are_none),
	   TEST(test_nothing_begins_after_the_deadline), TEST(test_what_is_in_flight_ends_without_done),
	   TEST(test_done_may_start_more), TEST(test_torture))
