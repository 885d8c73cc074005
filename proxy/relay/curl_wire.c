#include <sigrelay/relay/curl_wire.h>

#include <curl/curl.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <sigrelay/base/log.h>
#include <sigrelay/base/mem.h>

#include "base_url.h"

#define IDLE_HANDLES_MAX 64
#define CONNECTIONS_MAX 256
#define RECEIVE_BUFFER 8192L /* held for as long as the request is; most answers fit */
#define HEAD_USUAL 511       /* of an answer: one block in place of four that grow */
/* What the services speak; each further coding is one more decoder of foreign bytes. */
#define CODINGS "gzip"
#define TRACEPARENT "traceparent: "
#define SENDINGS_MAX 2       /* of one attempt, by libcurl */
#define UPLOAD_BUFFER 16384L /* the smallest that libcurl takes */

/* One easy handle and what it gathers. */
struct handle {
	TAILQ_ENTRY(handle) link; /* idle ones of its upstream, or failed starts */
	CURL *easy;
	struct curl_wire *wire;
	enum service service;
	struct attempt *attempt; /* NULL when idle */
	struct answer *answer;
	unsigned sendings;
	bool head_ended; /* the final one: what is like a header line from here on is a trailer */
	char error[CURL_ERROR_SIZE];
	struct buf target;          /* what is longer than the attempt's */
	struct curl_slist *headers; /* nodes over the request's own lines */
	size_t headers_cap;
	char traceparent[sizeof(TRACEPARENT) + TRACE_PARENT_MAX];
};

/* A socket that libcurl has told us of. One of a connection stays registered for
 * reading while that idles in the pool, so that the next request on it costs no
 * system call; on_close takes it out. What libcurl opens for itself (its resolver's
 * pair) it closes without a word, and its number may be a client's next. */
struct sock {
	struct curl_wire *wire;
	curl_socket_t fd;
	struct event event;
	short what;      /* registered with libevent */
	bool wanted;     /* libcurl waits for it */
	bool connection; /* opened by on_open, and so closed by on_close */
};

TAILQ_HEAD(handles, handle);

struct upstream_port {
	struct base_url url;
	bool dropped; /* the last request was lost without a byte: pooled connections may be dead */
	struct handles idle;
	size_t idle_count;
};

struct curl_wire {
	struct event_base *base;
	CURLM *multi;
	struct upstream_port upstream[SERVICE_COUNT];
	struct handles failed; /* could not be begun: told later */
	struct event *timer;
	struct event *now_event; /* a timer of 0 ms, without the timer */
	struct curl_wire_hooks hooks;
	long connect_timeout_ms;
	size_t body_max;
	char *ca_file, *cert_file, *key_file; /* NULL: none was given */
	long tls_version;                     /* the oldest */
	char prefer[40];                      /* "Prefer: wait=29": by when another relay is to answer */
	struct sock **socks;                  /* by fd */
	size_t socks_cap;
};

static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address);
static int on_close(void *arg, curl_socket_t fd);

/* --- what comes back ----------------------------------------------------- */

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct handle *h = arg;
	/* Returning less than was given ends the transfer with CURLE_WRITE_ERROR. */
	return buf_add(&h->answer->body, p, size * n) == STATUS_OK ? size * n : 0;
}

/* The empty line below a head that is not followed by another (1xx). */
static bool ends_head(const struct handle *h, char first)
{
	long status = 0;
	if (first != '\r' && first != '\n')
		return false;
	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	return status >= 200;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct handle *h = arg;
	size *= n;
	/* A trailer must not speak for a header: of an ETag it would be the last word. */
	if (h->head_ended)
		return size;
	/* A status line begins a new head: the last one counts (100, then 200). */
	if (size > 5 && memcmp(p, "HTTP/", 5) == 0) {
		buf_reset(&h->answer->head);
		return buf_reserve(&h->answer->head, HEAD_USUAL) == STATUS_OK ? size : 0;
	}
	h->head_ended = ends_head(h, p[0]);
	return buf_add(&h->answer->head, p, size) == STATUS_OK ? size : 0;
}

/* libcurl itself repeats what a pooled connection lost without a byte, on the next pooled
 * one, and a stream that is refused (HTTP/2), five times over: one attempt would be six
 * requests to a service that is in trouble. It is let do so once, on a new connection. */
static int on_sending(void *arg, char *to, char *from, int to_port, int from_port)
{
	struct handle *h = arg;
	(void)to;
	(void)from;
	(void)to_port;
	(void)from_port;
	return h->sendings++ < SENDINGS_MAX &&
		       curl_easy_setopt(h->easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK
		   ? CURL_PREREQFUNC_OK
		   : CURL_PREREQFUNC_ABORT;
}

static enum transport transport_of(const struct handle *h, CURLcode code)
{
	long status = 0;
	curl_off_t connected = 0;
	switch ((int)code) { /* libcurl has a hundred; the rest are faults of connecting */
	case CURLE_OK:
		return TRANSPORT_DONE;
	case CURLE_OPERATION_TIMEDOUT:
		curl_easy_getinfo(h->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
		return connected ? TRANSPORT_TIMEOUT : TRANSPORT_CONNECT;
	case CURLE_PARTIAL_FILE:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_WRITE_ERROR:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return TRANSPORT_TRUNCATED;
	case CURLE_ABORTED_BY_CALLBACK: /* on_sending's no */
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
		return status ? TRANSPORT_TRUNCATED : TRANSPORT_RESET;
	default:
		return TRANSPORT_CONNECT;
	}
}

/* --- handles ------------------------------------------------------------- */

static void handle_free(struct handle *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->easy);
	answer_unref(h->answer);
	buf_release(&h->target);
	mem_free(h->headers);
	mem_free(h);
}

/* What every request to this upstream has in common. */
static bool handle_setup(struct handle *h)
{
	struct curl_wire *w = h->wire;
	CURL *e = h->easy;
	bool ok = base_url_setup(&w->upstream[h->service].url, e);
#define SET(option, value) ok = ok && curl_easy_setopt(e, option, value) == CURLE_OK
	SET(CURLOPT_PRIVATE, h);
	SET(CURLOPT_NOSIGNAL, 1L);
	/* A name server that says nothing holds a thread of libcurl's for as long as the C
	 * library likes; without this the loop would wait for it when the attempt times out. */
	SET(CURLOPT_QUICK_EXIT, 1L);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, h);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, h);
	SET(CURLOPT_PREREQFUNCTION, on_sending);
	SET(CURLOPT_PREREQDATA, h);
	SET(CURLOPT_ERRORBUFFER, h->error);
	SET(CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
	SET(CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER);
	SET(CURLOPT_ACCEPT_ENCODING, CODINGS);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	SET(CURLOPT_TCP_NODELAY, 1L);
	SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
	SET(CURLOPT_OPENSOCKETDATA, w);
	SET(CURLOPT_CLOSESOCKETFUNCTION, on_close);
	SET(CURLOPT_CLOSESOCKETDATA, w);
	SET(CURLOPT_CONNECTTIMEOUT_MS, w->connect_timeout_ms);
	/* With a bundle in one file the directory of hashes need not be searched. */
	if (w->ca_file)
		SET(CURLOPT_CAINFO, w->ca_file);
	SET(CURLOPT_CAPATH, NULL);
	SET(CURLOPT_SSLVERSION, w->tls_version);
	if (w->cert_file) {
		SET(CURLOPT_SSLCERT, w->cert_file);
		SET(CURLOPT_SSLKEY, w->key_file);
	}
#undef SET
	return ok;
}

static struct handle *handle_new(struct curl_wire *w, enum service s)
{
	struct handle *h = mem_calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->wire = w;
	h->service = s;
	buf_init(&h->target, 2 * ROUTE_TARGET_MAX);
	h->easy = curl_easy_init();
	if (!h->easy || !handle_setup(h)) {
		handle_free(h);
		return NULL;
	}
	return h;
}

static struct handle *handle_obtain(struct curl_wire *w, enum service s)
{
	struct upstream_port *u = &w->upstream[s];
	struct handle *h = TAILQ_FIRST(&u->idle);
	if (!h)
		return handle_new(w, s);
	TAILQ_REMOVE(&u->idle, h, link);
	u->idle_count--;
	return h;
}

/* Back to the idle ones. libcurl 8.14, for one, keeps the buffer that it sent from with
 * the handle, so one that carried a token goes. */
static void handle_park(struct handle *h)
{
	struct upstream_port *u = &h->wire->upstream[h->service];
	bool secret = request_is_secret(h->attempt->request);
	h->attempt = NULL;
	answer_unref(h->answer);
	h->answer = NULL;
	if (secret || u->idle_count >= IDLE_HANDLES_MAX) {
		handle_free(h);
		return;
	}
	TAILQ_INSERT_HEAD(&u->idle, h, link);
	u->idle_count++;
}

/* --- sending ------------------------------------------------------------- */

/* The request's header lines as a list that libcurl walks; no line is copied.
 * The last ones say no to headers that libcurl would add by itself, and one
 * says what it would word anew for each request. */
static bool set_headers(struct handle *h, const struct attempt *a)
{
	const struct request *q = a->request;
	bool with_body = a->with_body;
	static char no_accept[] = "Accept:", no_expect[] = "Expect:", no_type[] = "Content-Type:";
	static char codings[] = "Accept-Encoding: " CODINGS;
	size_t n = 0, need = q->header_count + 6;
	if (h->headers_cap < need) {
		struct curl_slist *p = mem_realloc(h->headers, need * sizeof(*p));
		if (!p)
			return false;
		h->headers = p;
		h->headers_cap = need;
	}
	bool has_type = false, has_accept = false;
	char *line = q->headers.p;
	for (; n < q->header_count; n++, line += strlen(line) + 1) {
		has_type = has_type || strncasecmp(line, "Content-Type", 12) == 0;
		has_accept =
		    has_accept || strncasecmp(line, "Accept:", 7) == 0 || strcasecmp(line, "Accept;") == 0;
		h->headers[n].data = line;
	}
	h->headers[n++].data = codings;
	if (h->wire->prefer[0])
		h->headers[n++].data = h->wire->prefer;
	if (a->parent_id) {
		memcpy(h->traceparent, TRACEPARENT, sizeof(TRACEPARENT));
		trace_write(&q->trace, a->parent_id, h->traceparent + sizeof(TRACEPARENT) - 1);
		h->headers[n++].data = h->traceparent;
	}
	if (!has_accept)
		h->headers[n++].data = no_accept;
	if (with_body)
		h->headers[n++].data = no_expect;
	if (with_body && !has_type)
		h->headers[n++].data = no_type;
	for (size_t i = 0; i < n; i++)
		h->headers[i].next = i + 1 < n ? &h->headers[i + 1] : NULL;
	return curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, h->headers) == CURLE_OK;
}

static bool set_method(struct handle *h, const struct attempt *a)
{
	CURL *e = h->easy;
	const struct request *q = a->request;
	switch (a->method) {
	case METHOD_GET:
		return curl_easy_setopt(e, CURLOPT_HTTPGET, 1L) == CURLE_OK;
	case METHOD_HEAD:
		return curl_easy_setopt(e, CURLOPT_HTTPGET, 1L) == CURLE_OK &&
		       curl_easy_setopt(e, CURLOPT_NOBODY, 1L) == CURLE_OK;
	case METHOD_POST:
		return curl_easy_setopt(e, CURLOPT_POST, 1L) == CURLE_OK &&
		       curl_easy_setopt(e, CURLOPT_POSTFIELDS, a->with_body && q->body ? q->body : "") ==
			   CURLE_OK &&
		       curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
					(curl_off_t)(a->with_body ? q->body_size : 0)) == CURLE_OK;
	}
	return false;
}

static bool begin(struct handle *h, struct attempt *a, usec timeout)
{
	h->answer = answer_new(0, h->wire->body_max);
	h->head_ended = false;
	h->sendings = 0;
	h->error[0] = '\0';
	/* A probe is one request, whatever waits in the pool. */
	long fresh = a->ticket.probe || h->wire->upstream[h->service].dropped;
	return h->answer && curl_easy_setopt(h->easy, CURLOPT_FRESH_CONNECT, fresh) == CURLE_OK &&
	       set_method(h, a) && set_headers(h, a) &&
	       base_url_aim(&h->wire->upstream[h->service].url, h->easy, a->target, &h->target) &&
	       curl_easy_setopt(h->easy, CURLOPT_TIMEOUT_MS, (long)(timeout / USEC_PER_MSEC)) == CURLE_OK &&
	       curl_multi_add_handle(h->wire->multi, h->easy) == CURLM_OK;
}

static void wire_send(void *arg, struct attempt *a, usec timeout)
{
	struct curl_wire *w = arg;
	struct handle *h = handle_obtain(w, a->service);
	if (!h) {
		/* No memory for a handle: the attempt is told so by the next turn. */
		h = mem_calloc(1, sizeof(*h));
		a->port = h;
		if (!h)
			return; /* the deadline ends it */
		h->wire = w;
		h->service = a->service;
		buf_init(&h->target, 1);
	}
	h->attempt = a;
	a->port = h;
	if (h->easy && begin(h, a, timeout))
		return;
	TAILQ_INSERT_TAIL(&w->failed, h, link);
	event_active(w->now_event, EV_TIMEOUT, 0);
}

static void remove_failed(struct curl_wire *w, struct handle *h)
{
	struct handle *f;
	TAILQ_FOREACH(f, &w->failed, link)
	{
		if (f == h) {
			TAILQ_REMOVE(&w->failed, h, link);
			return;
		}
	}
}

static void wire_cancel(void *arg, struct attempt *a)
{
	struct curl_wire *w = arg;
	struct handle *h = a->port;
	a->port = NULL;
	if (!h)
		return;
	remove_failed(w, h);
	if (!h->easy) {
		handle_free(h);
		return;
	}
	curl_multi_remove_handle(w->multi, h->easy);
	handle_park(h);
}

const struct wire_ops curl_wire_ops = { .send = wire_send, .cancel = wire_cancel };

/* --- the loop ------------------------------------------------------------ */

static const char *error_of(const struct handle *h, CURLcode code)
{
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return "the connection was lost, or the request refused on it, before an answer";
	return h->error[0] ? h->error : curl_easy_strerror(code);
}

static void finish(struct handle *h, CURLcode code)
{
	struct attempt *a = h->attempt;
	struct answer *answer = NULL;
	long status = 0;
	enum transport t = transport_of(h, code);
	char error[CURL_ERROR_SIZE];

	if (t == TRANSPORT_DONE) {
		error[0] = '\0';
		curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
		answer = h->answer;
		answer->status = (int)status;
		h->answer = NULL;
	} else {
		snprintf(error, sizeof(error), "%s", error_of(h, code));
	}
	h->wire->upstream[h->service].dropped = t == TRANSPORT_RESET;
	curl_multi_remove_handle(h->wire->multi, h->easy);
	handle_park(h);
	a->port = NULL;
	a->done(a, t, answer, error);
}

static void tell_failed(struct curl_wire *w)
{
	struct handle *h;
	struct attempt *a;
	while ((h = TAILQ_FIRST(&w->failed)) && (a = h->attempt)) {
		TAILQ_REMOVE(&w->failed, h, link);
		a->port = NULL;
		if (h->easy)
			handle_park(h);
		else
			handle_free(h);
		a->done(a, TRANSPORT_CONNECT, NULL, "the request could not be begun: no memory");
	}
}

static void harvest(struct curl_wire *w)
{
	CURLMsg *m;
	int left;
	while ((m = curl_multi_info_read(w->multi, &left))) {
		struct handle *h = NULL;
		CURLcode code = m->data.result;
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &h);
		finish(h, code);
	}
	tell_failed(w);
}

static void act(struct curl_wire *w, curl_socket_t fd, int what)
{
	int running;
	w->hooks.before(w->hooks.arg);
	CURLMcode m = curl_multi_socket_action(w->multi, fd, what, &running);
	if (m != CURLM_OK)
		log_event(LOG_ERROR, "curl", LOG_S("cause", curl_multi_strerror(m)), LOG_S("next", "go on"));
	harvest(w);
	w->hooks.after(w->hooks.arg);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer(CURLM *multi, long ms, void *arg)
{
	struct curl_wire *w = arg;
	(void)multi;
	if (ms < 0) {
		event_del(w->timer);
	} else if (ms == 0) {
		event_active(w->now_event, EV_TIMEOUT, 0);
	} else {
		struct timeval tv = { ms / 1000, (ms % 1000) * 1000 };
		event_add(w->timer, &tv);
	}
	return 0;
}

static void on_socket_event(evutil_socket_t fd, short what, void *arg);

static void sock_register(struct sock *s, short what)
{
	if (s->what == what)
		return;
	if (s->what)
		event_del(&s->event);
	s->what = 0;
	if (what) {
		event_assign(&s->event, s->wire->base, s->fd, (short)(what | EV_PERSIST), on_socket_event, s);
		if (event_add(&s->event, NULL) == 0)
			s->what = what;
	}
}

static void on_socket_event(evutil_socket_t fd, short what, void *arg)
{
	struct sock *s = arg;
	if (!s->wanted) {
		/* An idle connection spoke or was closed: libcurl finds out when it
		 * next looks at it; until then it must not wake us again. */
		sock_register(s, 0);
		return;
	}
	act(s->wire, fd,
	    ((what & EV_READ) ? CURL_CSELECT_IN : 0) | ((what & EV_WRITE) ? CURL_CSELECT_OUT : 0));
}

static struct sock *sock_obtain(struct curl_wire *w, curl_socket_t fd)
{
	size_t i = (size_t)fd;
	if (i >= w->socks_cap) {
		size_t cap = i + 64;
		struct sock **p = mem_realloc(w->socks, cap * sizeof(struct sock *));
		if (!p)
			return NULL;
		memset(p + w->socks_cap, 0, (cap - w->socks_cap) * sizeof(struct sock *));
		w->socks = p;
		w->socks_cap = cap;
	}
	if (!w->socks[i]) {
		struct sock *s = mem_calloc(1, sizeof(*s));
		if (!s)
			return NULL;
		s->wire = w;
		s->fd = fd;
		event_assign(&s->event, w->base, fd, EV_PERSIST, on_socket_event, s);
		w->socks[i] = s;
	}
	return w->socks[i];
}

static void sock_forget(struct curl_wire *w, curl_socket_t fd)
{
	sock_register(w->socks[fd], 0);
	mem_free(w->socks[fd]);
	w->socks[fd] = NULL;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	struct curl_wire *w = arg;
	(void)easy;
	(void)unused;
	if (what == CURL_POLL_REMOVE) {
		struct sock *known = (size_t)fd < w->socks_cap ? w->socks[fd] : NULL;
		if (known && known->connection)
			known->wanted = false;
		else if (known)
			sock_forget(w, fd);
		return 0;
	}
	struct sock *s = sock_obtain(w, fd);
	if (!s)
		return -1;
	s->wanted = true;
	sock_register(
	    s, (short)(((what & CURL_POLL_IN) ? EV_READ : 0) | ((what & CURL_POLL_OUT) ? EV_WRITE : 0)));
	return 0;
}

/* libcurl closes a socket: the number may be another's a moment later. */
static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct curl_wire *w = arg;
	(void)purpose;
	curl_socket_t fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	struct sock *s = fd >= 0 ? sock_obtain(w, fd) : NULL;
	if (s)
		s->connection = true;
	else if (fd >= 0)
		evutil_closesocket(fd);
	return s ? fd : CURL_SOCKET_BAD;
}

static int on_close(void *arg, curl_socket_t fd)
{
	struct curl_wire *w = arg;
	if ((size_t)fd < w->socks_cap && w->socks[fd])
		sock_forget(w, fd);
	return evutil_closesocket(fd);
}

/* --- the beginning and the end ------------------------------------------- */

static bool multi_setup(struct curl_wire *w)
{
	w->multi = curl_multi_init();
	return w->multi && curl_multi_setopt(w->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
	       curl_multi_setopt(w->multi, CURLMOPT_SOCKETDATA, w) == CURLM_OK &&
	       curl_multi_setopt(w->multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
	       curl_multi_setopt(w->multi, CURLMOPT_TIMERDATA, w) == CURLM_OK &&
	       curl_multi_setopt(w->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX) == CURLM_OK &&
	       curl_multi_setopt(w->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX) == CURLM_OK;
}

/* True: no memory. */
static bool copy_text(char **to, const char *from)
{
	return from && !(*to = mem_strdup(from));
}

enum status curl_wire_new(struct curl_wire **out, struct event_base *base, const struct settings *s,
			  const struct curl_wire_hooks *hooks)
{
	const char *urls[SERVICE_COUNT] = { s->rekor_url, s->fulcio_url, s->tsa_url };
	struct curl_wire *w = mem_calloc(1, sizeof(*w));
	if (!w)
		return STATUS_NO_MEMORY;
	w->base = base;
	w->hooks = *hooks;
	TAILQ_INIT(&w->failed);
	for (enum service i = 0; i < SERVICE_COUNT; i++)
		TAILQ_INIT(&w->upstream[i].idle);
	curl_wire_configure(w, s);
	enum status st = STATUS_NO_MEMORY;
	if (copy_text(&w->ca_file, s->ca_file) || copy_text(&w->cert_file, s->upstream_cert_file) ||
	    copy_text(&w->key_file, s->upstream_key_file))
		goto out;
	w->tls_version = s->upstream_tls_min_version ? CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2;
	w->timer = event_new(base, -1, 0, on_timeout, w);
	w->now_event = event_new(base, -1, 0, on_timeout, w);
	if (!w->timer || !w->now_event || !multi_setup(w))
		goto out;
	st = STATUS_OK;
	for (enum service i = 0; st == STATUS_OK && i < SERVICE_COUNT; i++)
		st = base_url_init(&w->upstream[i].url, urls[i]);
out:
	if (st == STATUS_OK)
		*out = w;
	else
		curl_wire_free(w);
	return st;
}

void curl_wire_configure(struct curl_wire *w, const struct settings *s)
{
	w->connect_timeout_ms = (long)(s->connect_timeout / USEC_PER_MSEC);
	w->body_max = 2 * (size_t)s->max_body + (1u << 20);
	for (enum service i = 0; i < SERVICE_COUNT; i++) {
		struct handle *h;
		TAILQ_FOREACH(h, &w->upstream[i].idle, link)
		(void)curl_easy_setopt(h->easy, CURLOPT_CONNECTTIMEOUT_MS, w->connect_timeout_ms);
	}
	long seconds = (long)(s->attempt_timeout / USEC_PER_SEC) - 1;
	w->prefer[0] = '\0';
	if (seconds > 0)
		snprintf(w->prefer, sizeof(w->prefer), "Prefer: wait=%ld", seconds);
}

void curl_wire_free(struct curl_wire *w)
{
	if (!w)
		return;
	for (enum service i = 0; i < SERVICE_COUNT; i++) {
		struct handle *h;
		while ((h = TAILQ_FIRST(&w->upstream[i].idle))) {
			TAILQ_REMOVE(&w->upstream[i].idle, h, link);
			handle_free(h);
		}
	}
	if (w->multi)
		curl_multi_cleanup(w->multi); /* closes the pooled connections: on_close */
	for (enum service i = 0; i < SERVICE_COUNT; i++)
		base_url_release(&w->upstream[i].url);
	for (size_t i = 0; i < w->socks_cap; i++) {
		if (w->socks[i])
			sock_register(w->socks[i], 0);
		mem_free(w->socks[i]);
	}
	mem_free(w->socks);
	if (w->timer)
		event_free(w->timer);
	if (w->now_event)
		event_free(w->now_event);
	mem_free(w->ca_file);
	mem_free(w->cert_file);
	mem_free(w->key_file);
	mem_free(w);
}
