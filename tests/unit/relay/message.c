#include <sigrelay/relay/message.h>

#include <sigrelay/base/json.h>
#include <sigrelay/relay/reply.h>

#include "../unit.h"
#include "sim.h"

static struct request *bare(const char *method, const char *target)
{
	struct route route = route_of(slice_str(method), slice_str(target));
	struct request *q = NULL;
	CU_ASSERT_EQUAL_FATAL(route.kind, ROUTE_FORWARD);
	CU_ASSERT_EQUAL_FATAL(request_new(&q, &route, METHOD_GET), STATUS_OK);
	return q;
}

static bool has_line(const struct request *q, const char *line)
{
	const char *p = q->headers.p;
	for (size_t i = 0; i < q->header_count; i++, p += strlen(p) + 1) {
		if (strcmp(p, line) == 0)
			return true;
	}
	return false;
}

static void test_target_and_its_views(void)
{
	struct request *q = bare("GET", SIM_GET "/?x=y");
	CU_ASSERT_STRING_EQUAL(q->target, SIM_GET "?x=y");
	CU_ASSERT(slice_eq_str(q->path, SIM_GET));
	CU_ASSERT(slice_eq_str(q->query, "x=y"));
	CU_ASSERT(slice_eq_str(q->entry_id, SIM_ID));
	request_unref(q);
}

static void test_headers_that_are_ours_stay_here(void)
{
	static const char *const ours[] = { "Connection",
					    "keep-alive",
					    "TE",
					    "Trailer",
					    "Transfer-Encoding",
					    "Upgrade",
					    "Content-Length",
					    "HOST",
					    "accept-encoding",
					    "Expect",
					    "Proxy-Authorization",
					    "Traceparent" };
	struct request *q = bare("GET", SIM_GET);
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		CU_ASSERT_EQUAL(request_add_header(q, ours[i], "v"), STATUS_OK);
	CU_ASSERT_EQUAL(q->header_count, 0);
	CU_ASSERT_EQUAL(request_add_header(q, "X-Other", "1"), STATUS_OK);
	CU_ASSERT_EQUAL(request_add_header(q, "Empty", ""), STATUS_OK);
	CU_ASSERT(has_line(q, "X-Other: 1"));
	CU_ASSERT(has_line(q, "Empty;")); /* libcurl's word for it */
	request_unref(q);
}

static void test_request_id(void)
{
	struct request *q = bare("GET", SIM_GET);
	CU_ASSERT_EQUAL(request_add_header(q, "X-Request-ID", "good.one_1-a"), STATUS_OK);
	CU_ASSERT_EQUAL(request_seal(q, 1), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(q->id, "good.one_1-a");
	CU_ASSERT(has_line(q, "X-Request-Id: good.one_1-a"));
	request_unref(q);
	static const char *const bad[] = {
		"", "a b", "a\"b", "a=b", "0123456789012345678901234567890123456789012345678901234567890123x"
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		q = bare("GET", SIM_GET);
		CU_ASSERT_EQUAL(request_add_header(q, "X-Request-Id", bad[i]), STATUS_OK);
		CU_ASSERT_EQUAL(request_seal(q, 0xabc), STATUS_OK);
		CU_ASSERT_STRING_EQUAL(q->id, "0000000000000abc");
		request_unref(q);
	}
}

#define TRACE_HEX "0af7651916cd43dd8448eb211c80319c"
#define TRACEPARENT "00-" TRACE_HEX "-b7ad6b7169203331-01"

/* With two lines of tracestate around another header, as a client may send them. */
static struct request *traced(const char *first, const char *second)
{
	struct request *q = bare("GET", SIM_GET);
	CU_ASSERT_EQUAL(request_add_header(q, "tracestate", "a=1"), STATUS_OK);
	if (first)
		CU_ASSERT_EQUAL(request_add_header(q, "traceparent", first), STATUS_OK);
	CU_ASSERT_EQUAL(request_add_header(q, "X-Between", "kept"), STATUS_OK);
	if (second)
		CU_ASSERT_EQUAL(request_add_header(q, "TraceParent", second), STATUS_OK);
	CU_ASSERT_EQUAL(request_add_header(q, "TraceState", ""), STATUS_OK);
	CU_ASSERT_EQUAL(request_seal(q, 1), STATUS_OK);
	return q;
}

static void test_a_trace_keeps_its_state(void)
{
	struct request *q = traced(TRACEPARENT, NULL);
	CU_ASSERT_STRING_EQUAL(q->trace.id, TRACE_HEX);
	CU_ASSERT_EQUAL(q->trace.flags, 1);
	CU_ASSERT_EQUAL(q->header_count, 4); /* the request's id is the fourth */
	CU_ASSERT(has_line(q, "tracestate: a=1") && has_line(q, "TraceState;") &&
		  has_line(q, "X-Between: kept"));
	CU_ASSERT_FALSE(has_line(q, "traceparent: " TRACEPARENT));
	request_unref(q);
}

static void test_no_trace_has_no_state(void)
{
	static const char *const pairs[][2] = {
		{ NULL, NULL },          { "00-a", NULL },    { TRACEPARENT, TRACEPARENT },
		{ "00-a", TRACEPARENT }, { TRACEPARENT, "" },
	};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct request *q = traced(pairs[i][0], pairs[i][1]);
		CU_ASSERT_PTR_NULL(trace_id(&q->trace));
		CU_ASSERT_EQUAL(q->header_count, 2);
		CU_ASSERT(has_line(q, "X-Between: kept") && has_line(q, "X-Request-Id: 0000000000000001"));
		request_unref(q);
	}
}

static void test_answer_headers(void)
{
	struct answer *a = answer_new(200, 10);
	struct slice name, value;
	size_t at = 0;
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_EQUAL(buf_add_str(&a->head, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX:  a \r\nnonsense\r\n"
					      ": no name\r\nEmpty:\r\nLast: b"),
			STATUS_OK);
	CU_ASSERT(slice_eq_str(answer_header(a, "x"), "a"));
	CU_ASSERT(slice_eq_str(answer_header(a, "LAST"), "b"));
	CU_ASSERT_EQUAL(answer_header(a, "none").n, 0);
	CU_ASSERT(answer_next_header(a, &at, &name, &value));
	CU_ASSERT(slice_eq_str(name, "X") && slice_eq_str(value, "a"));
	CU_ASSERT(answer_next_header(a, &at, &name, &value));
	CU_ASSERT(slice_eq_str(name, "Empty") && value.n == 0);
	CU_ASSERT(answer_next_header(a, &at, &name, &value));
	CU_ASSERT(slice_eq_str(name, "Last"));
	CU_ASSERT(!answer_next_header(a, &at, &name, &value));
	answer_unref(a);
}

static void test_headers_that_connection_lists(void)
{
	CU_ASSERT(header_is_listed(SLICE_LIT("close, X-Hop ,Other"), SLICE_LIT("x-hop")));
	CU_ASSERT(header_is_listed(SLICE_LIT("a,b"), SLICE_LIT("B")));
	CU_ASSERT_FALSE(header_is_listed(SLICE_LIT("X-Hopper, X-Ho, ,"), SLICE_LIT("X-Hop")));
	CU_ASSERT_FALSE(header_is_listed(SLICE_LIT(""), SLICE_LIT("X-Hop")));
	struct answer *a = answer_new(200, 10);
	struct slice name, value;
	size_t at = 0;
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_EQUAL(buf_add_str(&a->head, "X-Hop: 1\r\nKept: 2\r\nConnection: close, x-hop\r\n"
					      "Other-Hop: 3\r\nConnection: OTHER-HOP\r\n"),
			STATUS_OK);
	CU_ASSERT(answer_next_header(a, &at, &name, &value));
	CU_ASSERT(slice_eq_str(name, "Kept"));
	CU_ASSERT(!answer_next_header(a, &at, &name, &value));
	answer_unref(a);
}

static void test_errors_in_the_services_shape(void)
{
	for (enum service s = 0; s < SERVICE_COUNT; s++) {
		struct answer *a = reply_error(s, 503, 7, "a \"quoted\" reason");
		CU_ASSERT_PTR_NOT_NULL_FATAL(a);
		cJSON *root = json_parse(buf_slice(&a->body));
		CU_ASSERT_PTR_NOT_NULL_FATAL(root);
		CU_ASSERT(slice_eq_str(json_str_at(root, "message", NULL), "sigrelay: a \"quoted\" reason"));
		CU_ASSERT_EQUAL(json_at(root, "code", NULL)->valueint, s == SERVICE_FULCIO ? 14 : 503);
		CU_ASSERT(slice_eq_str(answer_header(a, "Retry-After"), "7"));
		CU_ASSERT(slice_eq_str(answer_header(a, "Content-Type"), "application/json"));
		cJSON_Delete(root);
		answer_unref(a);
	}
	struct answer *a = reply_error(SERVICE_REKOR, 504, -1, "x");
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_EQUAL(answer_header(a, "Retry-After").n, 0);
	answer_unref(a);
}

static void check_created(const char *etag, const char *location, bool as_it_came)
{
	struct answer *came = answer_new(201, 100);
	CU_ASSERT_PTR_NOT_NULL_FATAL(came);
	CU_ASSERT_EQUAL(answer_add_header(came, "ETag", slice_str(etag)), STATUS_OK);
	CU_ASSERT_EQUAL(answer_add_header(came, "Location", slice_str(location)), STATUS_OK);
	struct answer *a = reply_created(came, SIM_ID);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_EQUAL(a == came, as_it_came);
	CU_ASSERT(slice_eq_str(answer_header(a, "ETag"), SIM_ID));
	CU_ASSERT(slice_ends(answer_header(a, "Location"), "/" SIM_ID));
	answer_unref(a);
	answer_unref(came);
}

static void test_created_names_its_entry(void)
{
	check_created(SIM_ID, SIM_CREATE "/" SIM_ID, true);
	check_created(SIM_ID, "https://log.example" SIM_CREATE "/" SIM_ID, true);
	check_created("W/\"" SIM_ID "\"", SIM_CREATE "/" SIM_ID, false);
	check_created(SIM_ID, SIM_CREATE "/of-another", false);
	check_created("", "", false);
}

static void tortured(void *arg)
{
	(void)arg;
	answer_unref(reply_error(SERVICE_FULCIO, 503, 3, "no memory, perhaps"));
	struct answer *entry = answer_new(200, 100), *a;
	if (entry && buf_add_str(&entry->body, "{}") == STATUS_OK) {
		answer_unref(a = reply_entry(201, SIM_ID, entry));
		answer_unref(a = reply_created(entry, SIM_ID));
	}
	answer_unref(entry);
	request_unref(sim_request("POST", SIM_CREATE, sim_posted(), "cosign/v2"));
}

static void test_torture(void)
{
	unit_torture(tortured, NULL);
}

static void check_wish(const char *prefer, usec wait)
{
	struct request *q = bare("GET", SIM_GET);
	CU_ASSERT_EQUAL(request_add_header(q, "Prefer", prefer), STATUS_OK);
	CU_ASSERT_EQUAL(q->wait, wait);
	CU_ASSERT_EQUAL(q->header_count, 0); /* it is between two relays */
	request_unref(q);
}

static void test_how_long_another_relay_waits(void)
{
	check_wish("wait=29", 29 * USEC_PER_SEC);
	check_wish("respond-async, wait=10", 10 * USEC_PER_SEC);
	check_wish("wait=0", USEC_NEVER);
	check_wish("wait=-1", USEC_NEVER);
	check_wish("wait=1s", USEC_NEVER);
	check_wish("wait=99999999999999999999", USEC_NEVER);
	check_wish("wait=86401", USEC_NEVER);
	check_wish("await=5", USEC_NEVER);
	check_wish(",,", USEC_NEVER);
}

static void check_max_age(const char *cache_control, usec age)
{
	struct request *q = bare("GET", "/api/v1/log");
	CU_ASSERT_EQUAL(request_add_header(q, "cache-control", cache_control), STATUS_OK);
	CU_ASSERT_EQUAL(request_max_age(q), age);
	CU_ASSERT_EQUAL(q->header_count, 1); /* a cache further on may heed it too */
	request_unref(q);
}

static void test_how_old_an_answer_may_be(void)
{
	struct request *q = bare("GET", "/api/v1/log");
	CU_ASSERT_EQUAL(request_max_age(q), 0);
	request_unref(q);
	check_max_age("max-age=5", 5 * USEC_PER_SEC);
	check_max_age("no-transform, max-age=60", 60 * USEC_PER_SEC);
	check_max_age("max-age=0", 0);
	check_max_age("no-cache", 0);
	check_max_age("max-age=-1", 0);
	check_max_age("s-max-age=5", 0);
	check_max_age("max-age=99999999999999999999", 0);
}

static void test_an_answer_of_a_relay_that_waited(void)
{
	struct answer *a = answer_new(503, 64);
	CU_ASSERT(!answer_waited(a));
	CU_ASSERT_EQUAL(answer_add_header(a, "preference-applied", SLICE_LIT("wait")), STATUS_OK);
	CU_ASSERT(answer_waited(a));
	struct slice name, value;
	size_t at = 0;
	CU_ASSERT(!answer_next_header(a, &at, &name, &value)); /* no client hears of it */
	answer_unref(a);
}

TEST_SUITE(relay_message, TEST(test_target_and_its_views), TEST(test_headers_that_are_ours_stay_here),
	   TEST(test_request_id), TEST(test_a_trace_keeps_its_state), TEST(test_no_trace_has_no_state),
	   TEST(test_answer_headers), TEST(test_headers_that_connection_lists),
	   TEST(test_errors_in_the_services_shape), TEST(test_created_names_its_entry), TEST(test_torture),
	   TEST(test_how_long_another_relay_waits), TEST(test_how_old_an_answer_may_be),
	   TEST(test_an_answer_of_a_relay_that_waited))
