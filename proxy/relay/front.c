#include "hash_table.h"

#include <sigrelay/relay/front.h>

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <sigrelay/base/cidr.h>
#include <sigrelay/base/log.h>
#include <sigrelay/relay/accept_reserve.h>
#include <sigrelay/relay/chunk_guard.h>
#include <sigrelay/relay/exchange.h>
#include <sigrelay/relay/head_guard.h>
#include <sigrelay/relay/intake.h>
#include <sigrelay/relay/listen.h>
#include <sigrelay/sigstore/answers.h>

#define HEAD_MAX 32768                    /* bytes of a request's head */
#define IDLE_TIMEOUT_S 120                /* a connection between two requests */
#define BODY_TIMEOUT (300 * USEC_PER_SEC) /* a body from first to last byte */
#define GONE_GRACE USEC_PER_SEC           /* a half-closed client may still read */
#define EVHTTP_FIRST (10 * USEC_PER_MSEC) /* a bad head may still become a request, or evhttp's own 400 */
#define SILENT_SPARE 32                   /* connections beyond max_clients, for those that say nothing */
#define LISTEN_SETTING "listen"
#define FREE_ADDRESS "127.0.0.1:0"

/* One client connection. Found by its input buffer: the first callback has no more. */
struct conn {
	UT_hash_handle hh;
	TAILQ_ENTRY(conn) link; /* in arrived or silent */
	struct evbuffer *input; /* the key */
	struct front *front;
	struct bufferevent *bev;
	struct evhttp_connection *evcon; /* NULL while in arrived */
	struct head_guard guard;
	struct chunk_guard chunks; /* of a chunked body */
	struct timer patience;     /* head or body not complete; a client that left */
	struct evhttp_request *held;
	struct exchange exchange; /* of held */
	struct event watch;       /* for a client that leaves while its request is held */
	bool spoke;               /* a first byte came */
	bool watching, leaving;
	bool fresh;    /* held since the last look: watch may have been woken by the request itself */
	bool writing;  /* an answer is on its way to the kernel */
	bool stranger; /* its address is not in allow_from */
	bool hears;    /* a relay: it said how long it waits, and is told that we do */
};

TAILQ_HEAD(conns, conn);

struct front {
	struct event_base *base;
	struct relay *relay;
	struct evhttp *http;
	struct tls *tls; /* borrowed */
	struct cidr_list allowed;
	struct buf url;
	struct front_hooks hooks;
	struct conn *conns;
	struct conns arrived; /* in this turn of the loop */
	struct conns silent;  /* not a byte yet, the oldest first */
	struct event *arrivals;
	struct accept_reserve reserve;
	size_t open, spoken;
	size_t max_clients;
	usec header_timeout;
	size_t writing; /* connections with an answer on its way */
	uint64_t ids;   /* seeds of request ids */
	bool draining;
};

/* --- answering ----------------------------------------------------------- */

/* The watch stays for the next request. Between evhttp's own reading, which
 * ends when a request is whole and begins anew after its answer, it keeps the
 * descriptor registered: no system call a request (docs/performance.md). */
static void release(struct conn *c)
{
	c->held = NULL;
	c->leaving = false;
	timer_clear(&c->patience);
}

static void writing_begins(struct conn *c)
{
	release(c);
	if (!c->writing)
		c->front->writing++;
	c->writing = true;
}

static void writing_ends(struct conn *c)
{
	if (c->writing)
		c->front->writing--;
	c->writing = false;
}

static void free_body(const void *data, size_t n, void *arg)
{
	(void)data;
	(void)n;
	answer_unref(arg);
}

static void add_header(struct evhttp_request *req, struct slice name, struct slice value)
{
	char n[128], v[8192];
	if (name.n >= sizeof(n) || value.n >= sizeof(v))
		return;
	memcpy(n, name.p, name.n);
	memcpy(v, value.p, value.n);
	n[name.n] = v[value.n] = '\0';
	evhttp_add_header(evhttp_request_get_output_headers(req), n, v);
}

/* evhttp would ask the loop whether the socket takes bytes before it writes any.
 * It nearly always does: write in this turn, and ask only when it did not. Two
 * epoll_ctl and one epoll_wait a request (docs/performance.md). */
static void write_now(struct conn *c)
{
	if (!c->front->tls) /* TLS has its own idea of when to write */
		event_active(&c->bev->ev_write, EV_WRITE, 0);
}

static void send_answer(struct conn *c, struct answer *a)
{
	struct evhttp_request *req = c->held;
	struct slice name, value;
	struct evbuffer *out = evhttp_request_get_output_buffer(req);
	writing_begins(c);
	for (size_t at = 0; answer_next_header(a, &at, &name, &value);)
		add_header(req, name, value);
	if (c->hears)
		evhttp_add_header(evhttp_request_get_output_headers(req), "Preference-Applied", "wait");
	if (a->body.n && evbuffer_add_reference(out, a->body.p, a->body.n, free_body, a) == 0)
		answer_ref(a);
	if (c->front->draining)
		evhttp_add_header(evhttp_request_get_output_headers(req), "Connection", "close");
	evhttp_send_reply(req, a->status, NULL, NULL);
	write_now(c);
}

static void on_answer(struct exchange *x, struct answer *a)
{
	struct conn *c = x->owner;
	if (a) {
		send_answer(c, a);
		return;
	}
	struct evhttp_request *req = c->held;
	writing_begins(c);
	evhttp_send_error(req, HTTP_SERVUNAVAIL, NULL);
}

/* Refused before it became an exchange. close: what follows on this connection
 * cannot be trusted. */
static void refuse(struct conn *c, struct evhttp_request *req, int status, const char *why, bool close)
{
	struct evkeyvalq *h = evhttp_request_get_output_headers(req);
	struct buf body;
	const char *type = "text/plain";
	char text[512];
	buf_init(&body, 4096);
	snprintf(text, sizeof(text), "sigrelay: %s", why);
	(void)!error_body(SERVICE_REKOR, status, text, &body, &type);
	evhttp_add_header(h, "Content-Type", type);
	if (status == 503)
		evhttp_add_header(h, "Retry-After", "5");
	if (close)
		evhttp_add_header(h, "Connection", "close");
	evbuffer_add(evhttp_request_get_output_buffer(req), body.p ? body.p : "", body.n);
	buf_release(&body);
	metric_add(c->front->relay->telemetry.rejected, 1);
	log_event(LOG_INFO, "refused", LOG_D("status", status), LOG_S("cause", why),
		  LOG_S("host", evhttp_request_get_host(req)), LOG_S("next", close ? "close" : "go on"));
	writing_begins(c);
	evhttp_send_reply(req, status, NULL, NULL);
}

/* --- a client that leaves ------------------------------------------------ */

static void drop(struct conn *c)
{
	if (c->held)
		exchange_abandon(&c->exchange);
	release(c);
	evhttp_connection_free(c->evcon); /* calls on_close */
}

static void watch(struct conn *c)
{
	if (!c->watching && event_add(&c->watch, NULL) == 0)
		c->watching = true;
}

static void unwatch(struct conn *c)
{
	if (c->watching)
		event_del(&c->watch);
	c->watching = false;
}

/* Bytes that wait to be read hide the end of the stream: a pipelined request, or
 * the last record of TLS. */
static bool has_ended(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };
	return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

/* While a request is held evhttp does not read, so it cannot know that the
 * client left. Readable means: the end of its stream, an error, or a pipelined
 * request. Only a look tells which; what is there stays evhttp's to read. */
static void look(struct conn *c)
{
	char byte;
	int fd = bufferevent_getfd(c->bev);
	ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	usec now = c->front->relay->now.mono;
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		watch(c);
	} else if (n < 0) {
		drop(c);
	} else if (n > 0 && !has_ended(fd)) {
		/* Pipelined bytes stay readable for as long as we hold: look again by
		 * the clock, or the loop would spin. */
		unwatch(c);
		timer_set(&c->patience, usec_add(now, GONE_GRACE));
	} else {
		/* It sends no more; whether it still reads cannot be known. */
		unwatch(c);
		c->leaving = true;
		timer_set(&c->patience, usec_add(now, GONE_GRACE));
	}
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	struct front *f = c->front; /* look may free c */
	(void)fd;
	(void)what;
	if (!c->held) {
		/* evhttp reads what is there; where it does not, it would wake us for ever. */
		if (!(bufferevent_get_enabled(c->bev) & EV_READ))
			unwatch(c);
		return;
	}
	if (c->fresh) {
		/* Perhaps the held request's own bytes; what is more than that wakes us again. */
		c->fresh = false;
		return;
	}
	f->hooks.before(f->hooks.arg);
	look(c);
	f->hooks.after(f->hooks.arg);
}

static const char stranger[] = "this address is not in allow_from";

/* evhttp has no request yet that could be answered: a last word past it. */
static void last_word(struct conn *c, int status, const char *line, const char *cause)
{
	char text[160];
	metric_add(c->front->relay->telemetry.rejected, 1);
	log_event(LOG_INFO, "refused", LOG_D("status", status), LOG_S("cause", cause),
		  LOG_S("next", "close"));
	int n = snprintf(text, sizeof(text),
			 "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", status, line);
	tls_last_word(c->bev, text, (size_t)n);
}

static void say_why(struct conn *c)
{
	const char *bad = c->guard.bad ? c->guard.bad : c->chunks.bad;
	if (c->stranger)
		last_word(c, 403, "Forbidden", stranger);
	else if (bad)
		last_word(c, 400, "Bad Request", bad);
	else
		last_word(c, 408, "Request Timeout",
			  guard_done(&c->guard) ? "the body did not arrive in time"
						: "the head did not arrive in header_timeout");
}

static void on_patience(void *arg, usec now)
{
	struct conn *c = arg;
	(void)now;
	if (c->held && !c->leaving) {
		look(c);
		return;
	}
	if (!c->held)
		say_why(c);
	drop(c);
}

/* --- taking a request ---------------------------------------------------- */

static uint64_t next_id(uint64_t id)
{
	return id * 6364136223846793005u + 1442695040888963407u;
}

static void forward(struct conn *c, struct evhttp_request *req, const struct route *route, enum method m)
{
	struct front *f = c->front;
	struct request *q = NULL;
	enum status s = intake_request(req, route, m, f->ids = next_id(f->ids), &q);
	if (s != STATUS_OK) {
		refuse(c, req, s == STATUS_TOO_LARGE ? 431 : 503,
		       s == STATUS_TOO_LARGE ? "the headers are too large"
					     : "out of memory: try again in a moment",
		       true);
		return;
	}
	c->held = req;
	c->hears = q->wait != USEC_NEVER;
	exchange_start(&c->exchange, f->relay, q, on_answer, c);
	request_unref(q);
	if (c->held) {
		c->fresh = true;
		watch(c);
	}
}

static void route_request(struct conn *c, struct evhttp_request *req)
{
	enum method m = METHOD_GET;
	struct slice method = intake_method(req, &m);
	struct route route = route_of(method, slice_str(evhttp_request_get_uri(req)));
	switch (route.kind) {
	case ROUTE_FORWARD:
		if (c->front->draining)
			refuse(c, req, 503, "this relay is leaving: try again in a moment", true);
		else if (c->front->spoken > c->front->max_clients)
			refuse(c, req, 503, "too many clients (max_clients): try again in a moment", true);
		else
			forward(c, req, &route, m);
		break;
	case ROUTE_SELF:
		evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "text/plain");
		evbuffer_add(evhttp_request_get_output_buffer(req), "ok\n", 3);
		evhttp_send_reply(req, 200, NULL, NULL);
		break;
	case ROUTE_BAD:
		refuse(c, req, 400, route.why, true);
		break;
	case ROUTE_UNKNOWN:
		refuse(c, req, 404, route.why, false);
		break;
	case ROUTE_BAD_METHOD:
		evhttp_add_header(evhttp_request_get_output_headers(req), "Allow", route.allow);
		refuse(c, req, 405, route.why, false);
		break;
	}
}

/* --- connections --------------------------------------------------------- */

static struct conn *conn_find(struct front *f, struct evbuffer *input)
{
	struct conn *c = NULL;
	HASH_FIND_PTR(f->conns, &input, c);
	return c;
}

static void conn_free(struct conn *c)
{
	timer_release(&c->patience);
	HASH_DEL(c->front->conns, c);
	mem_free(c);
}

static void on_close(struct evhttp_connection *evcon, void *arg)
{
	struct conn *c = arg;
	struct front *f = c->front;
	(void)evcon;
	f->hooks.before(f->hooks.arg);
	unwatch(c);
	if (c->held)
		exchange_abandon(&c->exchange);
	writing_ends(c);
	f->open--;
	if (c->spoke)
		f->spoken--;
	else
		TAILQ_REMOVE(&f->silent, c, link);
	conn_free(c);
	f->hooks.after(f->hooks.arg);
}

static void guards_begin(struct conn *c)
{
	guard_begin(&c->guard);
	chunk_guard_begin(&c->chunks);
}

static bool is_stranger(const struct conn *c)
{
	struct sockaddr_storage from;
	socklen_t n = sizeof(from);
	return getpeername(bufferevent_getfd(c->bev), (struct sockaddr *)&from, &n) != 0 ||
	       !cidr_list_holds(&c->front->allowed, (const struct sockaddr *)&from);
}

/* evhttp has taken the connection, which is the argument of its own callbacks. It may
 * have given it up at once, for want of memory: then nobody has callbacks there. */
static void conn_arrives(struct conn *c)
{
	struct front *f = c->front;
	void *arg = NULL;
	TAILQ_REMOVE(&f->arrived, c, link);
	bufferevent_getcb(c->bev, NULL, NULL, NULL, &arg);
	bufferevent_decref(c->bev);
	if (!arg) {
		conn_free(c);
		return;
	}
	c->evcon = arg;
	evhttp_connection_set_closecb(c->evcon, on_close, c);
	TAILQ_INSERT_TAIL(&f->silent, c, link);
	f->open++;
}

static void all_arrive(struct front *f)
{
	while (!TAILQ_EMPTY(&f->arrived))
		conn_arrives(TAILQ_FIRST(&f->arrived));
}

/* What waits in the kernel is heard in the next turn. */
static bool is_silent(const struct conn *c)
{
	char byte;
	return recv(bufferevent_getfd(c->bev), &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

/* Whoever says nothing may not keep others out until header_timeout: beyond
 * max_clients and some, those that are silent longest go. */
static void shed_silent(struct front *f)
{
	struct conn *c = TAILQ_FIRST(&f->silent), *next;
	for (; c && f->open > f->max_clients + SILENT_SPARE; c = next) {
		next = TAILQ_NEXT(c, link);
		if (!is_silent(c))
			continue;
		last_word(c, 503, "Service Unavailable\r\nRetry-After: 5",
			  "too many clients (max_clients), and this one says nothing");
		drop(c);
	}
}

static void on_arrivals(evutil_socket_t fd, short what, void *arg)
{
	struct front *f = arg;
	(void)fd;
	(void)what;
	all_arrive(f);
	f->hooks.before(f->hooks.arg);
	shed_silent(f);
	f->hooks.after(f->hooks.arg);
}

static void conn_speaks(struct conn *c)
{
	struct front *f = c->front;
	c->spoke = true;
	TAILQ_REMOVE(&f->silent, c, link);
	f->spoken++;
	c->stranger = f->allowed.n && is_stranger(c);
	evhttp_connection_set_timeout(c->evcon, IDLE_TIMEOUT_S);
	guards_begin(c);
	event_assign(&c->watch, f->base, bufferevent_getfd(c->bev), EV_READ | EV_PERSIST, on_watch, c);
}

/* Shows the guards what came in, and says by when the rest must have come. */
static void guard_input(struct conn *c, size_t from)
{
	bool fresh = c->guard.bytes == 0, in_head = !guard_done(&c->guard);
	usec now = c->front->relay->now.mono;
	if (evbuffer_get_length(c->input) <= from)
		return;
	intake_feed(&c->guard, &c->chunks, c->input, from);
	if (c->guard.bad || c->chunks.bad || c->stranger)
		timer_set(&c->patience, usec_add(now, EVHTTP_FIRST));
	else if (in_head && guard_done(&c->guard))
		timer_set(&c->patience, usec_add(now, BODY_TIMEOUT));
	else if (fresh)
		timer_set(&c->patience, usec_add(now, c->front->header_timeout));
}

static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
	struct front *f = arg;
	struct conn *c;
	if (!info->n_added || !(c = conn_find(f, input)))
		return;
	if (!c->evcon)
		conn_arrives(c);
	if (!c->spoke)
		conn_speaks(c);
	if (intake_fed(&c->guard, &c->chunks))
		return;
	f->hooks.before(f->hooks.arg);
	guard_input(c, info->orig_size);
	f->hooks.after(f->hooks.arg);
}

/* The answer is out: what is in the buffer now is the next head's. */
static void on_complete(struct evhttp_request *req, void *arg)
{
	struct conn *c = arg;
	struct front *f = c->front;
	(void)req;
	f->hooks.before(f->hooks.arg);
	writing_ends(c);
	guards_begin(c);
	guard_input(c, 0);
	f->hooks.after(f->hooks.arg);
}

static struct conn *conn_new(struct front *f, struct bufferevent *bev)
{
	struct conn *c = mem_calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	if (timer_init(&f->relay->timers, &c->patience, on_patience, c) != STATUS_OK) {
		mem_free(c);
		return NULL;
	}
	c->front = f;
	c->bev = bev;
	c->input = bufferevent_get_input(bev);
	HASH_ADD_PTR(f->conns, input, c);
	if (!c->hh.tbl) {
		timer_release(&c->patience);
		mem_free(c);
		return NULL;
	}
	return c;
}

static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
	struct front *f = arg;
	struct bufferevent *bev = tls_bufferevent(f->tls, base);
	struct conn *c = bev ? conn_new(f, bev) : NULL;
	if (c) { /* without a record its requests are turned away */
		bufferevent_incref(bev);
		TAILQ_INSERT_TAIL(&f->arrived, c, link);
		event_active(f->arrivals, EV_TIMEOUT, 0);
		evbuffer_add_cb(c->input, on_input, f);
	}
	accept_reserve_ensure(&f->reserve);
	return bev;
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct front *f = arg;
	struct evhttp_connection *evcon = evhttp_request_get_connection(req);
	struct conn *c = conn_find(f, bufferevent_get_input(evhttp_connection_get_bufferevent(evcon)));
	if (!c) {
		evhttp_send_error(req, HTTP_SERVUNAVAIL, NULL);
		return;
	}
	f->hooks.before(f->hooks.arg);
	timer_clear(&c->patience);
	evhttp_request_set_on_complete_cb(req, on_complete, c);
	const char *bad = intake_ambiguity(req, &c->guard, &c->chunks);
	if (c->stranger) {
		refuse(c, req, 403, stranger, true);
	} else if (evhttp_request_get_command(req) == EVHTTP_REQ_CONNECT) {
		/* evhttp would answer without a length and keep the connection; and
		 * it may not be freed from in here. */
		c->guard.bad = "CONNECT: this is a relay with fixed upstreams, not a forward proxy";
		timer_set(&c->patience, f->relay->now.mono);
	} else if (bad) {
		req->major = req->minor = 1; /* the version that evhttp answers with */
		refuse(c, req, 400, bad, true);
	} else {
		route_request(c, req);
	}
	f->hooks.after(f->hooks.arg);
}

/* --- the beginning and the end ------------------------------------------- */

enum status front_new(struct front **out, struct event_base *base, struct relay *relay,
		      const struct settings *s, const char *address, struct tls *tls,
		      const struct front_hooks *hooks, struct buf *error)
{
	struct front *f = mem_calloc(1, sizeof(*f));
	enum status st = STATUS_NO_MEMORY;
	if (!f)
		return st;
	f->base = base;
	f->relay = relay;
	f->tls = tls;
	f->hooks = *hooks;
	f->ids = rng_entropy();
	buf_init(&f->url, 4096);
	TAILQ_INIT(&f->arrived);
	TAILQ_INIT(&f->silent);
	f->arrivals = event_new(base, -1, 0, on_arrivals, f);
	f->http = evhttp_new(base);
	if (!f->arrivals || !f->http || accept_reserve_init(&f->reserve, base, f->http) != STATUS_OK ||
	    (st = front_configure(f, s)) != STATUS_OK)
		goto out;
	/* Every method comes to us: evhttp's own refusal is a 501. */
	evhttp_set_allowed_methods(f->http, 0xffff);
	evhttp_set_max_headers_size(f->http, HEAD_MAX);
	evhttp_set_default_content_type(f->http, NULL);
	evhttp_set_bevcb(f->http, on_connection, f);
	evhttp_set_gencb(f->http, on_request, f);
	st = listen_http(f->http, base, address ? address : FREE_ADDRESS, LISTEN_SETTING, tls != NULL,
			 &f->url, error);
out:
	if (st == STATUS_OK)
		*out = f;
	else
		front_free(f);
	return st;
}

void front_free(struct front *f)
{
	struct conn *c, *next;
	if (!f)
		return;
	all_arrive(f);
	HASH_ITER(hh, f->conns, c, next)
	drop(c);
	accept_reserve_release(&f->reserve);
	if (f->http)
		evhttp_free(f->http);
	if (f->arrivals)
		event_free(f->arrivals);
	cidr_list_release(&f->allowed);
	buf_release(&f->url);
	mem_free(f);
}

const char *front_url(const struct front *f)
{
	return f->url.p;
}

bool front_drain(struct front *f)
{
	f->draining = true;
	if (!listen_is_inherited(LISTEN_SETTING))
		return false;
	listen_close(f->http, f->base);
	return true;
}

bool front_is_writing(const struct front *f)
{
	return f->writing > 0;
}

void front_turn_away(struct front *f)
{
	struct conn *c, *next;
	HASH_ITER(hh, f->conns, c, next)
	{
		if (c->held)
			exchange_turn_away(&c->exchange,
					   "this relay is leaving and could wait no longer: try again");
	}
}

enum status front_configure(struct front *f, const struct settings *s)
{
	struct cidr_list allowed;
	struct slice bad;
	enum status st = cidr_list_parse(s->allow_from, &allowed, &bad);
	if (st != STATUS_OK)
		return st;
	cidr_list_release(&f->allowed);
	f->allowed = allowed;
	f->max_clients = (size_t)s->max_clients;
	f->header_timeout = s->header_timeout;
	evhttp_set_max_body_size(f->http, s->max_body);
	evhttp_set_timeout(f->http, (int)(s->header_timeout / USEC_PER_SEC) + 1);
	return STATUS_OK;
}
