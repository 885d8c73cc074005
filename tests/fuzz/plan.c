#include <sigrelay/registry/plan.h>

#include "fuzz.h"

/* A ledger, read by the run "7": what is to be deleted is named without doubt. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ledger_list list;
	struct plan p;
	HOLDS(ledger_parse(INPUT, "7", &list) == STATUS_OK);
	HOLDS(plan_make(&list, &p) == STATUS_OK);
	HOLDS(p.n <= list.n);
	for (size_t i = 0; i < p.n; i++) {
		const struct plan_item *at = &p.v[i];
		HOLDS(at->ref.domain && at->ref.path && tag_is_valid(at->ref.tag) && !at->ref.digest);
		HOLDS(!strstr(at->ref.path, "..") && !strpbrk(at->ref.path, "?#%\\ "));
		HOLDS(at->fate != PLAN_GOES || digest_is_valid(at->digest));
		for (size_t j = 0; j < i; j++)
			HOLDS(strcmp(p.v[j].ref.tag, at->ref.tag) != 0 ||
			      strcmp(p.v[j].ref.path, at->ref.path) != 0 ||
			      strcmp(p.v[j].ref.domain, at->ref.domain) != 0);
	}
	plan_release(&p);
	ledger_list_release(&list);
	return 0;
}
