/* Outgoing HTTP for the commands that speak to registries and their APIs: requests
 * side by side over libcurl's multi, each repeated with the relay's backoff policy
 * while its failure is transient (transport, 429, 5xx) and its deadline allows.
 *
 * One thread: web_run turns until nothing is in flight; done is called from within
 * it, never from web_start, and may start more. Redirects are followed (five at
 * most, GET and HEAD only), to https, or http where the first request was; no
 * Authorization header goes to another host or port. */
#ifndef SIGRELAY_REGISTRY_WEB_H
#define SIGRELAY_REGISTRY_WEB_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/clock.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>
#include <sigrelay/policy/backoff.h>
#include <sigrelay/registry/web_url.h>

struct web_config {
	struct backoff backoff;
	/* An attempt gets two thirds of the time that is left at most, if that is not little. */
	usec attempt_timeout, connect_timeout;
	usec deadline;       /* of the whole command, monotonic; nothing is begun after it */
	const char *ca_file; /* borrowed; NULL: the system's */
	unsigned attempts;   /* at most so many for one request; 0: only the deadline ends it */
};

struct web; /* opaque */
enum status web_new(struct web **out, const struct web_config *cfg) MUST_CHECK;
void web_free(struct web *w); /* what is in flight ends without its done */

#define WEB_ANSWER_MAX ((size_t)4 << 20)
#define WEB_ERROR_SIZE 512

struct web_answer {
	int status;      /* 0: no whole answer came; error says why */
	struct buf body; /* at most max_answer bytes */
	struct buf head; /* header lines of the last answer, for web_header */
	/* In words, for a person: the host, and what went wrong there; "" with an answer. */
	char error[WEB_ERROR_SIZE];
	unsigned attempts;    /* made */
	usec retry_after;     /* < 0: none named (X-Retry-After as a unix time is read too) */
	enum network network; /* where the host that answered is */
};

/* The n-th value of that header (0: the first), borrowed; the empty slice with p
 * NULL: there is none. */
struct slice web_header(const struct web_answer *a, const char *name, size_t n);

/* Too many requests: 429, or a 403 that says when to come back, as GitHub answers to many
 * at once ("secondary rate limit"). */
bool web_answer_throttles(const struct web_answer *a);

struct web_request {
	const char *method, *url;
	const char *const *headers; /* "Name: value", NULL-terminated; NULL: none */
	struct slice body;
	size_t max_answer; /* 0: WEB_ANSWER_MAX; past it the answer is an error */
	usec deadline;     /* of this request, monotonic; USEC_NEVER: the command's only */
	/* A host that was named by an answer, not by the user: one that resolves to a
	 * loopback, link-local or private address is refused, unless its host:port is
	 * trusted_host (NULL: none is excepted), or it is a private one named from
	 * within a private network (namer). Where a redirect leads to is judged so too,
	 * but a request of the user's own may go from loopback to loopback. Behind a
	 * proxy (never asked for a host on loopback) the proxy resolves names, and only
	 * addresses written out are seen. */
	bool untrusted;
	const char *trusted_host;
	enum network namer; /* web_answer.network of the answer that named it */
	/* Is this answer final, though its status is one that is repeated? NULL: never. */
	bool (*final)(const struct web_answer *a);
};

/* The answer is lent for the call. */
typedef void web_done_fn(void *arg, const struct web_answer *a);
/* Everything of q is copied, and wiped at the end. STATUS_INVALID: q->url is no
 * http or https URL, or has a name or password in it. */
enum status web_start(struct web *w, const struct web_request *q, web_done_fn *done, void *arg) MUST_CHECK;
void web_run(struct web *w);
/* Once *stop is not 0 (a signal handler may set it), nothing is begun any more, and what
 * is in flight ends without an answer. NULL: never. */
void web_stop_on(struct web *w, const volatile sig_atomic_t *stop);
/* waiting is called from within web_run before each pause, of a second at most; it may
 * start nothing. NULL: nobody is told. */
void web_on_wait(struct web *w, void (*waiting)(void *arg), void *arg);

/* The monotonic clock that deadlines are in. */
usec web_now(const struct web *w);

#endif
