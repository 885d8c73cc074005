/* The files under vectors/ (made by vectors/make), for the tests of this room. */
#ifndef SIGRELAY_TESTS_SIGSTORE_VECTORS_H
#define SIGRELAY_TESTS_SIGSTORE_VECTORS_H

#include <sigrelay/base/slice.h>

/* The whole file; stops the program when there is none. Lives until the end. */
struct slice vector(const char *name);
/* text with the first `from` replaced by `to`; a fatal assertion when `from` is
 * not there. Lives until the end too. */
struct slice edited(struct slice text, const char *from, const char *to);
/* n bytes of `unit` repeated, lives until the end. */
struct slice repeated(const char *unit, size_t times);

#endif
