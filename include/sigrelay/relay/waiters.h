/* Entries that are waited for together: thousands of ids may be queued at a
 * paused log, and they cost it one read per poll_interval.
 *
 * One alone polls its id itself (WAITERS_ALONE). More share: `GET /api/v1/log`
 * says whether the tree grew; while it does not, nothing can have been
 * integrated and nothing else is sent. Once it grew, and once for everyone who
 * is new, the ids are asked for, earliest deadline first, ten at a time through
 * POST /api/v1/log/entries/retrieve (rekor openapi.yaml: at most 10 entryUUIDs;
 * one that the answer omits is not there yet). Where that is not served every
 * waiter is told to look for itself.
 *
 * A waiter lives in its flight; this borrows it from waiters_join until found,
 * look or waiters_leave. */
#ifndef SIGRELAY_RELAY_WAITERS_H
#define SIGRELAY_RELAY_WAITERS_H

#include <stdbool.h>

#include <sigrelay/base/heap.h>
#include <sigrelay/base/timers.h>
#include <sigrelay/relay/wire.h>
#include <sigrelay/sigstore/rekor.h>

#define WAITERS_ALONE 1
#define WAITERS_BATCH 10
#define WAITERS_BATCHES_OUT 4

struct relay;

struct waiter {
	struct heap_node node;           /* by deadline, */
	struct heap *in;                 /* … in to_ask, in rest, or nowhere */
	char id[REKOR_ENTRY_ID_HEX + 1]; /* set by its owner before it joins */
	usec deadline;
	/* The log's own bytes of one entry that claims to be the one; to be judged.
	 * It has left. May end its flight. */
	void (*found)(struct waiter *w, struct answer *entry);
	/* It has left and is to look for itself. */
	void (*look)(struct waiter *w);
	bool counted; /* it waits, shared or alone */
	int batch;    /* the one that asks for it now; -1: none */
};

struct waiters_batch {
	struct attempt attempt;
	struct request *request; /* NULL: not out */
	struct waiter *ids[WAITERS_BATCH];
	size_t count;
};

struct waiters {
	size_t waiting;      /* all that wait, those that poll for themselves too */
	struct heap to_ask;  /* shared ones that have to be asked for */
	struct heap rest;    /* shared ones that were, since the tree last grew */
	int64_t tree_size;   /* as last seen; -1: never */
	struct attempt look; /* GET /api/v1/log */
	struct request *look_request;
	bool looking; /* look is in line or on the wire */
	struct timer timer;
	struct waiters_batch batch[WAITERS_BATCHES_OUT];
	unsigned failures; /* in a row */
	bool alone;        /* /entries/retrieve is not served here */
};

/* r->waiters is set, and cleared by waiters_free; fine when it is not. */
enum status waiters_new(struct relay *r) MUST_CHECK;
void waiters_free(struct relay *r);
/* Counts it; true: it is shared from now on. False: it polls for itself. */
bool waiters_join(struct relay *r, struct waiter *w);
/* Waits no more; fine when it never did. */
void waiters_leave(struct relay *r, struct waiter *w);

#endif
