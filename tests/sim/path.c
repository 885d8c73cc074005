/* The ways without the relay: straight to the service, or through a load
 * balancer that repeats whatever fails three times without a wait (HAProxy's
 * `retries 3` with `retry-on all-retryable-errors`). */
#include "world.h"

#define BLIND_TRIES 4 /* the first and three retries */
#define BLIND_TIMEOUT (30 * USEC_PER_SEC)

static void send(struct job *j);

static bool blind_repeats(const struct job *j, const struct result *r)
{
	if (j->world->plan->mode != MODE_BLIND || j->path_tries >= BLIND_TRIES)
		return false;
	return r->transport != TRANSPORT_DONE || (r->status >= 500 && r->status <= 504 && r->status != 501);
}

static void on_done(struct call *c, const struct result *r)
{
	struct job *j = c->owner;
	if (blind_repeats(j, r)) {
		send(j);
		return;
	}
	struct result last = *r;
	/* What the balancer says when nothing answered it. */
	if (j->world->plan->mode == MODE_BLIND && last.transport != TRANSPORT_DONE)
		last = (struct result){ .transport = TRANSPORT_DONE, .status = 502, .retry_after = -1 };
	job_answered(j, &last);
}

static void send(struct job *j)
{
	bool blind = j->world->plan->mode == MODE_BLIND;
	j->path_tries++;
	model_call(&j->world->model, &j->call, blind ? BLIND_TIMEOUT : USEC_NEVER);
}

static void direct_ask(struct job *j, enum rpc rpc)
{
	j->call = (struct call){
		.rpc = rpc,
		.leaf = j->leaf,
		.token_exp = j->token_exp,
		.shared_address = j->world->plan->mode == MODE_BLIND,
		.done = on_done,
		.owner = j,
	};
	j->path_tries = 0;
	send(j);
}

static bool past_the_relay(const struct job *j, enum rpc rpc)
{
	return (!j->own && !j->world->shared) || (rpc == RPC_SIGN && j->kind->sign_direct);
}

void path_ask(struct job *j, enum rpc rpc)
{
	j->asking = true;
	if (past_the_relay(j, rpc))
		direct_ask(j, rpc);
	else
		relay_path_ask(j, rpc);
}

void path_drop(struct job *j)
{
	if (!j->asking)
		return;
	j->asking = false;
	if (j->talk)
		relay_path_drop(j);
	else
		model_cancel(&j->call);
}
