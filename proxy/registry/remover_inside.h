/* What the files of the remover share, in layers: each calls only what stands
 * before it.
 *
 *   digests.c, pages.c, verdict.c, manual.c, removals.c    words and lists
 *   remover_ask.c                                          one request, one look
 *   ghcr_versions.c, scan.c                                who names what
 *   harbor.c, delete_oci.c, dockerhub.c, ghcr.c            one way to delete
 *   delete.c                                               which way
 *   attached.c                                             what goes with a digest
 *   remover.c                                              one item after another */
#ifndef SIGRELAY_REGISTRY_REMOVER_INSIDE_H
#define SIGRELAY_REGISTRY_REMOVER_INSIDE_H

#include <sigrelay/base/json.h>
#include <sigrelay/registry/oci.h>
#include <sigrelay/registry/remover.h>

/* --- what stood in the way ------------------------------------------------------ */

enum obstacle {
	OBSTACLE_NONE,
	OBSTACLE_FAULT,       /* no answer, 429, 5xx: another time it may work */
	OBSTACLE_STOPPED,     /* a signal, or the time is over */
	OBSTACLE_IMMUTABLE,   /* the tag may not be changed */
	OBSTACLE_DENIED,      /* no permission, no credential */
	OBSTACLE_UNSUPPORTED, /* this registry deletes nothing, or not so */
	OBSTACLE_SHARED,      /* it goes by digest only, and another tag names the digest */
	OBSTACLE_UNPROVEN,    /* it goes by digest only, and whether another tag names it is not known */
	OBSTACLE_LAST,        /* GHCR: the last tagged version of a package */
	OBSTACLE_DOWNLOADS,   /* GHCR: public, more than 5000 downloads */
	OBSTACLE_NOT_OURS,    /* the plan says so */
};

/* What a delete came to. result: REMOVAL_DELETED, _GONE or _LEFT. */
struct verdict {
	enum removal_result result;
	enum obstacle obstacle;
	bool digest_went; /* with the tag */
	char reason[REMOVAL_REASON];
};

void verdict_left(struct verdict *v, enum obstacle o, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* From an answer that is neither success nor 404: its status, and what its body says. */
void verdict_of_answer(struct verdict *v, const struct web_answer *a, const char *asked,
		       const char *no_access);
/* Of a digest without a tag: what a registry refuses to delete, it collects. */
void verdict_untagged(struct verdict *v);
#define ANSWER_WORDS 400
/* "404 NAME_UNKNOWN: …", "502", "no answer: …" */
void answer_words(const struct web_answer *a, char out[ANSWER_WORDS]);

/* --- lists of digests ------------------------------------------------------------ */

struct digests {
	char (*v)[DIGEST_TEXT];
	size_t n;
};
enum status digests_add(struct digests *d, struct slice digest) MUST_CHECK; /* once; invalid: left out */
bool digests_have(const struct digests *d, const char *digest);
void digests_release(struct digests *d);
/* Those that an index's manifests[] names; which of them are indexes too (NULL: not asked). */
enum status digests_of_index(struct slice body, struct digests *out, struct digests *indexes) MUST_CHECK;
bool media_type_is_index(const char *type);

/* --- lists that come in pages ------------------------------------------------------- */

#define PAGES_MAX 64
/* tail (as of struct registry_request) becomes the next page's; "": this was the last.
 * STATUS_INVALID: there is one, and it cannot be asked for; tail is "" then. */
enum status page_next(const struct web_answer *a, const struct reference *repository, char *tail,
		      size_t size) MUST_CHECK;

/* --- what became of things ----------------------------------------------------------- */

/* What a person can do, a line each; nothing for what another try may mend. */
enum status manual_steps(const struct reference *ref, enum removal_what what, enum obstacle o, bool is_signed,
			 struct buf *out) MUST_CHECK;

/* Appends; v becomes the removal's result and reason, and the steps are found for it. */
enum status removals_add(struct removals *r, enum removal_what what, const struct reference *ref,
			 const struct verdict *v) MUST_CHECK;

/* --- the remover's state, and what it knows of a repository --------------------------- */

#define SCAN_MAX 500

struct scanned {
	char *name; /* a tag, or a digest where there is no tag */
	struct tag_look look;
	struct digests children;
	bool failed;
};

struct scan {
	struct reference repository;
	struct scanned *v;
	size_t n;
	bool whole;
	bool fault;               /* … and may be another time */
	char why[REMOVAL_REASON]; /* it is not whole */
};

struct hub;
struct ghcr;

struct remover {
	struct remover_config cfg;
	enum removal_result *state;  /* of each plan item, once it is done */
	size_t next;                 /* items before are done */
	struct reference signatures; /* of cosign_repository; path NULL: none */
	struct scan scan;            /* of the present item's repository; path NULL: none yet */
	struct hub *hub;
	struct ghcr *ghcr;
};

/* --- one request, one look ------------------------------------------------------------ */

/* One request is waited for so long at most, its repeats included, and no longer than an
 * item's share of the time that is left (but for so long at least): one that does not
 * answer is not to use up the time of the others. */
#define REMOVER_PATIENCE (60 * USEC_PER_SEC)
#define REMOVER_SHARE_MIN USEC_PER_SEC
usec remover_deadline(const struct remover *m);
bool remover_stopped(const struct remover *m);
bool same_repository(const struct reference *a, const struct reference *b);
/* Is that tag one of the plan's that has gone or may still go? */
bool remover_goes(const struct remover *m, const struct reference *repository, const char *tag);
/* ref's tag, now. */
enum status remover_look(struct remover *m, const struct reference *ref, struct tag_look *out) MUST_CHECK;
/* One request below the repository. */
enum status remover_ask(struct remover *m, const struct reference *repository, const char *method,
			const char *tail, struct web_answer *out, struct buf *no_access) MUST_CHECK;
/* That status to a delete, a 404 or a 2xx: it has gone, unless a look finds it. */
enum status confirm_gone(struct remover *m, const struct reference *ref, const char *asked, int status,
			 struct verdict *v) MUST_CHECK;
/* A success: as it is said where it is `usual`, else as a look says: a page of somebody
 * between here and there may be a 200 too. */
enum status confirm_deleted(struct remover *m, const struct reference *ref, const char *asked, int status,
			    int usual, struct verdict *v) MUST_CHECK;

/* --- who names what in a repository ------------------------------------------------- */

/* Every version's, added to out. why: they could not be had; "": they are all there. */
enum status ghcr_digests(struct remover *m, const struct reference *repository, struct digests *out,
			 char why[REMOVAL_REASON]) MUST_CHECK;
void scan_release(struct scan *s);

/* Who keeps ref's digest: a tag other than ref's own, or an index below one. Those of
 * skip (the digest of the parent that goes; NULL: none) do not count. */
enum keeper { KEEPER_NONE, KEEPER_OURS, KEEPER_OTHER };
enum keeper scan_keeper(const struct remover *m, const struct scan *s, const struct reference *ref,
			const char *skip, const char **name);

/* The scan of that repository, made once an item: a look at every tag (at GitHub: every
 * version), and into every index. Not whole: more than SCAN_MAX, or something could not
 * be looked at. */
enum status remover_scan(struct remover *m, const struct reference *repository,
			 const struct scan **out) MUST_CHECK;
/* What a delete came to is known of it from now on. */
void scan_forget(struct remover *m, const struct reference *ref, const struct verdict *v);

/* --- the ways to delete ----------------------------------------------------------------- */

enum status oci_delete_tag(struct remover *m, const struct reference *ref, struct verdict *v) MUST_CHECK;
enum status oci_delete_digest(struct remover *m, const struct reference *ref, struct verdict *v) MUST_CHECK;
/* *is_harbor false: it is not, and nothing was done. */
enum status harbor_delete_tag(struct remover *m, const struct reference *ref, bool *is_harbor,
			      struct verdict *v) MUST_CHECK;

enum status hub_ready(struct remover *m,
		      const struct reference *ref) MUST_CHECK; /* logged in, or not to be */
enum status hub_delete_tag(struct remover *m, const struct reference *ref, struct verdict *v) MUST_CHECK;
enum status hub_may(struct remover *m, const struct reference *ref, struct verdict *v) MUST_CHECK;
void hub_free(struct hub *h);

enum status ghcr_delete(struct remover *m, const struct reference *ref, struct verdict *v) MUST_CHECK;
enum status ghcr_may(struct remover *m, const struct reference *ref, struct verdict *v) MUST_CHECK;
void ghcr_free(struct ghcr *g);

/* Asks what has to be known first, so that the last look can come right before the delete. */
enum status delete_ready(struct remover *m, const struct reference *ref) MUST_CHECK;
/* ref has the tag, and the digest that it names. */
enum status delete_tag(struct remover *m, const struct reference *ref, struct verdict *v) MUST_CHECK;
/* A digest that no tag names. */
enum status delete_digest(struct remover *m, const struct reference *ref, struct verdict *v) MUST_CHECK;
/* Would delete_tag be refused, as far as can be known without a delete? result LEFT: yes;
 * else reason may hold a remark. */
enum status delete_may(struct remover *m, const struct reference *ref, struct verdict *v) MUST_CHECK;
/* What delete_tag would ask, for a person. */
enum status delete_would(struct remover *m, const struct reference *ref, struct buf *out) MUST_CHECK;

/* --- what goes with a digest ---------------------------------------------------------- */

/* What is attached to a digest and below it: found before it goes, taken after. */
struct attached {
	struct digests children, referrers;
	char fault[REMOVAL_REASON]; /* why they could not be read, though they may be there; "": they were */
};
void attached_release(struct attached *a);
enum status attached_find(struct remover *m, const struct reference *ref, const char *media_type,
			  struct attached *out) MUST_CHECK;
enum status attached_take(struct remover *m, const struct reference *ref, const struct attached *a,
			  struct removals *out) MUST_CHECK;
/* The signature tags of the digest that are there (PLANNED), or may be (LEFT). */
enum status attached_tags(struct remover *m, const struct reference *ref, struct removals *out) MUST_CHECK;

#endif
