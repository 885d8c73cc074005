#include <sigrelay/sigstore/route.h>

#include "fuzz.h"

/* The first line is the method. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice target = INPUT, method = first_line(&target);
	struct route r = route_of(method, target);
	HOLDS(r.kind == ROUTE_FORWARD || r.kind == ROUTE_SELF || r.why);
	HOLDS(r.kind != ROUTE_BAD_METHOD || r.allow);
	if (r.kind != ROUTE_FORWARD)
		return 0;
	HOLDS(r.operation < OP_COUNT && target.n <= ROUTE_TARGET_MAX);
	HOLDS(r.path.p == target.p && r.path.n <= target.n && r.path.p[0] == '/');
	HOLDS(!slice_contains(r.path, "%") && !slice_contains(r.path, "//") &&
	      !slice_contains(r.path, "/../"));
	HOLDS(r.query.p >= target.p && r.query.p + r.query.n <= target.p + target.n);
	HOLDS(r.id.n == 0 || r.id.n == 64 || r.id.n == 80);
	return 0;
}
