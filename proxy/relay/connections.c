#include "connections.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <sigrelay/base/cidr.h>
#include <sigrelay/base/log.h>

void connections_before(const struct connections *all)
{
	all->owner.before(all->owner.arg);
}

void connections_after(const struct connections *all)
{
	all->owner.after(all->owner.arg);
}

/* --- refusals ----------------------------------------------------------- */

void connection_refused(const struct connections *all, struct evhttp_connection *evcon, int status,
			const char *why, const char *host, const char *next)
{
	char *address = NULL;
	ev_uint16_t port;
	if (evcon)
		evhttp_connection_get_peer(evcon, &address, &port);
	metric_add(all->relay->telemetry.rejected, 1);
	log_event(LOG_INFO, "refused", LOG_D("status", status), LOG_S("cause", why),
		  LOG_S("address", address), LOG_S("host", host), LOG_S("next", next));
}

void connection_last_word(struct connection *c, int status, const char *line, const char *why)
{
	char text[160];
	connection_refused(c->all, c->evcon, status, why, NULL, "close");
	int n = snprintf(text, sizeof(text),
			 "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", status, line);
	tls_last_word(c->bev, text, (size_t)n);
}

/* --- from accept to close ------------------------------------------------ */

struct connection *connection_of(struct connections *all, struct evhttp_request *req)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(req);
	struct evbuffer *input = bufferevent_get_input(evhttp_connection_get_bufferevent(evcon));
	struct connection *c = NULL;
	HASH_FIND_PTR(all->known, &input, c);
	return c;
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
	for (; c && all->open > all->most; c = next) {
		next = TAILQ_NEXT(c, link);
		if (!says_nothing(c))
			continue;
		if (!c->spoke)
			connection_last_word(c, 503, "Service Unavailable\r\nRetry-After: 5",
					     all->ops->crowded);
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
	c->spoke = true;
	c->stranger = is_stranger(c);
	connection_be_busy(c);
	evhttp_connection_set_timeout(c->evcon, c->all->ops->idle_timeout);
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
	all->ops->input(c, info->orig_size);
}

static void on_patience(void *arg, usec now)
{
	struct connection *c = arg;
	(void)now;
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
