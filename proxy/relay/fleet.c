#include "fleet_inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sigrelay/base/log.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/policy/backoff.h>

#include "fleet_scripts.h"

#define LATENESS (5 * USEC_PER_MSEC)
#define GRACE (10 * USEC_PER_MSEC)

static const char *const outcome_names[] = { "ok", "error", "timeout" };

const char *fleet_outcome_name(enum fleet_outcome o)
{
	return outcome_names[o];
}

/* --- up and away ------------------------------------------------------------ */

static void away(struct fleet *f, enum fleet_state to, enum fleet_outcome o, const char *cause)
{
	bool was_up = f->state == FLEET_UP;
	f->state = to;
	metric_set(f->up, 0);
	if (!f->told_down)
		log_event(LOG_WARN, "redis_down", LOG_S("cause", cause),
			  LOG_S("next", "Redis went away: this relay goes on alone, and tries it again"));
	f->told_down = true;
	if (was_up) {
		outage_away(f);
		rate_away(f);
	}
	calls_give_up(f, o);
	/* Only when the gates know that they are alone may they be asked again. */
	for (enum service s = 0; was_up && s < SERVICE_COUNT; s++)
		relay_pump(f->relay, s);
}

static void come_up(struct fleet *f)
{
	f->state = FLEET_UP;
	metric_set(f->up, 1);
	f->up_since = f->relay->now.mono;
	f->told_down = false;
	log_event(LOG_INFO, "redis_up", LOG_D("relays", f->relays),
		  LOG_S("next", "Redis is back: what the relays know is shared"));
	outage_up(f);
	rate_up(f);
}

static void next_try(struct fleet *f)
{
	usec wait = FLEET_BACKOFF_MIN;
	for (unsigned i = 0; i < f->failures && wait < FLEET_BACKOFF_MAX; i++)
		wait *= 2;
	wait = usec_min(wait, FLEET_BACKOFF_MAX);
	f->failures++;
	timer_set(&f->next, usec_add(f->relay->now.mono, backoff_between(wait / 2, wait, &f->relay->rng)));
}

static void offline(struct fleet *f, enum fleet_outcome o, const char *cause)
{
	away(f, FLEET_OFFLINE, o, cause);
	calls_forget(f);
	timer_clear(&f->late);
	next_try(f);
}

static void give_up_connection(struct fleet *f, const char *cause)
{
	f->ops->drop(f->link);
	offline(f, FLEET_LATE, cause);
}

/* What this relay's own slowness cost is not Redis': its reply may be in and not read. */
static bool give_grace(struct fleet_call *c, usec due, usec now)
{
	if (c->grace || now - due < LATENESS)
		return false;
	c->grace = true;
	c->sent_at += now - due + GRACE;
	return true;
}

static void on_late(void *arg, usec now)
{
	struct fleet *f = arg;
	char cause[64], patience[32];
	struct fleet_call *c = calls_waited_for(f), *first = TAILQ_FIRST(&f->calls);
	if (f->state == FLEET_CONNECTING) {
		give_up_connection(f, "it cannot be connected to in time");
		return;
	}
	if (!first)
		return;
	usec wait = c ? f->timeout : usec_max(FLEET_PATIENCE, f->timeout);
	usec due = usec_add(c ? c->sent_at : first->sent_at, wait);
	usec_format(wait, patience);
	snprintf(cause, sizeof(cause), "no answer within %s", patience);
	if (due > now || (c && give_grace(c, due, now))) {
		calls_watch(f);
	} else if (c) {
		away(f, FLEET_AWAY, FLEET_LATE, cause);
		calls_watch(f);
	} else {
		give_up_connection(f, cause);
	}
}

/* A reply that none of Redis' commands gives: this relay goes on alone. */
static void nonsense(struct fleet *f)
{
	away(f, FLEET_AWAY, FLEET_FAILED, "its answer is none of Redis'");
	next_try(f);
}

/* --- looking ------------------------------------------------------------------ */

static void look_again(struct fleet *f)
{
	usec spread = FLEET_LOOK / 10;
	timer_set(&f->next, usec_add(f->relay->now.mono,
				     backoff_between(FLEET_LOOK - spread, FLEET_LOOK, &f->relay->rng)));
}

static bool is_look(const struct fleet_reply *reply)
{
	if (reply->value.type != FLEET_ARRAY || reply->count != 2 + FLEET_SIDES ||
	    reply->item[0].type != FLEET_INTEGER || reply->item[1].type != FLEET_INTEGER)
		return false;
	for (size_t i = 2; i < reply->count; i++) {
		if (reply->item[i].type != FLEET_TEXT)
			return false;
	}
	return reply->item[0].integer > 0 && reply->item[0].integer < 1000000 && reply->item[1].integer >= 0;
}

static bool looked(struct fleet *f, void *arg, const struct fleet_reply *reply)
{
	(void)arg;
	if (!reply) /* too late, or the connection is gone: who says so has seen to the rest */
		return true;
	if (!is_look(reply))
		return false;
	f->relays = (unsigned)reply->item[0].integer;
	metric_set(f->seen, f->relays);
	if (f->state != FLEET_UP)
		come_up(f);
	else if (f->relay->now.mono - f->up_since > FLEET_STEADY)
		f->failures = 0;
	rate_relays(f);
	outage_looked(f, reply->item + 2, reply->item[1].integer);
	look_again(f);
	return true;
}

static void look(struct fleet *f)
{
	char keys[1 + FLEET_SIDES][FLEET_KEY_MAX], alive[24];
	struct slice words[6 + FLEET_SIDES] = { SLICE_LIT("EVAL"), slice_str(script_look), SLICE_LIT("7"),
						fleet_key(f, keys[0], "relays", "seen") };
	_Static_assert(FLEET_SIDES == 6, "the number of keys stands in the command");
	size_t n = 4;
	for (size_t i = 0; i < FLEET_SIDES; i++) {
		outage_key(f, i, "outage", keys[1 + i]);
		words[n++] = slice_str(keys[1 + i]);
	}
	words[n++] = slice_str(f->id);
	words[n++] = fleet_number(alive, FLEET_ALIVE / USEC_PER_MSEC);
	if (!fleet_send(f, words, n, looked, NULL, NULL)) {
		next_try(f);
	}
}

static void on_next(void *arg, usec now)
{
	struct fleet *f = arg;
	if (f->state == FLEET_OFFLINE) {
		f->state = FLEET_CONNECTING;
		timer_set(&f->late, usec_add(now, FLEET_PATIENCE));
		f->ops->connect(f->link);
	} else if (f->state == FLEET_UP || (f->state == FLEET_AWAY && TAILQ_EMPTY(&f->calls))) {
		look(f); /* else a late reply is waited for, and no more is asked */
	}
}

/* --- from the port ----------------------------------------------------------------- */

void fleet_connected(struct fleet *f)
{
	f->state = FLEET_AWAY;
	timer_clear(&f->late);
	look(f);
}

void fleet_lost(struct fleet *f, const char *cause)
{
	offline(f, FLEET_FAILED, cause);
}

void fleet_error_code(struct slice text, char out[FLEET_CODE_MAX])
{
	size_t n = 0;
	while (n < text.n && n < FLEET_CODE_MAX - 1 && text.p[n] >= 'A' && text.p[n] <= 'Z')
		n++;
	memcpy(out, text.p, n);
	out[n] = '\0';
}

/* An error of one command is one of all: without memory, rights or its data Redis is
 * of no use. The next try is a new connection: where an address follows the one Redis
 * that may be written to, this one leads to what was it before. */
static void failed(struct fleet *f, struct fleet_call *c, const struct fleet_reply *reply)
{
	char cause[96], code[FLEET_CODE_MAX];
	fleet_error_code(reply->value.text, code);
	snprintf(cause, sizeof(cause), "it answers with an error: %s", code);
	metric_add(f->commands[FLEET_FAILED], 1);
	f->ops->drop(f->link);
	offline(f, FLEET_FAILED, cause);
	if (c->fn)
		(void)c->fn(f, c->arg, NULL);
}

void fleet_replied(struct fleet *f, const struct fleet_reply *reply)
{
	struct fleet_call *c = TAILQ_FIRST(&f->calls);
	if (!c) {
		f->ops->drop(f->link);
		offline(f, FLEET_FAILED, "it answers what was not asked");
		return;
	}
	TAILQ_REMOVE(&f->calls, c, link);
	if (reply->value.type == FLEET_ERROR) {
		failed(f, c, reply);
	} else if (c->fn) {
		metric_add(f->commands[FLEET_GOOD], 1);
		if (!c->fn(f, c->arg, reply))
			nonsense(f);
	}
	mem_free(c);
	if (f->state == FLEET_OFFLINE || !TAILQ_EMPTY(&f->calls))
		return;
	timer_clear(&f->late);
	if (f->state == FLEET_AWAY && !timer_pending(&f->next)) /* a late one, and the last */
		next_try(f);
}

/* --- from the relay ---------------------------------------------------------------- */

static void wants(struct fleet *f, struct upstream *up)
{
	if (f->state != FLEET_UP)
		return;
	outage_wants(f, up);
	rate_wants(f, up);
}

static void judged(struct fleet *f, struct upstream *up, enum side side, const struct gate_news *news)
{
	outage_judged(f, up, side, news);
	rate_judged(f, up, news);
}

static const struct fleet_ops told_by_relay = { wants, judged };

struct fleet_status fleet_status(const struct fleet *f)
{
	struct fleet_status s = { .up = f && f->state == FLEET_UP, .relays = f ? f->relays : 1 };
	return s;
}

/* --- begin and end ------------------------------------------------------------------ */

/* Relays of one fleet whose settings name different upstreams do not speak of the same
 * thing. */
static enum status name_upstreams(struct fleet *f, const struct fleet_config *cfg)
{
	for (enum service s = 0; s < SERVICE_COUNT; s++) {
		struct digest d;
		char hex[17];
		struct slice url = slice_str(cfg->url[s]);
		enum status st = sha256(&d, &url, 1);
		if (st != STATUS_OK)
			return st;
		hex_encode(d.b, 8, hex);
		snprintf(f->upstream[s], sizeof(f->upstream[s]), "%s.%s", service_name(s), hex);
	}
	return STATUS_OK;
}

static struct metric *gauge(struct fleet *f, const char *name, const char *help)
{
	struct metric_family *family =
	    metrics_family(f->relay->telemetry.metrics, name, help, METRIC_GAUGE, NULL);
	return family ? metrics_series(family, NULL) : NULL;
}

static enum status metrics_init(struct fleet *f)
{
	static const char *const labels[] = { "outcome", NULL };
	struct metric_family *family =
	    metrics_family(f->relay->telemetry.metrics, "sigrelay_redis_commands_total",
			   "Commands to Redis, by outcome.", METRIC_COUNTER, labels);
	for (enum fleet_outcome o = 0; family && o < FLEET_OUTCOMES; o++) {
		const char *values[] = { outcome_names[o] };
		if (!(f->commands[o] = metrics_series(family, values)))
			return STATUS_NO_MEMORY;
	}
	f->up = gauge(f, "sigrelay_redis_up", "1 while what the relays know is shared through Redis.");
	f->seen = gauge(f, "sigrelay_fleet_relays", "Relays last seen in the fleet, this one included.");
	metric_set(f->seen, 1);
	return family && f->up && f->seen ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status set_up(struct fleet *f, const struct fleet_config *cfg)
{
	enum status st = timer_init(&f->relay->timers, &f->late, on_late, f);
	if (st == STATUS_OK)
		st = timer_init(&f->relay->timers, &f->next, on_next, f);
	if (st == STATUS_OK)
		st = rate_init(f);
	if (st == STATUS_OK)
		st = name_upstreams(f, cfg);
	return st == STATUS_OK ? metrics_init(f) : st;
}

enum status fleet_new(struct fleet **out, struct relay *r, const struct fleet_config *cfg,
		      const struct fleet_link_ops *ops, void *link)
{
	struct fleet *f = mem_calloc(1, sizeof(*f));
	if (!f)
		return STATUS_NO_MEMORY;
	*f = (struct fleet){ .relay = r, .ops = ops, .link = link, .timeout = cfg->timeout, .relays = 1 };
	TAILQ_INIT(&f->calls);
	memcpy(f->prefix, cfg->prefix, sizeof(f->prefix));
	snprintf(f->id, sizeof(f->id), "%016" PRIx64 "%016" PRIx64, rng_next(&r->rng), rng_next(&r->rng));
	enum status st = set_up(f, cfg);
	if (st != STATUS_OK) {
		fleet_free(f);
		return st;
	}
	r->fleet = f;
	r->fleet_ops = &told_by_relay;
	timer_set(&f->next, r->now.mono);
	*out = f;
	return STATUS_OK;
}

void fleet_free(struct fleet *f)
{
	if (!f)
		return;
	f->relay->fleet = NULL;
	f->ops->drop(f->link);
	calls_forget(f);
	rate_release(f);
	timer_release(&f->late);
	timer_release(&f->next);
	mem_free(f);
}
