#include <sigrelay/relay/mint_line.h>

static bool may(struct mint_line *m, usec now, usec *wake)
{
	return mint_may(&m->mint, &m->log->breaker[SIDE_WRITE], gate_in_line(m->log, SIDE_WRITE), now, wake);
}

static void went(struct mint_line *m, struct mint_ticket *t, usec now)
{
	mint_went(&m->mint, &m->log->breaker[SIDE_WRITE], now);
	t->went = now;
	t->counted = true;
}

static struct mint_ticket *ticket_of(struct heap_node *n)
{
	return heap_owner(n, struct mint_ticket, node);
}

/* The earliest in line whose deadline leaves MINT_ROOM for a certificate and its
 * create, else the latest deadline: in a crowd the first in line is always about to
 * give up, and its turn would be lost. */
static struct mint_ticket *pick(const struct mint_line *m, usec now)
{
	const struct heap *h = &m->line;
	usec enough = usec_add(now, MINT_ROOM);
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

bool mint_line_wants_lease(const struct mint_line *m, usec now)
{
	return m->line.n && mint_wants_lease(&m->mint, &m->log->breaker[SIDE_WRITE],
					     gate_in_line(m->log, SIDE_WRITE), now);
}

static void pump_once(struct mint_line *m, usec now)
{
	struct mint_ticket *t;
	usec wake = USEC_NEVER;
	while ((t = pick(m, now)) && may(m, now, &wake)) {
		heap_remove(&m->line, &t->node);
		went(m, t, now);
		t->go(t);
	}
	if (t && wake != USEC_NEVER)
		timer_set(&m->wake, wake);
	else
		timer_clear(&m->wake);
	m->wants(m->arg);
}

void mint_line_pump(struct mint_line *m, usec now)
{
	if (m->pumping) {
		m->pump_again = true;
		return;
	}
	m->pumping = true;
	do {
		m->pump_again = false;
		pump_once(m, now);
	} while (m->pump_again);
	m->pumping = false;
}

static void on_wake(void *arg, usec now)
{
	mint_line_pump(arg, now);
}

enum status mint_line_init(struct mint_line *m, struct timers *ts, const struct gate *log,
			   void (*wants)(void *arg), void *arg)
{
	m->log = log;
	m->wants = wants;
	m->arg = arg;
	heap_init(&m->line);
	return timer_init(ts, &m->wake, on_wake, m);
}

void mint_line_release(struct mint_line *m)
{
	timer_release(&m->wake);
	heap_release(&m->line);
}

bool mint_line_pass(struct mint_line *m, struct mint_ticket *t, usec deadline, usec order, usec now)
{
	usec wake = USEC_NEVER;
	bool first = !heap_top(&m->line);
	t->deadline = deadline;
	if (first && may(m, now, &wake)) {
		went(m, t, now);
		return true;
	}
	/* Without memory for the line the gate stands open: better one certificate
	 * too many than a signature less. */
	if (heap_add(&m->line, &t->node, order) != STATUS_OK)
		return true;
	/* Never go from in here: the caller is still setting its flight up. */
	if (first && wake != USEC_NEVER)
		timer_set(&m->wake, wake);
	m->wants(m->arg);
	return false;
}

void mint_line_leave(struct mint_line *m, struct mint_ticket *t)
{
	heap_remove(&m->line, &t->node);
}

void mint_line_lost(struct mint_line *m, struct mint_ticket *t, usec now)
{
	if (!t->counted)
		return;
	t->counted = false;
	mint_lost(&m->mint, t->went, now);
	mint_line_pump(m, now);
}

void mint_line_used(struct mint_line *m, usec now)
{
	mint_used(&m->mint);
	mint_line_pump(m, now);
}

size_t mint_line_waiting(const struct mint_line *m)
{
	return m->line.n;
}
