/* Allocation, with a switch that makes any one allocation fail.
 *
 * Every allocation of the program's own code goes through here (cJSON too: see
 * mem_install_hooks), so that the torture tests can fail each one in turn.
 * None of these aborts: NULL means no memory and the caller returns
 * STATUS_NO_MEMORY. */
#ifndef SIGRELAY_BASE_MEM_H
#define SIGRELAY_BASE_MEM_H

#include <stddef.h>

#include <sigrelay/base/status.h>

void *mem_alloc(size_t n) MUST_CHECK;
void *mem_calloc(size_t count, size_t size) MUST_CHECK;
/* As realloc: on failure the old block stays valid and owned by the caller. */
void *mem_realloc(void *p, size_t n) MUST_CHECK;
char *mem_strdup(const char *s) MUST_CHECK;
char *mem_strndup(const char *s, size_t n) MUST_CHECK;
void mem_free(void *p); /* NULL is fine */
/* Overwrites n bytes in a way the compiler keeps, for secrets. */
void mem_wipe(void *p, size_t n);
/* Points cJSON at these functions. Call once, before the first parse. */
void mem_install_hooks(void);

/* For libraries that know nothing of secrets and free what held one: as malloc,
 * calloc, realloc, strdup and free, but no freed byte keeps its value. They do not
 * take part in the torture: libraries end the process when they get NULL too early. */
void *mem_wiping_alloc(size_t n);
void *mem_wiping_calloc(size_t count, size_t size);
void *mem_wiping_realloc(void *p, size_t n);
char *mem_wiping_strdup(const char *s);
void mem_wiping_free(void *p);

/* Torture: the n-th allocation from now (0 = the next) fails once; a negative
 * n switches it off. mem_fail_hit() says whether it has struck. */
void mem_fail_at(long n);
int mem_fail_hit(void);

/* Blocks that are allocated and not freed, of the torturable functions: tests compare. */
long mem_live(void);

#endif
