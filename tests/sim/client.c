#include "client.h"

#include <stdlib.h>
#include <string.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/policy/backoff.h>

#include "world.h"

#define S USEC_PER_SEC
#define NONE USEC_NEVER
#define TOKEN_LIFE 300 /* seconds: what GitHub's token server gives */

const struct kind kinds[] = {
	{ "cosign 2.x",
	  "cosign/v2.6.4 (linux; amd64)",
	  { NONE, NONE, 1, { 0 }, false, false },
	  { NONE, NONE, 4, { 0, 0, 0 }, true, true },
	  { 0 },
	  true,
	  180 * S,
	  false },
	{ "cosign 3.1",
	  "sigstore-go/v1.2.1",
	  { 30 * S, NONE, 2, { S }, false, false },
	  { 90 * S, 90 * S, 2, { 0 }, true, true },
	  { 30 * S, NONE, 2, { S }, false, false },
	  false,
	  NONE,
	  false },
	{ "sigstore-js",
	  "sigstore-js/4.1.1",
	  { 5 * S, NONE, 3, { S, 2 * S }, true, false },
	  { 5 * S, NONE, 3, { S, 2 * S }, true, false },
	  { 0 },
	  false,
	  NONE,
	  false },
	{ "npm publish",
	  "sigstore-js/4.1.1",
	  { 300 * S, NONE, 3, { 10 * S, 60 * S }, true, false },
	  { 300 * S, NONE, 3, { 10 * S, 60 * S }, true, false },
	  { 0 },
	  false,
	  NONE,
	  false },
	{ "sigstore-python",
	  "sigstore-python/4.5.0",
	  { NONE, NONE, 1, { 0 }, false, false },
	  { NONE, NONE, 1, { 0 }, false, false },
	  { 5 * S, NONE, 1, { 0 }, false, false },
	  false,
	  NONE,
	  false },
	{ "sigstore-java",
	  "sigstoreJavaClient/2.2",
	  { 60 * S, NONE, 1, { 0 }, false, false },
	  { 60 * S, NONE, 4, { S / 2, S, 2 * S }, true, true },
	  { 60 * S, NONE, 4, { S / 2, S, 2 * S }, true, true },
	  false,
	  NONE,
	  true },
	{ "gitsign",
	  "gitsign/v0.17.0",
	  { NONE, NONE, 1, { 0 }, false, false },
	  { NONE, 30 * S, 4, { 0, 0, 0 }, true, true },
	  { 0 },
	  true,
	  NONE,
	  false },
};
const unsigned kind_count = sizeof(kinds) / sizeof(kinds[0]);

static const struct manners LOOKUP = { 30 * S, NONE, 1, { 0 }, false, false };

static usec now_of(const struct job *j)
{
	return j->world->now.mono;
}

static const struct manners *manners_of(const struct job *j)
{
	switch (j->step) {
	case STEP_SIGN:
		return &j->kind->sign;
	case STEP_STAMP:
		return &j->kind->stamp;
	case STEP_CREATE:
		return &j->kind->create;
	case STEP_IDLE:
	case STEP_LOOKUP:
		break;
	}
	return &LOOKUP;
}

static enum rpc rpc_of(enum step s)
{
	return s == STEP_SIGN     ? RPC_SIGN
	       : s == STEP_STAMP  ? RPC_STAMP
	       : s == STEP_CREATE ? RPC_CREATE
				  : RPC_GET;
}

static void job_end(struct job *j, bool good)
{
	j->ended = true;
	if (good)
		j->signed_at = now_of(j);
	j->world->open_jobs--;
	/* `run` ends, and its relay with it: not from inside of that relay. */
	timer_clear(&j->next);
	if (j->own)
		timer_set(&j->next, now_of(j));
}

void job_give_up(struct job *j)
{
	job_end(j, false);
}

/* The loop in bash, before the next of its runs; false: that was the last. */
static bool sleeps(struct job *j)
{
	struct world *w = j->world;
	if (w->plan->mode != MODE_BASH || j->runs == 5)
		return false;
	timer_set(&j->next, now_of(j) + backoff_between(10 * S, 60 * S, &w->rng));
	return true;
}

static void command_end(struct job *j, bool good)
{
	bool again = !good && !j->killed && j->own && rerun_wants(j);
	path_drop(j);
	j->command_on = false;
	j->step = STEP_IDLE;
	timer_clear(&j->limit);
	timer_clear(&j->command_limit);
	if (again)
		rerun_begin(j);
	else if (good || j->killed || !sleeps(j))
		job_end(j, good);
}

/* One try of the present step, bounded by its own time-out and the step's. */
static void ask(struct job *j)
{
	const struct manners *m = manners_of(j);
	usec now = now_of(j);
	usec until = usec_min(usec_add(now, m->timeout), usec_add(j->step_began, m->total));
	j->tries++;
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

/* From what it has on. */
static void begin_work(struct job *j)
{
	struct world *w = j->world;
	if (w->plan->start == START_FRESH) {
		begin_step(j, STEP_SIGN);
		return;
	}
	j->not_before = w->now.wall / S;
	j->leaf = leaf_new(j);
	if (w->plan->start == START_QUEUED)
		model_queue(&w->model, j->leaf);
	begin_step(j, STEP_CREATE);
}

void job_run(struct job *j)
{
	struct world *w = j->world;
	j->runs++;
	j->command_on = true;
	j->token_exp = w->now.wall / S + TOKEN_LIFE;
	/* Through the relay, run and env set COSIGN_TIMEOUT to what it may need. */
	bool relayed = mode_has_own(w->plan->mode) || mode_has_shared(w->plan->mode);
	if (!relayed && j->kind->command != NONE)
		timer_set(&j->command_limit, now_of(j) + j->kind->command);
	if (w->plan->impatient && rng_below(&w->rng, 4) == 0)
		timer_set(&j->command_limit, now_of(j) + backoff_between(0, 90 * S, &w->rng));
	if (j->own)
		rerun_before(j);
	begin_work(j);
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
	if (j->step == STEP_SIGN) {
		j->not_before = r->not_before;
		j->leaf = leaf_new(j);
	}
	if (j->step == STEP_SIGN && j->kind->stamp.tries)
		begin_step(j, STEP_STAMP);
	else if (j->step == STEP_SIGN || j->step == STEP_STAMP)
		begin_step(j, STEP_CREATE);
	else
		entry_taken(j);
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
	struct job *j = arg;
	(void)now;
	j->killed = j->world->plan->impatient;
	command_end(j, false);
}

static void own_close(struct job *j)
{
	if (!j->own)
		return;
	rerun_cancel(j);
	relay_path_free(j->own, NULL);
	j->own = NULL;
}

/* `run` comes up, its relay first. */
static void arrive(struct job *j)
{
	struct world *w = j->world;
	if (mode_has_own(w->plan->mode))
		j->own = relay_path_new(w, w->shared, w->plan->seed + j->number + 1);
	job_run(j);
}

static void on_next(void *arg, usec now)
{
	struct job *j = arg;
	const struct manners *m = manners_of(j);
	if (j->ended)
		own_close(j);
	else if (j->wait.on)
		rerun_look(j);
	else if (!j->command_on && j->runs == 0)
		arrive(j);
	else if (!j->command_on)
		job_run(j);
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
	own_close(j);
	timer_release(&j->next);
	timer_release(&j->limit);
	timer_release(&j->command_limit);
}
