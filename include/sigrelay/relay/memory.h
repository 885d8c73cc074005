/* Remembered entries: what the log has returned through this relay, and ids it
 * is known to hold although they cannot be read yet.
 *
 * Bounded by entries and by bytes; the least recently used goes first. Ids are
 * matched by their leaf hash (the last 64 digits). */
#ifndef SIGRELAY_RELAY_MEMORY_H
#define SIGRELAY_RELAY_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include <sigrelay/base/bytes.h>
#include <sigrelay/base/clock.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>
#include <sigrelay/relay/message.h>
#include <sigrelay/sigstore/rekor.h>

#define MEMORY_BYTES_MAX ((size_t)64 << 20)

struct memory_record;

struct memory {
	size_t max_entries;
	size_t entries, bytes;
	struct memory_record *by_leaf; /* uthash heads */
	struct memory_record *by_create;
	struct memory_record *newest, *oldest; /* in order of use */
	/* The last good GET /log/publicKey without a query, and GET /api/v1/log; when
	 * they were asked for. */
	struct answer *public_key, *log_state;
	usec public_key_at, log_state_at;
};

void memory_init(struct memory *m, size_t max_entries);
void memory_release(struct memory *m);
void memory_resize(struct memory *m, size_t max_entries);

/* The entry's answer (the log's GET bytes, status 200), and its id as the log
 * wrote it; a reference of the memory's own is taken. create: the key of the
 * create that made it, or NULL. Losing it for want of memory is no error. */
void memory_remember(struct memory *m, const char *id, const struct digest *create, struct answer *entry);
/* The id exists, its entry cannot be read yet. */
void memory_know(struct memory *m, const char *id);
bool memory_knows(const struct memory *m, struct slice id);
/* Borrowed; NULL when not remembered. id_out (81 bytes, may be NULL) gets the
 * id as the log wrote it. */
struct answer *memory_entry(struct memory *m, struct slice id, char *id_out);
struct answer *memory_create(struct memory *m, const struct digest *create, char *id_out);

#endif
