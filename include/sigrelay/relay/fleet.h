/* Many relays, one view: what relays tell one another through Redis.
 *
 *   outages   a breaker that opens or closes here does so everywhere
 *   the probe one an interval for the fleet, by lease; and so the certificate request
 *             whose create is to be it
 *   the rate  one bucket an upstream for all, borrowed from in small batches
 *   entries   a create's answer, known to all
 *
 * Redis is never in the way. Every question has redis_timeout to be answered; the
 * first that has not been ends the trust in it:
 *
 *   from   event                                         to
 *   AWAY   connected, and a look is answered well        UP     log redis_up
 *   UP     a reply too late, an error, a lost connection AWAY   log redis_down
 *
 * AWAY asks for nothing but a look now and then, after an error or a silent second over
 * a new connection; all who wait go on alone at once, and the breakers and buckets work
 * as without a fleet. While UP the fleet looks every FLEET_LOOK: one round trip for
 * everything that others say.
 *
 * An outage is spoken of in two words, each with its time by Redis' clock: "down",
 * refreshed with each failed probe, and "up", left by the relay whose probe
 * succeeded. No word at all says nothing: a Redis that was flushed, or a key that
 * has expired, opens and closes no breaker, and relays that found an outage
 * themselves say so again.
 *
 * A relay that cannot reach an upstream which others can is kept from pulling them
 * with it: who opens again soon after hearing that it is up is in doubt, says so only
 * in doubt, and probes alone; two in doubt are believed.
 *
 * This part has no socket and no clock: time comes through the relay's timers, and
 * Redis is behind a port (redis_link.h in production). */
#ifndef SIGRELAY_RELAY_FLEET_H
#define SIGRELAY_RELAY_FLEET_H

#include <stdbool.h>
#include <sys/queue.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/relay/relay.h>

#define FLEET_LOOK (300 * USEC_PER_MSEC)
#define FLEET_ALIVE (3 * USEC_PER_SEC) /* a relay not seen for this long is gone */
#define FLEET_PATIENCE USEC_PER_SEC    /* then a connection that is silent is given up */
#define FLEET_BACKOFF_MIN (100 * USEC_PER_MSEC)
#define FLEET_BACKOFF_MAX (5 * USEC_PER_SEC)
#define FLEET_STEADY (10 * USEC_PER_SEC) /* after so long it is trusted to stay: the backoff begins anew */
#define FLEET_ENTRY_LIFE (15 * 60 * USEC_PER_SEC)
#define FLEET_ENTRY_MAX ((size_t)64 << 10)

#define FLEET_ITEMS 16
#define FLEET_ARGS 24

struct fleet_value {
	enum { FLEET_NIL, FLEET_INTEGER, FLEET_TEXT, FLEET_ERROR, FLEET_ARRAY, FLEET_ODD } type;
	int64_t integer;
	struct slice text; /* of a text or an error */
};

struct fleet_reply {
	struct fleet_value value;
	struct fleet_value item[FLEET_ITEMS]; /* of an array; nothing is nested in them */
	size_t count;
};

struct fleet_call;

/* The port to Redis. None of these calls back from inside. */
struct fleet_link_ops {
	/* Begins to connect; fleet_connected or fleet_lost follows. */
	void (*connect)(void *link);
	/* Sends a command over a connection that is up; fleet_replied follows once for each,
	 * in order, unless the connection ends first. STATUS_NO_MEMORY: not sent. */
	enum status (*command)(void *link, const struct slice *words, size_t count);
	/* Ends the connection, or the attempt to connect; fleet_lost does not follow. */
	void (*drop)(void *link);
};

struct fleet_config {
	char prefix[128];
	usec timeout;
	const char *url[SERVICE_COUNT]; /* of the upstreams; read once */
};

/* r->fleet is set with its ops, and cleared by fleet_free. Begins to connect at the first turn of the
 * relay's timers. */
enum status fleet_new(struct fleet **out, struct relay *r, const struct fleet_config *cfg,
		      const struct fleet_link_ops *ops, void *link) MUST_CHECK;
/* After every flight has ended. Drops the connection. */
void fleet_free(struct fleet *f); /* NULL is fine */

/* From the port. cause: a phrase for people. */
void fleet_connected(struct fleet *f);
void fleet_lost(struct fleet *f, const char *cause);
void fleet_replied(struct fleet *f, const struct fleet_reply *reply);

/* The capitals that an error begins with, "OOM", "NOAUTH": the rest may repeat what was sent. */
#define FLEET_CODE_MAX 33
void fleet_error_code(struct slice text, char out[FLEET_CODE_MAX]);

/* A question of a flight's: the value of an entry that another relay may have left. */
struct fleet_question {
	struct fleet_call *call; /* NULL: none is out */
	/* value: the log's own bytes, not judged, or an id that is queued. Empty: nobody knows,
	 * or no answer in time. Never called from inside fleet_ask_*. */
	void (*answered)(void *owner, struct slice value);
	void *owner;
};
/* True: answered will be called, within the timeout. False: nothing is asked. */
bool fleet_ask_create(struct fleet *f, struct fleet_question *q, const struct digest *create);
bool fleet_ask_entry(struct fleet *f, struct fleet_question *q, struct slice id);
void fleet_forget(struct fleet_question *q); /* answered is not called any more; fine when none is out */
/* A create's entry (the log's bytes) is known here. */
void fleet_tell_entry(struct fleet *f, const char *id, const struct digest *create,
		      const struct answer *entry);
/* An entry of that id is queued; it cannot be read yet. */
void fleet_tell_queued(struct fleet *f, const char *id);

enum fleet_outcome { FLEET_GOOD, FLEET_FAILED, FLEET_LATE, FLEET_OUTCOMES };
const char *fleet_outcome_name(enum fleet_outcome o); /* ok, error, timeout */

struct fleet_status {
	bool up;
	unsigned relays; /* last seen, this one included; 1 when none was */
};
struct fleet_status fleet_status(const struct fleet *f); /* f may be NULL */

#endif
