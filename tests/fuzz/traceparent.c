#include <sigrelay/base/trace.h>

#include <string.h>

#include "fuzz.h"

/* What was read, written again, is read as the same, and nothing upper-case or zero is read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trace t, again;
	char out[TRACE_PARENT_MAX + 1];
	if (trace_parse(&t, INPUT) != STATUS_OK)
		return 0;
	HOLDS(strlen(t.id) == TRACE_ID_HEX && strspn(t.id, "0123456789abcdef") == TRACE_ID_HEX);
	HOLDS(strspn(t.id, "0") < TRACE_ID_HEX && (t.flags & ~3) == 0);
	trace_write(&t, 1, out);
	HOLDS(strlen(out) == TRACE_PARENT_MAX && trace_parse(&again, slice_str(out)) == STATUS_OK);
	HOLDS(strcmp(again.id, t.id) == 0 && again.flags == t.flags);
	return 0;
}
