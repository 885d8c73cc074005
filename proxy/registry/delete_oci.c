/* DELETE of the OCI API. By tag first: by digest, most registries take every tag of it. */
#include "remover_inside.h"

#include <stdio.h>
#include <string.h>

#define ACCEPTED 202

static bool missing(const struct web_answer *a, const struct registry_error *e)
{
	return a->status == 404 || (a->status == 400 && (strcmp(e->code, "NAME_UNKNOWN") == 0 ||
							 strcmp(e->code, "MANIFEST_UNKNOWN") == 0));
}

/* The whole of one DELETE; *unsupported: this registry deletes nothing so. */
static enum status ask_delete(struct remover *m, const struct reference *ref, const char *what,
			      struct verdict *v, bool *unsupported, bool *harbor_like)
{
	struct web_answer a = { 0 };
	struct registry_error e;
	struct buf no_access;
	char tail[256], asked[320];
	buf_init(&no_access, 1024);
	snprintf(tail, sizeof(tail), "manifests/%s", what);
	snprintf(asked, sizeof(asked), "DELETE of %s", what);
	enum status st = remover_ask(m, ref, "DELETE", tail, &a, &no_access);
	if (st != STATUS_OK)
		goto out;
	registry_error_read(buf_slice(&a.body), &e);
	*unsupported = false;
	*harbor_like = a.status == 400 && strcmp(e.code, "UNSUPPORTED") == 0;
	if (a.status >= 200 && a.status < 300) {
		st = confirm_deleted(m, ref, asked, a.status, ACCEPTED, v);
	} else if (missing(&a, &e)) {
		st = confirm_gone(m, ref, asked, 404, v);
	} else {
		verdict_of_answer(v, &a, asked, no_access.n ? no_access.p : NULL);
		*unsupported = v->obstacle == OBSTACLE_UNSUPPORTED;
	}
out:
	web_answer_release(&a);
	buf_release(&no_access);
	return st;
}

enum status oci_delete_digest(struct remover *m, const struct reference *ref, struct verdict *v)
{
	bool unsupported, harbor_like;
	return ask_delete(m, ref, ref->digest, v, &unsupported, &harbor_like);
}

/* by_tag: what the registry said to a delete by tag. */
static enum status by_digest(struct remover *m, const struct reference *ref, const char *by_tag,
			     struct verdict *v)
{
	const struct scan *scan;
	const char *name = NULL;
	enum status st = remover_scan(m, ref, &scan);
	if (st != STATUS_OK)
		return st;
	if (scan_keeper(m, scan, ref, NULL, &name) == KEEPER_OTHER) {
		verdict_left(v, OBSTACLE_SHARED,
			     "the registry deletes no tag alone (%.300s), and %s names the same digest",
			     by_tag, name);
		return STATUS_OK;
	}
	if (!scan->whole) {
		verdict_left(v, OBSTACLE_UNPROVEN,
			     "the registry deletes no tag alone (%.200s), and whether another tag names the "
			     "same digest is not known (%.200s)",
			     by_tag, scan->why);
		return STATUS_OK;
	}
	st = oci_delete_digest(m, ref, v);
	v->digest_went = v->result == REMOVAL_DELETED || v->result == REMOVAL_GONE;
	if (st == STATUS_OK && v->obstacle == OBSTACLE_UNSUPPORTED) {
		char by_digest[REMOVAL_REASON];
		memcpy(by_digest, v->reason, sizeof(by_digest));
		verdict_left(v, OBSTACLE_UNSUPPORTED, "%.300s; %.300s", by_tag, by_digest);
	}
	return st;
}

enum status oci_delete_tag(struct remover *m, const struct reference *ref, struct verdict *v)
{
	bool unsupported = false, harbor_like = false, is_harbor = false;
	enum status st = ask_delete(m, ref, ref->tag, v, &unsupported, &harbor_like);
	if (st == STATUS_OK && harbor_like)
		st = harbor_delete_tag(m, ref, &is_harbor, v);
	if (st != STATUS_OK || is_harbor || !unsupported)
		return st;
	char by_tag[REMOVAL_REASON];
	memcpy(by_tag, v->reason, sizeof(by_tag));
	return by_digest(m, ref, by_tag, v);
}
