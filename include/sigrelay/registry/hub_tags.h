/* Docker Hub shows to anybody whether the tags of a public repository are immutable. */
#ifndef SIGRELAY_REGISTRY_HUB_TAGS_H
#define SIGRELAY_REGISTRY_HUB_TAGS_H

#include <sigrelay/registry/preflight.h>
#include <sigrelay/registry/web.h>

/* Where tags are immutable, that becomes the reason of those images on docker.io that
 * are present. One request a repository, side by side, without a name; where Hub does
 * not answer within five seconds, or shows nothing (a private repository), nothing is
 * said. */
enum status hub_tags_remark(struct web *w, const char *dockerhub_url, struct preflight_image *v,
			    size_t n) MUST_CHECK;

#endif
