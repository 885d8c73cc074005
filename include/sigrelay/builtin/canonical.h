/* A proposed Rekor v1 entry: its signature checked, and its canonical form, as
 * the log stores it. hashedrekord 0.0.1 and dsse 0.0.1. */
#ifndef SIGRELAY_BUILTIN_CANONICAL_H
#define SIGRELAY_BUILTIN_CANONICAL_H

#include <sigrelay/base/buf.h>
#include <sigrelay/base/json.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>

/* What Rekor says of an entry that it refuses. */
struct refusal {
	int status; /* HTTP */
	int code;   /* in the body */
	char message[256];
};

/* Appends the canonical bytes to out. STATUS_INVALID: why is filled. */
enum status canonical_entry(struct slice body, struct buf *out, struct refusal *why) MUST_CHECK;
/* The same for an entry that was parsed already. */
enum status canonical_from_json(const cJSON *entry, struct buf *out, struct refusal *why) MUST_CHECK;
/* A true entry of the log's own making: a signature over random bytes. */
enum status canonical_filler(struct buf *out) MUST_CHECK;

#endif
