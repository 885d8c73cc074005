/* The network of a relay: to the services as the model has them, or to another
 * relay. What goes out is watched here. */
#include <stdlib.h>
#include <string.h>

#include <sigrelay/base/log.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/sigstore/route.h>

#include "relay_inside.h"

#define HOP USEC_PER_MSEC /* an answer's way from one relay to the other */

static void line_close(struct line *l)
{
	l->path->lines--;
	timer_release(&l->timer);
	mem_free(l);
}

static void line_ends(struct line *l, enum transport t, struct answer *answer)
{
	struct attempt *a = l->attempt;
	struct relay_path *p = l->path;
	log_event(LOG_DEBUG, "gets", LOG_S("target", a->target), LOG_S("request", a->request->id),
		  LOG_D("transport", t), LOG_D("status", answer ? answer->status : 0));
	line_close(l);
	a->port = NULL;
	relay_path_enter(p);
	a->done(a, t, answer, "the network failed");
	relay_path_leave(p);
}

/* ---- what goes out ---- */

/* Probes bounded: while a side is not closed, one request a probe interval. */
static void watch_send(struct relay_path *p, const struct attempt *a)
{
	struct relay *r = &p->relay;
	struct watch *w = &p->watch[a->ticket.side];
	usec now = r->now.mono;
	p->attempts++;
	p->repeats += a->ticket.retry;
	p->budgeted += a->ticket.retry && a->ticket.lane == LANE_RETRY;
	if (relay_breaker(r, a->service, a->ticket.side) == BREAKER_CLOSED) {
		w->last_probe = 0;
		return;
	}
	if (w->last_probe && now - w->last_probe < r->cfg.gate.breaker.probe_interval)
		found(p->world, "two probes of the %s side within %lld ms", side_name(a->ticket.side),
		      (long long)((now - w->last_probe) / USEC_PER_MSEC));
	w->last_probe = now;
}

/* No POST goes out for a certificate that has ended: at best it is useless, at
 * worst it makes an entry that never verifies. */
static void watch_create(struct relay_path *p, struct leaf *l, const struct request *q)
{
	int64_t late = p->relay.now.wall / USEC_PER_SEC - l->not_before - CERTIFICATE_LIFE;
	bool first = l->sent_by != q;
	l->sent_by = q;
	if (late > 0)
		found(p->world, "leaf %u was posted %lld s after its certificate's end (%s; %s)", l->number,
		      (long long)late, first ? "the first attempt of an exchange" : "a retry",
		      l->posts > 0 ? "the log has it" : "the log gets it now");
}

static enum rpc rpc_of(const struct attempt *a)
{
	if (a->service != SERVICE_REKOR)
		return a->service == SERVICE_FULCIO ? RPC_SIGN : RPC_STAMP;
	if (a->method == METHOD_POST && strcmp(a->target, ENTRIES) == 0)
		return RPC_CREATE;
	return strncmp(a->target, ENTRIES "/", strlen(ENTRIES "/")) == 0 && a->method == METHOD_GET
		   ? RPC_GET
		   : RPC_READ;
}

/* ---- to the services ---- */

static void on_line(struct call *c, const struct result *r)
{
	struct line *l = c->owner;
	enum transport t = r->transport;
	line_ends(l, t, t == TRANSPORT_DONE ? write_answer(l, r) : NULL);
}

static void call_service(struct line *l, usec timeout)
{
	const struct attempt *a = l->attempt;
	struct relay_path *p = l->path;
	/* A relay of one's own has the runner's own address. */
	l->call.shared_address = p == p->world->shared;
	l->call.done = on_line;
	l->call.owner = l;
	if (l->call.rpc == RPC_GET)
		l->call.leaf = leaf_of_id(p->world, a->target);
	else if (l->call.rpc == RPC_SIGN)
		l->call.token_exp = strtoll(a->request->id, NULL, 10);
	model_call(&p->world->model, &l->call, timeout);
}

/* ---- to another relay ---- */

/* By when the other relay is to answer, as curl_wire.c asks it. */
static void ask_to_hear(struct request *to, usec timeout)
{
	char wish[40];
	snprintf(wish, sizeof(wish), "wait=%lld", (long long)(timeout / USEC_PER_SEC) - 1);
	must(request_add_header(to, "Prefer", wish));
}

/* The same bytes as another relay's front reads them. */
static struct request *copy_request(const struct attempt *a, usec timeout)
{
	const struct request *q = a->request;
	struct route route =
	    route_of(slice_str(a->method == METHOD_POST ? "POST" : "GET"), slice_str(a->target));
	struct request *to = NULL;
	must(route.kind == ROUTE_FORWARD ? request_new(&to, &route, a->method) : STATUS_INVALID);
	for (size_t at = 0; at < q->headers.n; at += strlen(q->headers.p + at) + 1) {
		char line[4096];
		snprintf(line, sizeof(line), "%s", q->headers.p + at);
		char *value = strchr(line, ':');
		if (!value)
			continue;
		*value++ = '\0';
		must(request_add_header(to, line, value + strspn(value, " ")));
	}
	ask_to_hear(to, timeout);
	must(request_seal(to, 1));
	if (a->with_body && q->body) {
		to->body = mem_strndup(q->body, q->body_size);
		to->body_size = q->body_size;
		must(to->body ? STATUS_OK : STATUS_NO_MEMORY);
	}
	return to;
}

/* As the other relay's front writes it: it has waited as it was asked to. */
static struct answer *waited(const struct answer *a)
{
	struct answer *to = answer_new(a ? a->status : 503, a ? a->body.max : 0);
	must(to ? STATUS_OK : STATUS_NO_MEMORY);
	if (a)
		must(buf_add(&to->head, a->head.p, a->head.n));
	if (a)
		must(buf_add(&to->body, a->body.p, a->body.n));
	must(answer_add_header(to, "Preference-Applied", SLICE_LIT("wait")));
	return to;
}

void line_answered(struct line *l, struct answer *a)
{
	l->up = NULL;
	l->brought = waited(a);
	timer_set(&l->timer, l->path->world->now.mono + HOP);
}

static void on_hop(void *arg, usec now)
{
	struct line *l = arg;
	struct answer *brought = l->brought;
	(void)now;
	if (!brought)
		talk_drop(l->up); /* the attempt's time-out */
	line_ends(l, brought ? TRANSPORT_DONE : TRANSPORT_TIMEOUT, brought);
}

static void call_relay(struct line *l, usec timeout)
{
	const struct talk as = { .line = l, .rpc = l->call.rpc };
	timer_set(&l->timer, usec_add(l->path->world->now.mono, timeout));
	talk_begin(l->path->up, copy_request(l->attempt, timeout), &as);
}

/* ---- the port ---- */

static void wire_send(void *wire, struct attempt *a, usec timeout)
{
	struct relay_path *p = wire;
	struct line *l = mem_calloc(1, sizeof(*l));
	if (!l || timer_init(&p->world->timers, &l->timer, on_hop, l) != STATUS_OK)
		abort();
	l->attempt = a;
	l->path = p;
	l->call.rpc = rpc_of(a);
	log_event(LOG_DEBUG, "sends", LOG_S("service", service_name(a->service)), LOG_S("target", a->target),
		  LOG_S("request", a->request->id));
	if (a->service == SERVICE_REKOR)
		watch_send(p, a);
	if (l->call.rpc == RPC_CREATE) {
		l->call.leaf = leaf_of_id(p->world, a->request->id);
		if (l->call.leaf)
			watch_create(p, l->call.leaf, a->request);
	}
	a->port = l;
	p->lines++;
	if (p->up)
		call_relay(l, timeout);
	else
		call_service(l, timeout);
}

static void wire_cancel(void *wire, struct attempt *a)
{
	struct line *l = a->port;
	(void)wire;
	a->port = NULL;
	if (l->up)
		talk_drop(l->up);
	else if (l->call.model)
		model_cancel(&l->call);
	answer_unref(l->brought);
	line_close(l);
}

const struct wire_ops sim_wire = { wire_send, wire_cancel };
