/* The services as the relay and the clients meet them: a log that queues and
 * integrates, loses answers, throttles, goes down, and recovers weakly; a
 * certificate authority and a timestamp authority. Sources: the facts on Rekor 1.5.4 and Fulcio ("Rekor v1
 * server", "Reproduced on a local stack").
 *
 * What becomes of a call is decided when it arrives: the schedule of faults is
 * known beforehand, so an answer still on its way needs no second look. */
#ifndef SIGRELAY_SIM_MODEL_H
#define SIGRELAY_SIM_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include <sigrelay/base/rng.h>
#include <sigrelay/base/timers.h>
#include <sigrelay/policy/outcome.h>
#include <sigrelay/sigstore/operation.h>

#include <string.h>
#include <uthash.h>

/* Keys here are hex of SHA-256, or a time: eight bytes, mixed, are hash enough. */
static inline unsigned sim_hash(const void *key)
{
	uint64_t v;
	memcpy(&v, key, sizeof(v));
	return (unsigned)((v * 0x9e3779b97f4a7c15u) >> 32);
}
#undef HASH_FUNCTION
#define HASH_FUNCTION(key, n, hash) (hash) = sim_hash(key)

/* symbol, word, the whole service is down */
#define FAULTS(X)                                                                                            \
	X(FAULT_502, "502", true)       /* the load balancer's */                                            \
	X(FAULT_503, "503", true)       /* … with Retry-After: 5 */                                        \
	X(FAULT_REFUSE, "refuse", true) /* no connection */                                                  \
	X(FAULT_HANG, "hang", true)     /* connected, and never a byte */                                    \
	X(FAULT_FAIL, "fail", false)    /* a share of requests: 502 */                                       \
	X(FAULT_RESET, "reset", false)  /* a share: connection reset */                                      \
	X(FAULT_SLOW, "slow", false)    /* a share: answered after 10 to 40 s */                             \
	X(FAULT_DRAG, "drag", false)    /* a share: everything takes ten times as long */                    \
	X(FAULT_LOSE, "lose", false)    /* a share of POSTs: done, and the answer is lost */                 \
	X(FAULT_JUNK, "junk", false)    /* a share: an HTML page with status 200 */                          \
	X(FAULT_PAUSE, "pause", false)  /* leaves are queued and not integrated */                           \
	X(FAULT_429, "429", false)      /* a share: throttled */

enum fault {
#define X(sym, word, down) sym,
	FAULTS(X)
#undef X
	    FAULT_COUNT
};
const char *fault_word(enum fault f);
bool fault_is_down(enum fault f);

struct spell {
	enum service service;
	enum fault fault;
	usec from, until;
	unsigned percent; /* of requests, for those that strike a share */
	bool writes_only;
};
#define SPELLS_MAX 8

struct model_config {
	unsigned capacity; /* requests a second the log takes */
	unsigned weak;     /* … for weak_for after an outage */
	usec weak_for;
	bool quick;             /* integrates in milliseconds, not in up to two seconds */
	bool fragile;           /* more than twice what it takes in a second: down for `collapse` */
	usec collapse;          /* … and weak again after it */
	unsigned address_rate;  /* requests a minute of one address; 0 = no limit */
	unsigned address_burst; /* how many at once */
	int skew;               /* seconds that the log's clock is ahead */
	struct spell spells[SPELLS_MAX];
	unsigned spell_count;
};

/* A leaf, from its first POST on. */
struct leaf {
	uint32_t number;
	int64_t not_before;      /* of its certificate, seconds since 1970 */
	usec integrated_at;      /* USEC_NEVER: never posted */
	int skew;                /* of the clock that wrote integratedTime */
	unsigned posts;          /* that reached the log */
	char uuid[65];           /* "" unless somebody has to read it */
	const void *sent_by;     /* the request that brought it last, for the relay's path */
	struct heap_node queued; /* until it is counted in the tree */
	struct leaf *next;       /* all of a world's */
	UT_hash_handle hh;       /* by uuid, in the relay's path */
};
#define CERTIFICATE_LIFE 600 /* seconds */

enum rpc { RPC_SIGN, RPC_STAMP, RPC_CREATE, RPC_GET, RPC_READ, RPC_COUNT };

struct result {
	enum transport transport;
	int status;
	int retry_after; /* seconds; -1: none named */
	bool junk;
	int64_t not_before; /* of the certificate that RPC_SIGN brings */
};

struct model;
struct call;
typedef void call_done_fn(struct call *c, const struct result *r);

struct call {
	struct model *model;
	enum rpc rpc;
	struct leaf *leaf;   /* RPC_CREATE, RPC_GET; NULL: the log does not know it */
	int64_t token_exp;   /* RPC_SIGN; seconds since 1970 */
	bool shared_address; /* comes from the one address that all share */
	call_done_fn *done;
	void *owner;
	struct timer timer;
	struct result result;
};

/* What the log counted. */
#define SECONDS_MAX 20000
struct tally {
	uint64_t requests, certificates;
	uint64_t by_rpc[RPC_COUNT];
	uint64_t in_outage;                     /* requests while the log was down */
	uint32_t per_second[SECONDS_MAX];       /* at the log */
	uint32_t reads_per_second[SECONDS_MAX]; /* those of them that write nothing */
	double worst_release; /* requests in a second of the weak time, as a multiple of what it took */
	unsigned collapses;
};

struct model {
	struct model_config cfg;
	struct timers *timers;
	struct rng rng;
	const struct instant *now;
	usec began;
	usec weak_until, down_until; /* by a collapse */
	int64_t second;
	unsigned in_second;
	struct heap queued; /* leaves that the tree does not count yet */
	unsigned tree;
	double address_tokens;
	usec address_at;
	struct tally tally;
};

void model_init(struct model *m, const struct model_config *cfg, struct timers *timers, uint64_t seed,
		const struct instant *now);
void model_release(struct model *m);
/* The end of the last spell, or of what they caused. */
usec model_recovery(const struct model *m);
/* Sends; done is called later unless cancelled before. timeout: USEC_NEVER for none. */
void model_call(struct model *m, struct call *c, usec timeout);
void model_cancel(struct call *c); /* fine when it has ended */
/* The log has had its POST already: it is queued. */
void model_queue(struct model *m, struct leaf *l);
unsigned model_tree_size(struct model *m);
bool leaf_is_integrated(const struct leaf *l, usec now);
/* integratedTime, seconds since 1970. */
int64_t leaf_time(const struct leaf *l, const struct instant *now);

#endif
