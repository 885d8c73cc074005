#include <sigrelay/relay/chunk_guard.h>
#include <sigrelay/relay/head_guard.h>

#include "fuzz.h"

#define BODY_MAX 4096

/* Both guards over a request that comes in two pieces. */
struct guards {
	struct head_guard head;
	struct chunk_guard chunks;
	size_t in_head;
};

static void feed(struct guards *g, const char *p, size_t n)
{
	size_t used = g->head.bad ? 0 : guard_feed(&g->head, p, n);
	HOLDS(used <= n && (used == n || guard_done(&g->head) || g->head.bad));
	g->in_head += used;
	if (!g->head.bad && guard_done(&g->head) && g->head.has_coding)
		chunk_guard_feed(&g->chunks, p + used, n - used);
}

static struct guards feed_both(struct slice text, size_t cut)
{
	struct guards g = { .in_head = 0 };
	guard_begin(&g.head, BODY_MAX);
	chunk_guard_begin(&g.chunks, BODY_MAX);
	feed(&g, text.p, cut);
	feed(&g, text.p + cut, text.n - cut);
	return g;
}

/* What was found good has no byte that another server could read in another way. */
static void is_plain(struct slice head)
{
	HOLDS(slice_ends(head, "\r\n\r\n"));
	HOLDS(!memchr(head.p, '\0', head.n) && head.n <= GUARD_HEAD_MAX);
	for (size_t i = 0; i < head.n; i++) {
		HOLDS(head.p[i] != '\n' || (i > 0 && head.p[i - 1] == '\r'));
		HOLDS(head.p[i] != '\r' || (i + 1 < head.n && head.p[i + 1] == '\n'));
		HOLDS(head.p[i] != '\n' || i + 1 == head.n ||
		      (head.p[i + 1] != ' ' && head.p[i + 1] != '\t'));
	}
}

static void is_fine(const struct guards *g, struct slice text)
{
	is_plain((struct slice){ text.p, g->in_head });
	HOLDS(!(g->head.has_length && g->head.has_coding));
	HOLDS(g->head.length <= BODY_MAX);
	HOLDS(g->head.posts || (g->head.length == 0 && !g->head.has_coding));
	HOLDS(!g->chunks.bad || g->chunks.status);
}

/* The first byte says where it is cut. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct slice text = { (const char *)data + 1, size - 1 };
	struct guards whole = feed_both(text, 0), cut = feed_both(text, text.n * data[0] / 256);
	HOLDS(whole.head.bad == cut.head.bad && whole.head.status == cut.head.status);
	HOLDS(!whole.head.bad == !whole.head.status);
	if (whole.head.bad)
		return 0;
	HOLDS(whole.head.at == cut.head.at && whole.head.length == cut.head.length);
	HOLDS(whole.chunks.bad == cut.chunks.bad && whole.chunks.at == cut.chunks.at);
	if (guard_done(&whole.head))
		is_fine(&whole, text);
	return 0;
}
