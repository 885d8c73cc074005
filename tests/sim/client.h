/* A job that signs one artefact with one client: the client's real retries, and
 * what people wrap around it. Source: the facts' table "Timeouts and retries". */
#ifndef SIGRELAY_SIM_CLIENT_H
#define SIGRELAY_SIM_CLIENT_H

#include <sigrelay/commands/rerun.h>
#include <sigrelay/relay/log_read.h>

#include "model.h"

/* How one service is asked. */
struct manners {
	usec timeout;     /* of one try; USEC_NEVER: none */
	usec total;       /* … of all tries together */
	unsigned tries;   /* 1: no retry */
	usec wait[4];     /* before the second, third, … try */
	bool after_break; /* a broken connection or a time-out is retried too */
	bool retry_after; /* heeds it on 429 and 503 */
};

struct kind {
	const char *name, *user_agent;
	struct manners sign, create;
	struct manners stamp; /* tries = 0: asks no timestamp authority */
	bool looks_up;        /* answers a 409 by one GET, whose failure is final; else a 409 is fatal */
	usec command;         /* the whole command's own time-out */
	bool sign_direct;     /* asks the certificate authority past the relay (gRPC) */
};
extern const struct kind kinds[];
extern const unsigned kind_count;

struct world;
struct talk; /* relay_path.c: one exchange */
struct relay_path;

enum step { STEP_IDLE, STEP_SIGN, STEP_STAMP, STEP_CREATE, STEP_LOOKUP };

/* Of `run`, between two runs of its command. */
struct rerun_wait {
	struct rerun plan;
	struct log_read read;
	usec read_at, next_read;
	unsigned in_turn;         /* runs that Sigstore failed, one after the other */
	uint64_t failures_before; /* the present run */
	usec run_began;
	bool on;
};

struct job {
	struct world *world;
	const struct kind *kind;
	uint32_t number;
	struct timer next;  /* arrival, the wait before a retry, the wrapper's sleep */
	struct timer limit; /* the client's own time-out of one answer */
	struct timer command_limit;
	usec arrived, step_began;
	enum step step;
	unsigned tries, runs;
	bool command_on;
	bool killed; /* somebody ends it, and nothing runs it again */
	int64_t not_before, token_exp;
	struct leaf *leaf;
	/* The way to the services: one question at a time. */
	bool asking;
	struct call call;
	unsigned path_tries;
	struct talk *talk;
	struct relay_path *own; /* of `run`; NULL: none */
	struct rerun_wait wait;
	usec signed_at; /* USEC_NEVER: not */
	bool ended;
};

void job_init(struct job *j, struct world *w, uint32_t number, const struct kind *kind, usec arrival);
void job_release(struct job *j);
/* The command, once more. */
void job_run(struct job *j);
/* It will not be run again. */
void job_give_up(struct job *j);
/* The path brings an answer to what was asked. */
void job_answered(struct job *j, const struct result *r);

#endif
