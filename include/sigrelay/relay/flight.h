/* The upstream half: work for one or more exchanges until there is an answer.
 *
 *   phase       event                          to
 *   SENDING     good answer                    ended, every exchange answered
 *   SENDING     fault                          SENDING (timer, then in line again)
 *   SENDING     409 on a create                RESOLVING
 *   SENDING     hedge_after passed on a create SENDING, a second POST beside the first
 *   SENDING     the hedge got 409              RESOLVING, the first POST goes on beside it
 *   SENDING     404 that may come true         SENDING (timer)
 *   RESOLVING   GET 200, the posted entry      ended: 201 for every exchange
 *   RESOLVING   GET 404 or a fault             RESOLVING (timer)
 *   RESOLVING   the first POST: good answer    ended
 *   any         deadline                       ended: see flight_expire
 *
 * A create survives its clients until its deadline; other flights end with their last
 * client. Creates and reads of the log's state (which every relay of a fleet asks for
 * while it waits) are shared by those who ask for the same; others have one exchange. */
#ifndef SIGRELAY_RELAY_FLIGHT_H
#define SIGRELAY_RELAY_FLIGHT_H

#include <sigrelay/relay/exchange.h>

/* Begins upstream work for x. create_key: of a rekor.create, else NULL.
 * STATUS_NO_MEMORY: nothing was begun. */
enum status flight_start(struct relay *r, struct exchange *x, struct request *request,
			 const struct digest *create_key) MUST_CHECK;
/* A second exchange for the same create. */
void flight_join(struct create_key *k, struct exchange *x);
/* A read of the log's state that waits to be sent, or was sent at `since` or later: who
 * is content with what the log says of that moment may share it. NULL: none. */
struct flight *flight_log_state(const struct relay *r, usec since);
void flight_share(struct flight *f, struct exchange *x);
/* x left (x->flight is this one); may end the flight. */
void flight_leave(struct exchange *x);
/* Why x has no answer yet, and what is being done: for the answer of an
 * exchange whose own patience ends before its flight does. */
struct answer *flight_not_yet(struct exchange *x) MUST_CHECK;
/* Has Sigstore failed this flight so far, though nobody has heard so yet? cause:
 * in a sentence; untouched when not. */
bool flight_failing(const struct flight *f, char cause[256]);

#endif
