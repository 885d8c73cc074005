/* Creates in flight, by the SHA-256 of their path and body: the same bytes join
 * the create that is under way. Does not own the flights. */
#ifndef SIGRELAY_RELAY_CREATES_H
#define SIGRELAY_RELAY_CREATES_H

#include <uthash.h>

#include <sigrelay/base/bytes.h>
#include <sigrelay/base/status.h>
#include <sigrelay/relay/message.h>

/* The part of a flight that stands in the table. */
struct create_key {
	struct digest key;
	UT_hash_handle hh;
	bool in;
};

struct creates {
	struct create_key *head;
};

enum status create_key_of(const struct request *r, struct digest *out) MUST_CHECK;
void creates_add(struct creates *c, struct create_key *k);    /* the key is set and not in yet */
void creates_remove(struct creates *c, struct create_key *k); /* fine when not in */
struct create_key *creates_find(const struct creates *c, const struct digest *key);

#endif
