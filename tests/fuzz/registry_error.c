#include <sigrelay/base/utf8.h>
#include <sigrelay/registry/registry.h>

#include "fuzz.h"

/* Text of a registry goes to terminals and CI logs. */
static void check(const char *text, size_t size)
{
	struct slice rest = { text, strnlen(text, size) };
	HOLDS(rest.n < size);
	while (rest.n > 0) {
		uint32_t code = 0;
		size_t n = utf8_next(rest, &code);
		HOLDS(n > 0 && utf8_printable(code));
		rest.p += n;
		rest.n -= n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct registry_error e;
	registry_error_read(INPUT, &e);
	check(e.code, sizeof(e.code));
	check(e.message, sizeof(e.message));
	HOLDS(e.is_error || (!e.code[0] && !e.message[0]));
	HOLDS(!registry_error_immutable(200, &e));
	return 0;
}
