#include <sigrelay/relay/mint_line.h>

#include <sigrelay/relay/relay.h>

static const struct gate *log_gate(const struct relay *r)
{
	return &r->upstream[SERVICE_REKOR].gate;
}

static bool may(struct relay *r, usec *wake)
{
	const struct gate *g = log_gate(r);
	return mint_may(&r->mint.mint, &g->breaker[SIDE_WRITE], gate_in_line(g, SIDE_WRITE), r->now.mono,
			wake);
}

static void went(struct relay *r)
{
	mint_went(&r->mint.mint, &log_gate(r)->breaker[SIDE_WRITE], r->now.mono);
}

/* The earliest deadline that leaves MINT_ROOM for a certificate and its create,
 * else the latest: in a crowd the first in line is always about to give up, and
 * its turn would be lost. */
static struct heap_node *pick(const struct relay *r)
{
	const struct heap *h = &r->mint.line;
	usec enough = usec_add(r->now.mono, MINT_ROOM);
	struct heap_node *best = heap_top(h);
	if (!best || best->key >= enough)
		return best;
	for (size_t i = 1; i < h->n; i++) {
		struct heap_node *n = h->v[i];
		bool better =
		    best->key < enough ? n->key > best->key : n->key >= enough && n->key < best->key;
		if (better)
			best = n;
	}
	return best;
}

static void pump_once(struct relay *r)
{
	struct heap_node *n;
	usec wake = USEC_NEVER;
	while ((n = pick(r)) && may(r, &wake)) {
		struct mint_ticket *t = heap_owner(n, struct mint_ticket, node);
		heap_remove(&r->mint.line, n);
		went(r);
		t->go(t);
	}
	if (n && wake != USEC_NEVER)
		timer_set(&r->mint.wake, wake);
	else
		timer_clear(&r->mint.wake);
}

void mint_line_pump(struct relay *r)
{
	struct mint_line *m = &r->mint;
	if (m->pumping) {
		m->pump_again = true;
		return;
	}
	m->pumping = true;
	do {
		m->pump_again = false;
		pump_once(r);
	} while (m->pump_again);
	m->pumping = false;
}

static void on_wake(void *arg, usec now)
{
	(void)now;
	mint_line_pump(arg);
}

enum status mint_line_init(struct relay *r)
{
	heap_init(&r->mint.line);
	return timer_init(&r->timers, &r->mint.wake, on_wake, r);
}

void mint_line_release(struct relay *r)
{
	timer_release(&r->mint.wake);
	heap_release(&r->mint.line);
}

bool mint_line_pass(struct relay *r, struct mint_ticket *t, usec deadline)
{
	usec wake = USEC_NEVER;
	bool first = !heap_top(&r->mint.line);
	if (first && may(r, &wake)) {
		went(r);
		return true;
	}
	/* Without memory for the line the gate stands open: better one certificate
	 * too many than a signature less. */
	if (heap_add(&r->mint.line, &t->node, deadline) != STATUS_OK)
		return true;
	/* Never go from in here: the caller is still setting its flight up. */
	if (first && wake != USEC_NEVER)
		timer_set(&r->mint.wake, wake);
	return false;
}

void mint_line_leave(struct relay *r, struct mint_ticket *t)
{
	heap_remove(&r->mint.line, &t->node);
}

void mint_line_used(struct relay *r)
{
	mint_used(&r->mint.mint);
	mint_line_pump(r);
}

size_t mint_line_waiting(const struct relay *r)
{
	return r->mint.line.n;
}
