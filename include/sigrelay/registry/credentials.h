/* Whose name to use: what a file or a helper says of a registry. Secrets are wiped
 * when it is released. */
#ifndef SIGRELAY_REGISTRY_CREDENTIALS_H
#define SIGRELAY_REGISTRY_CREDENTIALS_H

#include <stdbool.h>

#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>

/* Strings are owned; NULL: not there. */
struct credentials {
	char *username, *secret;
	char *identity_token; /* to be exchanged for a token (OAuth2 refresh_token) */
	char *registry_token; /* a ready Bearer token */
};
void credentials_release(struct credentials *c); /* wipes; fine on a zeroed one */
enum status credentials_copy(const struct credentials *from, struct credentials *out) MUST_CHECK;
/* A copy of one string; NULL for NULL and for "". STATUS_NO_MEMORY only. */
enum status credential_text(const char *text, char **out) MUST_CHECK;
/* May it stand in a header as a token does? A line break would begin another header. */
bool credential_is_token(struct slice text);

#endif
