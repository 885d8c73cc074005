/* The relay as a whole, on one event base: listeners, admin listener, upstreams
 * and the exchanges between them. `serve` runs it until a signal; `run` runs it
 * beside a command.
 *
 * One thread; none of this blocks. The settings are copied. */
#ifndef SIGRELAY_RELAY_SERVER_H
#define SIGRELAY_RELAY_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/clock.h>
#include <sigrelay/base/settings.h>
#include <sigrelay/base/status.h>
#include <sigrelay/relay/log_read.h>
#include <sigrelay/sigstore/operation.h>

struct event_base;
struct server;

struct server_options {
	/* Embedded in `run`: listens on a free loopback port whatever `listen`
	 * says, has no admin listener unless admin_listen was given by the user
	 * (admin = true). */
	bool embedded;
	bool admin;
};

/* Builds everything and binds the listeners; on failure the reason, for people,
 * is in error ("cannot listen on 127.0.0.1:7080: Address already in use; …"). */
enum status server_new(struct server **out, const struct settings *settings,
		       const struct server_options *options, struct buf *error) MUST_CHECK;
void server_free(struct server *s); /* NULL is fine */

/* The loop, for whoever adds events of its own (signals, a child). Owned by s. */
struct event_base *server_base(struct server *s);
/* Runs until server_stop, or until a drain has ended. */
void server_loop(struct server *s);
/* Stops taking new exchanges (503 + Retry-After; on a socket that systemd holds, new
 * connections wait for the next process), ends when those in flight
 * have ended or drain_timeout has passed. */
void server_drain(struct server *s);
bool server_draining(const struct server *s);
/* Leaves the loop at once. */
void server_stop(struct server *s);
/* New settings, all or nothing: what may not change at run time is named in
 * error and nothing changes. */
enum status server_reload(struct server *s, const struct settings *next, struct buf *error) MUST_CHECK;

/* "http://127.0.0.1:34567", no trailing slash; for a UNIX socket "unix:/path". */
const char *server_url(const struct server *s);
/* The same of the admin listener; NULL when there is none. */
const char *server_admin_url(const struct server *s);

/* What this relay saw of Sigstore failing its clients: for `run`, which must
 * know whether a command failed because of it. */
struct server_failures {
	uint64_t
	    count; /* exchanges that ended in a failure of Sigstore's, or that their client left in one */
	char last[256]; /* the last one in a sentence; "" when none */
	usec last_at;   /* monotonic */
};
void server_failures(const struct server *s, struct server_failures *out);
/* Does a request wait that Sigstore has failed so far? Its client, if it ended
 * just now, ended without an answer, and no failure is counted for it yet.
 * cause: in a sentence, untouched when not. */
bool server_failing(const struct server *s, char cause[256]);

/* How one side of a service looks from here. */
struct server_side {
	enum breaker_state state;
	usec since;      /* monotonic: when it was entered */
	usec next_probe; /* when open */
	size_t in_line;  /* requests that wait to be sent */
};
void server_side(const struct server *s, enum service service, enum side side, struct server_side *out);
/* A read of the log by the relay itself (log_read.h), one at a time. */
enum status server_read_log(struct server *s, log_read_fn *done, void *arg) MUST_CHECK;
void server_read_log_cancel(struct server *s);

#endif
