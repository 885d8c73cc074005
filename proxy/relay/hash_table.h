/* uthash, told to use our allocator and to survive having no memory: an element
 * that could not be added has hh.tbl == NULL afterwards. */
#ifndef SIGRELAY_PROXY_RELAY_HASH_TABLE_H
#define SIGRELAY_PROXY_RELAY_HASH_TABLE_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include <sigrelay/base/mem.h>

#undef uthash_malloc
#undef uthash_free
#define uthash_malloc(n) mem_alloc(n)
#define uthash_free(p, n) mem_free(p)

#endif
