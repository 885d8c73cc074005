/* An intrusive binary min-heap: nodes live inside their owners' structs.
 *
 * The heap never frees an owner. A node is in at most one heap; take it out
 * before its owner dies. Equal keys leave in the order they came. */
#ifndef SIGRELAY_BASE_HEAP_H
#define SIGRELAY_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sigrelay/base/status.h>

struct heap_node {
	int64_t key;
	uint64_t seq;
	size_t index; /* 1-based place; 0 = in no heap */
};

struct heap {
	struct heap_node **v;
	size_t n;
	size_t cap;
	uint64_t seq;
};

void heap_init(struct heap *h);
void heap_release(struct heap *h);                             /* owners stay; their nodes are marked out */
enum status heap_reserve(struct heap *h, size_t n) MUST_CHECK; /* room for n nodes in all */
enum status heap_add(struct heap *h, struct heap_node *node, int64_t key) MUST_CHECK;
void heap_remove(struct heap *h, struct heap_node *node); /* fine when not in */
struct heap_node *heap_top(const struct heap *h);         /* NULL when empty */
static inline bool heap_has(const struct heap_node *node)
{
	return node->index != 0;
}

#define heap_owner(node, type, field) ((type *)(void *)((char *)(node)-offsetof(type, field)))

#endif
