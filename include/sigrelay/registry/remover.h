/* Takes back what a run pushed: one tag of the plan after another, and with the last
 * tag of a digest the digest itself, what an index of this run names, and the
 * signatures and attestations attached to it.
 *
 * Never touched: a tag whose digest is not the pushed one (looked at just before); a
 * digest that a tag of somebody else's names, itself or through an index; the
 * signatures of a digest that stays. Tags go by Docker Hub's tag API, GitHub's package
 * versions (ghcr.io), Harbor's tag API or DELETE of the OCI API; by digest, which takes
 * every tag of it, only where there is no other way and no other tag.
 *
 * A tag or signature that stays is REMOVAL_LEFT. A digest or a child without a tag that
 * the registry refuses to delete is REMOVAL_KEPT: it is garbage that registries
 * collect. Everything may be done twice. */
#ifndef SIGRELAY_REGISTRY_REMOVER_H
#define SIGRELAY_REGISTRY_REMOVER_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include <sigrelay/base/status.h>
#include <sigrelay/registry/plan.h>
#include <sigrelay/registry/registry.h>

enum removal_what { REMOVAL_TAG, REMOVAL_DIGEST, REMOVAL_CHILD, REMOVAL_SIGNATURE };
const char *removal_what_name(enum removal_what w); /* tag, digest, child, signature */

enum removal_result {
	REMOVAL_PLANNED, /* dry run: it would go */
	REMOVAL_DELETED,
	REMOVAL_GONE, /* was not there any more */
	REMOVAL_KEPT, /* stays, and is not this run's or not a tag: no reason for a warning */
	REMOVAL_LEFT, /* this run's, and still there */
};
const char *removal_result_name(enum removal_result r); /* planned, deleted, gone, kept, left */

#define REMOVAL_REASON 640

/* What became of one thing. */
struct removal {
	enum removal_what what;
	enum removal_result result;
	struct reference ref; /* tag, digest or both */
	char reason[REMOVAL_REASON];
	char *steps; /* REMOVAL_LEFT: what a person can do, a line each; NULL: nothing is known */
};

struct removals {
	struct removal *v;
	size_t n;
	bool is_signed; /* as in struct plan_item */
};
void removals_release(struct removals *r); /* fine on a zeroed one */

struct remover_config {
	struct web *web; /* borrowed, as is everything here */
	struct registry *registry;
	const struct credential_store *credentials;
	const struct plan *plan;
	const char *dockerhub_url; /* NULL: docker.io is as any other registry */
	const char *github_api_url;
	const char *github_token;      /* NULL: ghcr.io's credential */
	const char *cosign_repository; /* where cosign keeps signatures; NULL: beside the image */
	usec deadline;
	bool dry_run;
	const volatile sig_atomic_t *stop; /* not 0: end soon */
	/* An image of an index that has just gone, before it goes itself: nothing else
	 * leads to it from now on. NULL: nobody is told. */
	void (*orphaned)(void *arg, const struct reference *ref);
	void *orphaned_arg;
};

struct remover; /* opaque */
/* STATUS_INVALID: cosign_repository is no repository; why says what is wrong. */
enum status remover_new(struct remover **out, const struct remover_config *cfg, struct buf *why) MUST_CHECK;
void remover_free(struct remover *m);

/* Deals with plan->v[index]: appends to out, the tag itself first. Each index once, in
 * order. */
enum status remover_take(struct remover *m, size_t index, struct removals *out) MUST_CHECK;

#endif
