/* Answers the relay words itself: an entry under another status, an error in
 * the service's own shape. Nothing signed is made here: entry bytes are copied. */
#ifndef SIGRELAY_RELAY_REPLY_H
#define SIGRELAY_RELAY_REPLY_H

#include <sigrelay/relay/message.h>

/* The log's bytes under status 200 (a lookup) or 201 (a create: with ETag and
 * Location, which clients read: facts "Answers needed"). NULL: no memory. */
struct answer *reply_entry(int status, const char *id, const struct answer *entry) MUST_CHECK;
/* As it came, with the ETag and Location that a 201 must have where they were
 * missing or others (whoever compresses on the way makes ETags weak). A reference of
 * the caller's own. NULL: no memory. */
struct answer *reply_created(struct answer *created, const char *id) MUST_CHECK;
/* As it came, and how old it is (RFC 9111 5.1). NULL: no memory. */
struct answer *reply_aged(const struct answer *from, usec age) MUST_CHECK;
/* retry_after: seconds, or < 0 for none. message begins without "sigrelay: ",
 * which is added. NULL: no memory. */
struct answer *reply_error(enum service s, int status, long retry_after, const char *message) MUST_CHECK;

#endif
