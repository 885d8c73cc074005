/* The earliest of the reasons to stop, and which one it was. Pure.
 *
 * All times are on the monotonic clock. A first attempt is always made, however
 * near the end is. */
#ifndef SIGRELAY_POLICY_DEADLINE_H
#define SIGRELAY_POLICY_DEADLINE_H

#include <sigrelay/base/clock.h>

enum deadline_reason {
	DEADLINE_NONE,
	DEADLINE_RETRY_FOR,   /* the operation's whole budget */
	DEADLINE_PATIENCE,    /* the client's own time-out */
	DEADLINE_CERTIFICATE, /* notAfter less notafter_margin */
	DEADLINE_TOKEN,       /* the OIDC token's exp */
	DEADLINE_LOOKUP,      /* lookup_wait of an unknown id */
	DEADLINE_DRAIN,       /* the relay is leaving */
};

struct deadline {
	usec at; /* USEC_NEVER: none */
	enum deadline_reason reason;
};

struct deadline deadline_none(void);
/* The earlier of the two; a tie keeps d. */
struct deadline deadline_add(struct deadline d, usec at, enum deadline_reason reason);
/* A wall-clock moment (seconds since 1970) less margin, as a monotonic one.
 * May lie before now.mono. */
usec deadline_from_wall(int64_t unix_seconds, usec margin, struct instant now);
const char *deadline_reason_name(enum deadline_reason r); /* "retry_for", "patience", … */

#endif
