/* A seeded generator, handed to whoever needs chance: the same seed gives the
 * same run. Not for secrets. */
#ifndef SIGRELAY_BASE_RNG_H
#define SIGRELAY_BASE_RNG_H

#include <stdint.h>

struct rng {
	uint64_t s[4];
};

void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
/* Uniform in [0, n); 0 when n is 0. */
uint64_t rng_below(struct rng *r, uint64_t n);
/* A seed from the system's entropy, for production. */
uint64_t rng_entropy(void);

#endif
