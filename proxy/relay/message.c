#include <sigrelay/relay/message.h>

#include <stdio.h>
#include <string.h>

#include <sigrelay/base/mem.h>

#define REQUEST_HEADERS_MAX (256u << 10)
#define HEAD_USUAL 511
#define WAIT_MOST_S 86400

/* RFC 9110 7.6.1, and what the relay says for itself on either side. */
static const char *const OURS[] = {
	"Connection",
	"Keep-Alive",
	"Proxy-Connection",
	"Proxy-Authenticate",
	"Proxy-Authorization",
	"TE",
	"Trailer",
	"Transfer-Encoding",
	"Upgrade",
	"Content-Length",
	"Content-Encoding",
	"Host",
	"Accept-Encoding",
	"Expect",
	"X-Request-Id",
	"Prefer",
	"Preference-Applied",
	"traceparent",
};

bool header_is_ours(struct slice name)
{
	/* Asked of every header both ways: a look at one letter says no to most. */
	for (size_t i = 0; i < sizeof(OURS) / sizeof(OURS[0]); i++) {
		if (name.n && (name.p[0] | 0x20) == (OURS[i][0] | 0x20) && slice_eq_icase(name, OURS[i]))
			return true;
	}
	return false;
}

bool header_is_listed(struct slice connection, struct slice name)
{
	while (connection.n) {
		const char *comma = memchr(connection.p, ',', connection.n);
		size_t n = comma ? (size_t)(comma - connection.p) : connection.n;
		size_t step = comma ? n + 1 : n;
		struct slice token = slice_trim((struct slice){ connection.p, n });
		if (token.n == name.n && strncasecmp(token.p, name.p, token.n) == 0)
			return true;
		connection = (struct slice){ connection.p + step, connection.n - step };
	}
	return false;
}

/* A target without the trailing slash that the route passed over. */
static enum status set_target(struct request *r, const struct route *route)
{
	size_t n = route->path.n + (route->query.n ? 1 + route->query.n : 0);
	char *t = mem_alloc(n + 1);
	if (!t)
		return STATUS_NO_MEMORY;
	memcpy(t, route->path.p, route->path.n);
	if (route->query.n) {
		t[route->path.n] = '?';
		memcpy(t + route->path.n + 1, route->query.p, route->query.n);
	}
	t[n] = '\0';
	r->target = t;
	r->path = (struct slice){ t, route->path.n };
	r->query = route->query.n ? (struct slice){ t + route->path.n + 1, route->query.n }
				  : (struct slice){ t + n, 0 };
	if (route->id.n)
		r->entry_id = (struct slice){ t + (route->id.p - route->path.p), route->id.n };
	return STATUS_OK;
}

enum status request_new(struct request **out, const struct route *route, enum method method)
{
	struct request *r = mem_calloc(1, sizeof(*r));
	if (!r)
		return STATUS_NO_MEMORY;
	r->refs = 1;
	r->operation = route->operation;
	r->method = method;
	r->wait = USEC_NEVER;
	buf_init(&r->headers, REQUEST_HEADERS_MAX);
	/* One block for what a client sends as a rule, in place of four that grow. */
	if (buf_reserve(&r->headers, HEAD_USUAL) != STATUS_OK || set_target(r, route) != STATUS_OK) {
		request_unref(r);
		return STATUS_NO_MEMORY;
	}
	*out = r;
	return STATUS_OK;
}

static bool good_id(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
	return n > 0 && n <= REQUEST_ID_MAX && s[n] == '\0';
}

/* "wait=27" or "max-age=5", perhaps among others. 0: not there, or no good. */
static usec listed_seconds(struct slice value, const char *name)
{
	size_t length = strlen(name);
	usec found = 0;
	while (value.n) {
		const char *comma = memchr(value.p, ',', value.n);
		size_t n = comma ? (size_t)(comma - value.p) : value.n;
		size_t step = comma ? n + 1 : n;
		struct slice wish = slice_trim((struct slice){ value.p, n });
		uint64_t seconds;
		if (slice_starts(wish, name)) {
			wish = (struct slice){ wish.p + length, wish.n - length };
			if (slice_u64(wish, &seconds) == STATUS_OK && seconds <= WAIT_MOST_S)
				found = (usec)seconds * USEC_PER_SEC;
		}
		value = (struct slice){ value.p + step, value.n - step };
	}
	return found;
}

static void take_wish(struct request *r, struct slice value)
{
	usec wait = listed_seconds(value, "wait=");
	if (wait > 0)
		r->wait = wait;
}

/* Two of them are as good as none: which one is meant? */
static void take_trace(struct request *r, struct slice value)
{
	if (r->trace_seen || trace_parse(&r->trace, value) != STATUS_OK)
		r->trace.id[0] = '\0';
	r->trace_seen = true;
}

/* What a tracestate says, it says of a traceparent (3.3 of the same). */
static void drop_tracestate(struct request *r)
{
	char *to = r->headers.p;
	const char *from = r->headers.p;
	size_t kept = 0;
	for (size_t i = 0; i < r->header_count; i++) {
		size_t n = strlen(from) + 1;
		if (strncasecmp(from, "tracestate:", 11) != 0 && strcasecmp(from, "tracestate;") != 0) {
			memmove(to, from, n);
			to += n;
			kept++;
		}
		from += n;
	}
	r->headers.n = (size_t)(to - r->headers.p);
	r->header_count = kept;
}

enum status request_add_header(struct request *r, const char *name, const char *value)
{
	struct slice n = slice_str(name);
	if (slice_eq_icase(n, "X-Request-Id") && good_id(value))
		memcpy(r->id, value, strlen(value) + 1);
	else if (slice_eq_icase(n, "Prefer"))
		take_wish(r, slice_str(value));
	else if (slice_eq_icase(n, "traceparent"))
		take_trace(r, slice_str(value));
	else if (slice_eq_icase(n, "tracestate"))
		r->state_seen = true;
	if (header_is_ours(n))
		return STATUS_OK;
	size_t before = r->headers.n;
	/* curl wants "Name;" for a header with an empty value. */
	enum status s = buf_add_slice(&r->headers, n);
	if (s == STATUS_OK)
		s = buf_add_str(&r->headers, *value ? ": " : ";");
	if (s == STATUS_OK)
		s = buf_add(&r->headers, value, strlen(value) + 1);
	if (s != STATUS_OK) {
		r->headers.n = before;
		return s;
	}
	r->header_count++;
	return STATUS_OK;
}

static struct slice header_value(const struct request *r, const char *name)
{
	size_t n = strlen(name);
	const char *p = r->headers.p;
	for (size_t i = 0; i < r->header_count; i++, p += strlen(p) + 1) {
		if (strncasecmp(p, name, n) == 0 && p[n] == ':')
			return slice_str(p + n + 2);
	}
	return (struct slice){ "", 0 };
}

enum status request_seal(struct request *r, uint64_t id_seed)
{
	if (r->state_seen && !trace_id(&r->trace))
		drop_tracestate(r);
	if (!r->id[0])
		snprintf(r->id, sizeof(r->id), "%016llx", (unsigned long long)id_seed);
	enum status s = buf_add_str(&r->headers, "X-Request-Id: ");
	if (s != STATUS_OK || (s = buf_add(&r->headers, r->id, strlen(r->id) + 1)) != STATUS_OK)
		return s;
	r->header_count++;
	r->user_agent = header_value(r, "User-Agent");
	r->authorization = header_value(r, "Authorization");
	return STATUS_OK;
}

usec request_max_age(const struct request *r)
{
	return listed_seconds(header_value(r, "Cache-Control"), "max-age=");
}

bool request_is_log_state(const struct request *r)
{
	return r->operation == OP_REKOR_QUERY && r->method == METHOD_GET && r->query.n == 0 &&
	       r->authorization.n == 0 && slice_eq_str(r->path, "/api/v1/log");
}

bool request_is_secret(const struct request *r)
{
	return r->operation == OP_FULCIO_SIGN || r->authorization.n;
}

struct request *request_ref(struct request *r)
{
	r->refs++;
	return r;
}

size_t request_bytes(const struct request *r)
{
	return strlen(r->target) + r->headers.n + r->body_size;
}

void request_unref(struct request *r)
{
	if (!r || --r->refs)
		return;
	/* A certificate request carries the OIDC token, in a header or the body. */
	bool secret = request_is_secret(r);
	if (secret && r->body)
		mem_wipe(r->body, r->body_size);
	mem_free(r->body);
	if (secret)
		buf_wipe(&r->headers);
	else
		buf_release(&r->headers);
	mem_free(r->target);
	mem_free(r);
}

struct answer *answer_new(int status, size_t body_max)
{
	struct answer *a = mem_calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->refs = 1;
	a->status = status;
	buf_init(&a->head, ANSWER_HEAD_MAX);
	buf_init(&a->body, body_max);
	return a;
}

struct answer *answer_ref(struct answer *a)
{
	a->refs++;
	return a;
}

void answer_unref(struct answer *a)
{
	if (!a || --a->refs)
		return;
	buf_release(&a->head);
	buf_release(&a->body);
	mem_free(a);
}

/* The next line of head that is a header; false at the end. */
static bool next_line(const struct answer *a, size_t *at, struct slice *name, struct slice *value)
{
	while (*at < a->head.n) {
		const char *p = a->head.p + *at;
		size_t left = a->head.n - *at;
		const char *end = memchr(p, '\n', left);
		size_t n = end ? (size_t)(end - p) : left;
		*at += end ? n + 1 : n;
		const char *colon = memchr(p, ':', n);
		if (!colon || colon == p)
			continue;
		if (n && p[n - 1] == '\r')
			n--;
		*name = (struct slice){ p, (size_t)(colon - p) };
		*value = slice_trim((struct slice){ colon + 1, n - (size_t)(colon + 1 - p) });
		return true;
	}
	return false;
}

struct slice answer_header(const struct answer *a, const char *name)
{
	struct slice n, v;
	for (size_t at = 0; next_line(a, &at, &n, &v);) {
		if (slice_eq_icase(n, name))
			return v;
	}
	return (struct slice){ "", 0 };
}

bool answer_waited(const struct answer *a)
{
	return slice_eq_icase(answer_header(a, "Preference-Applied"), "wait");
}

enum status answer_add_header(struct answer *a, const char *name, struct slice value)
{
	return buf_addf(&a->head, "%s: %.*s\r\n", name, (int)value.n, value.p);
}

static bool is_listed(const struct answer *a, struct slice name)
{
	struct slice n, v;
	for (size_t at = 0; next_line(a, &at, &n, &v);) {
		if (slice_eq_icase(n, "Connection") && header_is_listed(v, name))
			return true;
	}
	return false;
}

bool answer_next_header(const struct answer *a, size_t *at, struct slice *name, struct slice *value)
{
	while (next_line(a, at, name, value)) {
		if (!header_is_ours(*name) && !is_listed(a, *name))
			return true;
	}
	return false;
}
