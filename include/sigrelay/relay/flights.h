/* All flights of a relay, and what they share: asked and told of together.
 *
 * Stands on the core: after relay_init, before the first exchange. */
#ifndef SIGRELAY_RELAY_FLIGHTS_H
#define SIGRELAY_RELAY_FLIGHTS_H

#include <sigrelay/relay/relay.h>

enum status flights_init(struct relay *r) MUST_CHECK;
/* Every exchange must have ended; flights without a client are cancelled. Fine where
 * flights_init was not called, on a zeroed relay. */
void flights_release(struct relay *r);
/* Ends every flight of r without a client; others may begin. */
void flights_cancel(struct relay *r);
/* The wall clock has gone ahead of the monotonic one: deadlines that it bounds come
 * nearer; what is over by it ends with the next timers. */
void flights_clock_set(struct relay *r);
/* Exchanges that wait: for a gate, a certificate, or behind another's ticket. */
size_t flights_parked(const struct relay *r);
/* Has Sigstore failed a flight that a client waits for, though nobody has heard so yet?
 * cause: in a sentence; untouched when not. */
bool flights_failing(const struct relay *r, char cause[256]);
/* What is in hand of one operation. */
struct flights_held {
	size_t exchanges, orphans; /* orphans: creates that go on without a client */
	usec longest;              /* the longest wait of an exchange so far */
	usec next_deadline;        /* USEC_NEVER: none */
};
void flights_hold(const struct relay *r, struct flights_held out[OP_COUNT]);

#endif
