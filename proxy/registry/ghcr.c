/* ghcr.io's registry deletes nothing (405), and GitHub knows no tag alone: what it
 * deletes is a package version, a digest with all its tags. */
#include <stdio.h>
#include <string.h>

#include "ghcr_inside.h"

#define NO_CONTENT 204

/* A tag of the version that does not go with this run; NULL: none. */
static const char *other_tag(const struct remover *m, const struct reference *ref, const struct version *v)
{
	for (size_t i = 0; i < v->tag_count; i++) {
		bool own = ref->tag && strcmp(v->tags[i], ref->tag) == 0;
		if (!own && !remover_goes(m, ref, v->tags[i]))
			return v->tags[i];
	}
	return NULL;
}

static const char asked[] = "GitHub's DELETE of the version";

static void bad_request(const struct web_answer *a, struct verdict *v)
{
	char words[ANSWER_WORDS];
	answer_words(a, words);
	if (strstr(words, "downloads"))
		verdict_left(v, OBSTACLE_DOWNLOADS, "%s: %.400s", asked, words);
	else if (strstr(words, "last"))
		verdict_left(v, OBSTACLE_LAST, "%s: %.400s", asked, words);
	else
		verdict_of_answer(v, a, asked, NULL);
}

static enum status delete_version(struct remover *m, struct ghcr *g, const struct reference *ref,
				  struct version *at, struct verdict *v)
{
	struct web_answer a = { 0 };
	char url[URL_MAX + 64];
	snprintf(url, sizeof(url), "%s/versions/%" PRId64, g->base, at->id);
	enum status st = ghcr_ask(m, "DELETE", url, &a);
	if (st != STATUS_OK)
		goto out;
	if (a.status >= 200 && a.status < 300) {
		st = confirm_deleted(m, ref, asked, a.status, NO_CONTENT, v);
		v->digest_went = v->result == REMOVAL_DELETED;
	} else if (a.status == 404) {
		ghcr_refused(&a, asked, v);
		struct verdict rights = *v;
		st = confirm_gone(m, ref, asked, a.status, v);
		if (v->result == REMOVAL_LEFT && v->obstacle == OBSTACLE_DENIED)
			*v = rights;
		v->digest_went = v->result == REMOVAL_GONE;
	} else if (a.status == 400) {
		bad_request(&a, v);
	} else {
		ghcr_refused(&a, asked, v);
	}
	if (v->digest_went)
		ghcr_drop(g, at);
out:
	web_answer_release(&a);
	return st;
}

/* The list may be behind: it is asked for once more. */
static enum status look_up(struct remover *m, struct ghcr *g, const struct reference *ref,
			   struct version **out)
{
	enum status st = ghcr_list(m, g, ref, false);
	*out = ghcr_find(g, ref->digest);
	if (*out || st != STATUS_OK || g->trouble.result == REMOVAL_LEFT)
		return st;
	st = ghcr_list(m, g, ref, true);
	*out = ghcr_find(g, ref->digest);
	return st;
}

/* STATUS_OK and v->result LEFT: somebody else's index or tag holds it. */
static enum status check_free(struct remover *m, const struct reference *ref, const struct version *at,
			      struct verdict *v)
{
	const struct scan *scan;
	const char *name = other_tag(m, ref, at);
	*v = (struct verdict){ .result = REMOVAL_PLANNED };
	if (name) {
		verdict_left(v, OBSTACLE_SHARED,
			     "GitHub deletes a version with all its tags, and this one has the tag %s too",
			     name);
		return STATUS_OK;
	}
	enum status st = remover_scan(m, ref, &scan);
	if (st != STATUS_OK)
		return st;
	if (scan_keeper(m, scan, ref, NULL, &name) == KEEPER_OTHER)
		verdict_left(v, OBSTACLE_SHARED, "the index %s refers to it", name);
	else if (!ref->tag && !scan->whole)
		verdict_left(v, OBSTACLE_UNPROVEN, "whether an index refers to it is not known (%.500s)",
			     scan->why);
	return STATUS_OK;
}

/* The version of ref, once it may be deleted. *out NULL: v says what is. */
static enum status find_free(struct remover *m, const struct reference *ref, struct version **out,
			     struct verdict *v)
{
	struct ghcr *g;
	struct version *at = NULL;
	*out = NULL;
	enum status st = ghcr_get(m, ref, &g);
	if (st == STATUS_OK && g->authorization.n)
		st = look_up(m, g, ref, &at);
	if (st != STATUS_OK)
		return st;
	if (!g->authorization.n || g->trouble.result == REMOVAL_LEFT) {
		*v = g->trouble;
		return STATUS_OK;
	}
	if (!at) {
		st = confirm_gone(m, ref, "GitHub's list of versions", 404, v);
		if (v->result == REMOVAL_LEFT)
			verdict_left(v, OBSTACLE_FAULT,
				     "GitHub's list of versions does not have it, though the registry does: "
				     "the list may be behind");
		v->digest_went = v->result == REMOVAL_GONE;
		return st;
	}
	st = check_free(m, ref, at, v);
	if (st == STATUS_OK && v->result != REMOVAL_LEFT)
		*out = at;
	return st;
}

/* Will no other version have a tag once this run's have gone? */
static bool is_last(const struct remover *m, const struct reference *ref, const struct version *at)
{
	const struct ghcr *g = m->ghcr;
	for (size_t i = 0; i < g->n; i++) {
		if (&g->v[i] != at && g->v[i].tag_count && other_tag(m, ref, &g->v[i]))
			return false;
	}
	return true;
}

enum status ghcr_may(struct remover *m, const struct reference *ref, struct verdict *v)
{
	struct version *at;
	enum status st = find_free(m, ref, &at, v);
	if (st == STATUS_OK && at && is_last(m, ref, at))
		snprintf(v->reason, sizeof(v->reason),
			 "may be refused: GitHub does not delete the last tagged version of a package; ");
	return st;
}

enum status ghcr_delete(struct remover *m, const struct reference *ref, struct verdict *v)
{
	struct version *at;
	enum status st = find_free(m, ref, &at, v);
	return st == STATUS_OK && at ? delete_version(m, m->ghcr, ref, at, v) : st;
}
