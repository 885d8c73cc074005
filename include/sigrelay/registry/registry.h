/* Requests to OCI registries, with what they ask of a client first: the challenge,
 * the token, the second try (distribution docs/content/spec/auth/token.md,
 * oauth.md). Tokens are kept for the scope they were asked for, until they expire.
 *
 * The scope is the one of this request's own challenge, never made up. A realm
 * is https (http only where the registry is), and no private address unless it is
 * the registry's own. A second 401 ends it. */
#ifndef SIGRELAY_REGISTRY_REGISTRY_H
#define SIGRELAY_REGISTRY_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>
#include <sigrelay/registry/credential_store.h>
#include <sigrelay/registry/reference.h>
#include <sigrelay/registry/web.h>

struct registry_config {
	struct web *web;                            /* borrowed, as is everything here */
	const struct credential_store *credentials; /* NULL: anonymous */
	const char *dockerhub_registry_url;         /* NULL: https://registry-1.docker.io */
	const char *const *insecure;                /* domains spoken to over plain HTTP */
	size_t insecure_count;
};

struct registry; /* opaque: all registries of one command */
enum status registry_new(struct registry **out, const struct registry_config *cfg) MUST_CHECK;
void registry_free(struct registry *r);

struct registry_request {
	const struct reference *repository; /* its domain and path */
	const char *method;
	const char
	    *tail; /* after /v2/PATH/: "manifests/v1.2.3", "tags/list?n=1000"; or a path from "/v2/" on */
	const char *accept;       /* NULL: what MANIFEST_ACCEPT says */
	const char *content_type; /* NULL: no body */
	struct slice body;
	usec deadline;
};

/* Every manifest type, one header's value. With a shorter list a tag that exists is
 * answered 404 MANIFEST_UNKNOWN (distribution registry/handlers/manifests.go). */
extern const char MANIFEST_ACCEPT[];

/* As web_done_fn. no_access: the token could not be had, or was not enough (401, 403);
 * what is known of the reason, in words, "" otherwise. The answer is the registry's
 * or, where the token service failed, that one's. */
typedef void registry_done_fn(void *arg, const struct web_answer *a, const char *no_access);
enum status registry_start(struct registry *r, const struct registry_request *q, registry_done_fn *done,
			   void *arg) MUST_CHECK;

/* The first error of an OCI error body: code and message, "" where there is none
 * or the body is none (*is_error false). Both are cut to their size. */
struct registry_error {
	bool is_error, has_more; /* more: errors beside the first */
	char code[64], message[256];
};
void registry_error_read(struct slice body, struct registry_error *out);
/* Does that say that the tag may not be changed or taken away? By code, then by
 * text (registry-specific words). */
bool registry_error_immutable(int status, const struct registry_error *e);

#endif
