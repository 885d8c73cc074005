/* How attempts leave the relay: the port between its core and the network.
 *
 * The core (relay, flight, exchange) knows nothing of sockets. In production
 * the port is curl_wire.c; unit tests and the simulator bring their own. */
#ifndef SIGRELAY_RELAY_WIRE_H
#define SIGRELAY_RELAY_WIRE_H

#include <sigrelay/policy/gate.h>
#include <sigrelay/policy/outcome.h>
#include <sigrelay/relay/message.h>

struct attempt;

/* How it ended. answer: a whole answer for TRANSPORT_DONE (a reference that
 * becomes the callee's), else NULL. error: a phrase for people, valid during
 * the call. */
typedef void attempt_done_fn(struct attempt *a, enum transport t, struct answer *answer, const char *error);

/* One request to an upstream. Lives in its owner's struct; the owner sets the
 * first part before each sending and keeps what it points to until done or
 * cancelled. */
struct attempt {
	enum service service;
	enum method method;
	const char *target;               /* path and query */
	const struct request *request;    /* headers and id come from here */
	bool with_body;                   /* … and the body */
	usec head_start;                  /* so much earlier than its deadline says it stands in line */
	void (*began)(struct attempt *a); /* the gate let it through; may be NULL */
	attempt_done_fn *done;
	void *owner;

	struct gate_ticket ticket; /* relay.c's: its place in the upstream's gate */
	usec sent_at;              /* relay.c's */
	uint64_t parent_id;        /* relay.c's: its own, new for each sending; 0 without a trace */
	bool on_wire;              /* relay.c's: given to the port and not ended */
	void *port;                /* the port's own */
};

struct wire_ops {
	/* Begins. done is never called from inside; after a failure to begin it is
	 * called later with TRANSPORT_CONNECT. timeout: for this attempt. */
	void (*send)(void *wire, struct attempt *a, usec timeout);
	/* Ends it without calling done. Never called from inside done. */
	void (*cancel)(void *wire, struct attempt *a);
};

#endif
