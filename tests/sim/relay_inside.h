/* The relay's way from inside: a relay, the exchanges that its clients have at
 * it, and its network. For relay_path.c, wire.c and answers.c. */
#ifndef SIGRELAY_SIM_RELAY_INSIDE_H
#define SIGRELAY_SIM_RELAY_INSIDE_H

#include <sigrelay/relay/admission.h>

#include "world.h"

#define ENTRIES "/api/v1/log/entries"

/* One exchange, of a job or of another relay's attempt. */
struct talk {
	struct exchange x;
	struct relay_path *path;
	struct request *request;
	struct job *job;   /* one of the two, */
	struct line *line; /* … neither once it has heard or left */
	enum rpc rpc;
	unsigned answers;
	bool abandoned;
	usec begun;
	struct talk *next, *before;
};

/* One attempt on the wire. */
struct line {
	struct call call; /* to the services */
	struct talk *up;  /* … or to another relay */
	struct answer *brought;
	struct timer timer;
	struct attempt *attempt;
	struct relay_path *path;
};

/* What one side of the log's gate has sent since its breaker left CLOSED. */
struct watch {
	usec last_probe; /* 0: none in this outage */
};

struct relay_path {
	struct world *world;
	struct relay_path *up; /* NULL: the services themselves */
	struct relay relay;
	struct timer wake; /* the relay's timers, as server.c has them */
	struct talk *talks;
	unsigned lines; /* open */
	struct watch watch[SIDE_COUNT];
	uint64_t attempts, repeats, budgeted; /* at the log */
};

/* Around everything that happens to a relay from outside. */
void relay_path_enter(struct relay_path *p);
void relay_path_leave(struct relay_path *p);

/* Begins an exchange of as->job or as->line, which point to it until it is over;
 * takes over q. It may be over before this returns. */
void talk_begin(struct relay_path *p, struct request *q, const struct talk *as);
void talk_drop(struct talk *t);

/* wire.c */
extern const struct wire_ops sim_wire;
void line_answered(struct line *l, struct answer *a); /* by the other relay; a is borrowed */

/* answers.c: what the services say, in bytes. */
struct leaf *leaf_of_id(const struct world *w, const char *id);
struct answer *write_answer(const struct line *l, const struct result *r);

#endif
