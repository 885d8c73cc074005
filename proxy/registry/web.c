#include <sigrelay/registry/web.h>

#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <arpa/inet.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/base/rng.h>

#include "web_inside.h"

#define IN_FLIGHT_MAX 128 /* a registry that hangs on many tags must not keep others waiting */
#define AT_A_PLACE_MAX 16 /* nor is one with many tags to be flooded */
#define REDIRECTS_MAX 5
#define RESOLVES_MAX 3 /* a name that is not there is a typing error, mostly */
#define HEAD_MAX ((size_t)256 << 10)
#define LINES_MAX ((size_t)256 << 10)
#define TOKEN_MAX ((size_t)64 << 10) /* answers no larger than this may be secrets */
#define TIMEOUT_MAX ((usec)86400 * USEC_PER_SEC)
#define PATIENCE_LEAST (5 * USEC_PER_SEC)
#define AGENT "sigrelay/" SIGRELAY_VERSION

enum stage { WAITING, SENT, OVER };

/* One request, from web_start to its done. */
struct task {
	TAILQ_ENTRY(task) link;
	struct web *web;
	web_done_fn *done;
	void *arg;
	bool (*final)(const struct web_answer *a);
	/* what was asked, copied */
	char *method, *url, *trusted_host;
	struct buf body, lines; /* the header lines, each with its NUL */
	size_t line_count, max_answer;
	usec deadline;
	bool untrusted;
	enum network namer;
	/* this attempt */
	enum stage stage;
	CURL *easy;
	struct curl_slist *headers; /* nodes over lines */
	char *here;                 /* after a redirect: where to; NULL: url */
	struct place place;         /* of where it is asked now */
	bool foreign, bare;         /* that was named by an answer; and gets no credentials */
	enum network by;            /* where the answer came from that named it */
	unsigned redirects, resolves;
	usec due, ends, timeout;
	char detail[CURL_ERROR_SIZE], refused[INET6_ADDRSTRLEN];
	enum network refused_network;
	bool too_large, head_too_large, transient, head_is_whole, proxied;
	struct web_answer now, last; /* of this attempt; what done will see */
};

TAILQ_HEAD(tasks, task);

struct web {
	struct web_config cfg;
	CURLM *multi;
	struct rng rng;
	struct tasks tasks;
	unsigned in_flight;
	void (*waiting)(void *arg);
	void *waiting_arg;
	const volatile sig_atomic_t *stop;
};

usec web_now(const struct web *w)
{
	(void)w;
	return clock_now().mono;
}

/* --- answers --------------------------------------------------------------- */

static void answer_init(struct web_answer *a, size_t max)
{
	*a = (struct web_answer){ .retry_after = -1 };
	buf_init(&a->body, max);
	buf_init(&a->head, HEAD_MAX);
}

/* A body may be a token. */
static void answer_empty(struct web_answer *a)
{
	size_t max = a->body.max;
	buf_wipe(&a->body);
	buf_wipe(&a->head);
	answer_init(a, max);
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct task *t = arg;
	size *= n;
	enum status st = buf_add(&t->now.body, p, size);
	t->too_large = st == STATUS_TOO_LARGE;
	return st == STATUS_OK ? size : 0; /* less than was given ends the transfer */
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct task *t = arg;
	size *= n;
	/* A status line begins a new head: the last one counts (100, then 200). */
	if (size > 5 && memcmp(p, "HTTP/", 5) == 0) {
		buf_reset(&t->now.head);
		t->head_is_whole = false;
	}
	if (size > 0 && (p[0] == '\r' || p[0] == '\n'))
		t->head_is_whole = true;
	t->head_too_large = buf_add(&t->now.head, p, size) != STATUS_OK;
	return t->head_too_large ? 0 : size;
}

/* --- which addresses may be asked -------------------------------------------- */

static bool is_refused(const struct task *t, enum network n)
{
	if (!t->foreign || !network_is_refused(n, t->by, !t->untrusted))
		return false;
	return !t->trusted_host || !place_is(&t->place, t->trusted_host);
}

static uint16_t port_of(const struct sockaddr *a)
{
	struct sockaddr_in6 v; /* sin_port and sin6_port lie in the same place */
	memcpy(&v, a, sizeof(struct sockaddr_in));
	return ntohs(v.sin6_port);
}

static void note_refused(struct task *t, const struct sockaddr *a, enum network n)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	t->refused_network = n;
	if (a->sa_family == AF_INET6) {
		memcpy(&v6, a, sizeof(v6));
		inet_ntop(AF_INET6, &v6.sin6_addr, t->refused, sizeof(t->refused));
	} else {
		memcpy(&v4, a, sizeof(v4));
		inet_ntop(AF_INET, &v4.sin_addr, t->refused, sizeof(t->refused));
	}
}

/* At connect, after the name was resolved: nothing can change in between. */
static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct task *t = arg;
	enum network n = network_of(&a->addr);
	(void)purpose;
	t->proxied = n != NETWORK_LOOPBACK || network_of_text(t->place.host) != NETWORK_LOOPBACK;
	t->proxied = t->proxied && web_is_proxy(t->place.tls, port_of(&a->addr));
	if (is_refused(t, n) && !t->proxied) {
		note_refused(t, &a->addr, n);
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static enum network network_of_peer(const struct task *t)
{
	char *ip = NULL;
	long port = 0;
	curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_IP, &ip);
	curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_PORT, &port);
	return ip && !web_is_proxy(t->place.tls, port) ? network_of_text(ip) : NETWORK_PUBLIC;
}

/* --- sending --------------------------------------------------------------- */

static bool is_secret(const char *line)
{
	return strncasecmp(line, "Authorization:", 14) == 0 || strncasecmp(line, "Cookie:", 7) == 0;
}

/* The caller's lines as a list that libcurl walks; none is copied. */
static bool set_headers(struct task *t)
{
	static char no_expect[] = "Expect:";
	size_t n = 0;
	char *line = t->lines.p;
	for (size_t i = 0; i < t->line_count; i++, line += strlen(line) + 1) {
		if (!t->bare || !is_secret(line))
			t->headers[n++].data = line;
	}
	t->headers[n++].data = no_expect;
	for (size_t i = 0; i < n; i++)
		t->headers[i].next = i + 1 < n ? &t->headers[i + 1] : NULL;
	return curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK;
}

#define SET(option, value) ok = ok && curl_easy_setopt(t->easy, option, value) == CURLE_OK

static bool set_method(struct task *t)
{
	bool ok = true;
	if (t->body.n > 0) {
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.n);
		SET(CURLOPT_POSTFIELDS, t->body.p);
	}
	if (strcmp(t->method, "HEAD") == 0)
		SET(CURLOPT_NOBODY, 1L);
	else
		SET(CURLOPT_CUSTOMREQUEST, t->method);
	return ok;
}

static bool set_rest(struct task *t)
{
	const struct web_config *cfg = &t->web->cfg;
	bool ok = true;
	SET(CURLOPT_PRIVATE, t);
	SET(CURLOPT_URL, t->here ? t->here : t->url);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L); /* not to wait for a name server past the deadline */
	SET(CURLOPT_USERAGENT, AGENT);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, t);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, t);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_ERRORBUFFER, t->detail);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
	SET(CURLOPT_OPENSOCKETDATA, t);
	SET(CURLOPT_TIMEOUT_MS, (long)(t->timeout / USEC_PER_MSEC) + 1);
	SET(CURLOPT_CONNECTTIMEOUT_MS,
	    (long)(usec_min(cfg->connect_timeout, t->timeout) / USEC_PER_MSEC) + 1);
	/* As Go's clients have it: what stands on this machine is behind no proxy. */
	if (network_of_text(t->place.host) == NETWORK_LOOPBACK)
		SET(CURLOPT_PROXY, "");
	if (cfg->ca_file)
		SET(CURLOPT_CAINFO, cfg->ca_file);
	return ok;
}

static void settle(struct task *t, usec now);

/* One hop. A redirect's is of the same attempt, and shares its time. */
static void hop(struct task *t, usec now)
{
	enum network literal;
	answer_empty(&t->now);
	t->detail[0] = t->refused[0] = '\0';
	t->too_large = t->head_too_large = t->head_is_whole = t->proxied = false;
	t->timeout = usec_min(usec_max(t->ends - now, 0), TIMEOUT_MAX);
	t->transient = false;
	curl_easy_reset(t->easy);
	if (!place_of(t->here ? t->here : t->url, &t->place)) {
		snprintf(t->now.error, sizeof(t->now.error), "%s: no memory", t->url);
		settle(t, now);
		return;
	}
	/* The proxy resolves names; an address it would connect to all the same. */
	literal = network_of_text(t->place.host);
	if (is_refused(t, literal)) {
		struct web_failure f = { .code = CURLE_COULDNT_CONNECT,
					 .place = t->place.host,
					 .refused = t->place.host,
					 .network = literal };
		web_failure_print(&f, t->now.error);
		settle(t, now);
		return;
	}
	/* An answer that may be a token is read into one block, so that wiping it wipes all. */
	bool room = t->max_answer > TOKEN_MAX || buf_reserve(&t->now.body, t->max_answer) == STATUS_OK;
	if (!room || !set_headers(t) || !set_method(t) || !set_rest(t) ||
	    curl_multi_add_handle(t->web->multi, t->easy) != CURLM_OK) {
		snprintf(t->now.error, sizeof(t->now.error), "%s: no memory for the request", t->place.host);
		settle(t, now);
		return;
	}
	t->stage = SENT;
	t->web->in_flight++;
}

static usec deadline_of(const struct task *t)
{
	return usec_min(t->deadline, t->web->cfg.deadline);
}

/* One that says nothing leaves some of the time for another; one that has little gets all. */
static usec patience_of(const struct task *t, usec now)
{
	usec left = usec_max(deadline_of(t) - now, 0);
	usec share = left > PATIENCE_LEAST ? usec_max(left / 3 * 2, PATIENCE_LEAST) : left;
	return usec_min(t->web->cfg.attempt_timeout, share);
}

static void attempt(struct task *t, usec now)
{
	mem_free(t->here);
	t->here = NULL;
	t->foreign = t->untrusted;
	t->by = t->namer;
	t->bare = false;
	t->redirects = 0;
	t->last.attempts++;
	t->ends = usec_add(now, patience_of(t, now));
	hop(t, now);
}

/* --- what came of it --------------------------------------------------------- */

/* This attempt's answer becomes the one that done will see. */
static void keep(struct task *t)
{
	unsigned attempts = t->last.attempts;
	struct web_answer old = t->last;
	t->last = t->now;
	t->now = old;
	answer_empty(&t->now);
	t->last.attempts = attempts;
}

static void say_attempts(struct web_answer *a)
{
	size_t n = strlen(a->error);
	if (a->status == 0 && a->attempts > 1 && n < sizeof(a->error))
		snprintf(a->error + n, sizeof(a->error) - n, " (tried %u times)", a->attempts);
}

static bool may_repeat(const struct task *t)
{
	const struct web_config *cfg = &t->web->cfg;
	bool transient = t->last.status ? web_answer_is_transient(&t->last) : t->transient;
	if (!transient || (cfg->attempts && t->last.attempts >= cfg->attempts) || t->resolves >= RESOLVES_MAX)
		return false;
	return !t->last.status || !t->final || !t->final(&t->last);
}

/* The end of an attempt: the task waits for the next one, or is over. */
static void settle(struct task *t, usec now)
{
	/* One that the deadline cut off says less than the one before. */
	bool cut = t->now.status == 0 && t->transient && t->last.attempts > 1 && now >= deadline_of(t);
	if (!cut)
		keep(t);
	t->stage = OVER;
	if (!cut && may_repeat(t)) {
		usec wait = backoff_wait(&t->web->cfg.backoff, t->last.attempts,
					 web_answer_throttles(&t->last), t->last.retry_after, &t->web->rng);
		t->due = usec_add(now, wait);
		t->stage = t->due < deadline_of(t) ? WAITING : OVER;
	}
	if (t->stage == OVER)
		say_attempts(&t->last);
}

static bool redirects(const struct task *t)
{
	int s = t->now.status;
	return (s == 301 || s == 302 || s == 303 || s == 307 || s == 308) &&
	       web_header(&t->now, "Location", 0).p &&
	       (strcmp(t->method, "GET") == 0 || strcmp(t->method, "HEAD") == 0);
}

/* NULL: goes on at t->here; else what is wrong with where it was sent. */
static const char *redirect(struct task *t)
{
	char *to = NULL;
	struct place from = t->place, place;
	struct slice location = web_header(&t->now, "Location", 0);
	if (t->redirects++ == REDIRECTS_MAX)
		return "redirects too often";
	if (url_follow(t->here ? t->here : t->url, location, &to) != STATUS_OK)
		return "redirects to what is no URL";
	if (!place_of(to, &place)) {
		mem_free(to);
		return "redirects to what is no http or https URL, or has a password in it";
	}
	mem_free(t->here);
	t->here = to;
	if (from.tls && !place.tls)
		return "redirects from https to http: not followed";
	if (!place_eq(&from, &place)) {
		t->bare = t->foreign = true;
		t->by = t->now.network;
	}
	return NULL;
}

static void fail(struct task *t, CURLcode code)
{
	char place[264];
	long os_error = 0;
	curl_off_t connected = 0;
	place_print(&t->place, place);
	curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os_error);
	curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
	const struct web_failure f = {
		.code = code,
		.place = place,
		.detail = t->detail[0] ? t->detail : curl_easy_strerror(code),
		.refused = t->refused,
		.network = t->refused_network,
		.os_error = os_error,
		.timeout = t->timeout,
		.connected = connected > 0,
		.proxied = t->proxied,
		.too_large = t->too_large || t->head_too_large,
		.max_answer = t->head_too_large ? HEAD_MAX : t->max_answer,
	};
	t->transient = web_failure_is_transient(&f);
	t->resolves += code == CURLE_COULDNT_RESOLVE_HOST;
	answer_empty(&t->now);
	web_failure_print(&f, t->now.error);
}

static void finish(struct task *t, CURLcode code, struct instant now)
{
	long status = 0;
	const char *wrong = NULL;
	t->now.network = network_of_peer(t);
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	/* libcurl is content with half a head that no body should follow. */
	if (code == CURLE_OK && !t->head_is_whole)
		code = CURLE_PARTIAL_FILE;
	if (code != CURLE_OK) {
		fail(t, code);
	} else {
		t->now.status = (int)status;
		t->now.retry_after = web_retry_after(&t->now, now.wall);
	}
	curl_multi_remove_handle(t->web->multi, t->easy);
	t->web->in_flight--;
	if (redirects(t)) {
		wrong = redirect(t);
		if (!wrong) {
			hop(t, now.mono);
			return;
		}
		answer_empty(&t->now);
		snprintf(t->now.error, sizeof(t->now.error), "%s %s", t->place.host, wrong);
	}
	settle(t, now.mono);
}

/* --- the loop -------------------------------------------------------------- */

static void task_free(struct task *t)
{
	if (!t)
		return;
	curl_easy_cleanup(t->easy);
	mem_free(t->headers);
	buf_wipe(&t->lines);
	buf_wipe(&t->body);
	buf_wipe(&t->now.body);
	buf_wipe(&t->now.head);
	buf_wipe(&t->last.body);
	buf_wipe(&t->last.head);
	mem_free(t->method);
	mem_free(t->url);
	mem_free(t->trusted_host);
	mem_free(t->here);
	mem_free(t);
}

static void harvest(struct web *w)
{
	CURLMsg *m;
	int left;
	while ((m = curl_multi_info_read(w->multi, &left))) {
		struct task *t = NULL;
		if (m->msg != CURLMSG_DONE)
			continue;
		CURLcode code = m->data.result;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
		finish(t, code, clock_now());
	}
}

static bool has_room(const struct web *w, const struct task *t)
{
	const struct task *other;
	unsigned there = 0;
	TAILQ_FOREACH(other, &w->tasks, link)
	there += other->stage == SENT && place_eq(&other->place, &t->place);
	return w->in_flight < IN_FLIGHT_MAX && there < AT_A_PLACE_MAX;
}

static void begin_due(struct web *w)
{
	struct task *t;
	usec now = web_now(w);
	TAILQ_FOREACH(t, &w->tasks, link)
	{
		if (t->stage != WAITING || t->due > now)
			continue;
		if (now >= deadline_of(t)) {
			if (t->last.attempts == 0)
				snprintf(t->last.error, sizeof(t->last.error),
					 "%s was not asked: no time is left", t->place.host);
			t->stage = OVER;
		} else if (has_room(w, t)) {
			attempt(t, now);
		}
	}
}

/* done may start more; what it starts is behind, so the list is walked anew. */
static void deliver(struct web *w)
{
	struct task *t = TAILQ_FIRST(&w->tasks);
	while (t) {
		if (t->stage != OVER) {
			t = TAILQ_NEXT(t, link);
			continue;
		}
		TAILQ_REMOVE(&w->tasks, t, link);
		t->done(t->arg, &t->last);
		task_free(t);
		t = TAILQ_FIRST(&w->tasks);
	}
}

/* Until the next attempt or deadline; 0 when something is over. */
static int patience(const struct web *w)
{
	const struct task *t;
	usec now = web_now(w), wait = USEC_PER_SEC;
	TAILQ_FOREACH(t, &w->tasks, link)
	{
		if (t->stage == OVER)
			return 0;
		/* What is due and has no room waits for another to end. */
		if (t->stage == WAITING && (t->due > now || has_room(w, t)))
			wait = usec_min(wait, usec_max(t->due - now, 0));
	}
	return (int)((wait + USEC_PER_MSEC - 1) / USEC_PER_MSEC);
}

void web_stop_on(struct web *w, const volatile sig_atomic_t *stop)
{
	w->stop = stop;
}

/* Everything that is not over ends here. */
static void end_all(struct web *w, const char *why)
{
	struct task *t;
	TAILQ_FOREACH(t, &w->tasks, link)
	{
		if (t->stage == OVER)
			continue;
		if (t->stage == SENT) {
			curl_multi_remove_handle(w->multi, t->easy);
			w->in_flight--;
		}
		answer_empty(&t->now);
		snprintf(t->now.error, sizeof(t->now.error), "%s: %s", t->place.host, why);
		keep(t);
		t->stage = OVER;
	}
}

/* libcurl's own trouble would come again at every turn. */
static void check(struct web *w, CURLMcode m)
{
	if (m != CURLM_OK)
		end_all(w, curl_multi_strerror(m));
}

void web_run(struct web *w)
{
	int running;
	while (!TAILQ_EMPTY(&w->tasks)) {
		if (w->stop && *w->stop)
			end_all(w, "stopped by a signal");
		begin_due(w);
		check(w, curl_multi_perform(w->multi, &running));
		harvest(w);
		deliver(w);
		if (TAILQ_EMPTY(&w->tasks))
			return;
		if (w->waiting)
			w->waiting(w->waiting_arg);
		check(w, curl_multi_poll(w->multi, NULL, 0, patience(w), NULL));
	}
}

void web_on_wait(struct web *w, void (*waiting)(void *arg), void *arg)
{
	w->waiting = waiting;
	w->waiting_arg = arg;
}

/* --- the beginning and the end ------------------------------------------------ */

static bool copy_lines(struct task *t, const char *const *headers)
{
	size_t n = 0;
	for (size_t i = 0; headers && headers[i]; i++)
		n += strlen(headers[i]) + 1;
	if (buf_reserve(&t->lines, n) != STATUS_OK) /* one block: none is left behind unwiped */
		return false;
	for (; headers && *headers; headers++, t->line_count++) {
		if (buf_add(&t->lines, *headers, strlen(*headers) + 1) != STATUS_OK)
			return false;
	}
	t->headers = mem_calloc(t->line_count + 1, sizeof(*t->headers));
	return t->headers != NULL;
}

static enum status task_fill(struct task *t, const struct web_request *q)
{
	if (!place_of(q->url, &t->place))
		return STATUS_INVALID;
	t->method = mem_strdup(q->method);
	t->url = mem_strdup(q->url);
	t->trusted_host = q->trusted_host ? mem_strdup(q->trusted_host) : NULL;
	t->easy = curl_easy_init();
	if (!t->method || !t->url || (q->trusted_host && !t->trusted_host) || !t->easy ||
	    !copy_lines(t, q->headers))
		return STATUS_NO_MEMORY;
	return buf_add_slice(&t->body, q->body);
}

enum status web_start(struct web *w, const struct web_request *q, web_done_fn *done, void *arg)
{
	struct task *t = mem_calloc(1, sizeof(*t));
	if (!t)
		return STATUS_NO_MEMORY;
	t->web = w;
	t->done = done;
	t->arg = arg;
	t->final = q->final;
	t->deadline = q->deadline;
	t->untrusted = q->untrusted;
	t->namer = q->namer;
	t->max_answer = q->max_answer ? q->max_answer : WEB_ANSWER_MAX;
	buf_init(&t->lines, LINES_MAX);
	buf_init(&t->body, SIZE_MAX);
	answer_init(&t->now, t->max_answer);
	answer_init(&t->last, t->max_answer);
	enum status st = task_fill(t, q);
	if (st != STATUS_OK) {
		task_free(t);
		return st;
	}
	TAILQ_INSERT_TAIL(&w->tasks, t, link);
	return STATUS_OK;
}

enum status web_new(struct web **out, const struct web_config *cfg)
{
	struct web *w = mem_calloc(1, sizeof(*w));
	if (!w)
		return STATUS_NO_MEMORY;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		mem_free(w);
		return STATUS_NO_MEMORY;
	}
	w->cfg = *cfg;
	w->multi = curl_multi_init();
	TAILQ_INIT(&w->tasks);
	rng_seed(&w->rng, rng_entropy());
	if (!w->multi) {
		web_free(w);
		return STATUS_NO_MEMORY;
	}
	*out = w;
	return STATUS_OK;
}

void web_free(struct web *w)
{
	struct task *t;
	if (!w)
		return;
	while ((t = TAILQ_FIRST(&w->tasks))) {
		TAILQ_REMOVE(&w->tasks, t, link);
		if (t->stage == SENT)
			curl_multi_remove_handle(w->multi, t->easy);
		task_free(t);
	}
	curl_multi_cleanup(w->multi);
	curl_global_cleanup();
	mem_free(w);
}
