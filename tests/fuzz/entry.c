#include <sigrelay/sigstore/rekor.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct posted nothing;
	struct entry e, again;
	const struct slice any = { NULL, 0 };
	HOLDS(belief_name(rekor_entries_check(INPUT)) != NULL);
	if (rekor_entry_check(INPUT, any, &e) != BELIEF_TRUE)
		return 0;
	HOLDS(rekor_same_id(slice_str(e.id), slice_str(e.id)));
	HOLDS(rekor_entry_check(INPUT, slice_str(e.id), &again) == BELIEF_TRUE);
	HOLDS(e.integrated_time >= 0 && e.log_index >= -1);
	HOLDS(rekor_same_entry(&nothing, &e) && rekor_same_entry(&e.stored, &e));
	HOLDS(!rekor_entry_late(&nothing, &e));
	return 0;
}
