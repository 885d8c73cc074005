/* The connections of one listener, from accept to close. evhttp hands one out with its
 * first request; here it is counted, and told of when it closes, before it says a byte.
 *
 * What is refused before evhttp hands out a request is refused here, in our own words:
 * evhttp's are pages of HTML.
 *
 * Those of which nothing is awaited are quiet. Beyond what the listener wants to hold
 * the one that has been quiet longest is closed, and one that has not said a byte is
 * closed after header_timeout.
 *
 * Private to the listeners, front.c and admin.c. */
#ifndef SIGRELAY_PROXY_RELAY_CONNECTIONS_H
#define SIGRELAY_PROXY_RELAY_CONNECTIONS_H

#include "hash_table.h"
#include "refusal.h"

#include <event2/event.h>
#include <event2/http.h>
#include <sys/queue.h>

#include <sigrelay/relay/accept_reserve.h>
#include <sigrelay/relay/front.h>
#include <sigrelay/relay/listen.h>

struct connections;

/* Begins the listener's own record, in which it lives. Found by its input buffer:
 * evhttp's first callback has no more. */
struct connection {
	UT_hash_handle hh;
	TAILQ_ENTRY(connection) link; /* in arrived or quiet */
	TAILQ_ENTRY(connection) own_link;
	struct evbuffer *input; /* the key */
	struct connections *all;
	struct bufferevent *bev;
	struct evhttp_connection *evcon; /* NULL while in arrived */
	struct timer patience;           /* the listener's to set: then late is called */
	bool spoke;                      /* a first byte came */
	bool quiet;
	bool handed;     /* evhttp has handed out its request, which is not answered yet */
	bool refused;    /* by connection_refuse: it hears that, and then goes */
	int own_refusal; /* the status with which evhttp refuses it by itself; 0: it does not */
};

TAILQ_HEAD(connection_list, connection);

/* What a listener does with its connections. late and closed get the time by the
 * owner's hooks, first and input do not. */
struct connections_ops {
	size_t record;                                    /* bytes; zeros at first */
	void (*first)(struct connection *c);              /* its first byte came; it is quiet no more */
	void (*input)(struct connection *c, size_t from); /* bytes came, behind from in its input */
	void (*late)(struct connection *c);
	/* evhttp refuses it with that status, by itself; r comes with words that always fit. */
	void (*explain)(struct connection *c, int status, struct refusal *r);
	void (*closed)(struct connection *c); /* its record goes next */
	int idle_timeout;                     /* s, once it has spoken */
	const char *crowded;                  /* why a silent one is closed */
};

struct connections {
	const struct connections_ops *ops;
	struct event_base *base;
	struct evhttp *http;
	struct relay *relay;
	struct tls *tls;
	struct listener_owner owner;
	struct listen_file file; /* the listener's, to be set by it */
	struct connection *known;
	struct connection_list arrived;      /* in this turn of the loop */
	struct connection_list quiet_ones;   /* longest first */
	struct connection_list own_refusals; /* of evhttp, in this turn */
	struct event *arrivals;
	struct accept_reserve reserve;
	size_t open, quiet; /* how many */
	size_t most;        /* beyond it the quiet ones go */
};

/* Makes all->http, which takes connections from then on. The release closes them all. */
enum status connections_init(struct connections *all, const struct connections_ops *ops,
			     struct event_base *base, struct relay *relay, struct tls *tls,
			     const struct listener_owner *owner) MUST_CHECK;
void connections_release(struct connections *all); /* one of zeros too */
void connections_configure(struct connections *all, const struct settings *s, size_t most);

/* The owner's hooks, around what comes from the loop. */
void connections_before(const struct connections *all);
void connections_after(const struct connections *all);
/* Whose request evhttp hands out. NULL: it has no record, for want of memory; the
 * request is refused. connection_answered: that one's answer is out. */
struct connection *connection_of(struct connections *all, struct evhttp_request *req);
static inline void connection_answered(struct connection *c)
{
	c->handed = false;
}
static inline size_t connections_busy(const struct connections *all)
{
	return all->open - all->quiet;
}
void connection_be_quiet(struct connection *c);
void connection_be_busy(struct connection *c);
void connection_drop(struct connection *c); /* calls closed */

/* Counted and logged too. */
void connection_refuse_request(const struct connections *all, struct evhttp_request *req,
			       const struct refusal *r, bool close);
/* Where evhttp has no request that could be answered: it hears no more of this
 * connection, which is read for a while after the answer and then dropped; closed with
 * unread bytes it would be reset, and the answer lost on its way. Not from inside
 * evhttp's own callbacks. */
void connection_refuse(struct connection *c, const struct refusal *r, bool bodiless);

#endif
