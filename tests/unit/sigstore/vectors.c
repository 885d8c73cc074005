#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

/* Kept on a list, so that the leak checker sees only the relay's own leaks. */
struct block {
	struct block *next;
	char bytes[];
};

static struct block *blocks;

static char *keep(size_t n)
{
	struct block *b = malloc(sizeof(*b) + n);
	if (!b)
		abort();
	b->next = blocks;
	blocks = b;
	return b->bytes;
}

struct slice vector(const char *name)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/tests/unit/sigstore/vectors/%s", SIGRELAY_SOURCE_DIR, name);
	FILE *f = fopen(path, "rb");
	if (!f) {
		perror(path);
		abort();
	}
	char *p = keep(65536);
	size_t n = fread(p, 1, 65536, f);
	fclose(f);
	return (struct slice){ p, n };
}

struct slice edited(struct slice text, const char *from, const char *to)
{
	const char *at = memmem(text.p, text.n, from, strlen(from));
	CU_ASSERT_FATAL(at != NULL);
	size_t before = (size_t)(at - text.p), after = text.n - before - strlen(from);
	char *p = keep(before + strlen(to) + after);
	memcpy(p, text.p, before);
	memcpy(p + before, to, strlen(to));
	memcpy(p + before + strlen(to), at + strlen(from), after);
	return (struct slice){ p, before + strlen(to) + after };
}

struct slice repeated(const char *unit, size_t times)
{
	size_t n = strlen(unit);
	char *p = keep(n * times);
	for (size_t i = 0; i < times; i++)
		memcpy(p + i * n, unit, n);
	return (struct slice){ p, n * times };
}
