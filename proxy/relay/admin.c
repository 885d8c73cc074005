#include "connections.h"

#include <sigrelay/relay/admin.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <string.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/relay/page.h>

#define OUTPUT_MAX ((size_t)4 << 20)
#define IDLE_TIMEOUT_S 30
#define CONNECTIONS_MAX 16 /* of the descriptors that commands/open_files.c keeps for us */

struct admin {
	struct connections all;
	const struct settings *settings;
	struct address address;
	struct buf url;
	usec header_timeout;
	usec started;
	struct events *events;
};

typedef enum status page_fn(struct admin *a, struct buf *out);

static enum status page_metrics(struct admin *a, struct buf *out)
{
	telemetry_refresh(a->all.relay);
	return metrics_expose(a->all.relay->telemetry.metrics, out);
}

static enum status page_status(struct admin *a, struct buf *out)
{
	return status_json(a->all.relay, a->settings, a->started, out);
}

static enum status page_healthz(struct admin *a, struct buf *out)
{
	(void)a;
	return buf_add_str(out, "ok\n");
}

/* An outage upstream is not our failure: said in the body, and still 200. */
static enum status page_readyz(struct admin *a, struct buf *out)
{
	const struct relay *r = a->all.relay;
	if (r->draining)
		return buf_add_str(out, "draining: this relay is leaving\n");
	enum status st = buf_add_str(out, "ready\n");
	for (enum service s = 0; st == STATUS_OK && s < SERVICE_COUNT; s++) {
		for (enum side side = 0; st == STATUS_OK && side < SIDE_COUNT; side++) {
			enum breaker_state state = relay_breaker(r, s, side);
			if (state != BREAKER_CLOSED)
				st = buf_addf(out, "outage: %s %s is %s (%s)\n", service_name(s),
					      side_name(side), breaker_state_name(state),
					      r->upstream[s].last_error[side]);
		}
	}
	return st;
}

static enum status page_root(struct admin *a, struct buf *out)
{
	const struct page p = {
		.relay = a->all.relay, .settings = a->settings, .events = a->events, .started = a->started
	};
	return page_html(&p, out);
}

struct page_entry {
	const char *path, *type;
	page_fn *fn;
};

static const struct page_entry pages[] = {
	{ "/metrics", "text/plain; version=0.0.4; charset=utf-8", page_metrics },
	{ "/status", "application/json", page_status },
	{ "/healthz", "text/plain; charset=utf-8", page_healthz },
	{ "/readyz", "text/plain; charset=utf-8", page_readyz },
	{ "/", "text/html; charset=utf-8", page_root },
};

static void add_policy(struct evkeyvalq *h)
{
	struct buf policy;
	buf_init(&policy, 1024);
	if (page_policy(&policy) == STATUS_OK)
		evhttp_add_header(h, "Content-Security-Policy", policy.p);
	buf_release(&policy);
}

static void send_page(struct admin *a, struct evhttp_request *req, const struct page_entry *p)
{
	struct buf out;
	int status = 200;
	buf_init(&out, OUTPUT_MAX);
	if (p->fn(a, &out) != STATUS_OK) {
		status = 503;
		buf_reset(&out);
	}
	if (p->fn == page_readyz && a->all.relay->draining)
		status = 503;
	struct evkeyvalq *h = evhttp_request_get_output_headers(req);
	evhttp_add_header(h, "Content-Type", p->type);
	evhttp_add_header(h, "Cache-Control", "no-store");
	evhttp_add_header(h, "X-Content-Type-Options", "nosniff");
	evhttp_add_header(h, "Referrer-Policy", "no-referrer");
	if (p->fn == page_root)
		add_policy(h);
	evbuffer_add(evhttp_request_get_output_buffer(req), out.p ? out.p : "", out.n);
	buf_release(&out);
	evhttp_send_reply(req, status, NULL, NULL);
}

static void refuse(struct admin *a, struct evhttp_request *req, int status, enum rejected reason,
		   const char *why)
{
	const struct refusal r = { status, reason, why, reason == REJECTED_METHOD ? "GET, HEAD" : NULL };
	connection_refuse_request(&a->all, req, &r, true);
}

static const struct page_entry *page_of(struct evhttp_request *req)
{
	const char *uri = evhttp_request_get_uri(req);
	size_t n = strcspn(uri, "?");
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		if (strlen(pages[i].path) == n && strncmp(uri, pages[i].path, n) == 0)
			return &pages[i];
	}
	return NULL;
}

/* A browser always names a host; who names none is no browser. */
static bool is_misled(const struct admin *a, struct evhttp_request *req)
{
	const char *host = evhttp_find_header(evhttp_request_get_input_headers(req), "Host");
	return host && !address_is_named(&a->address, slice_str(host));
}

/* Probes are answered in any crowd: a relay that is looked at much is well. */
static bool is_probe(const struct page_entry *p)
{
	return p->fn == page_healthz || p->fn == page_readyz;
}

static bool is_reading(struct evhttp_request *req)
{
	return evhttp_request_get_command(req) & (EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
}

static void answer(struct admin *a, struct evhttp_request *req)
{
	const struct page_entry *p = page_of(req);
	if (is_misled(a, req))
		refuse(a, req, 421, REJECTED_HOST,
		       "admin_listen is on loopback and answers to localhost or an IP address only, lest a "
		       "web page read it under a name of its own: ask for http://localhost:PORT/ or "
		       "http://127.0.0.1:PORT/");
	else if (!is_reading(req))
		refuse(a, req, 405, REJECTED_METHOD, "the admin listener only reads: GET or HEAD");
	else if (!p)
		refuse(a, req, 404, REJECTED_PATH,
		       "not here; there are /, /metrics, /status, /healthz and /readyz");
	else if (connections_busy(&a->all) > CONNECTIONS_MAX && !is_probe(p))
		refuse(a, req, 503, REJECTED_CLIENTS,
		       "too many ask the admin listener at once: try again in a moment");
	else
		send_page(a, req, p);
}

/* --- connections --------------------------------------------------------- */

static struct admin *admin_of(struct connection *c)
{
	return (struct admin *)(void *)c->all;
}

static void closed(struct connection *c)
{
	(void)c;
}

static void late(struct connection *c)
{
	static const struct refusal r = { 408, REJECTED_SLOW, "no whole request arrived in header_timeout",
					  NULL };
	connection_refuse(c, &r, false);
}

/* Nothing watches its bytes but evhttp. */
static void explain(struct connection *c, int status, struct refusal *r)
{
	(void)c;
	if (status == 413) {
		r->reason = REJECTED_TOO_LARGE;
		r->why = "the admin listener takes no body";
	} else if (status == 501) {
		*r = (struct refusal){ 405, REJECTED_METHOD, "the admin listener only reads: GET or HEAD",
				       "GET, HEAD" };
	} else {
		r->why = "a request that is not read here: broken, or a head of more than 16 KiB";
	}
}

static void on_input(struct connection *c, size_t from)
{
	struct admin *a = admin_of(c);
	(void)from;
	if (timer_pending(&c->patience))
		return;
	connections_before(&a->all);
	timer_set(&c->patience, usec_add(a->all.relay->now.mono, a->header_timeout));
	connections_after(&a->all);
}

static void on_complete(struct evhttp_request *req, void *arg)
{
	(void)req;
	connection_answered(arg);
	connection_be_quiet(arg);
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct admin *a = arg;
	struct connection *c = connection_of(&a->all, req);
	if (!c)
		return;
	connections_before(&a->all);
	timer_clear(&c->patience);
	connection_be_busy(c);
	evhttp_request_set_on_complete_cb(req, on_complete, c);
	answer(a, req);
	connections_after(&a->all);
}

static void first(struct connection *c)
{
	connection_be_quiet(c);
}

/* --- the beginning and the end ------------------------------------------- */

static const struct connections_ops ops = {
	.record = sizeof(struct connection),
	.first = first,
	.input = on_input,
	.late = late,
	.explain = explain,
	.closed = closed,
	.idle_timeout = IDLE_TIMEOUT_S,
	.crowded = "too many connections to the admin listener, and this one says nothing",
};

enum status admin_new(struct admin **out, struct event_base *base, struct relay *relay,
		      const struct settings *s, struct tls *tls, const struct listener_owner *owner,
		      struct buf *error)
{
	struct admin *a = mem_calloc(1, sizeof(*a));
	if (!a)
		return STATUS_NO_MEMORY;
	a->settings = s;
	a->started = relay->now.mono;
	buf_init(&a->url, 4096);
	enum status st = connections_init(&a->all, &ops, base, relay, s->admin_tls ? tls : NULL, owner);
	if (st == STATUS_OK)
		st = events_new(&a->events);
	if (st == STATUS_OK) {
		admin_configure(a, s);
		evhttp_set_allowed_methods(a->all.http, 0xffff & ~EVHTTP_REQ_CONNECT);
		evhttp_set_max_headers_size(a->all.http, 16384);
		evhttp_set_max_body_size(a->all.http, 0);
		evhttp_set_gencb(a->all.http, on_request, a);
		st = listen_http(a->all.http, base, s->admin_listen, "admin_listen", a->all.tls != NULL,
				 &a->all.file, &a->url, error);
	}
	if (st == STATUS_OK)
		st = address_parse(s->admin_listen, &a->address);
	if (st == STATUS_OK)
		*out = a;
	else
		admin_free(a);
	return st;
}

void admin_free(struct admin *a)
{
	if (!a)
		return;
	connections_release(&a->all);
	events_free(a->events);
	buf_release(&a->url);
	mem_free(a);
}

void admin_configure(struct admin *a, const struct settings *s)
{
	a->header_timeout = s->header_timeout;
	connections_configure(&a->all, s, CONNECTIONS_MAX);
}

const char *admin_url(const struct admin *a)
{
	return a->url.p;
}
