#include <sigrelay/sigstore/rekor.h>

#include "fuzz.h"

/* The first line is the Location, the rest the body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice body = INPUT, location = first_line(&body);
	char id[REKOR_ENTRY_ID_HEX + 1];
	if (rekor_conflict_id(location, body, id) == STATUS_OK)
		HOLDS(rekor_same_id(slice_str(id), slice_str(id)));
	return 0;
}
