#include "model.h"

#include <stdlib.h>

#include <sigrelay/policy/backoff.h>

#define MSEC USEC_PER_MSEC
#define SEC USEC_PER_SEC
#define WRITE_TIMEOUT (30 * SEC) /* the log's own: an answer later than this is an empty reply */

static const struct {
	const char *word;
	bool down;
} faults[FAULT_COUNT] = {
#define X(sym, word, down) [sym] = { word, down },
	FAULTS(X)
#undef X
};

const char *fault_word(enum fault f)
{
	return faults[f].word;
}

bool fault_is_down(enum fault f)
{
	return faults[f].down;
}

void model_init(struct model *m, const struct model_config *cfg, struct timers *timers, uint64_t seed,
		const struct instant *now)
{
	*m = (struct model){ .cfg = *cfg, .timers = timers, .now = now, .began = now->mono, .second = -1 };
	m->address_tokens = cfg->address_burst;
	m->address_at = now->mono;
	heap_init(&m->queued);
	rng_seed(&m->rng, seed);
}

void model_release(struct model *m)
{
	heap_release(&m->queued);
}

usec model_recovery(const struct model *m)
{
	usec at = m->began;
	for (unsigned i = 0; i < m->cfg.spell_count; i++)
		at = usec_max(at, m->cfg.spells[i].until);
	return usec_max(at, m->down_until);
}

static bool is_write(enum rpc rpc)
{
	return rpc == RPC_SIGN || rpc == RPC_STAMP || rpc == RPC_CREATE;
}

static enum service service_of(enum rpc rpc)
{
	return rpc == RPC_SIGN ? SERVICE_FULCIO : rpc == RPC_STAMP ? SERVICE_TSA : SERVICE_REKOR;
}

/* The spell of this kind that reigns at a moment, or NULL. */
static const struct spell *spell_at(const struct model *m, enum service s, bool down, bool write, usec at)
{
	for (unsigned i = 0; i < m->cfg.spell_count; i++) {
		const struct spell *p = &m->cfg.spells[i];
		if (p->service == s && fault_is_down(p->fault) == down && at >= p->from && at < p->until &&
		    (write || !p->writes_only))
			return p;
	}
	return NULL;
}

static bool weak_at(const struct model *m, usec at)
{
	if (at < m->weak_until)
		return true;
	for (unsigned i = 0; i < m->cfg.spell_count; i++) {
		const struct spell *p = &m->cfg.spells[i];
		if (p->service == SERVICE_REKOR && fault_is_down(p->fault) && at >= p->until &&
		    at < p->until + m->cfg.weak_for)
			return true;
	}
	return false;
}

/* Integration stands still while the log is down or its signer pauses. */
static usec integration(struct model *m, usec queued, bool *held)
{
	usec at = queued + (m->cfg.quick ? backoff_between(5 * MSEC, 50 * MSEC, &m->rng)
					 : backoff_between(200 * MSEC, 2 * SEC, &m->rng));
	for (unsigned i = 0; i < m->cfg.spell_count; i++) {
		const struct spell *p = &m->cfg.spells[i];
		if (p->service != SERVICE_REKOR || at < p->from || at >= p->until ||
		    (p->fault != FAULT_PAUSE && !fault_is_down(p->fault)))
			continue;
		*held = true;
		at = p->until + backoff_between(50 * MSEC, SEC, &m->rng);
		i = UINT32_MAX; /* the next moment may lie in another one: from the first again */
	}
	return at;
}

bool leaf_is_integrated(const struct leaf *l, usec now)
{
	return l && l->integrated_at <= now;
}

int64_t leaf_time(const struct leaf *l, const struct instant *now)
{
	return (now->wall - now->mono + l->integrated_at) / SEC + l->skew;
}

/* True: something keeps it from being integrated at once. */
static bool queue(struct model *m, struct leaf *l)
{
	bool held = false;
	l->posts++;
	l->integrated_at = integration(m, m->now->mono, &held);
	l->skew = m->cfg.skew;
	if (heap_add(&m->queued, &l->queued, l->integrated_at) != STATUS_OK)
		abort();
	return held;
}

void model_queue(struct model *m, struct leaf *l)
{
	(void)queue(m, l);
}

unsigned model_tree_size(struct model *m)
{
	struct heap_node *n;
	while ((n = heap_top(&m->queued)) && n->key <= m->now->mono) {
		heap_remove(&m->queued, n);
		m->tree++;
	}
	return m->tree;
}

static void answer(struct call *c, int status, usec at)
{
	c->result = (struct result){ .transport = TRANSPORT_DONE, .status = status, .retry_after = -1 };
	timer_set(&c->timer, at);
}

static void fail(struct call *c, enum transport t, usec at)
{
	c->result = (struct result){ .transport = t, .retry_after = -1 };
	timer_set(&c->timer, at);
}

/* Counts the arrival. False: more than the log takes in a second. */
static bool admit(struct model *m, enum rpc rpc, bool is_down)
{
	struct tally *t = &m->tally;
	usec now = m->now->mono;
	int64_t second = (now - m->began) / SEC;
	if (second != m->second) {
		m->second = second;
		m->in_second = 0;
	}
	m->in_second++;
	t->requests++;
	t->in_outage += is_down;
	if (second < SECONDS_MAX) {
		t->per_second[second]++;
		t->reads_per_second[second] += !is_write(rpc);
	}
	if (is_down)
		return true;
	bool weak = weak_at(m, now);
	unsigned takes = weak ? m->cfg.weak : m->cfg.capacity;
	double load = (double)m->in_second / takes;
	if (weak && load > t->worst_release)
		t->worst_release = load;
	if (m->cfg.fragile && m->in_second > 2 * takes) {
		m->down_until = now + m->cfg.collapse;
		m->weak_until = m->down_until + m->cfg.weak_for;
		t->collapses++;
	}
	return m->in_second <= takes;
}

/* nginx's limit_req in front of the public log. */
static bool address_may(struct model *m)
{
	usec now = m->now->mono;
	if (m->cfg.address_rate == 0)
		return true;
	m->address_tokens += (double)(now - m->address_at) / SEC * m->cfg.address_rate / 60;
	m->address_at = now;
	if (m->address_tokens > m->cfg.address_burst)
		m->address_tokens = m->cfg.address_burst;
	if (m->address_tokens < 1)
		return false;
	m->address_tokens -= 1;
	return true;
}

static void down(struct call *c, enum fault f, usec now)
{
	usec soon = now + backoff_between(5 * MSEC, 50 * MSEC, &c->model->rng);
	switch (f) {
	case FAULT_REFUSE:
		fail(c, TRANSPORT_CONNECT, soon);
		break;
	case FAULT_HANG:
		break; /* the time-out stands already */
	case FAULT_503:
		answer(c, 503, soon);
		c->result.retry_after = 5;
		break;
	case FAULT_502:
	case FAULT_FAIL:
	case FAULT_RESET:
	case FAULT_SLOW:
	case FAULT_DRAG:
	case FAULT_LOSE:
	case FAULT_JUNK:
	case FAULT_PAUSE:
	case FAULT_429:
	case FAULT_COUNT:
		answer(c, 502, soon);
		break;
	}
}

/* A POST waits for the integration; a leaf that is known already is a 409 at once. */
static void create(struct model *m, struct call *c, usec now)
{
	struct leaf *l = c->leaf;
	if (l->posts > 0) {
		l->posts++;
		answer(c, 409, now + backoff_between(2 * MSEC, 30 * MSEC, &m->rng));
		return;
	}
	bool held = queue(m, l);
	usec wait = (held ? 17500 : m->cfg.quick ? 30 : 300) * MSEC;
	usec at = l->integrated_at + backoff_between(20 * MSEC, wait, &m->rng);
	if (at - now > WRITE_TIMEOUT)
		fail(c, TRANSPORT_RESET, at);
	else
		answer(c, 201, at);
}

static void sign(struct model *m, struct call *c, usec now)
{
	usec at = now + backoff_between(80 * MSEC, 400 * MSEC, &m->rng);
	int64_t wall = m->now->wall / SEC;
	if (wall >= c->token_exp) {
		answer(c, 400, at);
		return;
	}
	m->tally.certificates++;
	answer(c, 201, at);
	c->result.not_before = wall;
}

static void serve(struct model *m, struct call *c, usec now)
{
	switch (c->rpc) {
	case RPC_CREATE:
		create(m, c, now);
		break;
	case RPC_SIGN:
		sign(m, c, now);
		break;
	case RPC_GET:
		answer(c, leaf_is_integrated(c->leaf, now) ? 200 : 404,
		       now + backoff_between(5 * MSEC, 60 * MSEC, &m->rng));
		break;
	case RPC_READ:
	case RPC_STAMP:
		answer(c, 200, now + backoff_between(5 * MSEC, 60 * MSEC, &m->rng));
		break;
	case RPC_COUNT:
		break;
	}
}

/* A fault that strikes before the service has done anything. True: it struck. */
static bool struck(struct model *m, struct call *c, const struct spell *p, usec now)
{
	usec soon = now + backoff_between(5 * MSEC, 300 * MSEC, &m->rng);
	if (p->fault == FAULT_FAIL)
		answer(c, 502, soon);
	else if (p->fault == FAULT_RESET)
		fail(c, TRANSPORT_RESET, soon);
	else if (p->fault == FAULT_429)
		answer(c, 429, soon);
	else
		return false;
	return true;
}

/* … and one that spoils the answer. */
static void spoil(struct model *m, struct call *c, const struct spell *p, usec now)
{
	if (p->fault == FAULT_LOSE && is_write(c->rpc)) {
		fail(c, TRANSPORT_RESET, c->timer.node.key);
	} else if (p->fault == FAULT_SLOW) {
		timer_set(&c->timer, now + backoff_between(10 * SEC, 40 * SEC, &m->rng));
	} else if (p->fault == FAULT_DRAG) {
		timer_set(&c->timer, now + 10 * (c->timer.node.key - now));
	} else if (p->fault == FAULT_JUNK && c->result.transport == TRANSPORT_DONE) {
		c->result.status = 200;
		c->result.junk = true;
	}
}

static void arrive(struct model *m, struct call *c)
{
	usec now = m->now->mono;
	bool write = is_write(c->rpc);
	enum service s = service_of(c->rpc);
	const struct spell *out = spell_at(m, s, true, write, now);
	bool log = s == SERVICE_REKOR;
	bool collapsed = log && now < m->down_until;
	bool room = !log || admit(m, c->rpc, out || collapsed);
	m->tally.by_rpc[c->rpc]++;
	if (log && c->shared_address && !address_may(m)) {
		answer(c, 429, now + 5 * MSEC);
		return;
	}
	if (out) {
		down(c, out->fault, now);
		return;
	}
	if (!room || collapsed || (log && now < m->down_until)) {
		answer(c, 503, now + backoff_between(5 * MSEC, 50 * MSEC, &m->rng));
		return;
	}
	const struct spell *p = spell_at(m, s, false, write, now);
	bool hit = p && rng_below(&m->rng, 100) < p->percent;
	if (hit && struck(m, c, p, now))
		return;
	serve(m, c, now);
	if (hit)
		spoil(m, c, p, now);
}

static void on_end(void *arg, usec now)
{
	struct call *c = arg;
	(void)now;
	timer_release(&c->timer);
	c->done(c, &c->result);
}

void model_call(struct model *m, struct call *c, usec timeout)
{
	usec now = m->now->mono;
	c->model = m;
	if (timer_init(m->timers, &c->timer, on_end, c) != STATUS_OK)
		abort();
	fail(c, TRANSPORT_TIMEOUT, usec_add(now, timeout));
	arrive(m, c);
	if (c->timer.node.key > usec_add(now, timeout))
		fail(c, TRANSPORT_TIMEOUT, usec_add(now, timeout));
}

void model_cancel(struct call *c)
{
	timer_release(&c->timer);
}
