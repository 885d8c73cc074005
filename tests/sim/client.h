/* A job that signs one artefact with one client: the client's real retries, and
 * what people wrap around it. Source: the facts' table "Timeouts and retries". */
#ifndef SIGRELAY_SIM_CLIENT_H
#define SIGRELAY_SIM_CLIENT_H

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
	bool looks_up;    /* answers a 409 by one GET, whose failure is final; else a 409 is fatal */
	usec command;     /* the whole command's own time-out */
	bool sign_direct; /* asks the certificate authority past the relay (gRPC) */
};
extern const struct kind kinds[];
extern const unsigned kind_count;
const struct kind *kind_named(const char *name); /* NULL: none */

struct world;
struct talk; /* relay_path.c: one exchange */

enum step { STEP_IDLE, STEP_SIGN, STEP_CREATE, STEP_LOOKUP };

struct job {
	struct world *world;
	const struct kind *kind;
	uint32_t number;
	struct timer next;  /* arrival, the wait before a retry, the wrapper's sleep */
	struct timer limit; /* the client's own time-out of one answer */
	struct timer command_limit;
	usec arrived, asked_at, step_began, waits_since;
	enum step step;
	unsigned tries, runs;
	bool command_on;
	int64_t not_before, token_exp;
	struct leaf *leaf;
	/* The way to the services: one question at a time. */
	bool asking;
	struct call call;
	unsigned path_tries;
	struct talk *talk;
	usec signed_at; /* USEC_NEVER: not */
	bool ended;
};

void job_init(struct job *j, struct world *w, uint32_t number, const struct kind *kind, usec arrival);
void job_release(struct job *j);
/* The path brings an answer to what was asked. */
void job_answered(struct job *j, const struct result *r);

#endif
