#include <sigrelay/registry/oci.h>

#include <stdio.h>
#include <string.h>

#include <sigrelay/base/mem.h>

/* --- one look --------------------------------------------------------------------- */

struct look {
	struct registry *registry;
	struct reference ref;
	usec deadline;
	tag_looked_fn *done;
	void *arg;
	struct web_answer head; /* what HEAD said; status 0: not asked yet */
};

static void look_free(struct look *l)
{
	reference_release(&l->ref);
	web_answer_release(&l->head);
	mem_free(l);
}

static void look_end(struct look *l, const struct tag_look *out)
{
	l->done(l->arg, out);
	look_free(l);
}

static void on_look(void *arg, const struct web_answer *a, const char *no_access);

static enum status look_ask(struct look *l, const char *method)
{
	struct buf tail;
	buf_init(&tail, 1024);
	enum status st = buf_addf(&tail, "manifests/%s", l->ref.tag ? l->ref.tag : l->ref.digest);
	const struct registry_request q = {
		.repository = &l->ref,
		.method = method,
		.tail = tail.p,
		.deadline = l->deadline,
	};
	if (st == STATUS_OK)
		st = registry_start(l->registry, &q, on_look, l);
	buf_release(&tail);
	return st;
}

/* HEAD has no body: what a 4xx means is in GET's. 401, 403 and 429 say enough. */
static bool needs_get(const struct web_answer *head, const struct tag_look *seen)
{
	int s = head->status;
	if (s == 200)
		return seen->state != TAG_PRESENT;
	return (s >= 400 && s < 500 && s != 401 && s != 403 && s != 429) || s == 501;
}

static enum status copy_answer(const struct web_answer *from, struct web_answer *to)
{
	struct web_answer a = *from;
	buf_init(&a.body, from->body.max);
	buf_init(&a.head, from->head.max);
	enum status st = buf_add_slice(&a.body, buf_slice(&from->body));
	if (st == STATUS_OK)
		st = buf_add_slice(&a.head, buf_slice(&from->head));
	if (st == STATUS_OK)
		*to = a;
	else
		web_answer_release(&a);
	return st;
}

static void on_look(void *arg, const struct web_answer *a, const char *no_access)
{
	struct look *l = arg;
	struct tag_look out;
	bool first = l->head.status == 0;
	tag_judge(first ? a : &l->head, first ? NULL : a, no_access, &out);
	if (!first || no_access[0] || !needs_get(a, &out)) {
		look_end(l, &out);
		return;
	}
	enum status st = copy_answer(a, &l->head);
	if (st == STATUS_OK)
		st = look_ask(l, "GET");
	if (st != STATUS_OK) {
		snprintf(out.reason, sizeof(out.reason), "no memory for the request");
		out.state = TAG_UNKNOWN;
		look_end(l, &out);
	}
}

enum status oci_look(struct registry *r, const struct reference *ref, usec deadline, tag_looked_fn *done,
		     void *arg)
{
	if (!ref->tag && !ref->digest)
		return STATUS_INVALID;
	struct look *l = mem_calloc(1, sizeof(*l));
	if (!l)
		return STATUS_NO_MEMORY;
	l->registry = r;
	l->deadline = deadline;
	l->done = done;
	l->arg = arg;
	enum status st = reference_copy(ref, &l->ref);
	if (st == STATUS_OK)
		st = look_ask(l, "HEAD");
	if (st != STATUS_OK)
		look_free(l);
	return st;
}

/* --- waited for -------------------------------------------------------------------- */

struct asked {
	struct web_answer *out;
	struct buf *no_access;
	enum status st;
};

void web_answer_release(struct web_answer *a)
{
	buf_wipe(&a->body);
	buf_wipe(&a->head);
}

static void on_web(void *arg, const struct web_answer *a)
{
	struct asked *to = arg;
	to->st = copy_answer(a, to->out);
}

static void on_registry(void *arg, const struct web_answer *a, const char *no_access)
{
	struct asked *to = arg;
	on_web(to, a);
	if (to->st == STATUS_OK)
		to->st = buf_add_str(to->no_access, no_access);
	if (to->st != STATUS_OK)
		web_answer_release(to->out);
}

enum status web_ask(struct web *w, const struct web_request *q, struct web_answer *out)
{
	struct asked to = { .out = out, .st = STATUS_NO_MEMORY };
	enum status st = web_start(w, q, on_web, &to);
	if (st != STATUS_OK)
		return st;
	web_run(w);
	return to.st;
}

enum status registry_ask(struct registry *r, struct web *w, const struct registry_request *q,
			 struct web_answer *out, struct buf *no_access)
{
	struct asked to = { .out = out, .no_access = no_access, .st = STATUS_NO_MEMORY };
	enum status st = registry_start(r, q, on_registry, &to);
	if (st != STATUS_OK)
		return st;
	web_run(w);
	return to.st;
}

static void on_looked(void *arg, const struct tag_look *look)
{
	struct tag_look *out = arg;
	*out = *look;
}

enum status oci_look_now(struct registry *r, struct web *w, const struct reference *ref, usec deadline,
			 struct tag_look *out)
{
	enum status st = oci_look(r, ref, deadline, on_looked, out);
	if (st == STATUS_OK)
		web_run(w);
	return st;
}
