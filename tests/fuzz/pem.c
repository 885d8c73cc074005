#include <sigrelay/sigstore/pem.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pem_facts facts;
	bool certificates = pem_is_certificates(INPUT), key = pem_is_public_key(INPUT);
	enum status st = pem_read(INPUT, true, &facts);
	HOLDS(!(certificates && key));
	HOLDS(!(certificates || key) || st == STATUS_OK);
	HOLDS(st != STATUS_OK || (facts.not_before >= 0 && facts.not_after >= 0));
	return 0;
}
