#include <sigrelay/base/redis_url.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct redis_url u;
	struct buf shown;
	const char *why = NULL;
	enum status st = redis_url_parse(INPUT, &u, &why);
	HOLDS(st == STATUS_OK || why);
	buf_init(&shown, 1 << 20);
	HOLDS(redis_url_mask(INPUT, &shown) == STATUS_OK);
	if (st == STATUS_OK) {
		HOLDS(u.host[0] && (u.local || u.port));
		HOLDS(!u.password[0] || strstr(shown.p, ":***@"));
	}
	buf_release(&shown);
	return 0;
}
