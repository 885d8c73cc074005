#include <sigrelay/sigstore/rekor.h>

#include "fuzz.h"

/* The first line is the path, the second the query, the third the content type. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice body = INPUT, path = first_line(&body), query = first_line(&body),
		     type = first_line(&body);
	const char *why = NULL;
	HOLDS(rekor_query_believed(path, query, type, body, &why) || why);
	return 0;
}
