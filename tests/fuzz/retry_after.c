#include <sigrelay/sigstore/answers.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const usec walls[] = { 0, INT64_C(1795500000000000), INT64_C(253402300799000000) };
	for (size_t i = 0; i < sizeof(walls) / sizeof(walls[0]); i++) {
		usec wait = retry_after_parse(INPUT, walls[i]);
		HOLDS(wait >= -1 && wait <= 86400 * USEC_PER_SEC);
	}
	return 0;
}
