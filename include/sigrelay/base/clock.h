/* Time. int64 microseconds everywhere; who wants milliseconds divides.
 *
 * The shell reads the clocks once a loop turn and hands `struct instant` down;
 * nothing in policy/ or sigstore/ reads a clock. */
#ifndef SIGRELAY_BASE_CLOCK_H
#define SIGRELAY_BASE_CLOCK_H

#include <stdint.h>

typedef int64_t usec;

#define USEC_PER_MSEC ((usec)1000)
#define USEC_PER_SEC ((usec)1000000)
#define USEC_NEVER INT64_MAX

struct instant {
	usec mono; /* monotonic: what waits and deadlines are kept in */
	usec wall; /* since 1970: what certificates and tokens speak */
};

struct instant clock_now(void);

/* a + b that stops at USEC_NEVER instead of overflowing. Both >= 0. */
usec usec_add(usec a, usec b);
usec usec_min(usec a, usec b);
usec usec_max(usec a, usec b);
/* "250ms", "2.5s", "10m 5s": for people. out has room for 32. */
void usec_format(usec t, char out[32]);

#endif
