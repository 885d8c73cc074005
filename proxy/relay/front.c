#include "connections.h"

#include <sigrelay/relay/front.h>

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <sigrelay/base/log.h>
#include <sigrelay/relay/admission.h>
#include <sigrelay/relay/chunk_guard.h>
#include <sigrelay/relay/head_guard.h>
#include <sigrelay/relay/intake.h>

#define IDLE_TIMEOUT_S 120                /* a connection between two requests */
#define BODY_TIMEOUT (300 * USEC_PER_SEC) /* a body from first to last byte */
#define GONE_GRACE USEC_PER_SEC           /* a half-closed client may still read */
#define SILENT_SPARE 32                   /* connections beyond max_clients, for those that say nothing */
#define LISTEN_SETTING "listen"
#define FREE_ADDRESS "127.0.0.1:0"

struct conn {
	struct connection on;
	struct head_guard guard;
	struct chunk_guard chunks; /* of a chunked body */
	struct evhttp_request *held;
	struct exchange exchange; /* of held */
	struct event watch;       /* for a client that leaves while its request is held */
	bool watching, leaving;
	bool fresh;   /* held since the last look: watch may have been woken by the request itself */
	bool writing; /* an answer is on its way to the kernel */
	bool hears;   /* a relay: it said how long it waits, and is told that we do */
};

struct front {
	struct connections all;
	char words[160]; /* of the refusal that is being said */
	struct buf url;
	size_t max_clients;
	uint64_t max_body;
	usec header_timeout;
	size_t writing; /* connections with an answer on its way */
	uint64_t ids;   /* seeds of request ids */
	bool draining;
};

static struct conn *conn_of(struct connection *c)
{
	return (struct conn *)(void *)c;
}

static struct front *front_of(const struct conn *c)
{
	return (struct front *)(void *)c->on.all;
}

/* --- answering ----------------------------------------------------------- */

/* The watch stays for the next request. Between evhttp's own reading, which
 * ends when a request is whole and begins anew after its answer, it keeps the
 * descriptor registered: no system call a request (docs/performance.md). */
static void release(struct conn *c)
{
	c->held = NULL;
	c->leaving = false;
	timer_clear(&c->on.patience);
}

static void writing_begins(struct conn *c)
{
	release(c);
	if (!c->writing)
		front_of(c)->writing++;
	c->writing = true;
}

static void writing_ends(struct conn *c)
{
	if (c->writing)
		front_of(c)->writing--;
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

/* evhttp tells HTTP/1.0 no length: an answer that was cut off would look whole. */
static void add_length(struct evhttp_request *req, size_t n)
{
	char text[24];
	snprintf(text, sizeof(text), "%zu", n);
	evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Length", text);
}

/* evhttp would ask the loop whether the socket takes bytes before it writes any.
 * It nearly always does: write in this turn, and ask only when it did not. Two
 * epoll_ctl and one epoll_wait a request (docs/performance.md). */
static void write_now(struct conn *c)
{
	if (!c->on.all->tls) /* TLS has its own idea of when to write */
		event_active(&c->on.bev->ev_write, EV_WRITE, 0);
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
	if (a->body.n && evbuffer_add_reference(out, a->body.p, a->body.n, free_body, a) == 0) {
		answer_ref(a);
		add_length(req, a->body.n);
	}
	if (front_of(c)->draining)
		evhttp_add_header(evhttp_request_get_output_headers(req), "Connection", "close");
	evhttp_send_reply(req, a->status, NULL, NULL);
	write_now(c);
}

/* Refused before it became an exchange. close: what follows on this connection
 * cannot be trusted. */
static void refuse(struct conn *c, struct evhttp_request *req, const struct refusal *r, bool close)
{
	writing_begins(c);
	connection_refuse_request(c->on.all, req, r, close);
}

static void on_answer(struct exchange *x, struct answer *a)
{
	static const struct refusal none = { 503, REJECTED_MEMORY, "out of memory: try again in a moment",
					     NULL };
	struct conn *c = x->owner;
	if (a)
		send_answer(c, a);
	else
		refuse(c, c->held, &none, false);
}

/* --- a client that leaves ------------------------------------------------ */

static void drop(struct conn *c)
{
	if (c->held)
		exchange_abandon(&c->exchange);
	release(c);
	connection_drop(&c->on); /* calls closed */
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
	int fd = bufferevent_getfd(c->on.bev);
	ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	usec now = c->on.all->relay->now.mono;
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		watch(c);
	} else if (n < 0) {
		drop(c);
	} else if (n > 0 && !has_ended(fd)) {
		/* Pipelined bytes stay readable for as long as we hold: look again by
		 * the clock, or the loop would spin. */
		unwatch(c);
		timer_set(&c->on.patience, usec_add(now, GONE_GRACE));
	} else {
		/* It sends no more; whether it still reads cannot be known. */
		unwatch(c);
		c->leaving = true;
		timer_set(&c->on.patience, usec_add(now, GONE_GRACE));
	}
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	struct front *f = front_of(c); /* look may free c */
	(void)fd;
	(void)what;
	if (!c->held) {
		/* evhttp reads what is there; where it does not, it would wake us for ever. */
		if (!(bufferevent_get_enabled(c->on.bev) & EV_READ))
			unwatch(c);
		return;
	}
	if (c->fresh) {
		/* Perhaps the held request's own bytes; what is more than that wakes us again. */
		c->fresh = false;
		return;
	}
	connections_before(&f->all);
	look(c);
	connections_after(&f->all);
}

/* What the guards have found; false: nothing yet. */
static bool is_bad(const struct conn *c, struct refusal *r)
{
	bool head = c->guard.bad != NULL;
	struct front *f = front_of(c);
	if (!head && !c->chunks.bad)
		return false;
	*r = (struct refusal){ .status = head ? c->guard.status : c->chunks.status,
			       .reason = REJECTED_FRAMING,
			       .why = head ? c->guard.bad : c->chunks.bad };
	if (r->status == 413 || r->status == 414 || r->status == 431)
		r->reason = REJECTED_TOO_LARGE;
	if (r->status == 405) {
		r->reason = REJECTED_METHOD;
		r->allow = "GET, HEAD, POST";
	}
	if (r->status == 413) {
		bool known = head && c->guard.length != UINT64_MAX;
		snprintf(f->words, sizeof(f->words),
			 "a body of %s%" PRIu64 " bytes; max_body allows %" PRIu64, known ? "" : "more than ",
			 known ? c->guard.length : f->max_body, f->max_body);
		r->why = f->words;
	}
	return true;
}

static void refuse_bad(struct conn *c)
{
	struct refusal r;
	if (is_bad(c, &r))
		connection_refuse(&c->on, &r, c->guard.is_head);
}

static void explain(struct connection *on, int status, struct refusal *r)
{
	(void)status;
	(void)is_bad(conn_of(on), r);
}

static void refuse_slow(struct conn *c)
{
	const struct refusal r = { 408, REJECTED_SLOW,
				   guard_done(&c->guard) ? "the body did not arrive in time"
							 : "the head did not arrive in header_timeout",
				   NULL };
	connection_refuse(&c->on, &r, c->guard.is_head);
}

static void late(struct connection *on)
{
	struct conn *c = conn_of(on);
	if (c->held && !c->leaving) {
		look(c);
		return;
	}
	if (c->held)
		drop(c);
	else if (c->guard.bad || c->chunks.bad)
		refuse_bad(c);
	else
		refuse_slow(c);
}

/* --- taking a request ---------------------------------------------------- */

static uint64_t next_id(uint64_t id)
{
	return id * 6364136223846793005u + 1442695040888963407u;
}

static void forward(struct conn *c, struct evhttp_request *req, const struct route *route, enum method m)
{
	struct front *f = front_of(c);
	struct request *q = NULL;
	enum status s = intake_request(req, route, m, f->ids = next_id(f->ids), &q);
	if (s != STATUS_OK) {
		static const struct refusal large = { 431, REJECTED_TOO_LARGE, "the headers are too large",
						      NULL },
					    none = { 503, REJECTED_MEMORY,
						     "out of memory: try again in a moment", NULL };
		refuse(c, req, s == STATUS_TOO_LARGE ? &large : &none, true);
		return;
	}
	c->held = req;
	c->hears = q->wait != USEC_NEVER;
	exchange_start(&c->exchange, f->all.relay, q, on_answer, c);
	request_unref(q);
	if (c->held) {
		c->fresh = true;
		watch(c);
	}
}

static void forward_if_open(struct conn *c, struct evhttp_request *req, const struct route *route,
			    enum method m)
{
	static const struct refusal leaving = { 503, REJECTED_DRAINING,
						"this relay is leaving: try again in a moment", NULL },
				    crowd = { 503, REJECTED_CLIENTS,
					      "too many clients (max_clients): try again in a moment", NULL };
	if (front_of(c)->draining)
		refuse(c, req, &leaving, true);
	else if (connections_busy(&front_of(c)->all) > front_of(c)->max_clients)
		refuse(c, req, &crowd, true);
	else
		forward(c, req, route, m);
}

static void route_request(struct conn *c, struct evhttp_request *req)
{
	enum method m = METHOD_GET;
	struct slice method = intake_method(req, &m);
	struct route route = route_of(method, slice_str(evhttp_request_get_uri(req)));
	switch (route.kind) {
	case ROUTE_FORWARD:
		forward_if_open(c, req, &route, m);
		break;
	case ROUTE_SELF:
		evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "text/plain");
		evbuffer_add(evhttp_request_get_output_buffer(req), "ok\n", 3);
		evhttp_send_reply(req, 200, NULL, NULL);
		break;
	case ROUTE_BAD:
		refuse(c, req, &(struct refusal){ 400, REJECTED_PATH, route.why, NULL }, true);
		break;
	case ROUTE_UNKNOWN:
		refuse(c, req, &(struct refusal){ 404, REJECTED_PATH, route.why, NULL }, false);
		break;
	case ROUTE_BAD_METHOD:
		refuse(c, req, &(struct refusal){ 405, REJECTED_METHOD, route.why, route.allow }, false);
		break;
	}
}

/* --- connections --------------------------------------------------------- */

static void closed(struct connection *on)
{
	struct conn *c = conn_of(on);
	unwatch(c);
	if (c->held)
		exchange_abandon(&c->exchange);
	writing_ends(c);
}

static void guards_begin(struct conn *c)
{
	guard_begin(&c->guard, front_of(c)->max_body);
	chunk_guard_begin(&c->chunks, front_of(c)->max_body);
}

static void first(struct connection *on)
{
	struct conn *c = conn_of(on);
	guards_begin(c);
	event_assign(&c->watch, on->all->base, bufferevent_getfd(on->bev), EV_READ | EV_PERSIST, on_watch, c);
}

/* Shows the guards what came in, and says by when the rest must have come. */
static void guard_input(struct conn *c, size_t from)
{
	bool fresh = c->guard.bytes == 0, in_head = !guard_done(&c->guard);
	usec now = c->on.all->relay->now.mono;
	if (evbuffer_get_length(c->on.input) <= from)
		return;
	intake_feed(&c->guard, &c->chunks, c->on.input, from);
	if (in_head && guard_done(&c->guard))
		timer_set(&c->on.patience, usec_add(now, BODY_TIMEOUT));
	else if (fresh)
		timer_set(&c->on.patience, usec_add(now, front_of(c)->header_timeout));
}

static void on_input(struct connection *on, size_t from)
{
	struct conn *c = conn_of(on);
	struct front *f = front_of(c);
	if (intake_fed(&c->guard, &c->chunks))
		return;
	connections_before(&f->all);
	guard_input(c, from);
	refuse_bad(c); /* before evhttp reads it */
	connections_after(&f->all);
}

/* The answer is out: what is in the buffer now is the next head's. */
static void on_complete(struct evhttp_request *req, void *arg)
{
	struct conn *c = arg;
	struct front *f = front_of(c);
	(void)req;
	connections_before(&f->all);
	connection_answered(&c->on);
	writing_ends(c);
	guards_begin(c);
	guard_input(c, 0);
	if (c->guard.bad || c->chunks.bad) /* evhttp goes on from here: not now */
		timer_set(&c->on.patience, f->all.relay->now.mono);
	connections_after(&f->all);
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct front *f = arg;
	struct connection *on = connection_of(&f->all, req);
	if (!on)
		return;
	struct conn *c = conn_of(on);
	struct refusal r = { 400, REJECTED_FRAMING, intake_disagrees(req, &c->guard, &c->chunks), NULL };
	connections_before(&f->all);
	timer_clear(&c->on.patience);
	evhttp_request_set_on_complete_cb(req, on_complete, c);
	if (is_bad(c, &r) || r.why) {
		req->major = req->minor = 1; /* the version that evhttp answers with */
		refuse(c, req, &r, true);
	} else {
		route_request(c, req);
	}
	connections_after(&f->all);
}

/* --- the beginning and the end ------------------------------------------- */

static const struct connections_ops ops = {
	.record = sizeof(struct conn),
	.first = first,
	.input = on_input,
	.late = late,
	.explain = explain,
	.closed = closed,
	.idle_timeout = IDLE_TIMEOUT_S,
	.crowded = "too many clients (max_clients), and this one says nothing",
};

enum status front_new(struct front **out, struct event_base *base, struct relay *relay,
		      const struct settings *s, const char *address, struct tls *tls,
		      const struct listener_owner *owner, struct buf *error)
{
	struct front *f = mem_calloc(1, sizeof(*f));
	if (!f)
		return STATUS_NO_MEMORY;
	f->ids = rng_entropy();
	buf_init(&f->url, 4096);
	enum status st = connections_init(&f->all, &ops, base, relay, tls, owner);
	if (st != STATUS_OK)
		goto out;
	front_configure(f, s);
	/* Every method comes to us: evhttp's own refusal is a 501. */
	evhttp_set_allowed_methods(f->all.http, 0xffff);
	evhttp_set_max_headers_size(f->all.http, GUARD_HEAD_MAX);
	evhttp_set_gencb(f->all.http, on_request, f);
	st = listen_http(f->all.http, base, address ? address : FREE_ADDRESS, LISTEN_SETTING, tls != NULL,
			 &f->all.file, &f->url, error);
out:
	if (st == STATUS_OK)
		*out = f;
	else
		front_free(f);
	return st;
}

void front_free(struct front *f)
{
	if (!f)
		return;
	connections_release(&f->all);
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
	listen_close(f->all.http, f->all.base);
	return true;
}

bool front_is_writing(const struct front *f)
{
	return f->writing > 0;
}

void front_turn_away(struct front *f)
{
	struct connection *on, *next;
	HASH_ITER(hh, f->all.known, on, next)
	{
		struct conn *c = conn_of(on);
		if (c->held)
			exchange_turn_away(&c->exchange,
					   "this relay is leaving and could wait no longer: try again");
	}
}

void front_configure(struct front *f, const struct settings *s)
{
	f->max_clients = (size_t)s->max_clients;
	f->max_body = (uint64_t)s->max_body;
	f->header_timeout = s->header_timeout;
	connections_configure(&f->all, s, f->max_clients + SILENT_SPARE);
	evhttp_set_max_body_size(f->all.http, s->max_body);
}
