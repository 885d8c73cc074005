/* What the commands ask of an OCI registry (distribution-spec 1.1). */
#ifndef SIGRELAY_REGISTRY_OCI_H
#define SIGRELAY_REGISTRY_OCI_H

#include <stdbool.h>

#include <sigrelay/registry/registry.h>

enum tag_state {
	TAG_ABSENT,  /* a 404 whose JSON says so */
	TAG_PRESENT, /* with its digest */
	TAG_UNKNOWN, /* the answer cannot tell */
	TAG_REFUSED, /* 400, NAME_INVALID: the registry takes no such name */
};
const char *tag_state_name(enum tag_state s); /* absent, present, unknown, refused */

#define DIGEST_TEXT 72 /* sha256:, 64 digits, NUL */

struct tag_look {
	enum tag_state state;
	char digest[DIGEST_TEXT]; /* "" unless present */
	char media_type[128];     /* "" where none was named */
	char reason[512];         /* in words; "" when present or absent says it all */
};

/* What HEAD and GET of a manifest say. Pure: the table of the verdict. head is NULL
 * where GET was asked at once; get is NULL where HEAD was enough. */
void tag_judge(const struct web_answer *head, const struct web_answer *get, const char *no_access,
	       struct tag_look *out);

/* Looks at ref's tag (or digest, where it has no tag): HEAD; after a 404, or a 200
 * without a digest, one GET. */
typedef void tag_looked_fn(void *arg, const struct tag_look *look);
enum status oci_look(struct registry *r, const struct reference *ref, usec deadline, tag_looked_fn *done,
		     void *arg) MUST_CHECK;

/* One request, waited for: for what is done one after another. The answer is the
 * caller's (web_answer_release). Turns the web's loop, so nothing else may be in
 * flight. no_access is appended to. */
enum status registry_ask(struct registry *r, struct web *w, const struct registry_request *q,
			 struct web_answer *out, struct buf *no_access) MUST_CHECK;
enum status web_ask(struct web *w, const struct web_request *q, struct web_answer *out) MUST_CHECK;
void web_answer_release(struct web_answer *a);
/* The look, waited for. */
enum status oci_look_now(struct registry *r, struct web *w, const struct reference *ref, usec deadline,
			 struct tag_look *out) MUST_CHECK;

#endif
