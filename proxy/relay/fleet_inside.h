/* The inside of the fleet, for the fleet*.c files only.
 *
 * From the top down: each calls those below it, and what it has to tell upward is what
 * it returns.
 *
 *   fleet.c          the connection's life, and the looks
 *   fleet_outage.c   what is said of outages; the leases of the probe and of a certificate
 *   fleet_entries.c  entries
 *   fleet_rate.c     tokens that are borrowed
 *   fleet_call.c     questions and their time; the names of keys
 *   fleet_scripts.h  what runs inside Redis */
#ifndef SIGRELAY_PROXY_RELAY_FLEET_INSIDE_H
#define SIGRELAY_PROXY_RELAY_FLEET_INSIDE_H

#include <sigrelay/relay/fleet.h>

#define FLEET_KEY_MAX 320

/* reply NULL: none in time, an error, or the connection is gone. False: it is none that
 * Redis gives to this command; the last that fn does. */
typedef bool fleet_reply_fn(struct fleet *f, void *arg, const struct fleet_reply *reply);

struct fleet_call {
	TAILQ_ENTRY(fleet_call) link;
	fleet_reply_fn *fn; /* NULL: nobody waits for it any more */
	void *arg;
	usec sent_at;
	bool grace; /* was given for our own slowness */
};

/* What is known of one side of one service. */
struct fleet_side {
	bool own;         /* this relay's breaker was opened, or kept so, by its own attempts */
	bool doubt;       /* … soon after others said that it is up: see fleet.h */
	unsigned telling; /* words on their way: what was looked up before is old */
	bool asking;      /* for the lease */
	usec evidence;    /* the newest of our own that it is down */
	usec heard_back_at;
	usec recovered_at; /* by a probe of our own; 0: never */
};

struct fleet_tap { /* one upstream's tokens */
	struct upstream *upstream;
	struct timer again;
	unsigned asking;   /* questions on their way */
	const char *event; /* of the rate, to be told with the next question; NULL: none */
};

enum fleet_state { FLEET_OFFLINE, FLEET_CONNECTING, FLEET_AWAY, FLEET_UP };

struct fleet {
	struct relay *relay;
	const struct fleet_link_ops *ops;
	void *link;
	usec timeout;
	char prefix[128];
	char upstream[SERVICE_COUNT][32]; /* in keys: "rekor.0123456789abcdef" */
	char id[33];                      /* this relay's */
	enum fleet_state state;
	bool told_down;   /* "went away" was said */
	bool asking_mint; /* for the lease of a certificate request */
	unsigned relays, failures;
	usec up_since;
	TAILQ_HEAD(fleet_calls, fleet_call) calls; /* oldest first, those too late among them */
	struct timer late, next;                   /* the oldest call's time; the next look or connect */
	struct fleet_side side[SERVICE_COUNT][SIDE_COUNT];
	struct fleet_tap tap[SERVICE_COUNT];
	struct metric *commands[FLEET_OUTCOMES], *up, *seen;
};

/* fleet_call.c */
/* False: not asked (it is away, or there is no memory); fn is not called. */
bool fleet_call(struct fleet *f, const struct slice *words, size_t count, fleet_reply_fn *fn, void *arg,
		struct fleet_call **call);
/* The same while it is away, too: for the looks, by which it comes up. */
bool fleet_send(struct fleet *f, const struct slice *words, size_t count, fleet_reply_fn *fn, void *arg,
		struct fleet_call **call);
struct fleet_call *calls_waited_for(const struct fleet *f); /* the oldest; NULL: none is */
/* f->late runs until the oldest call that somebody waits for is too late; where nobody
 * does, until a silent connection is given up. It is not moved by each reply: who it
 * wakes looks what it is about. */
void calls_watch(struct fleet *f);
/* Everyone who waits goes on alone. The calls stay until their replies are in or the
 * connection ends. */
void calls_give_up(struct fleet *f, enum fleet_outcome o);
void calls_forget(struct fleet *f); /* the connection has ended */
/* "sigrelay:v1:KIND:REST" */
struct slice fleet_key(const struct fleet *f, char out[FLEET_KEY_MAX], const char *kind, const char *rest);
struct slice fleet_number(char out[24], int64_t n);

/* fleet_outage.c */
void outage_up(struct fleet *f);   /* the fleet is there */
void outage_away(struct fleet *f); /* … is not: probes need nobody's leave */
/* The words of a look. now: by Redis' clock, ms. */
void outage_looked(struct fleet *f, const struct fleet_value *words, int64_t now);
void outage_wants(struct fleet *f, struct upstream *up);
void outage_judged(struct fleet *f, struct upstream *up, enum side side, const struct gate_news *news);
/* The keys of all sides, in the order in which outage_looked has their words. */
#define FLEET_SIDES ((size_t)SERVICE_COUNT * (size_t)SIDE_COUNT)
void outage_key(const struct fleet *f, size_t i, const char *kind, char out[FLEET_KEY_MAX]);

/* fleet_rate.c */
enum status rate_init(struct fleet *f) MUST_CHECK;
void rate_release(struct fleet *f);
void rate_up(struct fleet *f);
void rate_away(struct fleet *f);
void rate_relays(struct fleet *f);
void rate_wants(struct fleet *f, struct upstream *up);
/* A request that asks for its entry will want a token if there is none: both are asked in
 * one round trip, or it would wait for Redis twice. */
void rate_expects(struct fleet *f, struct upstream *up, enum side side);
void rate_judged(struct fleet *f, struct upstream *up, const struct gate_news *news);

#endif
