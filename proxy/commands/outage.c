#include <sigrelay/commands/outage.h>

#include <event2/event.h>
#include <stdio.h>

#include <sigrelay/base/log.h>

/* How long a change may go unseen, and how often the terminal's line moves. */
#define LOOK_EVERY USEC_PER_SEC

static void look(struct outage *o);

static struct rerun_sight see(const struct outage *o)
{
	struct rerun_sight sight = { .read_at = o->read_at };
	for (int s = 0; s < SERVICE_COUNT; s++)
		server_side(o->server, (enum service)s, SIDE_WRITE, &sight.write[s]);
	return sight;
}

/* What is waited for, in words. */
static void name_wait(const struct outage *o, const struct rerun_sight *sight, const struct server_side *read,
		      char out[128])
{
	const char *service = NULL;
	if (o->verdict == RERUN_READ && read->state != BREAKER_CLOSED) {
		snprintf(out, 128, "rekor (read side down)");
		return;
	}
	for (int s = 0; s < SERVICE_COUNT && !service; s++)
		service = sight->write[s].state == BREAKER_CLOSED ? NULL : service_name((enum service)s);
	if (service)
		snprintf(out, 128, "%s (write side down)", service);
	else
		snprintf(out, 128, "%s", o->verdict == RERUN_READ ? "the log to answer a read" : "Sigstore");
}

/* When the log is read next. */
static usec next_read(const struct outage *o, const struct server_side *read)
{
	usec probe = read->state == BREAKER_OPEN ? read->next_probe : 0;
	if (o->reading)
		return probe ? probe : USEC_NEVER;
	return usec_max(probe, o->next_read);
}

static void tell(struct outage *o, const struct rerun_sight *sight, usec now, usec at)
{
	char what[128];
	struct server_side read;
	server_side(o->server, SERVICE_REKOR, SIDE_READ, &read);
	name_wait(o, sight, &read, what);
	const struct progress_moment m = { .what = what,
					   .now = now,
					   .next = o->verdict == RERUN_READ ? next_read(o, &read) : at,
					   .give_up = usec_min(o->plan.give_up, o->plan.token_end) };
	progress_tell(&o->progress, &m);
}

static void on_read(void *arg, bool good)
{
	struct outage *o = arg;
	usec now = clock_now().mono;
	o->reading = false;
	if (good)
		o->read_at = now;
	else
		o->next_read = usec_add(now, o->probe_interval);
	/* Not from here: this may be inside of look(). */
	if (!o->over)
		event_active(o->tick, EV_TIMEOUT, 0);
}

static void read_log(struct outage *o, usec now)
{
	if (o->reading || now < o->next_read)
		return;
	o->reading = true;
	if (server_read_log(o->server, on_read, o) != STATUS_OK)
		on_read(o, false);
}

static void wake_at(struct outage *o, usec now, usec at)
{
	usec next = usec_min(usec_add(now, LOOK_EVERY), usec_min(o->plan.give_up, o->plan.token_end));
	if (at > now)
		next = usec_min(next, at);
	usec wait = usec_max(0, next - now);
	struct timeval tv = { (time_t)(wait / USEC_PER_SEC), (suseconds_t)(wait % USEC_PER_SEC) };
	event_add(o->tick, &tv);
}

static void end(struct outage *o)
{
	o->over = true;
	event_del(o->tick);
	server_read_log_cancel(o->server);
	o->reading = false;
	server_stop(o->server);
}

static void look(struct outage *o)
{
	usec at, now = clock_now().mono;
	struct rerun_sight sight = see(o);
	o->verdict = rerun_decide(&o->plan, &sight, now, &at);
	if (o->verdict != RERUN_WAIT && o->verdict != RERUN_READ) {
		end(o);
		return;
	}
	tell(o, &sight, now, at);
	wake_at(o, now, at);
	if (o->verdict == RERUN_READ)
		read_log(o, now);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	look(arg);
}

enum status outage_init(struct outage *o, struct server *server, const struct settings *s, usec give_up,
			usec token_end)
{
	struct event *tick = event_new(server_base(server), -1, 0, on_tick, o);
	if (!tick)
		return STATUS_NO_MEMORY;
	*o = (struct outage){ .server = server,
			      .probe_interval = s->probe_interval,
			      .probe_max = s->probe_max,
			      .plan = { .give_up = give_up, .token_end = token_end },
			      .progress = { .told = -1 },
			      .tick = tick,
			      .over = true };
	rng_seed(&o->rng, rng_entropy());
	return STATUS_OK;
}

void outage_release(struct outage *o)
{
	if (o->tick)
		event_free(o->tick);
	*o = (struct outage){ 0 };
}

enum rerun_verdict outage_wait(struct outage *o, usec began, char *const *env)
{
	usec now = clock_now().mono;
	o->in_turn++;
	o->plan.failed_at = now;
	o->plan.pause_until = rerun_pause_until(began, o->probe_interval, o->probe_max, o->in_turn, &o->rng);
	o->read_at = -1;
	o->next_read = now;
	o->over = o->stopped = false;
	progress_begin(&o->progress, env, now);
	event_active(o->tick, EV_TIMEOUT, 0);
	server_loop(o->server);
	progress_end(&o->progress);
	return o->stopped ? RERUN_WAIT : o->verdict;
}

void outage_stop(struct outage *o)
{
	if (o->over)
		return;
	o->stopped = true;
	end(o);
}
