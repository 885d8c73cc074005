#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sigrelay/sigstore/answers.h>

#include "web_inside.h"

#define UNIX_TIMES ((uint64_t)1000000000) /* a number above is a time, below it seconds */

static struct slice take_line(struct slice *rest)
{
	const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
	struct slice line = { rest->p, end ? (size_t)(end - rest->p) : rest->n };
	size_t used = end ? line.n + 1 : line.n;
	rest->p += used;
	rest->n -= used;
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

struct slice web_header(const struct web_answer *a, const char *name, size_t n)
{
	struct slice rest = buf_slice(&a->head);
	while (rest.n > 0) {
		struct slice line = take_line(&rest);
		const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
		if (!colon || !slice_eq_icase((struct slice){ line.p, (size_t)(colon - line.p) }, name))
			continue;
		if (n-- == 0)
			return slice_trim((struct slice){ colon + 1, line.n - (size_t)(colon + 1 - line.p) });
	}
	return (struct slice){ NULL, 0 };
}

/* -1: that is no unix time. */
static usec until(struct slice text, usec wall)
{
	uint64_t at;
	if (slice_u64(text, &at) != STATUS_OK || at <= UNIX_TIMES ||
	    at >= (uint64_t)(USEC_NEVER / USEC_PER_SEC))
		return -1;
	return usec_max(0, (usec)at * USEC_PER_SEC - wall);
}

/* GitHub's and Docker Hub's budget of requests: a refusal with nothing left of it. */
static usec until_reset(const struct web_answer *a, usec wall)
{
	bool refused = a->status == 403 || a->status == 429;
	if (!refused || !slice_eq_str(web_header(a, "X-RateLimit-Remaining", 0), "0"))
		return -1;
	return until(web_header(a, "X-RateLimit-Reset", 0), wall);
}

usec web_retry_after(const struct web_answer *a, usec wall)
{
	struct slice standard = web_header(a, "Retry-After", 0);
	struct slice hub = web_header(a, "X-Retry-After", 0);
	if (standard.p)
		return retry_after_parse(standard, wall);
	if (!hub.p)
		return until_reset(a, wall);
	usec wait = until(hub, wall);
	return wait >= 0 ? wait : retry_after_parse(hub, wall);
}

bool web_answer_throttles(const struct web_answer *a)
{
	return a->status == 429 || (a->status == 403 && a->retry_after >= 0);
}

bool web_answer_is_transient(const struct web_answer *a)
{
	return web_answer_throttles(a) || (a->status >= 500 && a->status != 501 && a->status != 505);
}

/* OpenSSL's words for a first byte that begins no TLS record. */
static bool speaks_no_tls(const struct web_failure *f)
{
	return strstr(f->detail, "wrong version number") || strstr(f->detail, "packet length too long") ||
	       strstr(f->detail, "http request");
}

bool web_failure_is_transient(const struct web_failure *f)
{
	switch ((int)f->code) { /* libcurl has a hundred; what is not here is of the network */
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FAILED_INIT:
		return false;
	case CURLE_SSL_CONNECT_ERROR:
		return !speaks_no_tls(f);
	default:
		return !f->too_large && !f->refused[0];
	}
}

static void proxy_fails(const struct web_failure *f, char out[WEB_ERROR_SIZE])
{
	snprintf(out, WEB_ERROR_SIZE, "%s: its proxy (see https_proxy) cannot be used: %s", f->place,
		 f->detail);
}

static void connecting(const struct web_failure *f, char out[WEB_ERROR_SIZE])
{
	if (f->refused[0])
		snprintf(out, WEB_ERROR_SIZE,
			 "%s is at %s, a %s address, and was named by an answer: not asked", f->place,
			 f->refused, network_name(f->network));
	else if (f->proxied)
		proxy_fails(f, out);
	else if (f->os_error == ECONNREFUSED)
		snprintf(out, WEB_ERROR_SIZE, "%s: connection refused", f->place);
	else if (f->os_error)
		snprintf(out, WEB_ERROR_SIZE, "%s: cannot connect: %s", f->place, strerror((int)f->os_error));
	else
		snprintf(out, WEB_ERROR_SIZE, "%s: cannot connect: %s", f->place, f->detail);
}

static void timed_out(const struct web_failure *f, char out[WEB_ERROR_SIZE])
{
	char time[32];
	usec_format(f->timeout, time);
	snprintf(out, WEB_ERROR_SIZE, "%s: %s after %s", f->place,
		 f->connected ? "the answer timed out"
		 : f->proxied ? "connecting through its proxy (see https_proxy) timed out"
			      : "connecting timed out",
		 time);
}

static void broken(const struct web_failure *f, char out[WEB_ERROR_SIZE])
{
	if (f->too_large)
		snprintf(out, WEB_ERROR_SIZE, "%s: the answer is larger than %zu KiB: not read", f->place,
			 f->max_answer >> 10);
	else if (f->proxied && !f->connected)
		proxy_fails(f, out);
	else
		snprintf(out, WEB_ERROR_SIZE, "%s: %s%s", f->place,
			 f->connected ? "the answer broke off: " : "", f->detail);
}

void web_failure_print(const struct web_failure *f, char out[WEB_ERROR_SIZE])
{
	switch ((int)f->code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		snprintf(out, WEB_ERROR_SIZE, "cannot resolve %s: check the name and the network", f->place);
		return;
	case CURLE_COULDNT_RESOLVE_PROXY:
		snprintf(out, WEB_ERROR_SIZE, "%s: cannot resolve its proxy (see https_proxy): %s", f->place,
			 f->detail);
		return;
	case CURLE_COULDNT_CONNECT:
		connecting(f, out);
		return;
	case CURLE_OPERATION_TIMEDOUT:
		timed_out(f, out);
		return;
	case CURLE_PEER_FAILED_VERIFICATION:
		snprintf(out, WEB_ERROR_SIZE, "%s: its TLS certificate is not trusted: %s", f->place,
			 f->detail);
		return;
	case CURLE_SSL_CACERT_BADFILE:
		snprintf(out, WEB_ERROR_SIZE, "%s: the file of trusted certificates cannot be used: %s",
			 f->place, f->detail);
		return;
	case CURLE_GOT_NOTHING:
		snprintf(out, WEB_ERROR_SIZE, "%s closed the connection without an answer", f->place);
		return;
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_WRITE_ERROR:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		broken(f, out);
		return;
	default:
		if (f->code == CURLE_SSL_CONNECT_ERROR && speaks_no_tls(f))
			snprintf(out, WEB_ERROR_SIZE, "%s does not speak TLS", f->place);
		else
			snprintf(out, WEB_ERROR_SIZE, "%s: %s", f->place, f->detail);
	}
}
