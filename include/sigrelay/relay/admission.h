/* How an exchange gets in, and how its client gets out: answered from memory, joined to
 * what is in flight, turned away from a crowd, or with a flight of its own.
 *
 * The owner hears exactly one answer, perhaps from inside exchange_start, unless it
 * abandons first. */
#ifndef SIGRELAY_RELAY_ADMISSION_H
#define SIGRELAY_RELAY_ADMISSION_H

#include <sigrelay/relay/exchange.h>

/* Takes a reference of request. Never fails: what goes wrong here is an answer. */
void exchange_start(struct exchange *x, struct relay *r, struct request *request,
		    exchange_answer_fn *on_answer, void *owner);
/* The client left. A create goes on; anything else ends with its client. */
void exchange_abandon(struct exchange *x);
/* The relay leaves: an answer of our own (503 + Retry-After) for one exchange. */
void exchange_turn_away(struct exchange *x, const char *why);

#endif
