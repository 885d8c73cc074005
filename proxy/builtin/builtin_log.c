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

/* *known: some method is served at this path. */
static const struct route *route_find(const struct call *c, bool *known)
{
	*known = false;
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!path_matches(&routes[i], c->path))
			continue;
		*known = true;
		if (strcmp(routes[i].method, c->method) == 0)
			return &routes[i];
	}
	return NULL;
}

/* ---- answers ---- */

enum status response_header(struct response *a, const char *name, const char *value)
{
	return buf_addf(&a->head, "%s: %s\r\n", name, value);
}

enum status response_json(struct response *a, cJSON *root)
{
	char *text = root ? cJSON_PrintUnformatted(root) : NULL;
	enum status s = text ? buf_addf(&a->body, "%s\n", text) : STATUS_NO_MEMORY;
	cJSON_free(text);
	cJSON_Delete(root);
	return s;
}

static const char html_junk[] = "<!DOCTYPE html>\n<html><head><title>Welcome</title></head>"
				"<body><h1>It works!</h1></body></html>\n";

static enum status html_error(int status, struct response *a)
{
	const char *title = status == 429 ? "429 Too Many Requests" : "502 Bad Gateway";
	a->content_type = "text/html";
	return buf_addf(
	    &a->body,
	    "<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%s</h1></center>\r\n"
	    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
	    title, title);
}

/* gRPC's code for an HTTP status, as grpc-gateway maps it. */
static int grpc_code(int status)
{
	switch (status) {
	case 400:
		return 3;
	case 401:
		return 16;
	case 403:
		return 7;
	case 404:
		return 5;
	case 409:
		return 6;
	case 503:
		return 14;
	case 504:
		return 4;
	default:
		return 13;
	}
}

enum status service_error(enum place at, int status, const char *message, struct response *a)
{
	cJSON *root = cJSON_CreateObject();
	a->status = status;
	a->content_type = at == PLACE_STAMP ? "application/timestamp-reply" : "application/json";
	bool ok = cJSON_AddNumberToObject(root, "code", at == PLACE_SIGN ? grpc_code(status) : status) &&
		  cJSON_AddStringToObject(root, "message", message);
	if (at == PLACE_SIGN)
		ok = ok && cJSON_AddArrayToObject(root, "details");
	if (!ok) {
		cJSON_Delete(root);
		return STATUS_NO_MEMORY;
	}
	return response_json(a, root);
}

void builtin_answer_or_reset(struct builtin_log *l, struct call *c, struct response *a, enum status made)
{
	if (made == STATUS_OK)
		builtin_answer(l, c, a);
	else
		wire_reset(c);
	response_release(a);
}

void builtin_answer(struct builtin_log *l, struct call *c, struct response *a)
{
	(void)l;
	if (c->fault.word == WORD_HALF)
		wire_answer_half(c, a);
	else if (c->fault.word == WORD_DRIP)
		wire_answer_drip(c, a, c->fault.duration);
	else if (!builtin_lost(l, c))
		wire_answer(c, a);
}

static void answer_status(struct builtin_log *l, struct call *c, int status, int64_t retry_after)
{
	struct response a;
	response_init(&a, status, NULL);
	enum status s = status == 429 || status == 502
			    ? html_error(status, &a)
			    : service_error(c->place, status, "built-in fault", &a);
	if (s == STATUS_OK && retry_after >= 0)
		s = buf_addf(&a.head, "Retry-After: %lld\r\n", (long long)retry_after);
	c->fault.word = WORD_OK;
	builtin_answer_or_reset(l, c, &a, s);
}

bool builtin_lost(struct builtin_log *l, struct call *c)
{
	if (c->fault.word != WORD_LOSE)
		return false;
	if (c->fault.lost_by == LOST_BY_RESET)
		wire_reset(c);
	else if (c->fault.lost_by == LOST_BY_CLOSE)
		wire_close(c);
	else if (c->fault.lost_by == LOST_BY_STALL)
		builtin_park(l, c, PARKED_STALLED);
	else
		answer_status(l, c, (int)c->fault.n, -1);
	return true;
}

static void answer_junk(struct builtin_log *l, struct call *c)
{
	struct response a;
	bool created = c->place == PLACE_CREATE || (c->place == PLACE_SIGN && strstr(c->path, "/v1/"));
	response_init(&a, created ? 201 : 200, "text/html; charset=utf-8");
	builtin_answer_or_reset(l, c, &a, buf_add_str(&a.body, html_junk));
}

static void answer_no_route(struct builtin_log *l, struct call *c, bool known)
{
	char message[256];
	struct response a;
	response_init(&a, 0, NULL);
	snprintf(message, sizeof(message),
		 known ? "method %.20s is not allowed" : "path %.200s was not found",
		 known ? c->method : c->path);
	enum status s = service_error(PLACE_OTHER, known ? 405 : 404, message, &a);
	builtin_answer_or_reset(l, c, &a, s);
}

/* ---- calls that wait ---- */

static int64_t *parked_counter(struct builtin_log *l, enum parked why)
{
	switch (why) {
	case PARKED_HELD:
		return &l->n.held;
	case PARKED_DELAYED:
		return &l->n.delayed;
	case PARKED_STALLED:
		return &l->n.stalled;
	case PARKED_LEAF:
		return &l->n.hanging;
	case PARKED_NOT:
	case PARKED_BARRIER:
		break;
	}
	return NULL;
}

void builtin_park(struct builtin_log *l, struct call *c, enum parked why)
{
	int64_t *n = parked_counter(l, why);
	c->parked = why;
	c->prev = NULL;
	c->next = l->parked;
	if (c->next)
		c->next->prev = c;
	l->parked = c;
	if (n)
		++*n;
}

void builtin_unpark(struct builtin_log *l, struct call *c)
{
	int64_t *n = parked_counter(l, c->parked);
	if (c->parked == PARKED_NOT)
		return;
	*(c->prev ? &c->prev->next : &l->parked) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->parked = PARKED_NOT;
	if (n)
		--*n;
}

struct builtin_log *builtin_of(const struct call *c)
{
	return call_owner(c);
}

void builtin_after(struct builtin_log *l, struct call *c, usec wait, park_fn *fn)
{
	struct timeval tv = { wait / USEC_PER_SEC, wait % USEC_PER_SEC };
	if (c->timer)
		event_free(c->timer);
	c->timer = evtimer_new(l->base, fn, c);
	if (c->timer)
		evtimer_add(c->timer, &tv);
}

void builtin_changed(struct builtin_log *l)
{
	l->n.rules = faults_left(&l->faults);
	l->n.integrated = (int64_t)tree_size(&l->tree);
	control_barriers(l);
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

void builtin_pause(struct builtin_log *l, usec duration)
{
	l->paused = true;
	evtimer_del(l->resume);
	if (duration == USEC_NEVER)
		return;
	struct timeval tv = { duration / USEC_PER_SEC, duration % USEC_PER_SEC };
	evtimer_add(l->resume, &tv);
}

void builtin_resume(struct builtin_log *l)
{
	l->paused = false;
	evtimer_del(l->resume);
	/* A leaf that there is no memory for stays queued: the next one tries again. */
	if (leaves_integrate(l) == STATUS_OK)
		builtin_changed(l);
}

static bool is_down(const struct builtin_log *l)
{
	return l->down_until && clock_now().mono < l->down_until;
}

static bool on_head(void *arg, struct call *c)
{
	struct builtin_log *l = arg;
	bool known;
	const struct route *r = route_find(c, &known);
	c->place = r ? r->place : PLACE_OTHER;
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

void builtin_run(struct builtin_log *l, struct call *c)
{
	bool known;
	const struct route *r = route_find(c, &known);
	if (r)
		r->service(l, c);
	else
		answer_no_route(l, c, known);
}

void builtin_run_parked(evutil_socket_t fd, short what, void *arg)
{
	struct call *c = arg;
	struct builtin_log *l = builtin_of(c);
	(void)fd, (void)what;
	builtin_unpark(l, c);
	builtin_run(l, c);
	builtin_changed(l);
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
		answer_status(l, c, (int)c->fault.n, c->fault.retry_after);
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
		builtin_run(l, c);
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
