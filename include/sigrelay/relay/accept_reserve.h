/* Memory for one more connection. libevent 2.1.12 ends in a fault when it has memory
 * for a connection's beginning and none for its rest, so that must not happen: without
 * memory no connection is accepted, and the last one had the reserve. */
#ifndef SIGRELAY_RELAY_ACCEPT_RESERVE_H
#define SIGRELAY_RELAY_ACCEPT_RESERVE_H

#include <sigrelay/base/status.h>

struct event;
struct event_base;
struct evhttp;

struct accept_reserve {
	struct evhttp *http; /* borrowed; its listeners pause */
	struct event *again;
	void *spare;
};

enum status accept_reserve_init(struct accept_reserve *r, struct event_base *base,
				struct evhttp *http) MUST_CHECK;
void accept_reserve_release(struct accept_reserve *r); /* one of zeros too */
/* Last in the callback that makes a connection's bufferevent: what evhttp allocates
 * next for it will be there. */
void accept_reserve_ensure(struct accept_reserve *r);

#endif
