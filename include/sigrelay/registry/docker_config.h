/* docker's config.json, podman's auth.json, and the variable DOCKER_AUTH_CONFIG: what
 * they say of a registry. Pure; the files are read by credential_store.c. */
#ifndef SIGRELAY_REGISTRY_DOCKER_CONFIG_H
#define SIGRELAY_REGISTRY_DOCKER_CONFIG_H

#include <cjson/cJSON.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/registry/credentials.h>

#define DOCKERHUB_KEY "https://index.docker.io/v1/"
#define DOCKER_AUTH_CONFIG "DOCKER_AUTH_CONFIG"

/* One file, or the variable. */
struct docker_config {
	char *name;  /* as it is named to people */
	cJSON *root; /* NULL: nothing is in it */
};

/* No text, or blanks alone, is a file that names nobody.
 * STATUS_INVALID: why says what is wrong with it. */
enum status docker_config_parse(const char *name, struct slice text, struct docker_config *out,
				struct buf *why) MUST_CHECK;
void docker_config_release(struct docker_config *c); /* wipes; fine on a zeroed one */
/* The helper to ask for a domain, and for what it was found ("credHelpers" or
 * "credsStore"). NULL: none. Borrowed. */
const char *docker_config_helper(const struct docker_config *c, const char *domain, const char **field);
/* The entry in auths. A key with a path (podman's) is for the repositories below it,
 * and the longest goes first; then the domain itself; then a key that has it as its
 * host. STATUS_NOT_FOUND: nobody. STATUS_INVALID: why names file and key. */
enum status docker_config_find(const struct docker_config *c, const char *domain, const char *path,
			       struct credentials *out, struct buf *why) MUST_CHECK;
/* The key of a domain: itself, docker.io's excepted. */
const char *credential_key(const char *domain);

#endif
