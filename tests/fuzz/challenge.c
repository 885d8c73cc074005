#include <sigrelay/registry/challenge.h>

#include "fuzz.h"

/* The first line is one header, the rest another. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = INPUT, first = first_line(&rest), headers[] = { first, rest };
	struct challenge c;
	HOLDS(challenge_choose(headers, 2, &c) == STATUS_OK);
	HOLDS(c.scheme != CHALLENGE_BEARER || (c.realm && *c.realm));
	HOLDS(c.scheme != CHALLENGE_NONE || (!c.realm && !c.service && !c.scope && !c.error));
	challenge_release(&c);
	return 0;
}
