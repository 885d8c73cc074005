/* One run of the simulator: virtual time, the model, the jobs and the way
 * between them. */
#ifndef SIGRELAY_SIM_WORLD_H
#define SIGRELAY_SIM_WORLD_H

#include <stdio.h>

#include <sigrelay/relay/relay.h>

#include "client.h"
#include "forge.h"
#include "model.h"

/* symbol, word for the tables, one serve for all, a relay of each job's own */
#define MODES(X)                                                                                             \
	X(MODE_NOTHING, "nothing", false, false)     /* the client alone */                                  \
	X(MODE_BASH, "bash loop", false, false)      /* five runs, 10 to 60 s apart */                       \
	X(MODE_BLIND, "blind retry", false, false)   /* a load balancer's three retries, without a wait */   \
	X(MODE_SERVE, "serve", true, false)          /* one relay for all, every command once */             \
	X(MODE_RUN, "run", false, true)              /* every job on its own under `sigrelay run` */         \
	X(MODE_RUN_SERVE, "run + serve", true, true) /* … whose upstream is the one relay for all */

enum mode {
#define X(sym, word, shared, own) sym,
	MODES(X)
#undef X
	    MODE_COUNT
};
const char *mode_word(enum mode m);
enum mode mode_named(const char *word); /* MODE_COUNT: none */
bool mode_has_shared(enum mode m);
bool mode_has_own(enum mode m);

/* What a job has when it arrives. */
enum start {
	START_FRESH,     /* nothing: it asks for its certificate */
	START_CERTIFIED, /* a certificate: it posts */
	START_QUEUED,    /* … and the log has had that POST, whose answer was lost */
};

struct plan {
	uint64_t seed;
	enum mode mode;
	unsigned jobs;
	const struct kind *const *crowd; /* kinds in turn, NULL at the end; NULL: all */
	usec arrive_from, arrive_until;
	usec run_for; /* of those that run: --for */
	enum start start;
	struct model_config model;
	void (*tune)(struct relay_config *c, void *arg); /* may be NULL: the defaults */
	void *tune_arg;
	usec prompt;    /* 0, or: every exchange ends so soon after the recovery */
	bool only_tsa;  /* nothing is wrong but the timestamp authority */
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
	usec waited; /* the longest from a leaf's integration to its job's end */
	usec lasted; /* the whole run */
	/* Of the shared relay: attempts at the log, those of them that repeat one, and
	 * within the budget, and how long a side of it was not closed. */
	uint64_t attempts, repeats, budgeted;
	usec outage[SIDE_COUNT];
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
	struct leaf *by_uuid;
	struct relay_path *shared; /* NULL: none */
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

/* relay_path.c: a relay and its clients, in the world's time. */
struct relay_path *relay_path_new(struct world *w, struct relay_path *up,
				  uint64_t seed); /* up: NULL: the services */
/* Releases it and checks what is left. out may be NULL. */
void relay_path_free(struct relay_path *p, struct outcome_of_run *out);
bool relay_path_idle(const struct relay_path *p);
const struct relay *relay_path_relay(const struct relay_path *p);
void relay_path_ask(struct job *j, enum rpc rpc);
void relay_path_drop(struct job *j);
void relay_path_read_log(struct job *j, log_read_fn *done); /* as server_read_log */
void relay_path_read_cancel(struct job *j);

/* rerun.c: what commands/outage.c does around rerun.h. */
void rerun_before(struct job *j); /* a run begins */
bool rerun_wants(
    struct job *j); /* … and failed: did Sigstore fail it? Before the job lets go of its answer */
void rerun_begin(struct job *j); /* the wait for the next run */
void rerun_look(struct job *j);  /* goes on with it */
void rerun_cancel(struct job *j);

#endif
