#include <string.h>

#include <sigrelay/base/mem.h>

#include "remover_inside.h"

void removals_release(struct removals *r)
{
	for (size_t i = 0; i < r->n; i++) {
		reference_release(&r->v[i].ref);
		mem_free(r->v[i].steps);
	}
	mem_free(r->v);
	*r = (struct removals){ 0 };
}

enum status removals_add(struct removals *r, enum removal_what what, const struct reference *ref,
			 const struct verdict *v)
{
	struct removal *grown = mem_realloc(r->v, (r->n + 1) * sizeof(*grown));
	struct removal made = { .what = what, .result = v->result };
	struct buf steps;
	if (!grown)
		return STATUS_NO_MEMORY;
	r->v = grown;
	memcpy(made.reason, v->reason, sizeof(made.reason));
	buf_init(&steps, 8192);
	enum status st = STATUS_OK;
	if (v->result == REMOVAL_LEFT)
		st = manual_steps(ref, what, v->obstacle, r->is_signed, &steps);
	if (st == STATUS_OK)
		st = reference_copy(ref, &made.ref);
	if (st != STATUS_OK) {
		buf_release(&steps);
		return st;
	}
	made.steps = steps.n ? buf_take(&steps) : NULL;
	buf_release(&steps);
	r->v[r->n++] = made;
	return STATUS_OK;
}
