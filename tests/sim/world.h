/* One run of the simulator: virtual time, the model, the jobs and the way
 * between them. */
#ifndef SIGRELAY_SIM_WORLD_H
#define SIGRELAY_SIM_WORLD_H

#include <stdio.h>

#include <sigrelay/relay/relay.h>

#include "client.h"
#include "forge.h"
#include "model.h"

/* symbol, word for the table, through the relay */
#define MODES(X)                                                                                              \
	X(MODE_NOTHING, "nothing", false)       /* the client alone */                                        \
	X(MODE_BASH, "bash loop", false)        /* five runs, 10 to 60 s apart */                             \
	X(MODE_BLIND, "blind retry", false)     /* a load balancer's three retries, without a wait */         \
	X(MODE_RELAY, "sigrelay", true)         /* one serve for all, every command once */                   \
	X(MODE_RELAY_RUN, "sigrelay run", true) /* … and each command run again while Sigstore is the cause \
						 */

enum mode {
#define X(sym, word, relay) sym,
	MODES(X)
#undef X
	    MODE_COUNT
};
const char *mode_word(enum mode m);

struct plan {
	uint64_t seed;
	enum mode mode;
	unsigned jobs;
	const struct kind *const *crowd; /* kinds in turn, NULL at the end; NULL: all */
	usec arrive_from, arrive_until;
	usec run_for; /* MODE_RELAY_RUN: --for */
	struct model_config model;
	void (*tune)(struct relay_config *c, void *arg); /* may be NULL: the defaults */
	void *tune_arg;
	usec prompt;    /* 0, or: every exchange ends so soon after the recovery */
	bool impatient; /* some commands are killed in the middle */
};

/* What the properties found. */
#define FOUND_MAX 12
struct found {
	char text[FOUND_MAX][200];
	unsigned count;
};

struct outcome_of_run {
	unsigned jobs, signed_jobs, reachable, reached;
	usec recovery, first, last; /* the latter two from recovery on; USEC_NEVER: none signed after it */
	usec longest_exchange;
	unsigned probes[SIDE_COUNT];
	struct tally tally;
	struct found found;
};

struct relay_path;

struct world {
	const struct plan *plan;
	struct instant now;
	struct timers timers;
	struct rng rng;
	struct model model;
	struct forge *forge;
	struct job *jobs;
	unsigned open_jobs;
	uint32_t next_leaf;
	struct leaf *leaves; /* calls outlive jobs, so the world owns them */
	struct relay_path *path;
	struct found found;
};

/* Virtual time begins here. */
#define WORLD_MONO (1000 * USEC_PER_SEC)
#define WORLD_WALL ((usec)1795000000 * USEC_PER_SEC)

/* usec since the present world began, for logs. */
usec world_clock(void);
void world_run(const struct plan *p, struct outcome_of_run *out);
void found(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The first moment from which nothing is wrong any more. */
usec world_recovery(const struct world *w);

/* path.c: whichever way the mode has. */
void path_ask(struct job *j, enum rpc rpc);
void path_drop(struct job *j); /* the client left; fine when nothing is asked */

/* relay_path.c */
void relay_path_open(struct world *w);
void relay_path_close(struct world *w,
		      struct outcome_of_run *out); /* releases the relay and checks what is left */
void relay_path_turn(struct world *w);             /* what time it is */
void relay_path_run(struct world *w);              /* its timers */
usec relay_path_next(const struct world *w);
bool relay_path_idle(const struct world *w);
bool relay_path_closed(const struct world *w); /* the breaker of the log's write side */
void relay_path_ask(struct job *j, enum rpc rpc);
void relay_path_drop(struct job *j);

#endif
