/* What the files of ghcr.io share: ghcr_versions.c asks, ghcr.c deletes. */
#ifndef SIGRELAY_REGISTRY_GHCR_INSIDE_H
#define SIGRELAY_REGISTRY_GHCR_INSIDE_H

#include <inttypes.h>

#include "remover_inside.h"

#define URL_MAX ((size_t)4096)

struct version {
	int64_t id;
	char digest[DIGEST_TEXT];
	char **tags;
	size_t tag_count;
};

struct ghcr {
	struct buf authorization; /* the whole header line */
	struct verdict trouble;   /* result LEFT: GitHub cannot be asked, or not about this package */
	char *path;               /* of the repository whose versions are here; NULL: none */
	char base[URL_MAX];       /* …/packages/container/NAME */
	struct version *v;
	size_t n;
};

/* The one of this remover, with a token or its trouble. */
enum status ghcr_get(struct remover *m, const struct reference *ref, struct ghcr **out) MUST_CHECK;
enum status ghcr_ask(struct remover *m, const char *method, const char *url,
		     struct web_answer *out) MUST_CHECK;
/* What GitHub's refusal means to the user. */
void ghcr_refused(const struct web_answer *a, const char *asked, struct verdict *v);
/* Lists the versions of ref's package. fresh: even where they are here already.
 * g->trouble says why they are not. */
enum status ghcr_list(struct remover *m, struct ghcr *g, const struct reference *ref, bool fresh) MUST_CHECK;
struct version *ghcr_find(const struct ghcr *g, const char *digest);
void ghcr_drop(struct ghcr *g, struct version *at); /* it is deleted */

#endif
