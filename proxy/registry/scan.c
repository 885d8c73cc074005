#include "remover_inside.h"

#include <stdio.h>
#include <string.h>

#include <sigrelay/base/mem.h>

/* Indexes below one tag: an index may name indexes. */
#define INDEXES_MAX 50

struct names {
	char **v;
	size_t n;
};

static void names_release(struct names *l)
{
	for (size_t i = 0; i < l->n; i++)
		mem_free(l->v[i]);
	mem_free(l->v);
}

static enum status names_add(struct names *l, const char *name)
{
	char **grown = mem_realloc(l->v, (l->n + 1) * sizeof(*grown));
	if (!grown)
		return STATUS_NO_MEMORY;
	l->v = grown;
	l->v[l->n] = mem_strdup(name);
	return l->v[l->n] ? (l->n++, STATUS_OK) : STATUS_NO_MEMORY;
}

void scan_release(struct scan *s)
{
	for (size_t i = 0; s->v && i < s->n; i++) {
		mem_free(s->v[i].name);
		digests_release(&s->v[i].children);
	}
	mem_free(s->v);
	reference_release(&s->repository);
	*s = (struct scan){ 0 };
}

static void not_whole(struct scan *s, const char *what, const char *why)
{
	if (!s->whole)
		return;
	s->whole = false;
	snprintf(s->why, sizeof(s->why), "%s: %s", what, why);
}

/* --- the looks, side by side ----------------------------------------------------- */

struct look_at {
	struct remover *m;
	struct scan *scan;
	struct scanned *at;
	struct reference ref;
	struct digests indexes; /* its own, and those that it names */
	size_t read;            /* of them */
};

static void read_next_index(struct look_at *l);

static void on_index(void *arg, const struct web_answer *a, const char *no_access)
{
	struct look_at *l = arg;
	(void)no_access;
	/* 404: it went between the two. */
	if (a->status != 404 && (a->status != 200 || digests_of_index(buf_slice(&a->body), &l->at->children,
								      &l->indexes) != STATUS_OK))
		l->at->failed = true;
	else
		read_next_index(l);
}

static void read_next_index(struct look_at *l)
{
	if (l->read == l->indexes.n)
		return;
	char tail[sizeof("manifests/") + DIGEST_TEXT];
	snprintf(tail, sizeof(tail), "manifests/%s", l->indexes.v[l->read++]);
	const struct registry_request q = {
		.repository = &l->ref, .method = "GET", .tail = tail, .deadline = remover_deadline(l->m)
	};
	if (l->read > INDEXES_MAX || registry_start(l->m->cfg.registry, &q, on_index, l) != STATUS_OK)
		l->at->failed = true;
}

static void on_look(void *arg, const struct tag_look *look)
{
	struct look_at *l = arg;
	l->at->look = *look;
	if (look->state != TAG_PRESENT || (*look->media_type && !media_type_is_index(look->media_type)))
		return;
	if (digests_add(&l->indexes, slice_str(look->digest)) != STATUS_OK)
		l->at->failed = true;
	read_next_index(l);
}

static enum status start_look(struct look_at *l)
{
	bool by_digest = digest_is_valid(l->at->name);
	char *name = mem_strdup(l->at->name);
	enum status st = reference_copy(&l->scan->repository, &l->ref);
	if (st != STATUS_OK || !name) {
		mem_free(name);
		return STATUS_NO_MEMORY;
	}
	l->ref.tag = by_digest ? NULL : name;
	l->ref.digest = by_digest ? name : NULL;
	l->at->look.state = TAG_UNKNOWN;
	return oci_look(l->m->cfg.registry, &l->ref, remover_deadline(l->m), on_look, l);
}

static enum status look_at_all(struct remover *m, struct scan *s)
{
	enum status st = STATUS_OK;
	struct look_at *looks = mem_calloc(s->n + 1, sizeof(*looks));
	if (!looks)
		return STATUS_NO_MEMORY;
	for (size_t i = 0; i < s->n && st == STATUS_OK; i++) {
		looks[i] = (struct look_at){ .m = m, .scan = s, .at = &s->v[i] };
		st = start_look(&looks[i]);
	}
	web_run(m->cfg.web); /* what was begun points into looks */
	for (size_t i = 0; i < s->n; i++) {
		reference_release(&looks[i].ref);
		digests_release(&looks[i].indexes);
	}
	mem_free(looks);
	return st;
}

/* A name that is not there any more says nothing; one that could not be looked at
 * might name anything. */
static void judge_looks(struct scan *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct scanned *at = &s->v[i];
		if (at->look.state != TAG_ABSENT && at->look.state != TAG_PRESENT)
			not_whole(s, at->name, *at->look.reason ? at->look.reason : "could not be looked at");
		else if (at->failed)
			not_whole(s, at->name, "its index could not be read");
	}
}

static enum status scan_names(struct remover *m, const struct reference *repository, char *const *names,
			      size_t count, struct scan *out)
{
	struct scan s = { .whole = true };
	const struct reference bare = { .domain = repository->domain, .path = repository->path };
	enum status st = reference_copy(&bare, &s.repository);
	if (st != STATUS_OK)
		return st;
	if (count > SCAN_MAX) {
		char words[64];
		snprintf(words, sizeof(words), "more than %d tags or versions to look at", SCAN_MAX);
		not_whole(&s, repository->path, words);
		count = 0;
	}
	s.v = mem_calloc(count + 1, sizeof(*s.v));
	st = s.v ? STATUS_OK : STATUS_NO_MEMORY;
	for (size_t i = 0; i < count && st == STATUS_OK; i++) {
		s.v[s.n].name = mem_strdup(names[i]);
		st = s.v[s.n++].name ? STATUS_OK : STATUS_NO_MEMORY;
	}
	if (st == STATUS_OK)
		st = look_at_all(m, &s);
	if (st != STATUS_OK) {
		scan_release(&s);
		return st;
	}
	judge_looks(&s);
	*out = s;
	return STATUS_OK;
}

/* --- the list of tags ----------------------------------------------------------- */

static enum status add_page(struct slice body, struct names *out)
{
	enum status st = STATUS_OK;
	const cJSON *tag;
	cJSON *root = json_parse(body);
	const cJSON *tags = json_at(root, "tags", NULL);
	bool good = cJSON_IsArray(tags) || cJSON_IsNull(tags);
	cJSON_ArrayForEach(tag, tags)
	{
		/* What cannot be looked at might name anything. */
		good = good && cJSON_IsString(tag) && tag_is_valid(tag->valuestring);
		if (good && st == STATUS_OK)
			st = names_add(out, tag->valuestring);
	}
	cJSON_Delete(root);
	if (st != STATUS_OK)
		return st;
	return good ? STATUS_OK : STATUS_INVALID;
}

/* Only its own words: a page of somebody else's is no proof that there are no tags. */
static bool is_no_repository(const struct web_answer *a)
{
	struct registry_error e;
	registry_error_read(buf_slice(&a->body), &e);
	bool code = strcmp(e.code, "NAME_UNKNOWN") == 0 || strcmp(e.code, "NOT_FOUND") == 0;
	return code && (a->status == 404 || a->status == 400);
}

/* One page; tail becomes the next one's, or "". */
static enum status take_page(struct remover *m, const struct reference *repository, char *tail, size_t size,
			     struct names *out, struct scan *s)
{
	struct web_answer a = { 0 };
	struct buf no_access;
	char words[ANSWER_WORDS];
	buf_init(&no_access, 1024);
	enum status st = remover_ask(m, repository, "GET", tail, &a, &no_access);
	if (st == STATUS_OK)
		st = page_next(&a, repository, tail, size);
	if (st == STATUS_OK && a.status == 200)
		st = add_page(buf_slice(&a.body), out);
	if (st == STATUS_INVALID) {
		*tail = '\0';
		not_whole(s, "tags/list", "an answer that cannot be read");
	} else if (st == STATUS_OK && a.status != 200 && !is_no_repository(&a)) {
		answer_words(&a, words);
		not_whole(s, "tags/list", words);
		s->fault = a.status == 0 || a.status == 429 || a.status >= 500;
	}
	web_answer_release(&a);
	buf_release(&no_access);
	return st == STATUS_INVALID ? STATUS_OK : st;
}

static enum status scan_tags(struct remover *m, const struct reference *repository, struct scan *out)
{
	struct names names = { 0 };
	struct scan list = { .whole = true }, s = { 0 };
	char tail[1024] = "tags/list?n=1000";
	enum status st = STATUS_OK;
	for (int page = 0; *tail && names.n <= SCAN_MAX && st == STATUS_OK; page++) {
		if (page == PAGES_MAX) {
			not_whole(&list, "tags/list", "its pages do not end");
			break;
		}
		st = take_page(m, repository, tail, sizeof(tail), &names, &list);
	}
	if (st == STATUS_OK)
		st = scan_names(m, repository, names.v, names.n, &s);
	names_release(&names);
	if (st != STATUS_OK)
		return st;
	if (!list.whole) {
		s.whole = false;
		s.fault = list.fault;
		memcpy(s.why, list.why, sizeof(s.why));
	}
	*out = s;
	return STATUS_OK;
}

/* --- the present item's --------------------------------------------------------------- */

/* At GitHub versions without a tag are seen too: any of them may be an index. */
static enum status scan_versions(struct remover *m, const struct reference *repository, struct scan *out)
{
	struct digests found = { 0 };
	char why[REMOVAL_REASON], **names = NULL;
	enum status st = ghcr_digests(m, repository, &found, why);
	if (st == STATUS_OK) {
		names = mem_calloc(found.n + 1, sizeof(*names));
		st = names ? STATUS_OK : STATUS_NO_MEMORY;
	}
	for (size_t i = 0; i < found.n && names; i++)
		names[i] = found.v[i];
	if (st == STATUS_OK)
		st = scan_names(m, repository, names, found.n, out);
	if (st == STATUS_OK && *why) {
		out->whole = false;
		memcpy(out->why, why, sizeof(out->why));
	}
	mem_free(names);
	digests_release(&found);
	return st;
}

enum status remover_scan(struct remover *m, const struct reference *repository, const struct scan **out)
{
	enum status st = STATUS_OK;
	if (!m->scan.repository.path || !same_repository(&m->scan.repository, repository)) {
		scan_release(&m->scan);
		st = reference_is_ghcr(repository) ? scan_versions(m, repository, &m->scan)
						   : scan_tags(m, repository, &m->scan);
	}
	if (st == STATUS_OK)
		*out = &m->scan;
	return st;
}

void scan_forget(struct remover *m, const struct reference *ref, const struct verdict *v)
{
	if (v->result == REMOVAL_LEFT || !m->scan.repository.path ||
	    !same_repository(&m->scan.repository, ref))
		return;
	for (size_t i = 0; i < m->scan.n; i++) {
		struct scanned *at = &m->scan.v[i];
		bool tag = ref->tag && strcmp(at->name, ref->tag) == 0;
		bool digest = ref->digest && strcmp(at->look.digest, ref->digest) == 0;
		if (tag || (digest && (v->digest_went || !ref->tag)))
			at->look.state = TAG_ABSENT;
	}
}

/* --- who keeps what ---------------------------------------------------------------- */

/* A version without a tag is this run's when its digest is one that goes. */
static bool is_ours(const struct remover *m, const struct scan *s, const struct scanned *at)
{
	if (!digest_is_valid(at->name))
		return remover_goes(m, &s->repository, at->name);
	for (size_t i = 0; i < m->cfg.plan->n; i++) {
		const struct plan_item *item = &m->cfg.plan->v[i];
		if (item->digest && strcmp(item->digest, at->name) == 0 &&
		    remover_goes(m, &s->repository, item->ref.tag))
			return true;
	}
	return false;
}

enum keeper scan_keeper(const struct remover *m, const struct scan *s, const struct reference *ref,
			const char *skip, const char **name)
{
	enum keeper found = KEEPER_NONE;
	for (size_t i = 0; i < s->n; i++) {
		const struct scanned *at = &s->v[i];
		bool own = ref->tag && strcmp(at->name, ref->tag) == 0;
		bool names_it = strcmp(at->look.digest, ref->digest) == 0 && !digest_is_valid(at->name);
		if (own || at->look.state != TAG_PRESENT || (skip && strcmp(at->look.digest, skip) == 0) ||
		    (!names_it && !digests_have(&at->children, ref->digest)))
			continue;
		enum keeper k = is_ours(m, s, at) ? KEEPER_OURS : KEEPER_OTHER;
		if (k > found) {
			found = k;
			*name = at->name;
		}
	}
	return found;
}
