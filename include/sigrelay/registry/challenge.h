/* WWW-Authenticate (RFC 9110 11.6.1): several headers, several challenges in one,
 * any order, any case, quoted values with commas and backslashes, schemes without
 * parameters. Pure. */
#ifndef SIGRELAY_REGISTRY_CHALLENGE_H
#define SIGRELAY_REGISTRY_CHALLENGE_H

#include <stddef.h>

#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>

enum challenge_scheme { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER };

/* The one to follow. Strings are owned, unquoted; NULL: not there. */
struct challenge {
	enum challenge_scheme scheme;
	char *realm, *service, *scope, *error;
};

/* Bearer where it is offered with a realm, else Basic, else CHALLENGE_NONE; bytes
 * that are no challenge are passed over. STATUS_NO_MEMORY only. */
enum status challenge_choose(const struct slice *headers, size_t count, struct challenge *out) MUST_CHECK;
void challenge_release(struct challenge *c); /* fine on a zeroed one */

#endif
