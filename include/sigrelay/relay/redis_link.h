/* The fleet's port in production: one connection to Redis on libevent's loop.
 *
 * Bytes go through a bufferevent (TCP, a UNIX socket, TLS) and replies through
 * hiredis' reader. Its asynchronous client is not used: that one resolves names
 * while the loop stands still, and aborts on a reply that nobody asked for. */
#ifndef SIGRELAY_RELAY_REDIS_LINK_H
#define SIGRELAY_RELAY_REDIS_LINK_H

#include <sigrelay/base/settings.h>
#include <sigrelay/base/status.h>
#include <sigrelay/relay/fleet.h>

struct event_base;
struct redis_link;

/* Called at the begin and at the end of every event that the link handles. */
struct redis_link_hooks {
	void (*before)(void *arg);
	void (*after)(void *arg);
	void *arg;
};

/* redis_url is set. STATUS_INVALID: error names the setting and what is wrong. */
enum status redis_link_new(struct redis_link **out, struct event_base *base, const struct settings *s,
			   const struct redis_link_hooks *hooks, struct buf *error) MUST_CHECK;
/* Whom it tells what happens; before the first connect. */
void redis_link_serve(struct redis_link *l, struct fleet *f);
void redis_link_free(struct redis_link *l); /* NULL is fine */
extern const struct fleet_link_ops redis_link_ops;

#endif
