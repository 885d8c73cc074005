/* The listener for clients: HTTP/1.1 by evhttp, held requests, clients that
 * leave, and everything that is refused before it becomes an exchange.
 *
 * evhttp is lenient where this program must not be; head_guard.h watches the
 * raw bytes of every head, and front.c judges what evhttp made of them. */
#ifndef SIGRELAY_RELAY_FRONT_H
#define SIGRELAY_RELAY_FRONT_H

#include <stdbool.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/settings.h>
#include <sigrelay/relay/relay.h>
#include <sigrelay/relay/tls.h>

struct cidr_list;
struct event_base;
struct front;

/* What both listeners get from whoever runs them. */
struct listener_owner {
	void (*before)(void *arg); /* around every event that they handle */
	void (*after)(void *arg);
	void *arg;
	const struct cidr_list *allowed; /* who may come; may be changed between two events */
};

/* address: NULL for a free loopback port, which is spoken to without TLS by whoever
 * may reach it. tls: borrowed; NULL: without. On failure error says why. */
enum status front_new(struct front **out, struct event_base *base, struct relay *relay,
		      const struct settings *s, const char *address, struct tls *tls,
		      const struct listener_owner *owner, struct buf *error) MUST_CHECK;
/* Closes every connection; exchanges are abandoned. */
void front_free(struct front *f);
/* "http://127.0.0.1:7080"; for a UNIX socket "unix:/path". */
const char *front_url(const struct front *f);
/* New requests get 503 + Retry-After; the listener stays, so that they hear it. True:
 * systemd holds the socket, and who connects from now on waits in it for the next
 * process; only those who are connected get a 503. */
bool front_drain(struct front *f);
/* Is an answer on its way to a client? Who leaves the loop now would lose it. */
bool front_is_writing(const struct front *f);
/* 503 + Retry-After for every request that is held. */
void front_turn_away(struct front *f);
void front_configure(struct front *f, const struct settings *s);

#endif
