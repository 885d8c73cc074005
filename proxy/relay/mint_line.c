#include <sigrelay/relay/mint_line.h>

#include <sigrelay/relay/fleet.h>
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

static void went(struct relay *r, struct mint_ticket *t)
{
	mint_went(&r->mint.mint, &log_gate(r)->breaker[SIDE_WRITE], r->now.mono);
	t->went = r->now.mono;
	t->counted = true;
}

static struct mint_ticket *ticket_of(struct heap_node *n)
{
	return heap_owner(n, struct mint_ticket, node);
}

/* The earliest in line whose deadline leaves MINT_ROOM for a certificate and its
 * create, else the latest deadline: in a crowd the first in line is always about to
 * give up, and its turn would be lost. */
static struct mint_ticket *pick(const struct relay *r)
{
	const struct heap *h = &r->mint.line;
	usec enough = usec_add(r->now.mono, MINT_ROOM);
	struct mint_ticket *best = heap_top(h) ? ticket_of(heap_top(h)) : NULL;
	if (!best || best->deadline >= enough)
		return best;
	for (size_t i = 1; i < h->n; i++) {
		struct mint_ticket *t = ticket_of(h->v[i]);
		bool better = best->deadline < enough ? t->deadline > best->deadline
						      : t->deadline >= enough && t->node.key < best->node.key;
		if (better)
			best = t;
	}
	return best;
}

bool mint_line_wants_lease(const struct relay *r)
{
	const struct gate *g = log_gate(r);
	return r->mint.line.n && mint_wants_lease(&r->mint.mint, &g->breaker[SIDE_WRITE],
						  gate_in_line(g, SIDE_WRITE), r->now.mono);
}

static void ask_fleet(struct relay *r)
{
	if (r->fleet)
		fleet_wants(r->fleet, &r->upstream[SERVICE_REKOR]);
}

static void pump_once(struct relay *r)
{
	struct mint_ticket *t;
	usec wake = USEC_NEVER;
	while ((t = pick(r)) && may(r, &wake)) {
		heap_remove(&r->mint.line, &t->node);
		went(r, t);
		t->go(t);
	}
	if (t && wake != USEC_NEVER)
		timer_set(&r->mint.wake, wake);
	else
		timer_clear(&r->mint.wake);
	ask_fleet(r);
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

bool mint_line_pass(struct relay *r, struct mint_ticket *t, usec deadline, usec order)
{
	usec wake = USEC_NEVER;
	bool first = !heap_top(&r->mint.line);
	t->deadline = deadline;
	if (first && may(r, &wake)) {
		went(r, t);
		return true;
	}
	/* Without memory for the line the gate stands open: better one certificate
	 * too many than a signature less. */
	if (heap_add(&r->mint.line, &t->node, order) != STATUS_OK)
		return true;
	/* Never go from in here: the caller is still setting its flight up. */
	if (first && wake != USEC_NEVER)
		timer_set(&r->mint.wake, wake);
	ask_fleet(r);
	return false;
}

void mint_line_leave(struct relay *r, struct mint_ticket *t)
{
	heap_remove(&r->mint.line, &t->node);
}

void mint_line_lost(struct relay *r, struct mint_ticket *t)
{
	if (!t->counted)
		return;
	t->counted = false;
	mint_lost(&r->mint.mint, t->went, r->now.mono);
	mint_line_pump(r);
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
