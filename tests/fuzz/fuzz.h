/* What the fuzz targets share. An input is copied to a block of its own size, so
 * that a read past its end is seen. */
#ifndef SIGRELAY_TESTS_FUZZ_H
#define SIGRELAY_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/base/slice.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	mem_install_hooks();
	return 0;
}

/* A promise of the parser that did not hold is a finding like a crash. */
#define HOLDS(condition)                                                                                     \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			abort();                                                                             \
	} while (0)

/* Cuts the first line off the front, for targets with two inputs. */
static inline struct slice first_line(struct slice *rest)
{
	const char *end = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;
	size_t n = end ? (size_t)(end - rest->p) : rest->n;
	struct slice line = { rest->p, n };
	rest->p = end ? end + 1 : rest->p;
	rest->n = end ? rest->n - n - 1 : 0;
	return line;
}

#define INPUT ((struct slice){ (const char *)data, size })

#endif
