/* uthash, told to use our allocator and to survive having no memory: an element
 * that could not be added has hh.tbl == NULL afterwards. */
#ifndef SIGRELAY_PROXY_RELAY_HASH_TABLE_H
#define SIGRELAY_PROXY_RELAY_HASH_TABLE_H

#include <stdint.h>
#include <string.h>

/* Keys here are SHA-256 or pointers: eight bytes, mixed, are hash enough. */
static inline unsigned hash_key(const void *key, size_t n)
{
	uint64_t v = 0;
	memcpy(&v, key, n < sizeof(v) ? n : sizeof(v));
	return (unsigned)((v * 0x9e3779b97f4a7c15u) >> 32);
}

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, n, hash) (hash) = hash_key((key), (n))
#include <uthash.h>

#include <sigrelay/base/mem.h>

#undef uthash_malloc
#undef uthash_free
#define uthash_malloc(n) mem_alloc(n)
#define uthash_free(p, n) mem_free(p)

#endif
