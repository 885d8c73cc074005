/* Every word of the script, over real sockets. */
#include "unit.h"

#include <stdio.h>

#include "builtin/talk.h"
#include <sigrelay/base/clock.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/sigstore/rekor.h>

#define ENTRIES "/api/v1/log/entries"

static struct slice body_of(const struct reply *r)
{
	return (struct slice){ r->body, r->body_n };
}

static enum belief judge(const struct reply *r)
{
	struct entry e;
	return rekor_entry_check(body_of(r), (struct slice){ NULL, 0 }, &e);
}

/* One stage, a script, and one create. */
struct scene {
	struct stage s;
	char *entry;
	struct reply r;
};

static void begin(struct scene *c, const char *script)
{
	stage_init(&c->s, script);
	c->entry = new_entry();
	ask(&c->s, "POST", ENTRIES, c->entry, &c->r);
}

static void again(struct scene *c)
{
	reply_release(&c->r);
	ask(&c->s, "POST", ENTRIES, c->entry, &c->r);
}

static void end(struct scene *c)
{
	reply_release(&c->r);
	mem_free(c->entry);
	stage_release(&c->s);
}

static void test_refuse_and_reset_are_rst_and_do_not_act(void)
{
	struct scene c;
	begin(&c, "create refuse\ncreate reset");
	CU_ASSERT(c.r.reset && c.r.raw.n == 0);
	CU_ASSERT_EQUAL(state(&c.s, "refused"), 1);
	again(&c);
	CU_ASSERT(c.r.reset && c.r.raw.n == 0);
	CU_ASSERT_EQUAL(state(&c.s, "queued"), 0);
	CU_ASSERT_EQUAL(state(&c.s, "create"), 2);
	again(&c);
	CU_ASSERT_EQUAL(c.r.status, 201);
	end(&c);
}

/* refuse does not wait for the body. */
static void test_refuse_comes_before_the_body(void)
{
	struct stage s;
	struct talk t;
	struct reply r;
	stage_init(&s, "create refuse");
	talk_init(&t, &s);
	talk_request(&t, "POST", ENTRIES, "application/json", "Content-Length: 1000\r\n", NULL, 0);
	talk_hear(&t, &r);
	CU_ASSERT(r.reset);
	reply_release(&r);
	talk_release(&t);
	stage_release(&s);
}

static void test_stall_says_nothing_until_the_client_leaves(void)
{
	struct stage s;
	struct talk t;
	stage_init(&s, "get stall");
	talk_init(&t, &s);
	talk_request(&t, "GET", ENTRIES "/00", NULL, NULL, NULL, 0);
	wait_for(&s, "stalled", 1);
	CU_ASSERT_EQUAL(t.got.n, 0);
	CU_ASSERT_FALSE(t.closed || t.reset);
	talk_release(&t);
	wait_for(&s, "gone", 1);
	CU_ASSERT_EQUAL(state(&s, "stalled"), 0);
	stage_release(&s);
}

static void test_stall_with_a_duration_ends_in_an_empty_reply(void)
{
	struct scene c;
	begin(&c, "create stall 20ms");
	CU_ASSERT(c.r.closed && c.r.raw.n == 0);
	CU_ASSERT_EQUAL(state(&c.s, "queued"), 0);
	end(&c);
}

static void test_half_acts_and_stops_in_the_middle(void)
{
	struct scene c;
	begin(&c, "create half\nget half");
	CU_ASSERT_EQUAL(c.r.status, 201);
	CU_ASSERT(c.r.closed && !c.r.whole && c.r.body_n > 100);
	CU_ASSERT_EQUAL(state(&c.s, "integrated"), 1);
	reply_release(&c.r);
	/* An answer without a body is halved in its head. */
	ask(&c.s, "GET", ENTRIES "/0000000000000000000000000000000000000000000000000000000000000000", NULL,
	    &c.r);
	CU_ASSERT(c.r.closed && !c.r.whole && c.r.body_n == 0 && c.r.raw.n > 0);
	end(&c);
}

static void test_drip_is_whole_in_the_end_and_takes_its_time(void)
{
	struct scene c;
	usec before = clock_now().mono;
	begin(&c, "create drip 100ms");
	CU_ASSERT(clock_now().mono - before >= 90 * USEC_PER_MSEC);
	CU_ASSERT_EQUAL(c.r.status, 201);
	CU_ASSERT(c.r.whole);
	CU_ASSERT_EQUAL(judge(&c.r), BELIEF_TRUE);
	end(&c);
}

static bool has_a_byte(void *arg)
{
	return ((struct talk *)arg)->got.n > 0;
}

static void test_a_client_may_leave_a_drip(void)
{
	struct stage s;
	struct talk t;
	stage_init(&s, "query drip 1h");
	talk_init(&t, &s);
	talk_request(&t, "GET", "/api/v1/log", NULL, NULL, NULL, 0);
	wait_for(&s, "query", 1);
	talk_release(&t);
	CU_ASSERT_EQUAL(state(&s, "rules"), 0);
	talk_init(&t, &s);
	control(&s, "POST", "/_control/script", "query drip 20s");
	talk_request(&t, "GET", "/api/v1/log", NULL, NULL, NULL, 0);
	stage_until(&s, has_a_byte, &t);
	CU_ASSERT(t.got.n < 100);
	talk_release(&t);
	stage_release(&s);
}

static void test_junk_is_html_with_a_good_status(void)
{
	struct scene c;
	char type[64];
	begin(&c, "create junk\nquery junk");
	CU_ASSERT_EQUAL(c.r.status, 201);
	reply_header(&c.r, "Content-Type", type, sizeof(type));
	CU_ASSERT_STRING_EQUAL(type, "text/html; charset=utf-8");
	CU_ASSERT(slice_starts(body_of(&c.r), "<!DOCTYPE html>"));
	CU_ASSERT_EQUAL(state(&c.s, "queued"), 0);
	reply_release(&c.r);
	ask(&c.s, "GET", "/api/v1/log", NULL, &c.r);
	CU_ASSERT_EQUAL(c.r.status, 200);
	CU_ASSERT(slice_starts(body_of(&c.r), "<!DOCTYPE html>"));
	end(&c);
}

static void test_wrong_leaf_is_an_entry_under_a_false_key(void)
{
	struct scene c;
	begin(&c, "create wrong-leaf");
	CU_ASSERT_EQUAL(c.r.status, 201);
	CU_ASSERT_EQUAL(judge(&c.r), BELIEF_LEAF_HASH);
	CU_ASSERT_EQUAL(state(&c.s, "integrated"), 1);
	end(&c);
}

static void test_other_entry_is_true_and_not_the_one_posted(void)
{
	struct scene c;
	struct posted posted;
	struct entry e;
	begin(&c, "create other-entry");
	CU_ASSERT_EQUAL(c.r.status, 201);
	CU_ASSERT_EQUAL(rekor_entry_check(body_of(&c.r), (struct slice){ NULL, 0 }, &e), BELIEF_TRUE);
	CU_ASSERT_EQUAL(rekor_posted_parse(slice_str(c.entry), &posted), STATUS_OK);
	CU_ASSERT_FALSE(rekor_same_entry(&posted, &e));
	end(&c);
}

static void test_status_has_the_services_shape(void)
{
	struct scene c;
	char value[64];
	begin(&c, "create status 503 retry-after 7\ncreate status 429\nsign status 500\nstamp status 500");
	CU_ASSERT_EQUAL(c.r.status, 503);
	reply_header(&c.r, "Retry-After", value, sizeof(value));
	CU_ASSERT_STRING_EQUAL(value, "7");
	CU_ASSERT(slice_starts(body_of(&c.r), "{\"code\":503,\"message\":"));
	again(&c);
	CU_ASSERT_EQUAL(c.r.status, 429);
	CU_ASSERT(slice_contains(body_of(&c.r), "<center>nginx</center>"));
	reply_header(&c.r, "Retry-After", value, sizeof(value));
	CU_ASSERT_STRING_EQUAL(value, "");
	CU_ASSERT_EQUAL(state(&c.s, "queued"), 0);
	reply_release(&c.r);
	ask(&c.s, "POST", "/api/v2/signingCert", "{}", &c.r);
	CU_ASSERT_EQUAL(c.r.status, 500);
	CU_ASSERT(slice_starts(body_of(&c.r), "{\"code\":13,"));
	CU_ASSERT(slice_contains(body_of(&c.r), "\"details\":[]}"));
	reply_release(&c.r);
	ask(&c.s, "POST", "/api/v1/timestamp", "{}", &c.r);
	reply_header(&c.r, "Content-Type", value, sizeof(value));
	CU_ASSERT_STRING_EQUAL(value, "application/timestamp-reply");
	end(&c);
}

static void test_lose_acts_and_loses_the_answer_in_each_way(void)
{
	struct scene c;
	begin(&c, "create lose");
	CU_ASSERT_EQUAL(c.r.status, 502);
	CU_ASSERT(slice_contains(body_of(&c.r), "502 Bad Gateway"));
	again(&c);
	CU_ASSERT_EQUAL(c.r.status, 409);
	end(&c);
	begin(&c, "create lose reset");
	CU_ASSERT(c.r.reset && c.r.raw.n == 0);
	again(&c);
	CU_ASSERT_EQUAL(c.r.status, 409);
	end(&c);
	begin(&c, "create lose close");
	CU_ASSERT(c.r.closed && c.r.raw.n == 0);
	again(&c);
	CU_ASSERT_EQUAL(c.r.status, 409);
	end(&c);
	begin(&c, "create lose 504");
	CU_ASSERT_EQUAL(c.r.status, 504);
	CU_ASSERT_EQUAL(state(&c.s, "integrated"), 1);
	end(&c);
}

static void test_lose_by_stall_acts_and_never_answers(void)
{
	struct stage s;
	struct talk t;
	char *entry = new_entry();
	stage_init(&s, "create lose stall");
	talk_init(&t, &s);
	talk_request(&t, "POST", ENTRIES, "application/json", NULL, entry, strlen(entry));
	wait_for(&s, "stalled", 1);
	CU_ASSERT_EQUAL(state(&s, "queued"), 1);
	CU_ASSERT_EQUAL(state(&s, "integrated"), 1);
	CU_ASSERT_EQUAL(t.got.n, 0);
	CU_ASSERT_FALSE(t.closed || t.reset);
	talk_release(&t);
	wait_for(&s, "gone", 1);
	mem_free(entry);
	stage_release(&s);
}

static void test_hold_acts_when_it_is_told(void)
{
	struct stage s;
	struct talk t;
	struct reply r;
	char *entry = new_entry();
	stage_init(&s, "create hold");
	talk_init(&t, &s);
	talk_request(&t, "POST", ENTRIES, "application/json", NULL, entry, strlen(entry));
	wait_for(&s, "held", 1);
	CU_ASSERT_EQUAL(state(&s, "queued"), 0);
	CU_ASSERT_EQUAL(t.got.n, 0);
	control(&s, "POST", "/_control/release", NULL);
	talk_hear(&t, &r);
	CU_ASSERT_EQUAL(r.status, 201);
	CU_ASSERT_EQUAL(state(&s, "held"), 0);
	reply_release(&r);
	talk_release(&t);
	mem_free(entry);
	stage_release(&s);
}

static void test_delay_acts_later(void)
{
	struct scene c;
	usec before = clock_now().mono;
	begin(&c, "create delay 50ms");
	CU_ASSERT(clock_now().mono - before >= 45 * USEC_PER_MSEC);
	CU_ASSERT_EQUAL(c.r.status, 201);
	end(&c);
}

static void test_down_refuses_everyone_for_a_while(void)
{
	struct scene c;
	begin(&c, "create down 1h");
	CU_ASSERT(c.r.reset);
	reply_release(&c.r);
	ask(&c.s, "GET", "/ping", NULL, &c.r);
	CU_ASSERT(c.r.reset);
	CU_ASSERT_EQUAL(state(&c.s, "refused"), 2); /* control is never down */
	control(&c.s, "POST", "/_control/clear", NULL);
	again(&c);
	CU_ASSERT_EQUAL(c.r.status, 201);
	control(&c.s, "POST", "/_control/script", "create down 1ms");
	again(&c);
	CU_ASSERT(c.r.reset);
	usec end_of_it = clock_now().mono + 2 * USEC_PER_MSEC;
	while (clock_now().mono < end_of_it)
		event_base_loop(c.s.base, EVLOOP_NONBLOCK);
	again(&c);
	CU_ASSERT_EQUAL(c.r.status, 409);
	end(&c);
}

/* ---- changes of the log ---- */

static void get_entry(struct scene *c, const char *location)
{
	reply_release(&c->r);
	ask(&c->s, "GET", location, NULL, &c->r);
}

static void test_the_incident(void)
{
	struct scene c;
	char location[128];
	begin(&c, "create pause-log\ncreate lose");
	CU_ASSERT_EQUAL(c.r.status, 502);
	again(&c);
	CU_ASSERT_EQUAL(c.r.status, 409);
	reply_header(&c.r, "Location", location, sizeof(location));
	get_entry(&c, location);
	CU_ASSERT_EQUAL(c.r.status, 404);
	CU_ASSERT_EQUAL(state(&c.s, "queued"), 1);
	CU_ASSERT_EQUAL(state(&c.s, "integrated"), 0);
	control(&c.s, "POST", "/_control/resume", NULL);
	wait_for(&c.s, "integrated", 1);
	get_entry(&c, location);
	CU_ASSERT_EQUAL(c.r.status, 200);
	CU_ASSERT_EQUAL(judge(&c.r), BELIEF_TRUE);
	end(&c);
}

static void test_a_post_to_a_paused_log_hangs_until_it_resumes(void)
{
	struct stage s;
	struct talk t;
	struct reply r;
	char *entry = new_entry();
	stage_init(&s, "create pause-log");
	talk_init(&t, &s);
	talk_request(&t, "POST", ENTRIES, "application/json", NULL, entry, strlen(entry));
	wait_for(&s, "hanging", 1);
	ask(&s, "POST", ENTRIES, entry, &r);
	CU_ASSERT_EQUAL(r.status, 409);
	reply_release(&r);
	control(&s, "POST", "/_control/script", "query resume-log");
	ask(&s, "GET", "/api/v1/log", NULL, &r);
	reply_release(&r);
	talk_hear(&t, &r);
	CU_ASSERT_EQUAL(r.status, 201);
	CU_ASSERT_EQUAL(judge(&r), BELIEF_TRUE);
	reply_release(&r);
	talk_release(&t);
	mem_free(entry);
	stage_release(&s);
}

static void test_a_leaf_is_kept_when_its_client_leaves(void)
{
	struct stage s;
	struct talk t;
	struct reply r;
	char *entry = new_entry();
	stage_init(&s, "create pause-log");
	talk_init(&t, &s);
	talk_request(&t, "POST", ENTRIES, "application/json", NULL, entry, strlen(entry));
	wait_for(&s, "hanging", 1);
	talk_release(&t);
	wait_for(&s, "gone", 1);
	CU_ASSERT_EQUAL(state(&s, "hanging"), 0);
	control(&s, "POST", "/_control/resume", NULL);
	wait_for(&s, "integrated", 1);
	ask(&s, "POST", ENTRIES, entry, &r);
	CU_ASSERT_EQUAL(r.status, 409);
	reply_release(&r);
	mem_free(entry);
	stage_release(&s);
}

static void test_a_pause_may_end_by_itself(void)
{
	struct scene c;
	begin(&c, "create pause-log 30ms");
	CU_ASSERT_EQUAL(c.r.status, 201);
	CU_ASSERT_EQUAL(state(&c.s, "integrated"), 1);
	end(&c);
}

static void test_absent_hides_entries_for_a_number_of_lookups(void)
{
	struct scene c;
	char location[128];
	begin(&c, "get absent 2");
	reply_header(&c.r, "Location", location, sizeof(location));
	for (int i = 0; i < 3; i++) {
		get_entry(&c, location);
		CU_ASSERT_EQUAL(c.r.status, i < 2 ? 404 : 200);
	}
	end(&c);
}

static void test_late_moves_one_integrated_time(void)
{
	struct scene c;
	struct entry e;
	int64_t before = clock_now().wall / USEC_PER_SEC;
	begin(&c, "create late 15m");
	CU_ASSERT_EQUAL(rekor_entry_check(body_of(&c.r), (struct slice){ NULL, 0 }, &e), BELIEF_TRUE);
	CU_ASSERT(e.integrated_time >= before + 900 && e.integrated_time <= before + 960);
	mem_free(c.entry);
	c.entry = new_entry();
	again(&c);
	CU_ASSERT_EQUAL(rekor_entry_check(body_of(&c.r), (struct slice){ NULL, 0 }, &e), BELIEF_TRUE);
	CU_ASSERT(e.integrated_time <= before + 60);
	end(&c);
}

static void test_control_says_what_it_does_not_understand(void)
{
	struct stage s;
	struct reply r;
	stage_init(&s, NULL);
	ask(&s, "POST", "/_control/script", "create dance", &r);
	CU_ASSERT_EQUAL(r.status, 400);
	CU_ASSERT(slice_eq_str(body_of(&r), "line 1: unknown word: 'dance'\n"));
	reply_release(&r);
	ask(&s, "GET", "/_control/wait?nothing=1", NULL, &r);
	CU_ASSERT_EQUAL(r.status, 400);
	reply_release(&r);
	stage_release(&s);
}

static void test_the_log_may_end_with_calls_under_way(void)
{
	struct stage s;
	struct talk t[3];
	stage_init(&s, "get stall\nget hold\nget delay 1h");
	for (int i = 0; i < 3; i++) {
		talk_init(&t[i], &s);
		talk_request(&t[i], "GET", ENTRIES "/00", NULL, NULL, NULL, 0);
	}
	wait_for(&s, "get", 3);
	builtin_log_free(s.log);
	for (int i = 0; i < 3; i++) {
		struct reply r;
		talk_hear(&t[i], &r);
		CU_ASSERT(r.closed || r.reset);
		reply_release(&r);
		talk_release(&t[i]);
	}
	event_base_free(s.base);
}

TEST_SUITE(builtin_log_faults, TEST(test_refuse_and_reset_are_rst_and_do_not_act),
	   TEST(test_refuse_comes_before_the_body), TEST(test_stall_says_nothing_until_the_client_leaves),
	   TEST(test_stall_with_a_duration_ends_in_an_empty_reply),
	   TEST(test_half_acts_and_stops_in_the_middle),
	   TEST(test_drip_is_whole_in_the_end_and_takes_its_time), TEST(test_a_client_may_leave_a_drip),
	   TEST(test_junk_is_html_with_a_good_status), TEST(test_wrong_leaf_is_an_entry_under_a_false_key),
	   TEST(test_other_entry_is_true_and_not_the_one_posted), TEST(test_status_has_the_services_shape),
	   TEST(test_lose_acts_and_loses_the_answer_in_each_way),
	   TEST(test_lose_by_stall_acts_and_never_answers), TEST(test_hold_acts_when_it_is_told),
	   TEST(test_delay_acts_later), TEST(test_down_refuses_everyone_for_a_while), TEST(test_the_incident),
	   TEST(test_a_post_to_a_paused_log_hangs_until_it_resumes),
	   TEST(test_a_leaf_is_kept_when_its_client_leaves), TEST(test_a_pause_may_end_by_itself),
	   TEST(test_absent_hides_entries_for_a_number_of_lookups), TEST(test_late_moves_one_integrated_time),
	   TEST(test_control_says_what_it_does_not_understand),
	   TEST(test_the_log_may_end_with_calls_under_way))
