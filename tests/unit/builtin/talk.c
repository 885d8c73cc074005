#include "builtin/talk.h"

#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdio.h>
#include <stdlib.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/builtin/canonical.h>

#define PATIENCE_SECONDS 10
#define ANSWER_MAX ((size_t)16 * 1024 * 1024)

void stage_init(struct stage *s, const char *script)
{
	struct buf error;
	buf_init(&error, 512);
	s->base = event_base_new();
	CU_ASSERT_PTR_NOT_NULL_FATAL(s->base);
	CU_ASSERT_EQUAL_FATAL(builtin_log_new(&s->log, s->base, "127.0.0.1", 0), STATUS_OK);
	if (script)
		CU_ASSERT_EQUAL_FATAL(builtin_log_script(s->log, slice_str(script), &error), STATUS_OK);
	buf_release(&error);
}

void stage_release(struct stage *s)
{
	builtin_log_free(s->log);
	event_base_free(s->base);
}

static void too_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	*(bool *)arg = true;
}

bool stage_until(struct stage *s, bool (*done)(void *arg), void *arg)
{
	const struct timeval patience = { PATIENCE_SECONDS, 0 };
	bool late = false;
	struct event *alarm = evtimer_new(s->base, too_late, &late);
	CU_ASSERT_PTR_NOT_NULL_FATAL(alarm);
	evtimer_add(alarm, &patience);
	while (!late && !done(arg))
		event_base_loop(s->base, EVLOOP_ONCE);
	event_free(alarm);
	CU_ASSERT_FALSE(late);
	return !late;
}

/* ---- one connection ---- */

static void on_read(struct bufferevent *bev, void *arg)
{
	struct talk *t = arg;
	char bytes[4096];
	size_t n;
	while ((n = bufferevent_read(bev, bytes, sizeof(bytes))) > 0)
		CU_ASSERT_EQUAL_FATAL(buf_add(&t->got, bytes, n), STATUS_OK);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct talk *t = arg;
	if (what & BEV_EVENT_ERROR)
		t->reset = EVUTIL_SOCKET_ERROR() == ECONNRESET || EVUTIL_SOCKET_ERROR() == EPIPE;
	if (what & BEV_EVENT_EOF)
		t->closed = true;
	on_read(bev, arg);
}

void talk_init(struct talk *t, struct stage *s)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_port = htons(builtin_log_port(s->log)),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	memset(t, 0, sizeof(*t));
	t->stage = s;
	buf_init(&t->got, ANSWER_MAX);
	t->bev = bufferevent_socket_new(s->base, -1, BEV_OPT_CLOSE_ON_FREE);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t->bev);
	bufferevent_setcb(t->bev, on_read, NULL, on_event, t);
	bufferevent_enable(t->bev, EV_READ | EV_WRITE);
	CU_ASSERT_EQUAL_FATAL(bufferevent_socket_connect(t->bev, (struct sockaddr *)&sin, sizeof(sin)), 0);
}

void talk_say(struct talk *t, const char *bytes, size_t n)
{
	CU_ASSERT_EQUAL(bufferevent_write(t->bev, bytes, n), 0);
}

void talk_request(struct talk *t, const char *method, const char *path, const char *content_type,
		  const char *headers, const char *body, size_t n)
{
	struct evbuffer *out = bufferevent_get_output(t->bev);
	evbuffer_add_printf(out, "%s %s HTTP/1.1\r\nHost: log\r\n", method, path);
	if (content_type)
		evbuffer_add_printf(out, "Content-Type: %s\r\n", content_type);
	if (headers)
		evbuffer_add_printf(out, "%s", headers);
	if (body)
		evbuffer_add_printf(out, "Content-Length: %zu\r\n", n);
	evbuffer_add_printf(out, "\r\n");
	if (body)
		evbuffer_add(out, body, n);
}

/* The bytes that the first answer in got has, or 0 while it is not whole. */
static size_t answer_size(const struct talk *t)
{
	const char *end = t->got.p ? strstr(t->got.p, "\r\n\r\n") : NULL;
	const char *length = end ? strcasestr(t->got.p, "Content-Length: ") : NULL;
	if (!length || length > end)
		return 0;
	size_t n = (size_t)(end - t->got.p) + 4 + strtoul(length + 16, NULL, 10);
	return t->got.n >= n ? n : 0;
}

bool talk_has_answer(void *arg)
{
	const struct talk *t = arg;
	return t->closed || t->reset || answer_size(t) != 0;
}

void talk_hear(struct talk *t, struct reply *r)
{
	memset(r, 0, sizeof(*r));
	buf_init(&r->raw, ANSWER_MAX);
	stage_until(t->stage, talk_has_answer, t);
	size_t n = answer_size(t), take = n ? n : t->got.n;
	r->closed = t->closed;
	r->reset = t->reset;
	r->whole = n != 0;
	CU_ASSERT_EQUAL_FATAL(buf_add(&r->raw, t->got.p, take), STATUS_OK);
	if (take == 0)
		return;
	memmove(t->got.p, t->got.p + take, t->got.n - take + 1);
	t->got.n -= take;
	const char *end = strstr(r->raw.p, "\r\n\r\n");
	(void)sscanf(r->raw.p, "HTTP/1.1 %d", &r->status);
	r->body = end ? end + 4 : r->raw.p + r->raw.n;
	r->body_n = r->raw.n - (size_t)(r->body - r->raw.p);
}

void talk_release(struct talk *t)
{
	bufferevent_free(t->bev);
	buf_release(&t->got);
}

/* ---- whole questions ---- */

void ask(struct stage *s, const char *method, const char *path, const char *body, struct reply *r)
{
	struct talk t;
	talk_init(&t, s);
	talk_request(&t, method, path, body ? "application/json" : NULL, NULL, body, body ? strlen(body) : 0);
	talk_hear(&t, r);
	talk_release(&t);
}

void reply_release(struct reply *r)
{
	buf_release(&r->raw);
}

void reply_header(const struct reply *r, const char *name, char *out, size_t n)
{
	char wanted[64];
	snprintf(wanted, sizeof(wanted), "\r\n%s: ", name);
	const char *at = strcasestr(r->raw.p, wanted);
	out[0] = '\0';
	if (!at || at > r->body)
		return;
	at += strlen(wanted);
	snprintf(out, n, "%.*s", (int)strcspn(at, "\r"), at);
}

void control(struct stage *s, const char *method, const char *path, const char *body)
{
	struct reply r;
	ask(s, method, path, body, &r);
	CU_ASSERT_EQUAL(r.status, 200);
	reply_release(&r);
}

long state(struct stage *s, const char *counter)
{
	struct reply r;
	int64_t n = -1;
	ask(s, "GET", "/_control/state", NULL, &r);
	cJSON *root = json_parse((struct slice){ r.body, r.body_n });
	CU_ASSERT_EQUAL(json_int(json_at(root, counter, NULL), &n), STATUS_OK);
	cJSON_Delete(root);
	reply_release(&r);
	return (long)n;
}

void wait_for(struct stage *s, const char *counter, long n)
{
	char path[128];
	snprintf(path, sizeof(path), "/_control/wait?%s=%ld", counter, n);
	control(s, "GET", path, NULL);
}

char *new_entry(void)
{
	struct buf entry;
	buf_init(&entry, 65536);
	CU_ASSERT_EQUAL_FATAL(canonical_filler(&entry), STATUS_OK);
	return buf_take(&entry);
}

void entry_id(const struct reply *r, char out[81])
{
	cJSON *root = json_parse((struct slice){ r->body, r->body_n });
	out[0] = '\0';
	if (root && root->child && root->child->string)
		snprintf(out, 81, "%s", root->child->string);
	CU_ASSERT_EQUAL(strlen(out), 80);
	cJSON_Delete(root);
}

char *new_token(struct stage *s, const char *wish)
{
	struct reply r;
	ask(s, "POST", "/_control/token", wish, &r);
	cJSON *root = json_parse((struct slice){ r.body, r.body_n });
	struct slice token = json_str_at(root, "token", NULL);
	CU_ASSERT_FATAL(token.n > 0);
	char *copy = mem_strndup(token.p, token.n);
	cJSON_Delete(root);
	reply_release(&r);
	return copy;
}
