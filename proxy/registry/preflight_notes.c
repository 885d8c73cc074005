#include <sigrelay/registry/preflight.h>

#include <string.h>

#include <sigrelay/base/mem.h>

#define NOTE_MAX ((size_t)64 << 10)

struct all {
	const struct preflight_image *v;
	size_t n;
	const struct preflight_policy *policy;
	const struct preflight_verdict *verdict;
};

/* Takes text, whatever becomes of it. */
static enum status add_note(struct preflight_notes *notes, struct preflight_note note, struct buf *text)
{
	struct preflight_note *v = mem_realloc(notes->v, (notes->n + 1) * sizeof(*v));
	if (v) {
		notes->v = v;
		note.text = buf_take(text);
		notes->v[notes->n++] = note;
	}
	buf_release(text);
	return v ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status add_digested(const struct preflight_image *i, struct buf *out)
{
	return reference_print(&i->ref, NULL, i->look.digest, out);
}

/* "A, B" of that state; with " is DIGEST" where they are present. */
static enum status add_names(const struct all *a, enum tag_state state, struct buf *out)
{
	const char *gap = "";
	enum status st = STATUS_OK;
	for (size_t i = 0; i < a->n && st == STATUS_OK; i++) {
		const struct tag_look *look = &a->v[i].look;
		if (look->state != state)
			continue;
		st = buf_addf(out, "%s%s%s%s", gap, a->v[i].name, state == TAG_PRESENT ? " is " : "",
			      look->digest);
		gap = ", ";
	}
	return st;
}

/* --- one tag is two images ------------------------------------------------- */

static bool in_conflict(const struct all *a, size_t i)
{
	for (size_t j = 0; j < a->n; j++) {
		if (preflight_conflict(&a->v[i], &a->v[j]))
			return true;
	}
	return false;
}

/* Is it the first of its tag that is in conflict? Then it tells of them all. */
static bool leads_conflict(const struct all *a, size_t i)
{
	for (size_t j = 0; j < i; j++) {
		if (in_conflict(a, j) && strcmp(a->v[i].ref.tag, a->v[j].ref.tag) == 0)
			return false;
	}
	return in_conflict(a, i);
}

static enum status add_conflict(const struct all *a, size_t first, struct buf *out)
{
	const char *tag = a->v[first].ref.tag, *gap = "";
	enum status st = buf_addf(out, "the registries disagree on the tag %s: ", tag);
	for (size_t i = first; i < a->n && st == STATUS_OK; i++) {
		if (strcmp(a->v[i].ref.tag, tag) != 0 || !in_conflict(a, i))
			continue;
		st = buf_addf(out, "%s%s is %s", gap, a->v[i].name, a->v[i].look.digest);
		gap = ", ";
	}
	if (st == STATUS_OK)
		st = buf_add_str(out, "; find out which is the release and give its digest to the others "
				      "(`crane copy IMAGE@DIGEST IMAGE:TAG` keeps it), or take a new tag; "
				      "images that are not one "
				      "release are asked for in calls of their own");
	return st;
}

static enum status explain_conflicts(const struct all *a, struct preflight_notes *notes)
{
	enum status st = STATUS_OK;
	for (size_t i = 0; i < a->n && st == STATUS_OK; i++) {
		struct buf text;
		if (!leads_conflict(a, i))
			continue;
		buf_init(&text, NOTE_MAX);
		st = add_conflict(a, i, &text);
		if (st == STATUS_OK)
			st = add_note(
			    notes,
			    (struct preflight_note){ NOTE_ERROR, "Registries disagree on a tag", NULL },
			    &text);
		buf_release(&text);
	}
	return st;
}

/* --- tags that are there --------------------------------------------------- */

static const char *what_to_do(const struct all *a)
{
	if (a->policy->on_existing == ON_EXISTING_FAIL)
		return "; build nothing over it: take a new tag, or choose --on-existing-tag=skip or warn";
	if (a->policy->on_existing == ON_EXISTING_WARN)
		return "; a push replaces it, or is refused where tags are immutable";
	return a->verdict->decision == PREFLIGHT_SKIP ? "; nothing has to be built" : "";
}

/* What is remarked of a tag that is there is why a push over it will be refused. */
static enum status add_present(const struct all *a, const struct preflight_image *i, struct buf *out)
{
	enum status st =
	    buf_addf(out,
		     "%s exists already, with the digest %s%s%s%s; if all it lacks is a "
		     "signature: cosign sign --yes ",
		     i->name, i->look.digest, what_to_do(a), *i->look.reason ? "; " : "", i->look.reason);
	return st == STATUS_OK ? add_digested(i, out) : st;
}

static enum status explain_present(const struct all *a, struct preflight_notes *notes)
{
	struct preflight_note note = { NOTE_ERROR, "The tag exists already", NULL };
	enum status st = STATUS_OK;
	if (a->policy->on_existing == ON_EXISTING_SKIP)
		note.level = NOTE_NOTICE;
	else if (a->policy->on_existing == ON_EXISTING_WARN)
		note.level = NOTE_WARNING;
	for (size_t i = 0; i < a->n && st == STATUS_OK; i++) {
		struct buf text;
		if (a->v[i].look.state != TAG_PRESENT)
			continue;
		buf_init(&text, NOTE_MAX);
		st = add_present(a, &a->v[i], &text);
		if (st == STATUS_OK)
			st = add_note(notes, note, &text);
		buf_release(&text);
	}
	return st;
}

/* --- skip was chosen, and cannot be done as it is --------------------------- */

static const struct preflight_image *first_of(const struct all *a, enum tag_state state)
{
	for (size_t i = 0; i < a->n; i++) {
		if (a->v[i].look.state == state)
			return &a->v[i];
	}
	return NULL;
}

static enum status add_copy(const struct all *a, struct buf *out)
{
	const struct preflight_image *from = first_of(a, TAG_PRESENT), *to = first_of(a, TAG_ABSENT);
	if (!to || !a->verdict->digest[0])
		return STATUS_OK;
	enum status st = buf_addf(out, ", or copy the digest that is there (crane copy ");
	if (st == STATUS_OK)
		st = add_digested(from, out);
	if (st == STATUS_OK)
		st = buf_add_str(out, " ");
	if (st == STATUS_OK)
		st = reference_print(&to->ref, to->ref.tag, NULL, out);
	return st == STATUS_OK ? buf_add_str(out, ")") : st;
}

static enum status add_mix(const struct all *a, struct buf *out)
{
	enum status st = buf_add_str(out, "skip was chosen, and not all tags are there; present: ");
	if (st == STATUS_OK)
		st = add_names(a, TAG_PRESENT, out);
	if (st == STATUS_OK && a->verdict->absent)
		st = buf_add_str(out, "; absent: ");
	if (st == STATUS_OK)
		st = add_names(a, TAG_ABSENT, out);
	if (st == STATUS_OK && a->verdict->unknown)
		st = buf_add_str(out, "; unknown: ");
	if (st == STATUS_OK)
		st = add_names(a, TAG_UNKNOWN, out);
	if (st == STATUS_OK)
		st = buf_add_str(out, "; build and push only for what is not there");
	return st == STATUS_OK ? add_copy(a, out) : st;
}

static enum status add_several(const struct all *a, struct buf *out)
{
	enum status st =
	    buf_add_str(out, "skip was chosen and all tags are there, but they are not one image: ");
	if (st == STATUS_OK)
		st = add_names(a, TAG_PRESENT, out);
	if (st == STATUS_OK)
		st = buf_add_str(out, "; name only the tags of one release, or choose --on-existing-tag=warn "
				      "to build and replace them");
	return st;
}

static enum status explain_skip(const struct all *a, struct preflight_notes *notes)
{
	bool whole = a->verdict->present == a->n;
	struct preflight_note note = { NOTE_WARNING, "Some tags exist already", NULL };
	struct buf text;
	if (a->policy->on_existing != ON_EXISTING_SKIP || !a->verdict->present || a->verdict->conflict ||
	    a->verdict->decision == PREFLIGHT_SKIP)
		return STATUS_OK;
	if (whole)
		note = (struct preflight_note){ NOTE_ERROR, "The tags are not one image", NULL };
	buf_init(&text, NOTE_MAX);
	enum status st = whole ? add_several(a, &text) : add_mix(a, &text);
	if (st == STATUS_OK)
		st = add_note(notes, note, &text);
	buf_release(&text);
	return st;
}

/* --- tags of which nothing is known ------------------------------------------ */

static enum status explain_unknown(const struct all *a, struct preflight_notes *notes)
{
	bool goes_on = a->verdict->decision != PREFLIGHT_FAIL;
	const struct preflight_note note = { a->policy->on_unknown == ON_UNKNOWN_FAIL ? NOTE_ERROR
										      : NOTE_WARNING,
					     "Cannot tell whether the tag exists", NULL };
	enum status st = STATUS_OK;
	for (size_t i = 0; i < a->n && st == STATUS_OK; i++) {
		struct buf text;
		if (a->v[i].look.state != TAG_UNKNOWN)
			continue;
		buf_init(&text, NOTE_MAX);
		st = buf_addf(&text, "cannot tell whether %s exists: %s%s", a->v[i].name, a->v[i].look.reason,
			      goes_on ? "; the build goes on all the same (--on-unknown=fail stops it)" : "");
		if (st == STATUS_OK)
			st = add_note(notes, note, &text);
		buf_release(&text);
	}
	return st;
}

enum status preflight_explain(const struct preflight_image *v, size_t n,
			      const struct preflight_policy *policy, const struct preflight_verdict *verdict,
			      struct preflight_notes *out)
{
	const struct all a = { v, n, policy, verdict };
	struct preflight_notes notes = { 0 };
	enum status st = explain_conflicts(&a, &notes);
	if (st == STATUS_OK)
		st = explain_skip(&a, &notes);
	if (st == STATUS_OK)
		st = explain_present(&a, &notes);
	if (st == STATUS_OK)
		st = explain_unknown(&a, &notes);
	if (st == STATUS_OK)
		*out = notes;
	else
		preflight_notes_release(&notes);
	return st;
}

void preflight_notes_release(struct preflight_notes *notes)
{
	for (size_t i = 0; i < notes->n; i++)
		mem_free(notes->v[i].text);
	mem_free(notes->v);
	*notes = (struct preflight_notes){ 0 };
}
