#include <sigrelay/sigstore/fulcio.h>

#include "fuzz.h"

/* The first line is the Authorization header, the rest the body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice body = INPUT, header = first_line(&body);
	int64_t exp = -1;
	HOLDS((fulcio_token_exp(header, body, &exp) == STATUS_OK) == (exp >= 0));
	exp = -1;
	HOLDS((jwt_exp(INPUT, &exp) == STATUS_OK) == (exp >= 0));
	return 0;
}
