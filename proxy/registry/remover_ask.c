#include <stdio.h>
#include <string.h>

#include "remover_inside.h"

usec remover_deadline(const struct remover *m)
{
	usec now = web_now(m->cfg.web), left = usec_max(m->cfg.deadline - now, 0);
	size_t items = m->cfg.plan->n - m->next;
	usec share = left / (usec)(items ? items : 1);
	usec patience = usec_min(usec_max(share, REMOVER_SHARE_MIN), REMOVER_PATIENCE);
	return usec_min(m->cfg.deadline, usec_add(now, patience));
}

bool remover_stopped(const struct remover *m)
{
	return (m->cfg.stop && *m->cfg.stop) || web_now(m->cfg.web) >= m->cfg.deadline;
}

bool same_repository(const struct reference *a, const struct reference *b)
{
	return strcmp(a->domain, b->domain) == 0 && strcmp(a->path, b->path) == 0;
}

/* Has the item gone, or may it still? */
static bool item_goes(const struct remover *m, size_t i)
{
	enum plan_fate fate = m->cfg.plan->v[i].fate;
	if (fate == PLAN_DONE || i < m->next)
		return fate == PLAN_DONE || m->state[i] == REMOVAL_DELETED || m->state[i] == REMOVAL_GONE ||
		       m->state[i] == REMOVAL_PLANNED;
	return fate == PLAN_GOES;
}

bool remover_goes(const struct remover *m, const struct reference *repository, const char *tag)
{
	for (size_t i = 0; i < m->cfg.plan->n; i++) {
		const struct reference *ref = &m->cfg.plan->v[i].ref;
		if (same_repository(ref, repository) && strcmp(ref->tag, tag) == 0)
			return item_goes(m, i);
	}
	return false;
}

enum status remover_look(struct remover *m, const struct reference *ref, struct tag_look *out)
{
	if (!remover_stopped(m))
		return oci_look_now(m->cfg.registry, m->cfg.web, ref, remover_deadline(m), out);
	*out = (struct tag_look){ .state = TAG_UNKNOWN };
	snprintf(out->reason, sizeof(out->reason), "not asked: cleanup was stopped, or its time is over");
	return STATUS_OK;
}

enum status remover_ask(struct remover *m, const struct reference *repository, const char *method,
			const char *tail, struct web_answer *out, struct buf *no_access)
{
	const struct registry_request q = {
		.repository = repository, .method = method, .tail = tail, .deadline = remover_deadline(m)
	};
	return registry_ask(m->cfg.registry, m->cfg.web, &q, out, no_access);
}

static bool is_there(const struct tag_look *look, const struct reference *ref)
{
	return look->state == TAG_PRESENT && strcmp(look->digest, ref->digest) == 0;
}

static void still_there(const char *asked, int status, struct verdict *v)
{
	if (status == 404)
		verdict_left(v, OBSTACLE_DENIED,
			     "%s: 404, but it is still there; to some registries that is also the word for "
			     "a missing permission",
			     asked);
	else
		verdict_left(v, OBSTACLE_FAULT, "%s: %d, but it is still there", asked, status);
}

enum status confirm_gone(struct remover *m, const struct reference *ref, const char *asked, int status,
			 struct verdict *v)
{
	struct tag_look look;
	enum status st = remover_look(m, ref, &look);
	if (st != STATUS_OK)
		return st;
	if (is_there(&look, ref)) {
		still_there(asked, status, v);
	} else if (look.state != TAG_ABSENT && look.state != TAG_PRESENT) {
		verdict_left(v, OBSTACLE_FAULT, "%s: %d, and whether it has gone could not be seen: %s",
			     asked, status, look.reason);
	} else if (status == 404) {
		*v = (struct verdict){ .result = REMOVAL_GONE };
		snprintf(v->reason, sizeof(v->reason), "was gone");
	} else {
		*v = (struct verdict){ .result = REMOVAL_DELETED };
	}
	return STATUS_OK;
}

enum status confirm_deleted(struct remover *m, const struct reference *ref, const char *asked, int status,
			    int usual, struct verdict *v)
{
	if (status != usual)
		return confirm_gone(m, ref, asked, status, v);
	*v = (struct verdict){ .result = REMOVAL_DELETED };
	return STATUS_OK;
}
