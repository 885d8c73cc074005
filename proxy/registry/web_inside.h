/* What the files of the web share, and nobody else uses. */
#ifndef SIGRELAY_REGISTRY_WEB_INSIDE_H
#define SIGRELAY_REGISTRY_WEB_INSIDE_H

#include <curl/curl.h>
#include <netinet/in.h>

#include <sigrelay/registry/web.h>

/* Why a transfer came to nothing. */
struct web_failure {
	CURLcode code;
	const char *place;    /* host[:port] */
	const char *detail;   /* libcurl's own words, may be "" */
	const char *refused;  /* the address that was not connected to, "" mostly */
	enum network network; /* … and what it is */
	long os_error;        /* errno of connecting, 0: unknown */
	usec timeout;         /* what the attempt was given */
	bool connected;
	bool proxied; /* it was the proxy that was connected to, or was to be */
	bool too_large;
	size_t max_answer;
};
/* Is a connection to this port one to the proxy of the environment? That is the user's
 * own setting and may be anywhere; its port is hardly ever a web server's. */
bool web_is_proxy(bool tls, long port);
/* The words for a person. */
void web_failure_print(const struct web_failure *f, char out[WEB_ERROR_SIZE]);
/* May the same request meet a better fate in a moment? */
bool web_failure_is_transient(const struct web_failure *f);
/* As above, for an answer: too many requests, 5xx less those that say "never". */
bool web_answer_is_transient(const struct web_answer *a);
/* What Retry-After, X-Retry-After (a unix time) or X-RateLimit-Reset says; -1: nothing. */
usec web_retry_after(const struct web_answer *a, usec wall);

#endif
