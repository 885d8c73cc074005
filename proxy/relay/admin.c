#include <sigrelay/relay/accept_reserve.h>
#include <sigrelay/relay/admin.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <string.h>

#include <sigrelay/base/cidr.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/relay/listen.h>
#include <sigrelay/relay/page.h>

#define OUTPUT_MAX ((size_t)4 << 20)
#define IDLE_TIMEOUT_S 30

struct admin {
	struct evhttp *http;
	struct accept_reserve reserve;
	struct relay *relay;
	const struct settings *settings;
	struct tls *tls; /* borrowed; NULL: without */
	struct cidr_list allowed;
	struct front_hooks hooks;
	struct buf url;
	usec started;
	struct events *events;
};

typedef enum status page_fn(struct admin *a, struct buf *out);

static enum status page_metrics(struct admin *a, struct buf *out)
{
	telemetry_refresh(a->relay);
	return metrics_expose(a->relay->telemetry.metrics, out);
}

static enum status page_status(struct admin *a, struct buf *out)
{
	return status_json(a->relay, a->settings, a->started, out);
}

static enum status page_healthz(struct admin *a, struct buf *out)
{
	(void)a;
	return buf_add_str(out, "ok\n");
}

/* An outage upstream is not our failure: said in the body, and still 200. */
static enum status page_readyz(struct admin *a, struct buf *out)
{
	const struct relay *r = a->relay;
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
		.relay = a->relay, .settings = a->settings, .events = a->events, .started = a->started
	};
	return page_html(&p, out);
}

static const struct {
	const char *path, *type;
	page_fn *fn;
} PAGES[] = {
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

static void send_page(struct admin *a, struct evhttp_request *req, size_t i)
{
	struct buf out;
	int status = 200;
	buf_init(&out, OUTPUT_MAX);
	a->hooks.before(a->hooks.arg);
	if (PAGES[i].fn(a, &out) != STATUS_OK) {
		status = 503;
		buf_reset(&out);
	}
	if (PAGES[i].fn == page_readyz && a->relay->draining)
		status = 503;
	a->hooks.after(a->hooks.arg);
	struct evkeyvalq *h = evhttp_request_get_output_headers(req);
	evhttp_add_header(h, "Content-Type", PAGES[i].type);
	evhttp_add_header(h, "Cache-Control", "no-store");
	evhttp_add_header(h, "X-Content-Type-Options", "nosniff");
	evhttp_add_header(h, "Referrer-Policy", "no-referrer");
	if (PAGES[i].fn == page_root)
		add_policy(h);
	evbuffer_add(evhttp_request_get_output_buffer(req), out.p ? out.p : "", out.n);
	buf_release(&out);
	evhttp_send_reply(req, status, NULL, NULL);
}

static bool is_stranger(const struct admin *a, struct evhttp_request *req)
{
	const struct sockaddr *from = evhttp_connection_get_addr(evhttp_request_get_connection(req));
	return a->allowed.n && (!from || !cidr_list_holds(&a->allowed, from));
}

static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
	struct admin *a = arg;
	struct bufferevent *bev = tls_bufferevent(a->tls, base);
	accept_reserve_ensure(&a->reserve);
	return bev;
}

static void on_request(struct evhttp_request *req, void *arg)
{
	if (is_stranger(arg, req)) {
		evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "text/plain");
		evbuffer_add_printf(evhttp_request_get_output_buffer(req),
				    "sigrelay: this address is not in allow_from\n");
		evhttp_send_reply(req, 403, NULL, NULL);
		return;
	}
	const char *uri = evhttp_request_get_uri(req);
	size_t n = strcspn(uri, "?");
	for (size_t i = 0; i < sizeof(PAGES) / sizeof(PAGES[0]); i++) {
		if (strlen(PAGES[i].path) == n && strncmp(uri, PAGES[i].path, n) == 0) {
			send_page(arg, req, i);
			return;
		}
	}
	evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "text/plain");
	struct evbuffer *out = evhttp_request_get_output_buffer(req);
	evbuffer_add_printf(out, "not here; there are /metrics, /status, /healthz and /readyz\n");
	evhttp_send_reply(req, 404, NULL, NULL);
}

enum status admin_new(struct admin **out, struct event_base *base, struct relay *relay,
		      const struct settings *s, struct tls *tls, const struct front_hooks *hooks,
		      struct buf *error)
{
	struct admin *a = mem_calloc(1, sizeof(*a));
	enum status st = STATUS_NO_MEMORY;
	if (!a)
		return st;
	a->relay = relay;
	a->settings = s;
	a->tls = s->admin_tls ? tls : NULL;
	a->hooks = *hooks;
	a->started = relay->now.mono;
	buf_init(&a->url, 4096);
	a->http = evhttp_new(base);
	if (a->http)
		st = accept_reserve_init(&a->reserve, base, a->http);
	if (st == STATUS_OK)
		st = admin_configure(a, s);
	if (st == STATUS_OK)
		st = events_new(&a->events);
	if (st == STATUS_OK) {
		evhttp_set_allowed_methods(a->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
		evhttp_set_max_headers_size(a->http, 16384);
		evhttp_set_max_body_size(a->http, 0);
		evhttp_set_timeout(a->http, IDLE_TIMEOUT_S);
		evhttp_set_default_content_type(a->http, NULL);
		evhttp_set_bevcb(a->http, on_connection, a);
		evhttp_set_gencb(a->http, on_request, a);
		st = listen_http(a->http, base, s->admin_listen, "admin_listen", a->tls != NULL, &a->url,
				 error);
	}
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
	accept_reserve_release(&a->reserve);
	if (a->http)
		evhttp_free(a->http);
	events_free(a->events);
	cidr_list_release(&a->allowed);
	buf_release(&a->url);
	mem_free(a);
}

enum status admin_configure(struct admin *a, const struct settings *s)
{
	struct cidr_list allowed;
	struct slice bad;
	enum status st = cidr_list_parse(s->allow_from, &allowed, &bad);
	if (st != STATUS_OK)
		return st;
	cidr_list_release(&a->allowed);
	a->allowed = allowed;
	return STATUS_OK;
}

const char *admin_url(const struct admin *a)
{
	return a->url.p;
}
