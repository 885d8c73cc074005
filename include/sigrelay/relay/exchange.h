/* One client request from its first byte to its answer: the client's half.
 *
 * Lives in its owner's struct (the front's connection). The owner hears exactly
 * one answer, perhaps from inside exchange_start, unless it abandons first. */
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

/* Answers from memory, turns away a crowd, joins a create in flight, or begins a flight. Takes a
 * reference of request. Never fails: what goes wrong here is an answer. */
void exchange_start(struct exchange *x, struct relay *r, struct request *request,
		    exchange_answer_fn *on_answer, void *owner);
/* The client left. A create goes on; anything else ends with its client. */
void exchange_abandon(struct exchange *x);
/* For flights: hands the answer on and ends the exchange. */
void exchange_finish(struct exchange *x, struct answer *answer);
/* Sigstore failed a client of this relay: see server_failures. */
void failure_note(struct relay *r, const char *cause);
/* The relay leaves: an answer of our own (503 + Retry-After) for one exchange. */
void exchange_turn_away(struct exchange *x, const char *why);

#endif
