/* The known word that a mistyped one is nearest to. */
#ifndef SIGRELAY_BASE_NEAREST_H
#define SIGRELAY_BASE_NEAREST_H

#include <stddef.h>

struct nearest {
	const char *wanted; /* borrowed */
	const char *word;   /* the answer so far; NULL: none is near enough */
	size_t best;
};

void nearest_begin(struct nearest *n, const char *wanted);
/* Offers one known word; borrowed. */
void nearest_offer(struct nearest *n, const char *word);

#endif
