/* What the files of the credentials share: docker's and podman's file, and the
 * helper's protocol. */
#ifndef SIGRELAY_REGISTRY_DOCKER_CONFIG_H
#define SIGRELAY_REGISTRY_DOCKER_CONFIG_H

#include <cjson/cJSON.h>

#include <sigrelay/registry/credentials.h>

#define DOCKERHUB_KEY "https://index.docker.io/v1/"
#define DOCKER_AUTH_CONFIG "DOCKER_AUTH_CONFIG"

/* One file, or the variable. */
struct docker_config {
	char *name;  /* as it is named to people */
	cJSON *root; /* NULL: nothing is in it */
};

/* docker_config.c; pure. No text, or blanks alone, is a file that names nobody.
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
/* As cJSON_Delete, where strings may be secrets. */
void json_free_secret(cJSON *root);
/* A copy; NULL for NULL and for "". STATUS_NO_MEMORY only. */
enum status credential_text(const char *text, char **out) MUST_CHECK;

struct helper_call {
	const char *name;  /* docker-credential-NAME */
	const char *key;   /* what it is asked for */
	const char *file;  /* that names it, … */
	const char *field; /* … and where; for people */
	char *const *env;  /* its environment; PATH is searched for it */
	usec limit;
};

/* credential_helper.c: runs it and waits for its end. STATUS_NOT_FOUND: it knows
 * nobody. STATUS_IO, STATUS_INVALID: why says what is wrong and what to do. */
enum status credential_helper_get(const struct helper_call *call, struct credentials *out,
				  struct buf *why) MUST_CHECK;
/* Pure: its answer. */
enum status credential_helper_parse(struct slice answer, struct credentials *out) MUST_CHECK;
/* The variable's value in an environ-like list; NULL: not set, or empty. */
const char *env_value(char *const *env, const char *name);

#endif
