/* Places in line of those who were told to come back: 503 because their patience
 * ended or because it was crowded. Who sends the same bytes again stands where he
 * would stand had he waited, not at the end.
 *
 * A request is known by HMAC-SHA256 over its path and body, under a key that is
 * random for each process and dies with it: bodies of certificate requests hold
 * tokens, and nothing of one can be had from what is kept here. Clients repeat a
 * request within one command byte for byte; one without a body is anybody's, and has
 * no place. A place is kept for PLACES_KEEP after
 * it was last noted; of more than max the oldest go. */
#ifndef SIGRELAY_RELAY_PLACES_H
#define SIGRELAY_RELAY_PLACES_H

#include <stddef.h>
#include <stdint.h>

#include <sigrelay/base/clock.h>
#include <sigrelay/base/status.h>
#include <sigrelay/relay/message.h>

#define PLACES_KEEP (120 * USEC_PER_SEC)

struct place;

struct places {
	uint8_t key[32];
	struct place *in_order; /* uthash head: the longest noted first */
	size_t max;
};

/* STATUS_NO_MEMORY: there was no key to be had; fine to release. */
enum status places_init(struct places *p, size_t max) MUST_CHECK;
void places_release(struct places *p);
void places_resize(struct places *p, size_t max);
size_t places_count(const struct places *p);
/* It is told to come back, and was first seen then. Without memory it has no place. */
void places_note(struct places *p, const struct request *q, usec first_seen, usec now);
/* When it was first seen; now when it has no place. It has none from then on. */
usec places_take(struct places *p, const struct request *q, usec now);

#endif
