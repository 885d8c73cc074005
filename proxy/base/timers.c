#include <sigrelay/base/timers.h>

void timers_init(struct timers *ts)
{
	*ts = (struct timers){ 0 };
	heap_init(&ts->heap);
	heap_init(&ts->again);
}

void timers_release(struct timers *ts)
{
	heap_release(&ts->heap);
	heap_release(&ts->again);
	timers_init(ts);
}

enum status timer_init(struct timers *ts, struct timer *t, timer_fn *fn, void *arg)
{
	enum status st = heap_reserve(&ts->heap, ts->reserved + 1);
	if (st == STATUS_OK)
		st = heap_reserve(&ts->again, ts->reserved + 1);
	if (st != STATUS_OK)
		return st;
	ts->reserved++;
	*t = (struct timer){ .owner = ts, .fn = fn, .arg = arg };
	return STATUS_OK;
}

void timer_release(struct timer *t)
{
	if (!t->owner)
		return;
	timer_clear(t);
	t->owner->reserved--;
	t->owner = NULL;
}

void timer_clear(struct timer *t)
{
	size_t index = t->node.index;
	if (index == 0)
		return;
	struct heap *again = &t->owner->again;
	bool in_again = index <= again->n && again->v[index - 1] == &t->node;
	heap_remove(in_again ? again : &t->owner->heap, &t->node);
}

void timer_set(struct timer *t, usec at)
{
	struct timers *ts = t->owner;
	timer_clear(t);
	bool next_call = ts->running && at <= ts->now;
	/* Cannot fail: timer_init took the room. */
	enum status st = heap_add(next_call ? &ts->again : &ts->heap, &t->node, at);
	(void)st;
}

bool timer_pending(const struct timer *t)
{
	return heap_has(&t->node);
}

static usec top_key(const struct heap *h)
{
	const struct heap_node *top = heap_top(h);
	return top ? top->key : USEC_NEVER;
}

usec timers_next(const struct timers *ts)
{
	return usec_min(top_key(&ts->heap), top_key(&ts->again));
}

static void keep_for_next_call(struct timers *ts)
{
	struct heap_node *node;
	while ((node = heap_top(&ts->again))) {
		usec at = node->key;
		heap_remove(&ts->again, node);
		enum status st = heap_add(&ts->heap, node, at);
		(void)st; /* the room is there */
	}
}

void timers_run(struct timers *ts, usec now)
{
	if (ts->running) /* from a callback: its timers' turn is the next call */
		return;
	ts->running = true;
	ts->now = now;
	struct heap_node *node;
	while ((node = heap_top(&ts->heap)) && node->key <= now) {
		struct timer *t = heap_owner(node, struct timer, node);
		heap_remove(&ts->heap, node);
		t->fn(t->arg, now); /* t may be gone after this */
	}
	keep_for_next_call(ts);
	ts->running = false;
}
