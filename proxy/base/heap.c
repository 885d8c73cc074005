#include <sigrelay/base/heap.h>

#include <sigrelay/base/mem.h>

void heap_init(struct heap *h)
{
	*h = (struct heap){ 0 };
}

void heap_release(struct heap *h)
{
	for (size_t i = 0; i < h->n; i++)
		h->v[i]->index = 0;
	mem_free(h->v);
	heap_init(h);
}

enum status heap_reserve(struct heap *h, size_t n)
{
	if (n <= h->cap)
		return STATUS_OK;
	size_t cap = h->cap * 2 > n ? h->cap * 2 : n;
	if (cap < 16)
		cap = 16;
	if (cap > SIZE_MAX / sizeof(struct heap_node *))
		return STATUS_NO_MEMORY;
	struct heap_node **v = mem_realloc(h->v, cap * sizeof(struct heap_node *));
	if (!v)
		return STATUS_NO_MEMORY;
	h->v = v;
	h->cap = cap;
	return STATUS_OK;
}

static bool before(const struct heap_node *a, const struct heap_node *b)
{
	return a->key != b->key ? a->key < b->key : a->seq < b->seq;
}

static void put(struct heap *h, struct heap_node *node, size_t index)
{
	h->v[index - 1] = node;
	node->index = index;
}

static void sift_up(struct heap *h, struct heap_node *node)
{
	size_t at = node->index;
	for (; at > 1 && before(node, h->v[at / 2 - 1]); at /= 2)
		put(h, h->v[at / 2 - 1], at);
	put(h, node, at);
}

static void sift_down(struct heap *h, struct heap_node *node)
{
	size_t at = node->index;
	for (;;) {
		size_t child = at * 2;
		if (child < h->n && before(h->v[child], h->v[child - 1]))
			child++;
		if (child > h->n || !before(h->v[child - 1], node))
			break;
		put(h, h->v[child - 1], at);
		at = child;
	}
	put(h, node, at);
}

enum status heap_add(struct heap *h, struct heap_node *node, int64_t key)
{
	enum status st = heap_reserve(h, h->n + 1);
	if (st != STATUS_OK)
		return st;
	node->key = key;
	node->seq = h->seq++;
	put(h, node, ++h->n);
	sift_up(h, node);
	return STATUS_OK;
}

void heap_remove(struct heap *h, struct heap_node *node)
{
	if (!heap_has(node))
		return;
	struct heap_node *last = h->v[--h->n];
	if (last != node) {
		put(h, last, node->index);
		sift_up(h, last);
		sift_down(h, last);
	}
	node->index = 0;
}

struct heap_node *heap_top(const struct heap *h)
{
	return h->n > 0 ? h->v[0] : NULL;
}
