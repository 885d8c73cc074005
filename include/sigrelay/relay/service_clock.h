/* Whose clock ends certificates and tokens: Sigstore's, and not this machine's. One
 * whose clock is ten minutes ahead would take each new certificate for ended, and
 * ask for nothing that its client asks for. Sigstore's is heard of in the Date of its
 * good answers (RFC 9110 6.6.1). */
#ifndef SIGRELAY_RELAY_SERVICE_CLOCK_H
#define SIGRELAY_RELAY_SERVICE_CLOCK_H

#include <sigrelay/base/clock.h>
#include <sigrelay/base/metrics.h>
#include <sigrelay/relay/message.h>

struct service_clock {
	usec ahead;           /* of this machine's wall clock */
	struct metric *gauge; /* borrowed; tells it */
};

/* A good answer to what was sent at sent_at (monotonic). Only a Date that lies outside
 * of the time between, by more than ten seconds, says that the clocks differ. One out
 * of a memory, which has an Age (RFC 9111 5.1), says nothing. */
void service_clock_hear(struct service_clock *c, const struct answer *a, usec sent_at, struct instant now);
/* This machine's clock was set: what was heard is of the one before. */
void service_clock_forget(struct service_clock *c);
/* Now, by Sigstore's wall clock as far as it is known. */
struct instant service_clock_now(const struct service_clock *c, struct instant now);
/* The wall clock at which an answer was made, which its Retry-After counts from; now
 * where it does not say. */
usec service_clock_of(const struct answer *a, struct instant now);

#endif
