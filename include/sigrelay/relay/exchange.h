/* One client request from its first byte to its answer: the client's half.
 *
 * Lives in its owner's struct (the front's connection), which begins and abandons it
 * by admission.h. Here is what it is, and how it ends. */
#ifndef SIGRELAY_RELAY_EXCHANGE_H
#define SIGRELAY_RELAY_EXCHANGE_H

#include <sys/queue.h>

#include <sigrelay/base/timers.h>
#include <sigrelay/policy/deadline.h>
#include <sigrelay/relay/message.h>
#include <sigrelay/relay/relay.h>
#include <sigrelay/sigstore/patience.h>

struct exchange;
struct flight;

/* answer: borrowed for the call. NULL: there was no memory for one; say 503. */
typedef void exchange_answer_fn(struct exchange *x, struct answer *answer);

struct exchange {
	struct relay *relay;
	struct flight *flight;      /* NULL: answered, abandoned, or not started */
	TAILQ_ENTRY(exchange) link; /* in its flight */
	enum operation operation;
	char id[REQUEST_ID_MAX + 1];
	struct trace trace;
	struct patience patience;
	struct deadline deadline; /* the client's own, for joined creates */
	struct timer timer;       /* … when it passes */
	usec begun;
	usec first_seen; /* begun, or when it came the first time and was told to come back */
	exchange_answer_fn *on_answer;
	void *owner;
};

TAILQ_HEAD(exchange_list, exchange);

/* The one way to its owner: notes and logs the answer, hands it on and ends the exchange. */
void exchange_finish(struct exchange *x, struct answer *answer);
void exchange_end(struct exchange *x); /* without an answer: its client left */
/* Sigstore failed a client of this relay: see server_failures. */
void failure_note(struct relay *r, const char *cause);

#endif
