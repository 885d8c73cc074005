/* How long a client waits for one answer, by its User-Agent and the operation.
 * Source: the time-outs table of the facts; each row of the table in
 * patience.c names the client's file or measurement it comes from. */
#ifndef SIGRELAY_SIGSTORE_PATIENCE_H
#define SIGRELAY_SIGSTORE_PATIENCE_H

#include <stdbool.h>

#include <sigrelay/base/clock.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/sigstore/operation.h>

struct patience {
	const char *client; /* "cosign", "sigstore-js", … ; "unknown" */
	usec wait;          /* for one answer, the margin already taken off; USEC_NEVER: no limit known */
	bool honours_retry_after; /* for this operation */
	bool comes_back;          /* repeats the same request by itself after a 5xx */
};

struct patience patience_of(struct slice user_agent, enum operation op);
/* The same behind another relay, which asks to hear within `wait` and then asks again. */
struct patience patience_of_relay(struct patience client, usec wait);

#endif
