#include <sigrelay/builtin/builtin_log.h>

#include <errno.h>
#include <event2/event.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/builtin/inside.h>

/* ---- routes ---- */

static const struct route {
	const char *method, *path; /* a path that ends with '/' is a prefix */
	enum place place;
	service_fn *service;
} routes[] = {
	{ "POST", "/api/v1/log/entries", PLACE_CREATE, rekor_api_create },
	{ "POST", "/api/v1/log/entries/retrieve", PLACE_QUERY, rekor_api_retrieve },
	{ "GET", "/api/v1/log/entries", PLACE_QUERY, rekor_api_by_index },
	{ "GET", "/api/v1/log/entries/", PLACE_GET, rekor_api_get },
	{ "GET", "/api/v1/log", PLACE_QUERY, rekor_api_info },
	{ "GET", "/api/v1/log/publicKey", PLACE_QUERY, rekor_api_public_key },
	{ "GET", "/api/v1/log/proof", PLACE_QUERY, rekor_api_proof },
	{ "POST", "/api/v1/index/retrieve", PLACE_QUERY, rekor_api_index },
	{ "GET", "/ping", PLACE_OTHER, rekor_api_ping },
	{ "POST", "/api/v1/signingCert", PLACE_SIGN, fulcio_api_v1 },
	{ "POST", "/api/v2/signingCert", PLACE_SIGN, fulcio_api_v2 },
	{ "GET", "/api/v1/rootCert", PLACE_OTHER, fulcio_api_root },
	{ "GET", "/api/v2/trustBundle", PLACE_OTHER, fulcio_api_bundle },
	{ "GET", "/api/v2/configuration", PLACE_OTHER, fulcio_api_configuration },
	{ "POST", "/api/v1/timestamp", PLACE_STAMP, tsa_api_timestamp },
	{ "GET", "/api/v1/timestamp/certchain", PLACE_OTHER, tsa_api_chain },
	{ "GET", "/.well-known/openid-configuration", PLACE_OTHER, oidc_api_discovery },
	{ "GET", "/keys", PLACE_OTHER, oidc_api_keys },
	{ "GET", "/actions/idtoken", PLACE_TOKEN, oidc_api_actions },
	{ "POST", "/_control/script", PLACE_CONTROL, control_script },
	{ "POST", "/_control/clear", PLACE_CONTROL, control_clear },
	{ "POST", "/_control/release", PLACE_CONTROL, control_release },
	{ "POST", "/_control/pause", PLACE_CONTROL, control_pause },
	{ "POST", "/_control/resume", PLACE_CONTROL, control_resume },
	{ "GET", "/_control/state", PLACE_CONTROL, control_state },
	{ "GET", "/_control/wait", PLACE_CONTROL, control_wait },
	{ "GET", "/_control/keys", PLACE_CONTROL, control_keys },
	{ "GET", "/_control/keys/", PLACE_CONTROL, control_keys },
	{ "POST", "/_control/token", PLACE_CONTROL, control_token },
};

static bool path_matches(const struct route *r, const char *path)
{
	size_t n = strlen(r->path);
	if (r->path[n - 1] != '/')
		return strcmp(r->path, path) == 0;
	return strncmp(r->path, path, n) == 0 && path[n] && !strchr(path + n, '/');
}

static void no_route(struct builtin_log *l, struct call *c, int status, const char *message)
{
	struct response a;
	response_init(&a, 0, NULL);
	builtin_answer_or_reset(l, c, &a, service_error(PLACE_OTHER, status, message, &a));
}

static void no_method(struct builtin_log *l, struct call *c)
{
	char message[256];
	snprintf(message, sizeof(message), "method %.20s is not allowed", c->method);
	no_route(l, c, 405, message);
}

static void no_path(struct builtin_log *l, struct call *c)
{
	char message[256];
	snprintf(message, sizeof(message), "path %.200s was not found", c->path);
	no_route(l, c, 404, message);
}

static void route(struct call *c)
{
	c->place = PLACE_OTHER;
	c->service = no_path;
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!path_matches(&routes[i], c->path))
			continue;
		c->service = no_method;
		if (strcmp(routes[i].method, c->method) == 0) {
			c->place = routes[i].place;
			c->service = routes[i].service;
			return;
		}
	}
}

static const char html_junk[] = "<!DOCTYPE html>\n<html><head><title>Welcome</title></head>"
				"<body><h1>It works!</h1></body></html>\n";

static void answer_junk(struct builtin_log *l, struct call *c)
{
	struct response a;
	bool created = c->place == PLACE_CREATE || (c->place == PLACE_SIGN && strstr(c->path, "/v1/"));
	response_init(&a, created ? 201 : 200, "text/html; charset=utf-8");
	builtin_answer_or_reset(l, c, &a, buf_add_str(&a.body, html_junk));
}

/* ---- faults applied ---- */

static void change_log(void *arg, const struct fault *f)
{
	struct builtin_log *l = arg;
	if (f->word == WORD_PAUSE_LOG)
		builtin_pause(l, f->duration);
	else if (f->word == WORD_RESUME_LOG)
		builtin_resume(l);
	else if (f->word == WORD_ABSENT)
		l->absent = f->n;
	else if (f->word == WORD_LATE)
		l->late = f->duration;
}

static void resume_now(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	builtin_resume(arg);
}

static bool is_down(const struct builtin_log *l)
{
	return l->down_until && clock_now().mono < l->down_until;
}

static bool on_head(void *arg, struct call *c)
{
	struct builtin_log *l = arg;
	route(c);
	c->fault = (struct fault){ .word = WORD_OK };
	if (c->place == PLACE_CONTROL)
		return true;
	bool refused = is_down(l);
	if (!refused) {
		c->fault = faults_take(&l->faults, c->place, change_log, l);
		if (c->fault.word == WORD_DOWN)
			l->down_until = usec_add(clock_now().mono, c->fault.duration);
		refused = c->fault.word == WORD_DOWN || c->fault.word == WORD_REFUSE;
	}
	if (refused) {
		l->n.requests[c->place]++;
		l->n.refused++;
	}
	builtin_changed(l);
	return !refused;
}

static void close_stalled(evutil_socket_t fd, short what, void *arg)
{
	struct call *c = arg;
	struct builtin_log *l = builtin_of(c);
	(void)fd, (void)what;
	builtin_unpark(l, c);
	wire_close(c);
	builtin_changed(l);
}

static void stall(struct builtin_log *l, struct call *c)
{
	builtin_park(l, c, PARKED_STALLED);
	if (c->fault.duration != USEC_NEVER)
		builtin_after(l, c, c->fault.duration, close_stalled);
}

static void delay(struct builtin_log *l, struct call *c)
{
	builtin_park(l, c, PARKED_DELAYED);
	builtin_after(l, c, c->fault.duration, builtin_run_parked);
}

static void on_request(void *arg, struct call *c)
{
	struct builtin_log *l = arg;
	l->n.requests[c->place]++;
	switch (c->fault.word) {
	case WORD_RESET:
		wire_reset(c);
		break;
	case WORD_STALL:
		stall(l, c);
		break;
	case WORD_JUNK:
		answer_junk(l, c);
		break;
	case WORD_STATUS:
		builtin_answer_status(l, c, (int)c->fault.n, c->fault.retry_after);
		break;
	case WORD_HOLD:
		builtin_park(l, c, PARKED_HELD);
		break;
	case WORD_DELAY:
		delay(l, c);
		break;
	case WORD_OK:
	case WORD_HALF:
	case WORD_DRIP:
	case WORD_WRONG_LEAF:
	case WORD_OTHER_ENTRY:
	case WORD_LOSE:
		c->service(l, c);
		break;
	case WORD_REFUSE:
	case WORD_DOWN:
	case WORD_PAUSE_LOG:
	case WORD_RESUME_LOG:
	case WORD_ABSENT:
	case WORD_LATE:
		break; /* never get here: they end, or change the log, at the head */
	}
	builtin_changed(l);
}

static void on_gone(void *arg, struct call *c)
{
	struct builtin_log *l = arg;
	builtin_unpark(l, c);
	l->n.gone++;
}

/* ---- life ---- */

static enum status listen_for(struct builtin_log *l, const char *address, uint16_t port)
{
	const struct wire_handler handler = { l, on_head, on_request, on_gone };
	enum status s = wire_new(&l->wire, l->base, address, port, &handler);
	if (s == STATUS_OK)
		snprintf(l->url, sizeof(l->url), "http://%s:%u", address, wire_port(l->wire));
	return s;
}

enum status builtin_log_new(struct builtin_log **out, struct event_base *base, const char *address,
			    uint16_t port)
{
	struct builtin_log *l = mem_calloc(1, sizeof(*l));
	unsigned char random[24];
	if (!l)
		return STATUS_NO_MEMORY;
	l->base = base;
	l->queue_end = &l->queue;
	faults_init(&l->faults);
	tree_init(&l->tree);
	l->resume = evtimer_new(base, resume_now, l);
	enum status s =
	    l->resume && RAND_bytes(random, sizeof(random)) == 1 ? keys_init(&l->keys) : STATUS_NO_MEMORY;
	if (s == STATUS_OK) {
		memcpy(&l->tree_id, random, sizeof(l->tree_id));
		l->tree_id = (l->tree_id >> 1) | 1; /* Trillian's are positive int64 */
		hex_encode(random + 8, 16, l->request_token);
		s = listen_for(l, address, port);
	}
	if (s != STATUS_OK) {
		int saved = errno;
		builtin_log_free(l);
		errno = saved;
		return s;
	}
	*out = l;
	return STATUS_OK;
}

void builtin_log_free(struct builtin_log *l)
{
	if (!l)
		return;
	wire_free(l->wire);
	if (l->resume)
		event_free(l->resume);
	leaves_release(l);
	tree_release(&l->tree);
	faults_release(&l->faults);
	keys_release(&l->keys);
	mem_free(l);
}

uint16_t builtin_log_port(const struct builtin_log *l)
{
	return wire_port(l->wire);
}

enum status builtin_log_script(struct builtin_log *l, struct slice text, struct buf *error)
{
	enum status s = faults_add(&l->faults, text, error);
	if (s == STATUS_OK)
		builtin_changed(l);
	return s;
}
