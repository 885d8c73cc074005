/* Signatures, attestations and SBOMs of a digest: cosign's tags beside it (cosign
 * pkg/oci/remote/remote.go), the tag that stands in for a referrers list, and referrers
 * (distribution-spec, "Listing Referrers"). The children of an index. */
#include <stdio.h>
#include <string.h>

#include <sigrelay/base/bytes.h>

#include "remover_inside.h"

static const char *const suffixes[] = { ".sig", ".att", ".sbom", "" };
#define SUFFIXES (sizeof(suffixes) / sizeof(suffixes[0]))
#define TAG_TEXT 96

/* sha256-HEX and the suffix. */
static void tag_of(const char *digest, const char *suffix, char out[TAG_TEXT])
{
	snprintf(out, TAG_TEXT, "sha256-%s%s", digest + sizeof("sha256:") - 1, suffix);
}

void attached_release(struct attached *a)
{
	digests_release(&a->children);
	digests_release(&a->referrers);
}

/* GET below the repository. *fault becomes why where another time it may be answered. */
static enum status get(struct remover *m, const struct reference *repository, const char *tail,
		       struct web_answer *out, char *fault)
{
	struct verdict v;
	struct buf no_access;
	buf_init(&no_access, 1024);
	enum status st = remover_ask(m, repository, "GET", tail, out, &no_access);
	buf_release(&no_access);
	if (st != STATUS_OK || out->status == 200)
		return st;
	verdict_of_answer(&v, out, tail, NULL);
	if (v.obstacle == OBSTACLE_FAULT)
		memcpy(fault, v.reason, sizeof(v.reason));
	return STATUS_OK;
}

static enum status get_manifest(struct remover *m, const struct reference *repository, const char *digest,
				struct web_answer *out, char *fault)
{
	char tail[128];
	snprintf(tail, sizeof(tail), "manifests/%s", digest);
	return get(m, repository, tail, out, fault);
}

/* Are these the bytes that were pushed under that digest? */
static bool hashes_to(struct slice body, const char *digest)
{
	struct digest hash;
	char hex[2 * SHA256_SIZE + 1];
	if (sha256(&hash, &body, 1) != STATUS_OK)
		return false;
	hex_encode(hash.b, sizeof(hash.b), hex);
	return strcmp(digest + sizeof("sha256:") - 1, hex) == 0;
}

/* Adds what the index of that digest names; what is no index names nothing. */
static enum status add_children(struct remover *m, const struct reference *repository, const char *digest,
				struct digests *out, char *fault)
{
	struct web_answer a = { 0 };
	enum status st = get_manifest(m, repository, digest, &a, fault);
	if (st == STATUS_OK && a.status == 200 && hashes_to(buf_slice(&a.body), digest))
		st = digests_of_index(buf_slice(&a.body), out, NULL);
	web_answer_release(&a);
	return st == STATUS_INVALID ? STATUS_OK : st;
}

/* A page that cannot be had, though the one before named it. */
static void page_is_missing(const struct web_answer *a, char *fault)
{
	char words[ANSWER_WORDS];
	answer_words(a, words);
	snprintf(fault, REMOVAL_REASON, "the next page of its referrers: %.400s",
		 a->status == 200 ? "an answer that cannot be read" : words);
}

/* A registry without the API answers anything to the first page. */
static enum status add_page(struct remover *m, const struct reference *ref, bool first, char *tail,
			    size_t size, struct attached *out)
{
	struct web_answer a = { 0 };
	bool good = first;
	enum status st = get(m, ref, tail, &a, out->fault);
	if (st == STATUS_OK && a.status == 200)
		st = digests_of_index(buf_slice(&a.body), &out->referrers, NULL);
	if (st == STATUS_OK && a.status == 200) {
		st = page_next(&a, ref, tail, size);
		good = st == STATUS_OK;
	} else {
		*tail = '\0';
	}
	if (!good && st != STATUS_NO_MEMORY && !*out->fault)
		page_is_missing(&a, out->fault);
	web_answer_release(&a);
	return st == STATUS_INVALID ? STATUS_OK : st;
}

static enum status add_referrers(struct remover *m, const struct reference *ref, struct attached *out)
{
	char tail[1024];
	enum status st = STATUS_OK;
	snprintf(tail, sizeof(tail), "referrers/%s", ref->digest);
	for (int page = 0; *tail && !*out->fault && st == STATUS_OK; page++) {
		if (page == PAGES_MAX || out->referrers.n > SCAN_MAX)
			snprintf(out->fault, sizeof(out->fault), "its list of referrers does not end");
		else
			st = add_page(m, ref, page == 0, tail, sizeof(tail), out);
	}
	return st;
}

enum status attached_find(struct remover *m, const struct reference *ref, const char *media_type,
			  struct attached *out)
{
	enum status st = STATUS_OK;
	if (remover_stopped(m))
		return STATUS_OK;
	if (!*media_type || media_type_is_index(media_type))
		st = add_children(m, ref, ref->digest, &out->children, out->fault);
	return st == STATUS_OK && !*out->fault ? add_referrers(m, ref, out) : st;
}

/* Where cosign keeps the signatures of ref. */
static const struct reference *signature_repository(const struct remover *m, const struct reference *ref)
{
	return m->signatures.path ? &m->signatures : ref;
}

static void unseen(const struct tag_look *look, struct verdict *v)
{
	verdict_left(v, OBSTACLE_FAULT, "whether it is there could not be seen: %s", look->reason);
}

enum status attached_tags(struct remover *m, const struct reference *ref, struct removals *out)
{
	const struct reference *where = signature_repository(m, ref);
	enum status st = STATUS_OK;
	for (size_t i = 0; i < SUFFIXES && st == STATUS_OK; i++) {
		char tag[TAG_TEXT];
		struct tag_look look;
		struct verdict v = { .result = REMOVAL_PLANNED };
		tag_of(ref->digest, suffixes[i], tag);
		struct reference at = { .domain = where->domain, .path = where->path, .tag = tag };
		st = remover_look(m, &at, &look);
		if (st != STATUS_OK || look.state == TAG_ABSENT)
			continue;
		if (look.state == TAG_PRESENT)
			at.digest = look.digest;
		else
			unseen(&look, &v);
		st = removals_add(out, REMOVAL_SIGNATURE, &at, &v);
	}
	return st;
}

/* The images of one digest may be in several places and their signatures in one: they
 * stay as long as one of the images does. */
static bool needed_elsewhere(const struct remover *m, const char *digest)
{
	const struct plan *p = m->cfg.plan;
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_item *item = &p->v[i];
		bool here = i > m->next ? item->fate != PLAN_DONE
					: i < m->next && !remover_goes(m, &item->ref, item->ref.tag);
		if (here && item->digest && strcmp(item->digest, digest) == 0)
			return true;
	}
	return false;
}

/* listed: what the tag that stands in for a list names. own: what has lost its tag now. */
static enum status take_tag(struct remover *m, const struct reference *where, const char *digest,
			    const char *suffix, struct digests *listed, struct digests *own,
			    struct removals *out)
{
	char tag[TAG_TEXT], fault[REMOVAL_REASON] = "";
	struct tag_look look;
	struct verdict v;
	tag_of(digest, suffix, tag);
	struct reference at = { .domain = where->domain, .path = where->path, .tag = tag };
	enum status st = remover_look(m, &at, &look);
	if (st != STATUS_OK || look.state == TAG_ABSENT)
		return st;
	if (look.state != TAG_PRESENT) {
		unseen(&look, &v);
		return removals_add(out, REMOVAL_SIGNATURE, &at, &v);
	}
	at.digest = look.digest;
	if (!*suffix)
		st = add_children(m, where, look.digest, listed, fault);
	if (*fault)
		verdict_left(&v, OBSTACLE_FAULT, "what it lists could not be read: %.500s", fault);
	else if (st == STATUS_OK)
		st = delete_tag(m, &at, &v);
	if (st == STATUS_OK)
		st = removals_add(out, REMOVAL_SIGNATURE, &at, &v);
	if (st == STATUS_OK && v.result == REMOVAL_DELETED && !v.digest_went)
		st = digests_add(own, slice_str(look.digest));
	return st;
}

/* A list of referrers is somebody's word: the manifest itself has to say it. v becomes
 * what is otherwise. */
static enum status check_subject(struct remover *m, const struct reference *at, const char *subject,
				 struct verdict *v)
{
	struct web_answer a = { 0 };
	char fault[REMOVAL_REASON] = "";
	enum status st = get_manifest(m, at, at->digest, &a, fault);
	cJSON *root = st == STATUS_OK && a.status == 200 ? json_parse(buf_slice(&a.body)) : NULL;
	*v = (struct verdict){ .result = REMOVAL_PLANNED };
	if (*fault) {
		verdict_left(v, OBSTACLE_FAULT, "it could not be read: %.500s", fault);
	} else if (a.status == 404) {
		v->result = REMOVAL_GONE;
	} else if (!slice_eq_str(json_str_at(root, "subject", "digest", NULL), subject)) {
		v->result = REMOVAL_KEPT;
		snprintf(v->reason, sizeof(v->reason), "it is listed, but does not say what it belongs to");
	}
	cJSON_Delete(root);
	web_answer_release(&a);
	return st;
}

/* A referrer has a tag only where somebody gave it one. subject NULL: it is part of a
 * signature that was told of already. */
static enum status take_referrer(struct remover *m, const struct reference *at, const char *subject,
				 struct removals *out)
{
	struct verdict v = { .result = REMOVAL_PLANNED };
	const struct scan *scan;
	const char *name = NULL;
	enum status st = remover_scan(m, at, &scan);
	if (st == STATUS_OK && subject)
		st = check_subject(m, at, subject, &v);
	if (st != STATUS_OK)
		return st;
	if (v.result == REMOVAL_PLANNED) {
		v.result = REMOVAL_KEPT;
		if (scan_keeper(m, scan, at, NULL, &name) != KEEPER_NONE)
			snprintf(v.reason, sizeof(v.reason), "%s names it", name);
		else if (!scan->whole)
			snprintf(v.reason, sizeof(v.reason), "whether a tag names it is not known (%.500s)",
				 scan->why);
		else
			st = delete_digest(m, at, &v);
	}
	if (st == STATUS_OK)
		verdict_untagged(&v);
	if (st != STATUS_OK || v.result == REMOVAL_GONE || (!subject && v.result != REMOVAL_LEFT))
		return st;
	return removals_add(out, REMOVAL_SIGNATURE, at, &v);
}

static enum status take_referrers(struct remover *m, const struct reference *where,
				  const struct digests *list, const char *subject, struct removals *out)
{
	enum status st = STATUS_OK;
	for (size_t i = 0; i < list->n && st == STATUS_OK; i++) {
		struct reference at = { .domain = where->domain, .path = where->path, .digest = list->v[i] };
		st = take_referrer(m, &at, subject, out);
	}
	return st;
}

enum status attached_take(struct remover *m, const struct reference *ref, const struct attached *a,
			  struct removals *out)
{
	const struct reference *where = signature_repository(m, ref);
	struct digests listed = { 0 }, own = { 0 };
	enum status st = STATUS_OK;
	bool shared = where != ref && needed_elsewhere(m, ref->digest);
	for (size_t i = 0; i < SUFFIXES && !shared && st == STATUS_OK; i++)
		st = take_tag(m, where, ref->digest, suffixes[i], &listed, &own, out);
	if (st == STATUS_OK)
		st = take_referrers(m, where, &own, NULL, out);
	if (st == STATUS_OK)
		st = take_referrers(m, where, &listed, ref->digest, out);
	if (st == STATUS_OK)
		st = take_referrers(m, ref, &a->referrers, ref->digest, out);
	digests_release(&listed);
	digests_release(&own);
	return st;
}
