/* What to do before a build, by what the registries say of its tags. Pure.
 *
 *   some present, on_existing fail            fail
 *                             warn            build, with a warning
 *                             skip            skip, if all are there and are one image;
 *                                             build, if others are absent or unknown;
 *                                             fail, if all are there and are several images
 *   some unknown, on_unknown fail             fail
 *                            warn             build, with a warning
 *   one tag is two images in two registries   fail, whatever was chosen
 *   all absent                                build */
#ifndef SIGRELAY_REGISTRY_PREFLIGHT_H
#define SIGRELAY_REGISTRY_PREFLIGHT_H

#include <stdbool.h>
#include <stddef.h>

#include <sigrelay/base/status.h>
#include <sigrelay/registry/oci.h>

struct preflight_policy {
	enum { ON_EXISTING_FAIL, ON_EXISTING_SKIP, ON_EXISTING_WARN } on_existing;
	enum { ON_UNKNOWN_WARN, ON_UNKNOWN_FAIL } on_unknown;
};

struct preflight_image {
	const char *name;     /* as the user wrote it; borrowed */
	struct reference ref; /* with a tag */
	struct tag_look look;
};

enum preflight_decision { PREFLIGHT_BUILD, PREFLIGHT_SKIP, PREFLIGHT_FAIL };
const char *preflight_decision_name(enum preflight_decision d); /* build, skip, fail */

struct preflight_verdict {
	enum preflight_decision decision;
	char digest[DIGEST_TEXT]; /* of all that are present; "": none is, or they differ */
	size_t absent, present, unknown;
	bool conflict; /* one tag, two registries, two digests */
};

/* None of the images was refused (TAG_REFUSED is wrong usage, and no case for this). */
void preflight_decide(const struct preflight_image *v, size_t n, const struct preflight_policy *policy,
		      struct preflight_verdict *out);

/* The same in words: what was found, and what a person can do about it. */
struct preflight_note {
	enum { NOTE_NOTICE, NOTE_WARNING, NOTE_ERROR } level;
	const char *title; /* static */
	char *text;        /* owned; one line */
};
struct preflight_notes {
	struct preflight_note *v;
	size_t n;
};
enum status preflight_explain(const struct preflight_image *v, size_t n,
			      const struct preflight_policy *policy, const struct preflight_verdict *verdict,
			      struct preflight_notes *out) MUST_CHECK;
void preflight_notes_release(struct preflight_notes *notes);

/* Are these two one tag in two registries, with two digests? */
bool preflight_conflict(const struct preflight_image *a, const struct preflight_image *b);

#endif
