/* A view of bytes that somebody else owns. Not terminated, may hold NULs. */
#ifndef SIGRELAY_BASE_SLICE_H
#define SIGRELAY_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sigrelay/base/status.h>

struct slice {
	const char *p; /* may be NULL only when n is 0 */
	size_t n;
};

#define SLICE_LIT(s) ((struct slice){ (s), sizeof(s) - 1 })

struct slice slice_str(const char *s); /* NULL gives the empty slice */
bool slice_eq(struct slice a, struct slice b);
bool slice_eq_str(struct slice a, const char *s);
bool slice_eq_icase(struct slice a, const char *s); /* ASCII only */
bool slice_starts(struct slice a, const char *prefix);
bool slice_ends(struct slice a, const char *suffix);
bool slice_contains(struct slice a, const char *needle);
struct slice slice_trim(struct slice a); /* blanks and tabs at both ends */
/* Decimal digits only, no sign, no blanks. STATUS_INVALID otherwise or on overflow. */
enum status slice_u64(struct slice a, uint64_t *out) MUST_CHECK;

#endif
