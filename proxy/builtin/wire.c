#include <sigrelay/builtin/wire.h>

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <sigrelay/base/mem.h>

enum conn_state { CONN_HEAD, CONN_BODY, CONN_BUSY, CONN_DRIP, CONN_CLOSING };

struct conn {
	struct wire *wire;
	struct conn *prev, *next;
	struct bufferevent *bev;
	enum conn_state state;
	bool keep_alive;
	char *head; /* the request's head, cut up by NULs */
	const char *headers, *head_end;
	bool chunked;
	size_t body_left;
	struct call call;
	struct buf drip; /* what is left to say in CONN_DRIP, from drip_at on */
	size_t drip_at;
	usec drip_start, drip_over;
};

struct wire {
	struct event_base *base;
	struct evconnlistener *listener;
	uint16_t port;
	struct wire_handler handler;
	struct conn *conns;
};

void response_init(struct response *a, int status, const char *content_type)
{
	a->status = status;
	a->content_type = content_type;
	buf_init(&a->head, WIRE_HEAD_MAX);
	buf_init(&a->body, WIRE_BODY_MAX);
}

void response_release(struct response *a)
{
	buf_release(&a->head);
	buf_release(&a->body);
}

/* ---- the life of a connection ---- */

static void call_end(struct conn *c)
{
	if (c->call.timer)
		event_free(c->call.timer);
	buf_wipe(&c->call.body); /* it may hold an identity token */
	if (c->head)
		mem_wipe(c->head, (size_t)(c->head_end - c->head));
	mem_free(c->head);
	c->head = NULL;
	memset(&c->call, 0, sizeof(c->call));
	buf_init(&c->call.body, WIRE_BODY_MAX);
	c->call.conn = c;
}

static void conn_free(struct conn *c)
{
	struct wire *w = c->wire;
	if (c->state == CONN_BUSY)
		w->handler.gone(w->handler.arg, &c->call);
	call_end(c);
	buf_release(&c->drip);
	*(c->prev ? &c->prev->next : &w->conns) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	bufferevent_free(c->bev);
	mem_free(c);
}

static void conn_reset(struct conn *c)
{
	const struct linger rst = { .l_onoff = 1, .l_linger = 0 };
	(void)setsockopt(bufferevent_getfd(c->bev), SOL_SOCKET, SO_LINGER, &rst, sizeof(rst));
	c->state = CONN_CLOSING;
	conn_free(c);
}

/* Ends the connection once what was written is out. */
static void conn_close_later(struct conn *c)
{
	c->state = CONN_CLOSING;
	if (evbuffer_get_length(bufferevent_get_output(c->bev)) == 0)
		conn_free(c);
}

/* ---- reading a request ---- */

static bool header_line(const struct conn *c, const char **at, struct slice *name, struct slice *value)
{
	if (*at >= c->head_end)
		return false;
	size_t n = strlen(*at);
	const char *colon = memchr(*at, ':', n);
	*name = (struct slice){ *at, colon ? (size_t)(colon - *at) : n };
	*value = colon ? slice_trim((struct slice){ colon + 1, n - name->n - 1 }) : (struct slice){ *at, 0 };
	*at += n + 2; /* "\r\n" were made NULs */
	return true;
}

void *call_owner(const struct call *c)
{
	return c->conn->wire->handler.arg;
}

struct slice call_header(const struct call *call, const char *name)
{
	const char *at = call->conn->headers;
	struct slice key, value;
	while (header_line(call->conn, &at, &key, &value)) {
		if (slice_eq_icase(key, name))
			return value;
	}
	return (struct slice){ NULL, 0 };
}

static bool parameter_value(struct slice parameter, char *out, size_t n)
{
	size_t length = 0;
	char *decoded = evhttp_uridecode(parameter.p, 1, &length);
	bool fits = decoded && length < n;
	if (fits)
		memcpy(out, decoded, length + 1);
	free(decoded);
	return fits;
}

enum status call_query(const struct call *c, const char *name, char *out, size_t n)
{
	char copy[512];
	size_t length = strlen(name);
	for (const char *p = c->query; *p;) {
		size_t end = strcspn(p, "&");
		if (strncmp(p, name, length) == 0 && p[length] == '=' && end < sizeof(copy)) {
			memcpy(copy, p + length + 1, end - length - 1);
			copy[end - length - 1] = '\0';
			return parameter_value(slice_str(copy), out, n) ? STATUS_OK : STATUS_INVALID;
		}
		p += end + (p[end] == '&');
	}
	return STATUS_NOT_FOUND;
}

static char *cut(char **at, int c)
{
	char *end = strchr(*at, c);
	char *word = *at;
	if (!end)
		return NULL;
	*end = '\0';
	*at = end + 1;
	return word;
}

/* "POST /path?query HTTP/1.1", and the header lines cut up behind it. */
static bool parse_head(struct conn *c, size_t n)
{
	char *at = c->head;
	for (char *p = c->head; (p = strstr(p, "\r\n")) != NULL; p += 2)
		p[0] = p[1] = '\0';
	c->head_end = c->head + n - 2;
	c->headers = c->head + strlen(c->head) + 2;
	char *method = cut(&at, ' ');
	char *target = method ? cut(&at, ' ') : NULL;
	if (!target || target[0] != '/')
		return false;
	char *query = strchr(target, '?');
	if (query)
		*query++ = '\0';
	c->call.method = method;
	c->call.path = target;
	c->call.query = query ? query : "";
	c->keep_alive =
	    strcmp(at, "HTTP/1.1") == 0 && !slice_eq_icase(call_header(&c->call, "Connection"), "close");
	return true;
}

static bool body_framing(struct conn *c)
{
	uint64_t n = 0;
	struct slice length = call_header(&c->call, "Content-Length");
	c->chunked = slice_eq_icase(call_header(&c->call, "Transfer-Encoding"), "chunked");
	if (length.n && (slice_u64(length, &n) != STATUS_OK || n > WIRE_BODY_MAX))
		return false;
	c->body_left = (size_t)n;
	return true;
}

/* True when a head was read; false: wait for more, or the connection is gone. */
static bool read_head(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	if (end.pos < 0) {
		if (evbuffer_get_length(in) > WIRE_HEAD_MAX)
			conn_reset(c);
		return false;
	}
	size_t n = (size_t)end.pos + 4;
	c->head = mem_calloc(1, n + 1);
	if (c->head)
		evbuffer_remove(in, c->head, n);
	if (!c->head || !parse_head(c, n) || !body_framing(c)) {
		conn_reset(c);
		return false;
	}
	if (!c->wire->handler.head(c->wire->handler.arg, &c->call)) {
		conn_reset(c);
		return false;
	}
	if (slice_eq_icase(call_header(&c->call, "Expect"), "100-continue"))
		bufferevent_write(c->bev, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	c->state = CONN_BODY;
	return true;
}

static bool take(struct conn *c, size_t n)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	size_t have = evbuffer_get_length(in);
	size_t some = have < n ? have : n;
	bool ok =
	    some == 0 || buf_add(&c->call.body, evbuffer_pullup(in, (ev_ssize_t)some), some) == STATUS_OK;
	evbuffer_drain(in, some);
	c->body_left -= some;
	return ok;
}

enum reading { READING_MORE, READING_DONE, READING_BAD };

/* Reads a chunk's size line (and the line end of the chunk before). */
static enum reading next_chunk(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	char *line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF);
	if (line && line[0] == '\0') {
		free(line);
		line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF);
	}
	if (!line)
		return READING_MORE;
	unsigned long n = strtoul(line, NULL, 16);
	free(line);
	if (n > WIRE_BODY_MAX)
		return READING_BAD;
	c->body_left = n;
	if (n)
		return READING_MORE;
	line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF); /* trailers are not understood */
	if (!line || line[0])
		c->keep_alive = false;
	free(line);
	return READING_DONE;
}

static enum reading read_body(struct conn *c)
{
	for (;;) {
		if (!take(c, c->body_left))
			return READING_BAD;
		if (c->body_left)
			return READING_MORE;
		if (!c->chunked)
			return READING_DONE;
		enum reading r = next_chunk(c);
		if (r != READING_MORE || c->body_left == 0)
			return r;
	}
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;
	(void)bev;
	if (c->state == CONN_HEAD && !read_head(c))
		return;
	if (c->state != CONN_BODY)
		return; /* pipelined: stays in the input until the answer is out */
	enum reading r = read_body(c);
	if (r == READING_BAD) {
		conn_reset(c);
	} else if (r == READING_DONE) {
		c->state = CONN_BUSY;
		c->call.read_at = clock_now().mono;
		c->wire->handler.request(c->wire->handler.arg, &c->call);
	}
}

/* ---- answering ---- */

static const char *reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 409, "Conflict" },
		{ 413, "Request Entity Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 422, "Unprocessable Entity" },
		{ 429, "Too Many Requests" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
	};
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "Unknown";
}

static enum status format(struct conn *c, const struct response *a, struct buf *out)
{
	char date[64];
	time_t now = time(NULL);
	struct tm tm;
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
	enum status s = buf_addf(out, "HTTP/1.1 %d %s\r\n", a->status, reason(a->status));
	if (s == STATUS_OK && a->content_type)
		s = buf_addf(out, "Content-Type: %s\r\n", a->content_type);
	if (s == STATUS_OK)
		s = buf_add_slice(out, buf_slice(&a->head));
	if (s == STATUS_OK)
		s = buf_addf(out, "Date: %s\r\nContent-Length: %zu\r\n%s\r\n", date, a->body.n,
			     c->keep_alive ? "" : "Connection: close\r\n");
	if (s == STATUS_OK && strcmp(c->call.method, "HEAD") != 0)
		s = buf_add_slice(out, buf_slice(&a->body));
	return s;
}

/* A finished answer: on to the next request, or the end of the connection. */
static void answered(struct conn *c)
{
	bool more = c->keep_alive;
	call_end(c);
	if (!more) {
		conn_close_later(c);
		return;
	}
	c->state = CONN_HEAD;
	bufferevent_trigger(c->bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}

void wire_answer(struct call *call, const struct response *a)
{
	struct conn *c = call->conn;
	struct buf out;
	buf_init(&out, 2 * WIRE_BODY_MAX);
	if (format(c, a, &out) != STATUS_OK || bufferevent_write(c->bev, out.p, out.n) != 0)
		conn_reset(c);
	else
		answered(c);
	buf_release(&out);
}

void wire_answer_half(struct call *call, const struct response *a)
{
	struct conn *c = call->conn;
	struct buf out;
	buf_init(&out, 2 * WIRE_BODY_MAX);
	if (format(c, a, &out) != STATUS_OK) {
		conn_reset(c);
	} else {
		size_t head = out.n - a->body.n;
		size_t n = a->body.n ? head + a->body.n / 2 : head / 2;
		bufferevent_write(c->bev, out.p, n);
		call_end(c);
		conn_close_later(c);
	}
	buf_release(&out);
}

static void drip_more(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	usec gone = clock_now().mono - c->drip_start;
	double share = c->drip_over > 0 ? (double)gone / (double)c->drip_over : 1.0;
	size_t due = share >= 1.0 ? c->drip.n : (size_t)(share * (double)c->drip.n);
	(void)fd, (void)what;
	if (due > c->drip_at)
		bufferevent_write(c->bev, c->drip.p + c->drip_at, due - c->drip_at);
	c->drip_at = due > c->drip_at ? due : c->drip_at;
	if (c->drip_at == c->drip.n) {
		buf_release(&c->drip);
		answered(c);
		return;
	}
	usec gap = c->drip_over / (usec)c->drip.n;
	struct timeval tv = { gap / USEC_PER_SEC, gap % USEC_PER_SEC };
	event_add(c->call.timer, &tv);
}

void wire_answer_drip(struct call *call, const struct response *a, usec over)
{
	struct conn *c = call->conn;
	if (call->timer)
		event_free(call->timer);
	call->timer = evtimer_new(c->wire->base, drip_more, c);
	buf_init(&c->drip, 2 * WIRE_BODY_MAX);
	if (!call->timer || format(c, a, &c->drip) != STATUS_OK) {
		conn_reset(c);
		return;
	}
	c->state = CONN_DRIP;
	c->drip_at = 0;
	c->drip_start = clock_now().mono;
	c->drip_over = over;
	drip_more(-1, 0, c);
}

void wire_reset(struct call *c)
{
	conn_reset(c->conn);
}

void wire_close(struct call *call)
{
	struct conn *c = call->conn;
	c->state = CONN_CLOSING;
	conn_free(c);
}

/* ---- the listener ---- */

static void on_written(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;
	(void)bev;
	if (c->state == CONN_CLOSING)
		conn_free(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		conn_free(arg);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa, int n,
		      void *arg)
{
	struct wire *w = arg;
	const int on = 1;
	(void)listener, (void)sa, (void)n;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	struct conn *c = mem_calloc(1, sizeof(*c));
	struct bufferevent *bev = c ? bufferevent_socket_new(w->base, fd, BEV_OPT_CLOSE_ON_FREE) : NULL;
	if (!bev) {
		mem_free(c);
		evutil_closesocket(fd);
		return;
	}
	c->wire = w;
	c->bev = bev;
	c->call.conn = c;
	buf_init(&c->call.body, WIRE_BODY_MAX);
	buf_init(&c->drip, WIRE_BODY_MAX);
	c->next = w->conns;
	if (c->next)
		c->next->prev = c;
	w->conns = c;
	bufferevent_setcb(bev, on_read, on_written, on_event, c);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static enum status listen_on(struct wire *w, const char *address, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	socklen_t n = sizeof(sin);
	if (inet_pton(AF_INET, address, &sin.sin_addr) != 1) {
		errno = EADDRNOTAVAIL;
		return STATUS_IO;
	}
	w->listener = evconnlistener_new_bind(
	    w->base, on_accept, w, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC, 1024,
	    (struct sockaddr *)&sin, sizeof(sin));
	if (!w->listener || getsockname(evconnlistener_get_fd(w->listener), (struct sockaddr *)&sin, &n) != 0)
		return STATUS_IO;
	w->port = ntohs(sin.sin_port);
	return STATUS_OK;
}

enum status wire_new(struct wire **out, struct event_base *base, const char *address, uint16_t port,
		     const struct wire_handler *handler)
{
	struct wire *w = mem_calloc(1, sizeof(*w));
	if (!w)
		return STATUS_NO_MEMORY;
	w->base = base;
	w->handler = *handler;
	enum status s = listen_on(w, address, port);
	if (s != STATUS_OK) {
		int saved = errno;
		wire_free(w);
		errno = saved;
		return s;
	}
	*out = w;
	return STATUS_OK;
}

void wire_free(struct wire *w)
{
	if (!w)
		return;
	if (w->listener)
		evconnlistener_free(w->listener);
	while (w->conns)
		conn_free(w->conns);
	mem_free(w);
}

uint16_t wire_port(const struct wire *w)
{
	return w->port;
}
