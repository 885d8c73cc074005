#include <sigrelay/sigstore/rekor.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct posted p;
	if (rekor_posted_parse(INPUT, &p) != STATUS_OK)
		return 0;
	HOLDS(memchr(p.kind, '\0', sizeof(p.kind)) && memchr(p.api_version, '\0', sizeof(p.api_version)));
	HOLDS(p.not_before >= 0 && p.not_after >= 0);
	HOLDS(p.kind[0] || !(p.has_content || p.has_signature || p.has_verifier || p.not_after));
	return 0;
}
