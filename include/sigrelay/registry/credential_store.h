/* Whose name to use at a registry, as docker's and podman's clients find it.
 *
 * Order (docker/cli cli/config/configfile/file.go, ggcr pkg/authn/keychain.go):
 * DOCKER_AUTH_CONFIG; credHelpers[domain]; credsStore; auths; where docker's file
 * names nobody, podman's files. docker's is $DOCKER_CONFIG/config.json, else
 * ~/.docker/config.json; podman's $REGISTRY_AUTH_FILE,
 * $XDG_RUNTIME_DIR/containers/auth.json, $XDG_CONFIG_HOME/containers/auth.json (unset:
 * ~/.config). A missing file is fine, a malformed one is an error that names it. docker.io's key is
 * https://index.docker.io/v1/ everywhere.
 *
 * Secrets are wiped by credentials_release and credential_store_free, and appear in
 * no message. */
#ifndef SIGRELAY_REGISTRY_CREDENTIAL_STORE_H
#define SIGRELAY_REGISTRY_CREDENTIAL_STORE_H

#include <sigrelay/base/buf.h>
#include <sigrelay/base/clock.h>
#include <sigrelay/base/status.h>
#include <sigrelay/registry/credentials.h>

/* A helper that says nothing for this long is killed. */
#define CREDENTIAL_HELPER_TIMEOUT (30 * USEC_PER_SEC)

struct credential_store; /* opaque */

/* Reads the files. env: environ-like, borrowed until the store is freed.
 * STATUS_INVALID or STATUS_IO: why names the file and what is wrong with it. */
enum status credential_store_open(struct credential_store **out, char *const *env,
				  struct buf *why) MUST_CHECK;
void credential_store_free(struct credential_store *s);
/* From now on a helper may take so long, and CREDENTIAL_HELPER_TIMEOUT at most:
 * everything else waits for it. */
void credential_store_limit(struct credential_store *s, usec limit);

/* For a repository of a domain (both as in struct reference). Runs a helper where
 * one is named: blocks until it ends or its time is up. A helper is run once for a
 * domain; what it said, or that it failed, is kept.
 * STATUS_NOT_FOUND: nobody, go anonymously. STATUS_IO, STATUS_INVALID: the helper
 * or the entry is no good; why says which and what to do. */
enum status credentials_find(const struct credential_store *s, const char *domain, const char *path,
			     struct credentials *out, struct buf *why) MUST_CHECK;

#endif
