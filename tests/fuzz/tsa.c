#include <sigrelay/sigstore/tsa.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *why = NULL;
	HOLDS(tsa_timestamp_believed(INPUT, &why) || why);
	why = NULL;
	HOLDS(tsa_query_believed(INPUT, &why) || why);
	return 0;
}
