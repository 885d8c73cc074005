/* What a listener says to a request that it does not take: JSON in the services' shape,
 * with what was wrong in a sentence. Private to the listeners, front.c and admin.c. */
#ifndef SIGRELAY_PROXY_RELAY_REFUSAL_H
#define SIGRELAY_PROXY_RELAY_REFUSAL_H

#include <stdbool.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/relay/telemetry.h>

struct evhttp_request;

struct refusal {
	int status; /* 503 gets a Retry-After */
	enum rejected reason;
	const char *why;   /* begins without "sigrelay: ", which is added */
	const char *allow; /* the methods that are taken, for 405; else NULL */
};

/* The answer to a request that evhttp handed out. close: what follows on the connection
 * is not heard. */
void refusal_reply(const struct refusal *r, struct evhttp_request *req, bool close);
/* The same as bytes, for a connection that ends with them. bodiless: the request was a
 * HEAD. Cut where out takes no more. */
void refusal_write(const struct refusal *r, bool bodiless, struct buf *out);

#endif
