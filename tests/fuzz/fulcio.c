#include <sigrelay/sigstore/fulcio.h>

#include "fuzz.h"

/* The first line is the path. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice body = INPUT, path = first_line(&body);
	const char *why = NULL;
	HOLDS(fulcio_sign_believed(path, body, &why) || why);
	why = NULL;
	HOLDS(fulcio_query_believed(path, body, &why) || why);
	return 0;
}
