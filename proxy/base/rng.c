/* xoshiro256** (Blackman and Vigna), its state filled by splitmix64. */
#include <sigrelay/base/rng.h>

#include <sys/random.h>
#include <unistd.h>

#include <sigrelay/base/clock.h>

static uint64_t splitmix(uint64_t *state)
{
	*state += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t z = *state;
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void rng_seed(struct rng *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		r->s[i] = splitmix(&seed);
}

static uint64_t rotate(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

uint64_t rng_next(struct rng *r)
{
	uint64_t *s = r->s;
	uint64_t result = rotate(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
	if (n == 0)
		return 0;
	/* What lies below 2^64 mod n is drawn again, or small numbers would
	 * come up more often than large ones. */
	uint64_t skip = (0 - n) % n;
	uint64_t v = rng_next(r);
	while (v < skip)
		v = rng_next(r);
	return v % n;
}

uint64_t rng_entropy(void)
{
	uint64_t seed = 0;
	if (getrandom(&seed, sizeof(seed), 0) == (ssize_t)sizeof(seed))
		return seed;
	/* A kernel without entropy: jitter needs to differ between processes
	 * and starts, not to be a secret. */
	struct instant now = clock_now();
	seed = (uint64_t)now.wall ^ ((uint64_t)now.mono << 20) ^ ((uint64_t)getpid() << 44);
	return splitmix(&seed);
}
