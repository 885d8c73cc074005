#include <sigrelay/policy/gate.h>

static const char *const side_names[] = { [SIDE_READ] = "read", [SIDE_WRITE] = "write" };

const char *side_name(enum side s)
{
	return side_names[s];
}

/* What one side may hold of the cap: all but the eighth kept for the other. */
static unsigned side_cap(const struct gate *g)
{
	return g->cfg.max_in_flight - g->cfg.max_in_flight / 8;
}

static void adopt(struct gate *g, const struct gate_config *cfg)
{
	g->cfg = *cfg;
	if (g->cfg.max_in_flight == 0)
		g->cfg.max_in_flight = 1;
	g->cfg.breaker.max_in_flight = side_cap(g);
}

void gate_init(struct gate *g, const struct gate_config *cfg, struct rng *rng, usec now)
{
	*g = (struct gate){ .rng = rng };
	adopt(g, cfg);
	bucket_init(&g->bucket, cfg->rate_per_minute, cfg->rate_burst, now);
	budget_init(&g->budget, cfg->retry_budget, cfg->retry_budget_floor, now);
	for (unsigned s = 0; s < SIDE_COUNT; s++) {
		breaker_init(&g->breaker[s], &g->cfg.breaker, now);
		for (unsigned lane = 0; lane < LANE_COUNT; lane++)
			heap_init(&g->line[s][lane]);
	}
}

void gate_configure(struct gate *g, const struct gate_config *cfg, usec now)
{
	adopt(g, cfg);
	bucket_configure(&g->bucket, cfg->rate_per_minute, cfg->rate_burst, now);
	budget_configure(&g->budget, cfg->retry_budget, cfg->retry_budget_floor);
	for (unsigned s = 0; s < SIDE_COUNT; s++)
		breaker_configure(&g->breaker[s], &g->cfg.breaker);
}

void gate_release(struct gate *g)
{
	for (unsigned s = 0; s < SIDE_COUNT; s++)
		for (unsigned lane = 0; lane < LANE_COUNT; lane++)
			heap_release(&g->line[s][lane]);
}

void gate_ticket_init(struct gate_ticket *t, enum side side, usec deadline)
{
	*t = (struct gate_ticket){ .side = side, .deadline = deadline, .order = deadline };
}

enum status gate_wait(struct gate *g, struct gate_ticket *t)
{
	if (t->out)
		return STATUS_INVALID;
	if (heap_has(&t->node))
		return STATUS_OK;
	bool closed = g->breaker[t->side].state == BREAKER_CLOSED;
	t->lane = t->retry && closed ? LANE_RETRY : LANE_FIRST;
	t->probe = false;
	return heap_add(&g->line[t->side][t->lane], &t->node, t->order);
}

static void come_back(struct gate *g, struct gate_ticket *t)
{
	t->out = false;
	g->in_flight[t->side]--;
}

void gate_leave(struct gate *g, struct gate_ticket *t, usec now)
{
	heap_remove(&g->line[t->side][t->lane], &t->node);
	if (!t->out)
		return;
	come_back(g, t);
	breaker_report(&g->breaker[t->side], t->number, OUTCOME_CANCELLED, -1, now, g->rng);
}

/* What its outcome says of the rate. */
static void tell_rate(struct gate *g, enum outcome o, usec now)
{
	if (outcome_weight(o) != WEIGHT_NEUTRAL)
		bucket_answered(&g->bucket, outcome_weight(o) == WEIGHT_FAILURE, now);
}

bool gate_report(struct gate *g, struct gate_ticket *t, enum outcome o, usec retry_after, usec now)
{
	if (!t->out)
		return false;
	come_back(g, t);
	if (o == OUTCOME_THROTTLED)
		bucket_throttled(&g->bucket, now);
	struct breaker *b = &g->breaker[t->side];
	uint64_t since = b->limit.since;
	bool straggles = t->number < b->epoch;
	bool changed = breaker_report(b, t->number, o, retry_after, now, g->rng);
	if (changed && b->state == BREAKER_CLOSED)
		bucket_recovered(&g->bucket, now);
	else if (b->limit.since > since && o != OUTCOME_THROTTLED)
		bucket_slowed(&g->bucket, now);
	if (!straggles)
		tell_rate(g, o, now);
	return changed;
}

static struct gate_ticket *head(const struct gate *g, enum side side, enum gate_lane lane)
{
	struct heap_node *node = heap_top(&g->line[side][lane]);
	return node ? heap_owner(node, struct gate_ticket, node) : NULL;
}

static bool has_slot(const struct gate *g, enum side side)
{
	return g->in_flight[SIDE_READ] + g->in_flight[SIDE_WRITE] < g->cfg.max_in_flight &&
	       g->in_flight[side] < side_cap(g);
}

/* Is a's turn the better spent one? One that lives to tell: the earliest in order
 * of those with room for an answer, else the latest deadline of all. */
static bool lives_longer(const struct gate_ticket *a, const struct gate_ticket *b, usec enough)
{
	if (!b)
		return true;
	if (a->deadline < enough || b->deadline < enough)
		return a->deadline > b->deadline;
	return a->order < b->order;
}

/* The earliest in a lane whose deadline leaves room for an answer: where the line is
 * longer than its tickets live, the first in it is always about to give up, and a
 * turn given to it is lost. Walks the line only then. */
static struct gate_ticket *next_in(const struct gate *g, enum side side, enum gate_lane lane, usec now)
{
	struct gate_ticket *best = head(g, side, lane);
	usec enough = usec_add(now, GATE_SEND_ROOM);
	const struct heap *line = &g->line[side][lane];
	if (!best || best->deadline >= enough)
		return best;
	for (size_t i = 0; i < line->n; i++) {
		struct gate_ticket *t = heap_owner(line->v[i], struct gate_ticket, node);
		if (lives_longer(t, best, enough))
			best = t;
	}
	return best;
}

/* The earliest of a closed side, from both lanes; the retry lane is passed by
 * while the budget holds it back, and *wake is then when it will not. */
static struct gate_ticket *earliest(const struct gate *g, enum side side, usec now, usec *wake)
{
	struct gate_ticket *first = next_in(g, side, LANE_FIRST, now);
	struct gate_ticket *retry = next_in(g, side, LANE_RETRY, now);
	if (retry) {
		usec ready = budget_ready(&g->budget, now);
		if (ready > now) {
			*wake = ready;
			retry = NULL;
		}
	}
	if (!first || !retry)
		return first ? first : retry;
	return retry->order < first->order ? retry : first;
}

/* Walks the whole line, once a probe interval. The head of a crowd is always
 * about to expire: as the probe it would be given up each time before a slow
 * but working upstream has answered, and the breaker would never close. */
static struct gate_ticket *pick_probe(const struct gate *g, enum side side, usec now)
{
	struct gate_ticket *best = NULL;
	usec enough = usec_add(now, GATE_PROBE_ROOM);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		const struct heap *line = &g->line[side][lane];
		for (size_t i = 0; i < line->n; i++) {
			struct gate_ticket *t = heap_owner(line->v[i], struct gate_ticket, node);
			if (lives_longer(t, best, enough))
				best = t;
		}
	}
	return best;
}

/* Who would go next from this side; NULL with *wake when nobody may. Without a
 * slot or while a probe is out, the end of what is in flight wakes. */
static struct gate_ticket *candidate(const struct gate *g, enum side side, usec now, usec *wake)
{
	*wake = USEC_NEVER;
	if (!has_slot(g, side) || (!head(g, side, LANE_FIRST) && !head(g, side, LANE_RETRY)))
		return NULL;
	usec ready = breaker_wake(&g->breaker[side], now);
	if (ready > now) {
		*wake = ready;
		return NULL;
	}
	if (g->breaker[side].state == BREAKER_OPEN)
		return pick_probe(g, side, now);
	return earliest(g, side, now, wake);
}

static void let_through(struct gate *g, struct gate_ticket *t, usec now)
{
	struct breaker *b = &g->breaker[t->side];
	heap_remove(&g->line[t->side][t->lane], &t->node);
	t->number = breaker_send(b, now);
	t->probe = b->state == BREAKER_HALF_OPEN;
	t->out = true;
	g->in_flight[t->side]++;
	g->turn = t->side == SIDE_READ ? SIDE_WRITE : SIDE_READ;
	if (!t->retry)
		budget_deposit(&g->budget, now);
	else if (t->lane == LANE_RETRY && !t->probe)
		budget_take(&g->budget, now);
}

struct gate_ticket *gate_next(struct gate *g, usec now, usec *wake)
{
	struct gate_ticket *t = NULL;
	usec soonest = USEC_NEVER;
	for (unsigned i = 0; i < SIDE_COUNT && !t; i++) {
		usec at;
		t = candidate(g, (g->turn + i) % SIDE_COUNT, now, &at);
		soonest = usec_min(soonest, at);
	}
	if (t && !bucket_take(&g->bucket, now)) {
		t = NULL;
		soonest = bucket_ready(&g->bucket, now);
	}
	if (t)
		let_through(g, t, now);
	else
		*wake = soonest;
	if (!t && !gate_waiting(g))
		bucket_released(&g->bucket, now);
	return t;
}

bool gate_hear(struct gate *g, enum side side, usec interval, usec now)
{
	return breaker_hear(&g->breaker[side], interval, now, g->rng);
}

bool gate_hear_back(struct gate *g, enum side side, usec now)
{
	if (!breaker_hear_back(&g->breaker[side], now))
		return false;
	bucket_recovered(&g->bucket, now);
	return true;
}

bool gate_has_room(const struct gate *g, enum side side, usec now)
{
	return has_slot(g, side) && breaker_wake(&g->breaker[side], now) <= now;
}

size_t gate_in_line(const struct gate *g, enum side side)
{
	return g->line[side][LANE_FIRST].n + g->line[side][LANE_RETRY].n;
}

size_t gate_parked(const struct gate *g)
{
	size_t n = 0;
	for (enum side s = 0; s < SIDE_COUNT; s++)
		n += g->breaker[s].state == BREAKER_CLOSED ? 0 : gate_in_line(g, s);
	return n;
}

size_t gate_waiting(const struct gate *g)
{
	return gate_in_line(g, SIDE_READ) + gate_in_line(g, SIDE_WRITE);
}
