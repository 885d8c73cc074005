#include "client.h"

#include <stdlib.h>
#include <string.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/policy/backoff.h>

#include "world.h"

#define S USEC_PER_SEC
#define NONE USEC_NEVER
#define RUN_LOOK (5 * S)       /* how often `run` looks whether the log is back */
#define RUN_PATIENCE (120 * S) /* … and when it tries all the same, so that somebody is the probe */
#define TOKEN_LIFE 300         /* seconds: what GitHub's token server gives */

const struct kind kinds[] = {
	{ "cosign 2.x",
	  "cosign/v2.6.4 (linux; amd64)",
	  { NONE, NONE, 1, { 0 }, false, false },
	  { NONE, NONE, 4, { 0, 0, 0 }, true, true },
	  true,
	  180 * S,
	  false },
	{ "cosign 3.1",
	  "sigstore-go/v1.2.1",
	  { 30 * S, NONE, 2, { S }, false, false },
	  { 90 * S, 90 * S, 2, { 0 }, true, true },
	  false,
	  NONE,
	  false },
	{ "sigstore-js",
	  "sigstore-js/4.1.1",
	  { 5 * S, NONE, 3, { S, 2 * S }, true, false },
	  { 5 * S, NONE, 3, { S, 2 * S }, true, false },
	  false,
	  NONE,
	  false },
	{ "npm publish",
	  "sigstore-js/4.1.1",
	  { 300 * S, NONE, 3, { 10 * S, 60 * S }, true, false },
	  { 300 * S, NONE, 3, { 10 * S, 60 * S }, true, false },
	  false,
	  NONE,
	  false },
	{ "sigstore-python",
	  "sigstore-python/4.5.0",
	  { NONE, NONE, 1, { 0 }, false, false },
	  { NONE, NONE, 1, { 0 }, false, false },
	  false,
	  NONE,
	  false },
	{ "sigstore-java",
	  "sigstoreJavaClient/2.2",
	  { 60 * S, NONE, 1, { 0 }, false, false },
	  { 60 * S, NONE, 4, { S / 2, S, 2 * S }, true, true },
	  false,
	  NONE,
	  true },
	{ "gitsign",
	  "gitsign/v0.17.0",
	  { NONE, NONE, 1, { 0 }, false, false },
	  { NONE, 30 * S, 4, { 0, 0, 0 }, true, true },
	  true,
	  NONE,
	  false },
};
const unsigned kind_count = sizeof(kinds) / sizeof(kinds[0]);

const struct kind *kind_named(const char *name)
{
	for (unsigned i = 0; i < kind_count; i++) {
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	}
	return NULL;
}

static const struct manners LOOKUP = { 30 * S, NONE, 1, { 0 }, false, false };

static usec now_of(const struct job *j)
{
	return j->world->now.mono;
}

static const struct manners *manners_of(const struct job *j)
{
	return j->step == STEP_SIGN ? &j->kind->sign : j->step == STEP_CREATE ? &j->kind->create : &LOOKUP;
}

static enum rpc rpc_of(enum step s)
{
	return s == STEP_SIGN ? RPC_SIGN : s == STEP_CREATE ? RPC_CREATE : RPC_GET;
}

static void job_end(struct job *j, bool good)
{
	j->ended = true;
	if (good)
		j->signed_at = now_of(j);
	timer_clear(&j->next);
	j->world->open_jobs--;
}

/* How the wrapper goes on after a failed command; false: not at all. */
static bool run_again(struct job *j)
{
	struct world *w = j->world;
	usec now = now_of(j);
	if (w->plan->mode == MODE_BASH && j->runs < 5) {
		timer_set(&j->next, now + backoff_between(10 * S, 60 * S, &w->rng));
		return true;
	}
	if (w->plan->mode != MODE_RELAY_RUN || now >= j->arrived + w->plan->run_for)
		return false;
	j->waits_since = now;
	timer_set(&j->next, now + backoff_between(S, RUN_LOOK, &w->rng));
	return true;
}

static void command_end(struct job *j, bool good)
{
	path_drop(j);
	j->command_on = false;
	j->step = STEP_IDLE;
	timer_clear(&j->limit);
	timer_clear(&j->command_limit);
	if (good || !run_again(j))
		job_end(j, good);
}

/* One try of the present step, bounded by its own time-out and the step's. */
static void ask(struct job *j)
{
	const struct manners *m = manners_of(j);
	usec now = now_of(j);
	usec until = usec_min(usec_add(now, m->timeout), usec_add(j->step_began, m->total));
	j->tries++;
	j->asked_at = now;
	if (until != USEC_NEVER)
		timer_set(&j->limit, until);
	path_ask(j, rpc_of(j->step));
}

static void begin_step(struct job *j, enum step s)
{
	j->step = s;
	j->tries = 0;
	j->step_began = now_of(j);
	ask(j);
}

static void command_begin(struct job *j)
{
	struct world *w = j->world;
	j->runs++;
	j->command_on = true;
	j->token_exp = w->now.wall / S + TOKEN_LIFE;
	/* Through the relay, run and env set COSIGN_TIMEOUT to what it may need. */
	bool own_limit = w->plan->mode < MODE_RELAY && j->kind->command != NONE;
	if (own_limit)
		timer_set(&j->command_limit, now_of(j) + j->kind->command);
	if (w->plan->impatient && rng_below(&w->rng, 4) == 0)
		timer_set(&j->command_limit, now_of(j) + backoff_between(0, 90 * S, &w->rng));
	begin_step(j, STEP_SIGN);
}

static struct leaf *leaf_new(struct job *j)
{
	struct world *w = j->world;
	struct leaf *l = mem_calloc(1, sizeof(*l));
	if (!l)
		abort();
	l->number = w->next_leaf++;
	l->not_before = j->not_before;
	l->integrated_at = USEC_NEVER;
	l->next = w->leaves;
	w->leaves = l;
	return l;
}

/* The verifier's own rule: the log took it while the certificate lived. (A 201
 * of the relay's is held against it in relay_path.c; a lookup may show any.) */
static void entry_taken(struct job *j)
{
	int64_t at = leaf_time(j->leaf, &j->world->now);
	bool good = leaf_is_integrated(j->leaf, now_of(j)) && at >= j->leaf->not_before &&
		    at <= j->leaf->not_before + CERTIFICATE_LIFE;
	command_end(j, good);
}

static void good_answer(struct job *j, const struct result *r)
{
	if (j->step != STEP_SIGN) {
		entry_taken(j);
		return;
	}
	j->not_before = r->not_before;
	j->leaf = leaf_new(j);
	begin_step(j, STEP_CREATE);
}

static bool may_retry(const struct job *j, const struct result *r)
{
	const struct manners *m = manners_of(j);
	if (j->tries >= m->tries || now_of(j) >= usec_add(j->step_began, m->total))
		return false;
	if (r->transport != TRANSPORT_DONE)
		return m->after_break;
	return r->status == 429 || r->status == 408 || (r->status >= 500 && r->status != 501);
}

static bool is_good(const struct result *r)
{
	return r->transport == TRANSPORT_DONE && (r->status == 200 || r->status == 201) && !r->junk;
}

void job_answered(struct job *j, const struct result *r)
{
	const struct manners *m = manners_of(j);
	j->asking = false;
	timer_clear(&j->limit);
	if (is_good(r)) {
		good_answer(j, r);
		return;
	}
	if (j->step == STEP_CREATE && r->status == 409 && j->kind->looks_up) {
		begin_step(j, STEP_LOOKUP);
		return;
	}
	if (!may_retry(j, r)) {
		command_end(j, false);
		return;
	}
	usec wait = m->wait[j->tries - 1];
	if (m->retry_after && r->retry_after >= 0 && (r->status == 429 || r->status == 503))
		wait = r->retry_after * S;
	timer_set(&j->next, usec_min(now_of(j) + wait, usec_add(j->step_began, m->total)));
}

static void on_limit(void *arg, usec now)
{
	struct job *j = arg;
	(void)now;
	path_drop(j);
	job_answered(j, &(struct result){ .transport = TRANSPORT_TIMEOUT, .retry_after = -1 });
}

static void on_command_limit(void *arg, usec now)
{
	(void)now;
	command_end(arg, false);
}

/* `run` waits for the recovery, which the shared relay's breaker shows. */
static bool still_down(const struct job *j)
{
	return j->runs > 0 && j->world->plan->mode == MODE_RELAY_RUN && !relay_path_closed(j->world) &&
	       now_of(j) < j->waits_since + RUN_PATIENCE;
}

static void on_next(void *arg, usec now)
{
	struct job *j = arg;
	const struct manners *m = manners_of(j);
	if (!j->command_on && still_down(j))
		timer_set(&j->next, now + RUN_LOOK);
	else if (!j->command_on)
		command_begin(j);
	else if (now >= usec_add(j->step_began, m->total))
		command_end(j, false); /* its own time ran out while it slept */
	else
		ask(j);
}

void job_init(struct job *j, struct world *w, uint32_t number, const struct kind *kind, usec arrival)
{
	*j = (struct job){ .world = w, .kind = kind, .number = number, .arrived = arrival };
	j->signed_at = USEC_NEVER;
	if (timer_init(&w->timers, &j->next, on_next, j) != STATUS_OK ||
	    timer_init(&w->timers, &j->limit, on_limit, j) != STATUS_OK ||
	    timer_init(&w->timers, &j->command_limit, on_command_limit, j) != STATUS_OK)
		abort();
	timer_set(&j->next, arrival);
}

void job_release(struct job *j)
{
	path_drop(j);
	timer_release(&j->next);
	timer_release(&j->limit);
	timer_release(&j->command_limit);
}
