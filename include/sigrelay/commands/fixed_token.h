/* An identity token that no further run can renew, because it stands in the
 * command line or in the environment. */
#ifndef SIGRELAY_COMMANDS_FIXED_TOKEN_H
#define SIGRELAY_COMMANDS_FIXED_TOKEN_H

#include <stdint.h>

#include <sigrelay/base/status.h>

/* When it ends, in seconds since 1970, and where it stands ("--identity-token",
 * static): the flag in argv, else COSIGN_IDENTITY_TOKEN, SIGSTORE_ID_TOKEN or
 * SIGSTORE_IDENTITY_TOKEN of env. The token is only read. STATUS_NOT_FOUND: there
 * is none, or it is no JWT with an end (cosign's flag takes the path of a file
 * too, which somebody may renew). */
enum status fixed_token_end(char *const *argv, char *const *env, int64_t *exp, const char **where) MUST_CHECK;

#endif
