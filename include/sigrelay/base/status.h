/* One status for every function that can fail.
 *
 * Library code returns it and never logs; the caller that knows what the
 * failure means to a user says so. Outputs are untouched on failure. */
#ifndef SIGRELAY_BASE_STATUS_H
#define SIGRELAY_BASE_STATUS_H

enum status {
	STATUS_OK = 0,
	STATUS_NO_MEMORY,
	STATUS_INVALID,   /* bytes or arguments that are not what they should be */
	STATUS_TOO_LARGE, /* a hard maximum would be passed */
	STATUS_NOT_FOUND,
	STATUS_IO, /* errno says why */
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* A short name for logs: "ok", "no memory", … Never NULL. */
const char *status_name(enum status s);

#endif
