#include "connections.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <sigrelay/base/cidr.h>
#include <sigrelay/base/log.h>

#define REFUSAL_MAX 8192
#define LINGER (2 * USEC_PER_SEC)

void connections_before(const struct connections *all)
{
	all->owner.before(all->owner.arg);
}

void connections_after(const struct connections *all)
{
	all->owner.after(all->owner.arg);
}

/* --- refusals ----------------------------------------------------------- */

static void tell(const struct connections *all, struct evhttp_connection *evcon, const struct refusal *r,
		 const char *host, const char *next)
{
	char *address = NULL;
	ev_uint16_t port;
	if (evcon)
		evhttp_connection_get_peer(evcon, &address, &port);
	metric_add(all->relay->telemetry.rejected[r->reason], 1);
	log_event(LOG_INFO, "refused", LOG_S("reason", rejected_name(r->reason)), LOG_D("status", r->status),
		  LOG_S("cause", r->why), LOG_S("address", address), LOG_S("host", host),
		  LOG_S("next", next));
}

void connection_refuse_request(const struct connections *all, struct evhttp_request *req,
			       const struct refusal *r, bool close)
{
	tell(all, evhttp_request_get_connection(req), r, evhttp_request_get_host(req),
	     close ? "close" : "go on");
	refusal_reply(r, req, close);
}

/* arg is evhttp's own when it asks for what it has not read yet. */
static void pass_over(struct bufferevent *bev, void *arg)
{
	struct evbuffer *input = bufferevent_get_input(bev);
	(void)arg;
	evbuffer_drain(input, evbuffer_get_length(input));
}

static void on_said(struct bufferevent *bev, void *arg)
{
	if (bufferevent_get_enabled(bev) & EV_READ)
		tls_half_close(bev);
	else /* it has said its last already */
		connection_drop(arg);
}

/* A client that has half-closed still reads. */
static void on_gone(struct bufferevent *bev, short what, void *arg)
{
	if (!(what & BEV_EVENT_EOF) || evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		connection_drop(arg);
}

void connection_refuse(struct connection *c, const struct refusal *r, bool bodiless)
{
	struct buf text;
	buf_init(&text, REFUSAL_MAX);
	tell(c->all, c->evcon, r, NULL, "close");
	refusal_write(r, bodiless, &text);
	c->refused = true;
	connection_be_quiet(c);
	timer_set(&c->patience, usec_add(c->all->relay->now.mono, LINGER));
	bufferevent_setcb(c->bev, pass_over, on_said, on_gone, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	bufferevent_write(c->bev, text.p ? text.p : "", text.n);
	buf_release(&text);
}

/* Past whatever waits to be written, for a connection that is dropped next. */
static void last_word(struct connection *c, const struct refusal *r)
{
	struct buf text;
	buf_init(&text, REFUSAL_MAX);
	tell(c->all, c->evcon, r, NULL, "close");
	refusal_write(r, false, &text);
	tls_last_word(c->bev, text.p ? text.p : "", text.n);
	buf_release(&text);
}

/* Of the status line that stands in output behind from; evhttp adds it in one piece. */
static int status_at(struct evbuffer *output, size_t from)
{
	struct evbuffer_ptr at;
	struct evbuffer_iovec v;
	const size_t before = strlen("HTTP/1.1 "), n = strlen("400");
	char digits[4] = "";
	evbuffer_ptr_set(output, &at, from, EVBUFFER_PTR_SET);
	if (evbuffer_peek(output, -1, &at, &v, 1) < 1 || v.iov_len < before + n)
		return 0;
	memcpy(digits, (const char *)v.iov_base + before, n);
	return (int)strtol(digits, NULL, 10);
}

/* evhttp begins an answer although it has handed out no request: its own refusal, or a
 * 100 Continue. */
static void on_output(struct evbuffer *output, const struct evbuffer_cb_info *info, void *arg)
{
	struct connection *c = arg;
	if (!info->n_added || c->handed || c->refused || c->own_refusal)
		return;
	int status = status_at(output, info->orig_size);
	if (status < 400)
		return;
	c->own_refusal = status;
	TAILQ_INSERT_TAIL(&c->all->own_refusals, c, own_link);
	event_active(c->all->arrivals, EV_TIMEOUT, 0);
}

static void say_it_ourselves(struct connection *c)
{
	struct evbuffer *output = bufferevent_get_output(c->bev);
	struct refusal r = { c->own_refusal, REJECTED_FRAMING, "this is no request that can be read", NULL };
	TAILQ_REMOVE(&c->all->own_refusals, c, own_link);
	evbuffer_unfreeze(output, 1);
	evbuffer_drain(output, evbuffer_get_length(output));
	evbuffer_freeze(output, 1);
	c->all->ops->explain(c, c->own_refusal, &r);
	c->own_refusal = 0;
	connection_refuse(c, &r, false);
}

/* --- from accept to close ------------------------------------------------ */

struct connection *connection_of(struct connections *all, struct evhttp_request *req)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(req);
	struct evbuffer *input = bufferevent_get_input(evhttp_connection_get_bufferevent(evcon));
	struct connection *c = NULL;
	HASH_FIND_PTR(all->known, &input, c);
	if (c) {
		c->handed = true;
		return c;
	}
	static const struct refusal r = { 503, REJECTED_MEMORY, "out of memory: try again in a moment",
					  NULL };
	connection_refuse_request(all, req, &r, true);
	return NULL;
}

void connection_be_quiet(struct connection *c)
{
	connection_be_busy(c);
	c->quiet = true;
	c->all->quiet++;
	TAILQ_INSERT_TAIL(&c->all->quiet_ones, c, link);
}

void connection_be_busy(struct connection *c)
{
	if (!c->quiet)
		return;
	c->quiet = false;
	c->all->quiet--;
	TAILQ_REMOVE(&c->all->quiet_ones, c, link);
}

static void forget(struct connection *c)
{
	if (c->own_refusal)
		TAILQ_REMOVE(&c->all->own_refusals, c, own_link);
	if (c->spoke)
		evbuffer_remove_cb(bufferevent_get_output(c->bev), on_output, c);
	timer_release(&c->patience);
	HASH_DEL(c->all->known, c);
	mem_free(c);
}

void connection_drop(struct connection *c)
{
	evhttp_connection_free(c->evcon); /* calls on_close */
}

static void on_close(struct evhttp_connection *evcon, void *arg)
{
	struct connection *c = arg;
	struct connections *all = c->all;
	(void)evcon;
	connections_before(all);
	all->ops->closed(c);
	connection_be_busy(c);
	all->open--;
	forget(c);
	connections_after(all);
}

/* evhttp has taken the connection, which is the argument of its own callbacks. It may
 * have given it up at once, for want of memory: then nobody has callbacks there. */
static void arrives(struct connection *c)
{
	void *arg = NULL;
	TAILQ_REMOVE(&c->all->arrived, c, link);
	bufferevent_getcb(c->bev, NULL, NULL, NULL, &arg);
	bufferevent_decref(c->bev);
	if (!arg) {
		forget(c);
		return;
	}
	c->evcon = arg;
	evhttp_connection_set_closecb(c->evcon, on_close, c);
	connection_be_quiet(c);
	c->all->open++;
}

static void all_arrive(struct connections *all)
{
	while (!TAILQ_EMPTY(&all->arrived))
		arrives(TAILQ_FIRST(&all->arrived));
}

/* What waits in the kernel is heard in the next turn. */
static bool says_nothing(const struct connection *c)
{
	char byte;
	return recv(bufferevent_getfd(c->bev), &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

/* Who is quiet may not keep others out until its time-out. */
static void shed(struct connections *all)
{
	struct connection *c = TAILQ_FIRST(&all->quiet_ones), *next;
	const struct refusal r = { 503, REJECTED_CLIENTS, all->ops->crowded, NULL };
	for (; c && all->open > all->most; c = next) {
		next = TAILQ_NEXT(c, link);
		if (!c->refused && !says_nothing(c))
			continue;
		if (!c->spoke)
			last_word(c, &r);
		connection_drop(c);
	}
}

static void on_arrivals(evutil_socket_t fd, short what, void *arg)
{
	struct connections *all = arg;
	(void)fd;
	(void)what;
	all_arrive(all);
	connections_before(all);
	while (!TAILQ_EMPTY(&all->own_refusals))
		say_it_ourselves(TAILQ_FIRST(&all->own_refusals));
	shed(all);
	connections_after(all);
}

static bool is_stranger(const struct connection *c)
{
	struct sockaddr_storage from;
	socklen_t n = sizeof(from);
	const struct cidr_list *allowed = c->all->owner.allowed;
	return allowed->n && (getpeername(bufferevent_getfd(c->bev), (struct sockaddr *)&from, &n) != 0 ||
			      !cidr_list_holds(allowed, (const struct sockaddr *)&from));
}

static void speaks(struct connection *c)
{
	static const struct refusal r = { 403, REJECTED_ADDRESS, "this address is not in allow_from", NULL };
	c->spoke = true;
	evbuffer_add_cb(bufferevent_get_output(c->bev), on_output, c);
	evhttp_connection_set_timeout(c->evcon, c->all->ops->idle_timeout);
	if (is_stranger(c)) {
		connections_before(c->all);
		connection_refuse(c, &r, false);
		connections_after(c->all);
		return;
	}
	connection_be_busy(c);
	c->all->ops->first(c);
}

static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
	struct connections *all = arg;
	struct connection *c = NULL;
	if (info->n_added)
		HASH_FIND_PTR(all->known, &input, c);
	if (!c)
		return;
	if (!c->evcon)
		arrives(c);
	if (!c->spoke)
		speaks(c);
	if (!c->refused)
		all->ops->input(c, info->orig_size);
}

static void on_patience(void *arg, usec now)
{
	struct connection *c = arg;
	(void)now;
	if (c->refused)
		connection_drop(c);
	else
		c->all->ops->late(c);
}

static struct connection *remember(struct connections *all, struct bufferevent *bev)
{
	struct connection *c = mem_calloc(1, all->ops->record);
	if (!c)
		return NULL;
	if (timer_init(&all->relay->timers, &c->patience, on_patience, c) != STATUS_OK) {
		mem_free(c);
		return NULL;
	}
	c->all = all;
	c->bev = bev;
	c->input = bufferevent_get_input(bev);
	HASH_ADD_PTR(all->known, input, c);
	if (!c->hh.tbl) {
		timer_release(&c->patience);
		mem_free(c);
		return NULL;
	}
	return c;
}

static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
	struct connections *all = arg;
	struct bufferevent *bev = tls_bufferevent(all->tls, base);
	struct connection *c = bev ? remember(all, bev) : NULL;
	if (c) { /* without a record its requests are turned away */
		bufferevent_incref(bev);
		TAILQ_INSERT_TAIL(&all->arrived, c, link);
		event_active(all->arrivals, EV_TIMEOUT, 0);
		evbuffer_add_cb(c->input, on_input, all);
	}
	accept_reserve_ensure(&all->reserve);
	return bev;
}

/* --- the beginning and the end ------------------------------------------- */

enum status connections_init(struct connections *all, const struct connections_ops *ops,
			     struct event_base *base, struct relay *relay, struct tls *tls,
			     const struct listener_owner *owner)
{
	*all = (struct connections){
		.ops = ops, .base = base, .relay = relay, .tls = tls, .owner = *owner, .most = SIZE_MAX
	};
	TAILQ_INIT(&all->arrived);
	TAILQ_INIT(&all->quiet_ones);
	TAILQ_INIT(&all->own_refusals);
	all->arrivals = event_new(base, -1, 0, on_arrivals, all);
	all->http = evhttp_new(base);
	if (!all->arrivals || !all->http ||
	    accept_reserve_init(&all->reserve, base, all->http) != STATUS_OK) {
		connections_release(all);
		return STATUS_NO_MEMORY;
	}
	evhttp_set_default_content_type(all->http, NULL);
	evhttp_set_bevcb(all->http, on_connection, all);
	return STATUS_OK;
}

void connections_release(struct connections *all)
{
	struct connection *c, *next;
	listen_remove(&all->file);
	if (all->arrived.tqh_last)
		all_arrive(all);
	HASH_ITER(hh, all->known, c, next)
	connection_drop(c);
	accept_reserve_release(&all->reserve);
	if (all->http)
		evhttp_free(all->http);
	if (all->arrivals)
		event_free(all->arrivals);
	*all = (struct connections){ .http = NULL };
}

void connections_configure(struct connections *all, const struct settings *s, size_t most)
{
	all->most = most;
	evhttp_set_timeout(all->http, (int)(s->header_timeout / USEC_PER_SEC) + 1);
}
