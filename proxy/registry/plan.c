#include <sigrelay/registry/plan.h>

#include <string.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/mem.h>

#define REFERENCE_MAX ((size_t)4096)

enum seen { SEEN_NOTHING, SEEN_ABSENT, SEEN_PRESENT, SEEN_UNKNOWN };

/* One tag while the lines are read. */
struct entry {
	struct reference ref;
	enum seen seen;
	const char *before, *digest; /* borrowed from the list */
	bool pushed, deleted;
	size_t order; /* of the last push */
};

struct entries {
	struct entry *v;
	size_t n;
};

const char *plan_fate_reason(enum plan_fate f)
{
	static const char *const reasons[PLAN_FATE_COUNT] = {
		[PLAN_GOES] = "",
		[PLAN_DONE] = "this run has taken it back already",
		[PLAN_AS_BEFORE] = "preflight saw this digest there: the push changed nothing",
		[PLAN_REPLACED] = "the tag was there before this run: what was replaced does not come back "
				  "by a delete",
		[PLAN_UNKNOWN] = "preflight could not tell whether the tag was there before this run",
		[PLAN_UNSEEN] = "the ledger has no preflight line from before the push, so the tag may have "
				"been there before this run",
		[PLAN_NO_DIGEST] = "the ledger does not say which digest was pushed",
	};
	return reasons[f];
}

/* DOMAIN/PATH, and :TAG or @DIGEST after sign, as the line has it in its parts, else its
 * image. */
static enum status line_reference(const struct ledger_record *r, char sign, const char *name,
				  struct reference *out)
{
	struct buf text, why;
	enum status st;
	buf_init(&text, REFERENCE_MAX);
	buf_init(&why, REFERENCE_MAX);
	if (r->registry && r->repository && name)
		st = buf_addf(&text, "%s/%s%c%s", r->registry, r->repository, sign, name);
	else
		st = r->image ? buf_add_str(&text, r->image) : STATUS_INVALID;
	if (st == STATUS_OK)
		st = reference_parse(text.p ? text.p : "", out, &why);
	buf_release(&text);
	buf_release(&why);
	if (st == STATUS_OK && !(sign == ':' ? out->tag : out->digest)) {
		reference_release(out);
		st = STATUS_INVALID;
	}
	return st == STATUS_NO_MEMORY ? st : st == STATUS_OK ? STATUS_OK : STATUS_INVALID;
}

static bool same_tag(const struct reference *a, const struct reference *b)
{
	return strcmp(a->domain, b->domain) == 0 && strcmp(a->path, b->path) == 0 &&
	       strcmp(a->tag, b->tag) == 0;
}

/* Takes ref over. */
static struct entry *entry_of(struct entries *e, struct reference *ref)
{
	for (size_t i = 0; i < e->n; i++) {
		if (same_tag(&e->v[i].ref, ref)) {
			reference_release(ref);
			return &e->v[i];
		}
	}
	struct entry *grown = mem_realloc(e->v, (e->n + 1) * sizeof(*grown));
	if (!grown) {
		reference_release(ref);
		return NULL;
	}
	e->v = grown;
	e->v[e->n] = (struct entry){ .ref = *ref };
	return &e->v[e->n++];
}

static void take_preflight(struct entry *e, const struct ledger_record *r)
{
	if (e->pushed)
		return; /* what it sees now is this run's own push */
	const char *state = r->state ? r->state : "";
	if (strcmp(state, "absent") == 0)
		e->seen = SEEN_ABSENT;
	else
		e->seen = strcmp(state, "present") == 0 ? SEEN_PRESENT : SEEN_UNKNOWN;
	e->before = e->seen == SEEN_PRESENT && r->digest && digest_is_valid(r->digest) ? r->digest : NULL;
}

static void take_line(struct entry *e, const struct ledger_record *r, size_t order)
{
	if (r->event == LEDGER_PREFLIGHT) {
		take_preflight(e, r);
	} else if (r->event == LEDGER_PUSHED) {
		e->pushed = true;
		e->deleted = false;
		e->order = order;
		e->digest = r->digest && digest_is_valid(r->digest) ? r->digest : NULL;
	} else if (e->pushed) {
		e->pushed = false;
		e->deleted = true;
	}
}

static enum status read_lines(const struct ledger_list *list, struct entries *e, size_t *unusable)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct ledger_record *r = &list->v[i];
		struct reference ref = { 0 };
		if (r->event != LEDGER_PREFLIGHT && r->event != LEDGER_PUSHED && r->event != LEDGER_DELETED)
			continue;
		enum status st = line_reference(r, ':', r->tag, &ref);
		if (st == STATUS_NO_MEMORY)
			return st;
		if (st != STATUS_OK) {
			*unusable += r->event == LEDGER_PUSHED;
			continue;
		}
		struct entry *entry = entry_of(e, &ref);
		if (!entry)
			return STATUS_NO_MEMORY;
		take_line(entry, r, i);
	}
	return STATUS_OK;
}

static enum plan_fate fate_of(const struct entry *e)
{
	if (e->deleted)
		return PLAN_DONE;
	if (!e->digest)
		return PLAN_NO_DIGEST;
	switch (e->seen) {
	case SEEN_ABSENT:
		return PLAN_GOES;
	case SEEN_PRESENT:
		return e->before && strcmp(e->before, e->digest) == 0 ? PLAN_AS_BEFORE : PLAN_REPLACED;
	case SEEN_UNKNOWN:
		return PLAN_UNKNOWN;
	case SEEN_NOTHING:
		break;
	}
	return PLAN_UNSEEN;
}

/* A copy, or NULL for NULL; *ok becomes false without memory. */
static char *copy(const char *s, bool *ok)
{
	char *made = s ? mem_strdup(s) : NULL;
	*ok = *ok && (!s || made);
	return made;
}

/* The entry that was pushed last of those that are left; NULL: none is. */
static struct entry *last_pushed(struct entries *e)
{
	struct entry *last = NULL;
	for (size_t i = 0; i < e->n; i++) {
		struct entry *at = &e->v[i];
		if (at->ref.tag && (at->pushed || at->deleted) && (!last || at->order > last->order))
			last = at;
	}
	return last;
}

static bool is_signed(const struct ledger_list *list, const char *digest)
{
	for (size_t i = 0; digest && i < list->n; i++) {
		const struct ledger_record *r = &list->v[i];
		if (r->event == LEDGER_SIGNED && r->digest && strcmp(r->digest, digest) == 0)
			return true;
	}
	return false;
}

static enum status fill(const struct ledger_list *list, struct plan *p, struct entries *e)
{
	struct entry *at;
	p->v = mem_calloc(e->n + 1, sizeof(*p->v));
	if (!p->v)
		return STATUS_NO_MEMORY;
	while ((at = last_pushed(e))) {
		bool ok = true;
		p->v[p->n++] = (struct plan_item){ .ref = at->ref,
						   .digest = copy(at->digest, &ok),
						   .before = copy(at->before, &ok),
						   .fate = fate_of(at),
						   .is_signed = is_signed(list, at->digest) };
		at->ref = (struct reference){ 0 };
		if (!ok)
			return STATUS_NO_MEMORY;
	}
	return STATUS_OK;
}

/* --- what was left ---------------------------------------------------------------- */

static bool is_untagged(const struct ledger_record *r)
{
	return (r->event == LEDGER_KEPT || r->event == LEDGER_DELETED) && !r->tag && r->digest &&
	       r->registry && r->repository;
}

/* Is that the last line about this digest in this place? */
static bool is_last_word(const struct ledger_list *list, size_t at)
{
	const struct ledger_record *r = &list->v[at];
	for (size_t i = at + 1; i < list->n; i++) {
		const struct ledger_record *later = &list->v[i];
		if (is_untagged(later) && strcmp(later->digest, r->digest) == 0 &&
		    strcmp(later->registry, r->registry) == 0 &&
		    strcmp(later->repository, r->repository) == 0)
			return false;
	}
	return true;
}

static enum status add_left(struct plan *p, const struct ledger_record *r)
{
	struct reference ref = { 0 };
	enum status st = line_reference(r, '@', r->digest, &ref);
	if (st != STATUS_OK)
		return st == STATUS_INVALID ? STATUS_OK : st;
	struct reference *grown = mem_realloc(p->rest, (p->rest_n + 1) * sizeof(*grown));
	if (!grown) {
		reference_release(&ref);
		return STATUS_NO_MEMORY;
	}
	p->rest = grown;
	p->rest[p->rest_n++] = ref;
	return STATUS_OK;
}

static enum status read_left(const struct ledger_list *list, struct plan *p)
{
	enum status st = STATUS_OK;
	for (size_t i = 0; i < list->n && st == STATUS_OK; i++) {
		const struct ledger_record *r = &list->v[i];
		bool left = r->event == LEDGER_KEPT && r->state && strcmp(r->state, PLAN_STATE_LEFT) == 0;
		if (left && is_untagged(r) && is_last_word(list, i))
			st = add_left(p, r);
	}
	return st;
}

enum status plan_make(const struct ledger_list *list, struct plan *out)
{
	struct entries e = { 0 };
	struct plan p = { 0 };
	enum status st = read_lines(list, &e, &p.unusable);
	if (st == STATUS_OK)
		st = fill(list, &p, &e);
	if (st == STATUS_OK)
		st = read_left(list, &p);
	for (size_t i = 0; i < e.n; i++)
		reference_release(&e.v[i].ref);
	mem_free(e.v);
	if (st == STATUS_OK)
		*out = p;
	else
		plan_release(&p);
	return st;
}

void plan_release(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		reference_release(&p->v[i].ref);
		mem_free(p->v[i].digest);
		mem_free(p->v[i].before);
	}
	for (size_t i = 0; i < p->rest_n; i++)
		reference_release(&p->rest[i]);
	mem_free(p->v);
	mem_free(p->rest);
	*p = (struct plan){ 0 };
}
