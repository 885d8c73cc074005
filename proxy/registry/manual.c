/* What a person can do about an image that stays. */
#include <stdio.h>
#include <string.h>

#include "remover_inside.h"

static bool domain_ends(const struct reference *ref, const char *suffix)
{
	return slice_ends(slice_str(ref->domain), suffix);
}

static bool is_google(const struct reference *ref)
{
	return domain_ends(ref, "-docker.pkg.dev") || domain_ends(ref, "gcr.io");
}

static bool is_ecr(const struct reference *ref)
{
	return strstr(ref->domain, ".dkr.ecr.") != NULL;
}

static enum status immutable(const struct reference *ref, struct buf *out)
{
	if (reference_is_dockerhub(ref))
		return buf_addf(
		    out,
		    "an admin of %s takes the tag out of the rules at hub.docker.com: repository, "
		    "Settings, General, Tag mutability settings; then run cleanup again\n",
		    ref->path);
	if (is_google(ref))
		return buf_add_str(out, "turn off immutable tags of the repository, run cleanup again, turn "
					"them on again\n");
	if (domain_ends(ref, ".azurecr.io"))
		return buf_addf(out,
				"unlock it: az acr repository update --name %.*s --image %s:%s "
				"--delete-enabled true --write-enabled true; then run cleanup again\n",
				(int)strcspn(ref->domain, "."), ref->domain, ref->path,
				ref->tag ? ref->tag : "TAG");
	return buf_addf(
	    out,
	    "an admin of %s takes the tag out of the immutability rules (Harbor: project, Policy, "
	    "Tag Immutability; quay: the tag's settings); then run cleanup again\n",
	    ref->path);
}

static enum status denied(const struct reference *ref, struct buf *out)
{
	if (reference_is_dockerhub(ref))
		return buf_addf(
		    out,
		    "use a personal access token with Read, Write, Delete of a user who may administer "
		    "%s, or delete the tag at hub.docker.com: repository, Tags\n",
		    ref->path);
	if (reference_is_ghcr(ref))
		return buf_add_str(out, "give the workflow's repository the Admin role (package, Package "
					"settings, Manage Actions access), or delete the version there\n");
	return buf_addf(out, "use credentials that may delete in %s/%s; then run cleanup again\n",
			ref->domain, ref->path);
}

static enum status ghcr_rule(const struct reference *ref, enum obstacle o, struct buf *out)
{
	const char *slash = strchr(ref->path, '/');
	if (o == OBSTACLE_DOWNLOADS)
		return buf_add_str(out, "only GitHub support can delete it: https://support.github.com\n");
	return buf_addf(
	    out,
	    "GitHub does not delete a package's last tagged version: where nothing else is in the "
	    "package %s, delete it whole (package, Package settings, Delete this package)\n",
	    slash ? slash + 1 : ref->path);
}

static enum status other_ways(const struct reference *ref, struct buf *out)
{
	if (is_ecr(ref) && ref->tag)
		return buf_addf(out,
				"aws ecr batch-delete-image --repository-name %s --image-ids imageTag=%s\n",
				ref->path, ref->tag);
	if (reference_is_ghcr(ref))
		return buf_add_str(out,
				   "take the tag away by hand: push something else under it, then delete "
				   "that version (package, its versions)\n");
	return buf_addf(out, "delete it in the user interface of %s, or switch deletes on there%s\n",
			ref->domain, ref->tag ? "; then run cleanup again" : "");
}

static enum status for_obstacle(const struct reference *ref, enum obstacle o, struct buf *out)
{
	switch (o) {
	case OBSTACLE_NONE:
		return STATUS_OK;
	case OBSTACLE_FAULT:
	case OBSTACLE_STOPPED:
		return buf_add_str(out, "run cleanup again: it goes on where it was\n");
	case OBSTACLE_IMMUTABLE:
		return immutable(ref, out);
	case OBSTACLE_DENIED:
		return denied(ref, out);
	case OBSTACLE_LAST:
	case OBSTACLE_DOWNLOADS:
		return ghcr_rule(ref, o, out);
	case OBSTACLE_UNSUPPORTED:
	case OBSTACLE_SHARED:
	case OBSTACLE_UNPROVEN:
		return other_ways(ref, out);
	case OBSTACLE_NOT_OURS:
		return buf_addf(out, "see what is there, and delete the tag by hand if it is to go\n");
	}
	return STATUS_OK;
}

enum status manual_steps(const struct reference *ref, enum removal_what what, enum obstacle o, bool is_signed,
			 struct buf *out)
{
	enum status st = for_obstacle(ref, o, out);
	if (st != STATUS_OK || what != REMOVAL_TAG || !ref->digest)
		return st;
	if (is_signed)
		return buf_add_str(out, "or keep it: it is signed\n");
	st = buf_add_str(out, "or keep it, and sign it: cosign sign --yes ");
	if (st == STATUS_OK)
		st = reference_print(ref, NULL, ref->digest, out);
	return st == STATUS_OK ? buf_add_str(out, "\n") : st;
}
