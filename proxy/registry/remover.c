#include <stdio.h>
#include <string.h>

#include <sigrelay/base/mem.h>

#include "remover_inside.h"

/* --- one item ------------------------------------------------------------------------ */

static enum status say_kept(struct removals *out, enum removal_what what, const struct reference *ref,
			    const char *name, const char *rest)
{
	struct verdict v = { .result = REMOVAL_KEPT };
	snprintf(v.reason, sizeof(v.reason), "%s names it too%s", name, rest);
	return removals_add(out, what, ref, &v);
}

/* What is attached could not be found any more once the digest has gone. */
static void unreadable(const struct attached *a, struct verdict *v)
{
	verdict_left(v, OBSTACLE_FAULT, "what belongs to it could not be read: %.500s", a->fault);
}

/* parent: its digest went just now; NULL: long ago. */
static enum status take_child(struct remover *m, const struct reference *parent, const char *digest,
			      struct removals *out)
{
	struct verdict v;
	struct attached below = { 0 };
	const char *name = NULL;
	struct reference ref = { .domain = parent->domain, .path = parent->path };
	char text[DIGEST_TEXT];
	snprintf(text, sizeof(text), "%s", digest);
	ref.digest = text;
	enum keeper k = scan_keeper(m, &m->scan, &ref, parent->digest, &name);
	if (k != KEEPER_NONE)
		return k == KEEPER_OURS ? STATUS_OK : say_kept(out, REMOVAL_CHILD, &ref, name, "");
	enum status st = attached_find(m, &ref, "", &below);
	if (*below.fault)
		unreadable(&below, &v);
	else if (st == STATUS_OK)
		st = delete_digest(m, &ref, &v);
	if (st == STATUS_OK) {
		verdict_untagged(&v);
		st = removals_add(out, REMOVAL_CHILD, &ref, &v);
	}
	if (st == STATUS_OK && v.result != REMOVAL_LEFT)
		st = attached_take(m, &ref, &below, out);
	attached_release(&below);
	return st;
}

static void tell_orphans(const struct remover *m, const struct reference *parent,
			 const struct digests *children)
{
	for (size_t i = 0; i < children->n && m->cfg.orphaned; i++) {
		const struct reference ref = { .domain = parent->domain,
					       .path = parent->path,
					       .digest = children->v[i] };
		m->cfg.orphaned(m->cfg.orphaned_arg, &ref);
	}
}

/* The digest has no tag: it goes, then what is attached to it, then its children. */
static enum status take_digest(struct remover *m, const struct reference *ref, bool went,
			       const struct attached *a, struct removals *out)
{
	struct reference bare = { .domain = ref->domain, .path = ref->path, .digest = ref->digest };
	struct verdict v = { .result = REMOVAL_DELETED };
	enum status st = STATUS_OK;
	if (!went) {
		st = delete_digest(m, &bare, &v);
		verdict_untagged(&v);
		if (st == STATUS_OK && v.result != REMOVAL_GONE)
			st = removals_add(out, REMOVAL_DIGEST, &bare, &v);
	}
	bool parent_went = v.result == REMOVAL_DELETED || v.result == REMOVAL_GONE;
	if (st == STATUS_OK && parent_went)
		tell_orphans(m, &bare, &a->children);
	if (st == STATUS_OK && v.result != REMOVAL_LEFT)
		st = attached_take(m, &bare, a, out);
	for (size_t i = 0; i < a->children.n && parent_went && st == STATUS_OK; i++)
		st = take_child(m, &bare, a->children.v[i], out);
	return st;
}

/* Without the proof that nobody else names the digest, it and its signatures stay. */
static enum status keep_unproven(struct remover *m, const struct reference *ref, const struct scan *s,
				 struct removals *out)
{
	struct reference bare = { .domain = ref->domain, .path = ref->path, .digest = ref->digest };
	struct removals found = { 0 };
	struct verdict v = { .result = REMOVAL_KEPT };
	enum status st = attached_tags(m, &bare, &found);
	if (s->fault)
		verdict_left(&v, OBSTACLE_FAULT, "%s", "");
	snprintf(v.reason, sizeof(v.reason), "whether another tag names it is not known (%.500s)", s->why);
	if (st == STATUS_OK)
		st = removals_add(out, REMOVAL_DIGEST, &bare, &v);
	for (size_t i = 0; i < found.n && st == STATUS_OK; i++) {
		bool seen = found.v[i].result != REMOVAL_LEFT;
		verdict_left(&v, s->fault || !seen ? OBSTACLE_FAULT : OBSTACLE_UNPROVEN, "%s",
			     found.v[i].reason);
		if (seen)
			snprintf(v.reason, sizeof(v.reason),
				 "whether another tag names the digest that it signs is not known (%.400s)",
				 s->why);
		st = removals_add(out, REMOVAL_SIGNATURE, &found.v[i].ref, &v);
	}
	removals_release(&found);
	return st;
}

/* The tag has gone. */
static enum status take_rest(struct remover *m, const struct reference *ref, bool went,
			     const struct attached *a, struct removals *out)
{
	const struct scan *scan;
	const char *name = NULL;
	struct reference bare = { .domain = ref->domain, .path = ref->path, .digest = ref->digest };
	enum status st = remover_scan(m, ref, &scan);
	if (st != STATUS_OK)
		return st;
	enum keeper k = went ? KEEPER_NONE : scan_keeper(m, scan, ref, NULL, &name);
	if (k == KEEPER_OTHER)
		return say_kept(out, REMOVAL_DIGEST, &bare, name, ": it stays, with its signatures");
	if (k == KEEPER_OURS)
		return STATUS_OK; /* it goes with that tag */
	if (!went && !scan->whole)
		return keep_unproven(m, ref, scan, out);
	return take_digest(m, ref, went, a, out);
}

static enum status plan_tag(struct remover *m, const struct reference *ref, struct verdict *v)
{
	struct buf words;
	*v = (struct verdict){ .result = REMOVAL_PLANNED };
	enum status st = delete_may(m, ref, v);
	if (st != STATUS_OK || v->result == REMOVAL_LEFT)
		return st;
	buf_init(&words, 8192);
	st = buf_add_str(&words, v->reason);
	if (st == STATUS_OK)
		st = delete_would(m, ref, &words);
	if (st == STATUS_OK)
		snprintf(v->reason, sizeof(v->reason), "%s", words.p);
	buf_release(&words);
	return st;
}

static enum status plan_signatures(struct remover *m, const struct reference *ref, struct removals *out)
{
	struct removals found = { 0 };
	enum status st = attached_tags(m, ref, &found);
	for (size_t i = 0; i < found.n && st == STATUS_OK; i++) {
		struct verdict v = { .result = found.v[i].result };
		snprintf(v.reason, sizeof(v.reason), "%s",
			 v.result == REMOVAL_LEFT ? found.v[i].reason
						  : "would go once no tag names the digest");
		st = removals_add(out, REMOVAL_SIGNATURE, &found.v[i].ref, &v);
	}
	removals_release(&found);
	return st;
}

static enum status dry_run(struct remover *m, const struct reference *ref, struct removals *out)
{
	struct reference bare = { .domain = ref->domain, .path = ref->path, .digest = ref->digest };
	struct verdict v;
	const struct scan *scan;
	const char *name = NULL;
	enum status st = plan_tag(m, ref, &v);
	if (st == STATUS_OK)
		st = removals_add(out, REMOVAL_TAG, ref, &v);
	if (st != STATUS_OK || v.result != REMOVAL_PLANNED)
		return st;
	st = remover_scan(m, ref, &scan);
	if (st != STATUS_OK)
		return st;
	if (scan_keeper(m, scan, ref, NULL, &name) == KEEPER_OTHER)
		return say_kept(out, REMOVAL_DIGEST, &bare, name, ": it would stay, with its signatures");
	return plan_signatures(m, &bare, out);
}

/* Is it there as it was pushed, or gone? If neither, v says why it stays. */
static bool as_pushed(const struct remover *m, const struct reference *ref, const struct tag_look *look,
		      struct verdict *v)
{
	if (look->state == TAG_PRESENT && ref->digest && strcmp(look->digest, ref->digest) != 0) {
		*v = (struct verdict){ .result = REMOVAL_KEPT };
		snprintf(v->reason, sizeof(v->reason),
			 "has moved since, to %s: it is not this run's any more", look->digest);
		return false;
	}
	if (look->state == TAG_PRESENT || look->state == TAG_ABSENT)
		return true;
	verdict_left(v, remover_stopped(m) ? OBSTACLE_STOPPED : OBSTACLE_FAULT,
		     "the tag could not be looked at: %s", look->reason);
	return false;
}

/* What has been asked since the look took its time: a last look, and the delete. goes:
 * the tag does, and what belongs to it may follow. */
static enum status take_tag(struct remover *m, const struct reference *ref, struct verdict *v, bool *goes)
{
	struct tag_look now = { .state = TAG_UNKNOWN };
	const struct reference tag = { .domain = ref->domain, .path = ref->path, .tag = ref->tag };
	enum status st = delete_ready(m, ref);
	if (st == STATUS_OK)
		st = remover_look(m, &tag, &now);
	if (st != STATUS_OK || !as_pushed(m, ref, &now, v)) {
		*goes = false;
		return st;
	}
	if (now.state == TAG_PRESENT)
		st = delete_tag(m, ref, v);
	*goes = v->result != REMOVAL_LEFT;
	return st;
}

static enum status take_present(struct remover *m, const struct reference *ref, const struct tag_look *look,
				struct removals *out)
{
	struct attached a = { 0 };
	struct verdict v = { .result = REMOVAL_GONE };
	bool goes = true;
	snprintf(v.reason, sizeof(v.reason), "was gone");
	enum status st = attached_find(m, ref, look->media_type, &a);
	if (*a.fault) {
		unreadable(&a, &v);
		goes = false;
	} else if (st == STATUS_OK && look->state == TAG_PRESENT) {
		st = take_tag(m, ref, &v, &goes);
	}
	if (st == STATUS_OK)
		st = removals_add(out, REMOVAL_TAG, ref, &v);
	if (st == STATUS_OK && goes)
		st = take_rest(m, ref, v.digest_went, &a, out);
	attached_release(&a);
	return st;
}

/* What the plan keeps is looked at too: it may have gone, or moved. */
static void judge_kept(const struct plan_item *item, const struct tag_look *look, struct verdict *v)
{
	const char *why = plan_fate_reason(item->fate);
	bool ours = item->fate != PLAN_AS_BEFORE;
	if (look->state == TAG_ABSENT) {
		*v = (struct verdict){ .result = REMOVAL_GONE };
		snprintf(v->reason, sizeof(v->reason), "was gone");
	} else if (ours) {
		verdict_left(v, OBSTACLE_NOT_OURS, "%s", why);
	} else {
		*v = (struct verdict){ .result = REMOVAL_KEPT };
		snprintf(v->reason, sizeof(v->reason), "%s", why);
	}
}

static enum status take_looked(struct remover *m, const struct plan_item *item, const struct reference *ref,
			       const struct tag_look *look, struct removals *out)
{
	struct verdict v;
	if (!as_pushed(m, ref, look, &v))
		return removals_add(out, REMOVAL_TAG, ref, &v);
	if (item->fate != PLAN_GOES) {
		judge_kept(item, look, &v);
	} else if (m->cfg.dry_run && look->state == TAG_PRESENT) {
		return dry_run(m, ref, out);
	} else if (m->cfg.dry_run) {
		v = (struct verdict){ .result = REMOVAL_GONE };
		snprintf(v.reason, sizeof(v.reason), "was gone");
	} else {
		return take_present(m, ref, look, out);
	}
	return removals_add(out, REMOVAL_TAG, ref, &v);
}

/* --- what an earlier cleanup left ------------------------------------------------------- */

static bool is_known(const struct remover *m, const struct reference *ref, const struct removals *out)
{
	for (size_t i = 0; i < out->n; i++) {
		if (out->v[i].ref.digest && strcmp(out->v[i].ref.digest, ref->digest) == 0)
			return true;
	}
	for (size_t i = 0; i < m->cfg.plan->n; i++) { /* it is looked for in its own turn */
		const struct plan_item *item = &m->cfg.plan->v[i];
		if (item->digest && strcmp(item->digest, ref->digest) == 0 &&
		    same_repository(&item->ref, ref))
			return true;
	}
	return false;
}

static enum status take_left(struct remover *m, const struct reference *left, struct removals *out)
{
	const struct reference parent = { .domain = left->domain, .path = left->path };
	const struct scan *scan;
	struct verdict v;
	enum status st = remover_scan(m, left, &scan);
	if (st != STATUS_OK)
		return st;
	if (scan->whole)
		return take_child(m, &parent, left->digest, out);
	verdict_left(&v, scan->fault ? OBSTACLE_FAULT : OBSTACLE_UNPROVEN,
		     "whether a tag names it is not known (%.500s)", scan->why);
	return removals_add(out, REMOVAL_CHILD, left, &v);
}

/* With the last tag of their repository, so that nothing of this run's names them. */
static enum status take_all_left(struct remover *m, size_t index, struct removals *out)
{
	const struct plan *p = m->cfg.plan;
	enum status st = STATUS_OK;
	for (size_t i = index + 1; i < p->n; i++) {
		if (p->v[i].fate == PLAN_GOES && same_repository(&p->v[i].ref, &p->v[index].ref))
			return STATUS_OK;
	}
	for (size_t i = 0; i < p->rest_n && st == STATUS_OK; i++) {
		if (same_repository(&p->rest[i], &p->v[index].ref) && !is_known(m, &p->rest[i], out))
			st = take_left(m, &p->rest[i], out);
	}
	return st;
}

enum status remover_take(struct remover *m, size_t index, struct removals *out)
{
	const struct plan_item *item = &m->cfg.plan->v[index];
	struct reference ref = item->ref;
	struct tag_look look;
	struct verdict done = { .result = REMOVAL_GONE };
	size_t first = out->n;
	ref.digest = item->digest;
	out->is_signed = item->is_signed;
	scan_release(&m->scan);
	if (item->fate == PLAN_DONE) {
		snprintf(done.reason, sizeof(done.reason), "%s", plan_fate_reason(PLAN_DONE));
		m->next = index + 1;
		return removals_add(out, REMOVAL_TAG, &ref, &done);
	}
	enum status st = remover_look(m, &item->ref, &look);
	if (st == STATUS_OK)
		st = take_looked(m, item, &ref, &look, out);
	if (st == STATUS_OK && item->fate == PLAN_GOES && !m->cfg.dry_run)
		st = take_all_left(m, index, out);
	m->state[index] = out->n > first ? out->v[first].result : REMOVAL_LEFT;
	m->next = index + 1;
	return st;
}

/* --- beginning and end ---------------------------------------------------------------- */

enum status remover_new(struct remover **out, const struct remover_config *cfg, struct buf *why)
{
	struct remover *m = mem_calloc(1, sizeof(*m));
	if (!m)
		return STATUS_NO_MEMORY;
	m->cfg = *cfg;
	m->state = mem_calloc(cfg->plan->n + 1, sizeof(*m->state));
	enum status st = m->state ? STATUS_OK : STATUS_NO_MEMORY;
	if (st == STATUS_OK && cfg->cosign_repository && *cfg->cosign_repository)
		st = reference_parse(cfg->cosign_repository, &m->signatures, why);
	if (st != STATUS_OK) {
		remover_free(m);
		return st;
	}
	*out = m;
	return STATUS_OK;
}

void remover_free(struct remover *m)
{
	if (!m)
		return;
	hub_free(m->hub);
	ghcr_free(m->ghcr);
	scan_release(&m->scan);
	reference_release(&m->signatures);
	mem_free(m->state);
	mem_free(m);
}
