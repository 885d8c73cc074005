#include <sigrelay/relay/server.h>

#include <curl/curl.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include <sigrelay/base/cidr.h>
#include <sigrelay/base/log.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/relay/admin.h>
#include <sigrelay/relay/curl_wire.h>
#include <sigrelay/relay/fleet.h>
#include <sigrelay/relay/flights.h>
#include <sigrelay/relay/front.h>
#include <sigrelay/relay/redis_link.h>
#include <sigrelay/relay/relay.h>
#include <sigrelay/relay/tls.h>

#define TURN_AWAY_GRACE USEC_PER_SEC /* for a last answer to be written */

struct server {
	struct event_base *base;
	struct settings settings;
	struct relay relay;
	bool relay_up;
	struct curl_wire *wire;
	struct redis_link *redis; /* NULL: no fleet */
	struct fleet *fleet;
	struct tls *tls; /* NULL: the listeners speak plain HTTP */
	struct cidr_list allowed;
	struct front *front;
	struct admin *admin;
	struct log_read log_read;
	struct event *timer; /* the core's timers, one event for all */
	usec armed;          /* for when it is set */
	unsigned depth;      /* of before/after pairs: an event within an event */
	struct timer drain_end;
	bool draining, turned_away;
};

/* --- time: read once an event, timers armed at its end -------------------- */

static void before(void *arg)
{
	struct server *s = arg;
	if (s->depth++ == 0 && relay_set_now(&s->relay, clock_now()))
		flights_clock_set(&s->relay);
}

static void arm(struct server *s)
{
	usec next = timers_next(&s->relay.timers);
	/* Most timers are cleared long before they are due: one that is armed too
	 * early is cheaper left alone than moved for every request. */
	if (next >= s->armed)
		return;
	s->armed = next;
	usec wait = usec_max(0, next - s->relay.now.mono);
	struct timeval tv = { (time_t)(wait / USEC_PER_SEC), (suseconds_t)(wait % USEC_PER_SEC) };
	event_add(s->timer, &tv);
}

static void drained(struct server *s)
{
	if (s->draining && s->relay.exchanges == 0 && !front_is_writing(s->front))
		event_base_loopexit(s->base, NULL);
}

static void after(void *arg)
{
	struct server *s = arg;
	if (--s->depth)
		return;
	arm(s);
	drained(s);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	(void)fd;
	(void)what;
	before(s);
	s->armed = USEC_NEVER;
	relay_run_timers(&s->relay);
	after(s);
}

/* --- the beginning ------------------------------------------------------- */

static void log_libevent(int severity, const char *text)
{
	log_event(severity == EVENT_LOG_ERR ? LOG_ERROR : LOG_DEBUG, "libevent", LOG_S("cause", text));
}

static struct event_base *base_new(void)
{
	struct event_config *c = event_config_new();
	struct event_base *base = NULL;
	event_set_log_callback(log_libevent);
	if (!c)
		return NULL;
	/* Changes of one descriptor's events within a turn become one system call,
	 * or none. No descriptor of ours is dup()ed, which is what it forbids. */
	if (event_config_set_flag(c, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == 0 &&
	    event_config_set_flag(c, EVENT_BASE_FLAG_NOLOCK) == 0)
		base = event_base_new_with_config(c);
	event_config_free(c);
	return base;
}

static enum status copy_settings(struct settings *to, const struct settings *from)
{
	*to = *from;
	for (size_t i = 0; i < settings_count; i++) {
		const struct setting_info *info = &settings_table[i];
		if (!setting_is_text(info->type))
			continue;
		char **field = (char **)(void *)((char *)to + info->offset);
		char *copy = *field ? mem_strdup(*field) : NULL;
		bool failed = *field && !copy;
		*field = copy;
		if (failed) {
			/* The rest still points into `from`: not ours to free. */
			for (size_t j = i + 1; j < settings_count; j++) {
				const struct setting_info *rest = &settings_table[j];
				if (setting_is_text(rest->type))
					*(char **)(void *)((char *)to + rest->offset) = NULL;
			}
			settings_release(to);
			return STATUS_NO_MEMORY;
		}
	}
	return STATUS_OK;
}

/* The answers that turn the rest away still have to be written: the loop ends
 * when they are, or at the second call. */
static void on_drain_end(void *arg, usec now)
{
	struct server *s = arg;
	if (s->turned_away) {
		event_base_loopexit(s->base, NULL);
		return;
	}
	s->turned_away = true;
	timer_set(&s->drain_end, usec_add(now, TURN_AWAY_GRACE));
	log_event(LOG_WARN, "drain_timeout", LOG_D("in_flight", s->relay.exchanges),
		  LOG_S("next", "those that still wait get 503 with Retry-After"));
	front_turn_away(s->front);
}

static enum status join_fleet(struct server *s, struct buf *error)
{
	const struct settings *set = &s->settings;
	const struct redis_link_hooks hooks = { before, after, s };
	struct fleet_config cfg = { .timeout = set->redis_timeout,
				    .url = { set->rekor_url, set->fulcio_url, set->tsa_url } };
	if (!set->redis_url)
		return STATUS_OK;
	if (set->redis_prefix && strlen(set->redis_prefix) >= sizeof(cfg.prefix))
		return buf_addf(error, "redis_prefix = %s is too long: at most %zu bytes", set->redis_prefix,
				sizeof(cfg.prefix) - 1) == STATUS_OK
			   ? STATUS_INVALID
			   : STATUS_NO_MEMORY;
	snprintf(cfg.prefix, sizeof(cfg.prefix), "%s", set->redis_prefix ? set->redis_prefix : "sigrelay");
	enum status st = redis_link_new(&s->redis, s->base, set, &hooks, error);
	if (st == STATUS_OK)
		st = fleet_new(&s->fleet, &s->relay, &cfg, &redis_link_ops, s->redis);
	if (st == STATUS_OK)
		redis_link_serve(s->redis, s->fleet);
	return st;
}

static enum status build(struct server *s, const struct server_options *o, struct buf *error)
{
	struct relay_config cfg;
	struct curl_wire_hooks wire_hooks = { before, after, s };
	struct slice bad; /* none: the settings were checked */
	const struct listener_owner owner = { before, after, s, &s->allowed };
	enum status st;

	if (!(s->base = base_new()) || !(s->timer = event_new(s->base, -1, 0, on_timer, s)))
		return STATUS_NO_MEMORY;
	if ((st = tls_check_upstream(&s->settings, error)) != STATUS_OK ||
	    (st = curl_wire_new(&s->wire, s->base, &s->settings, &wire_hooks)) != STATUS_OK)
		return st;
	relay_config_from(&cfg, &s->settings);
	st = relay_init(&s->relay, &cfg, &curl_wire_ops, s->wire, rng_entropy(), clock_now());
	if (st != STATUS_OK)
		return st;
	s->relay_up = true;
	if ((st = flights_init(&s->relay)) != STATUS_OK)
		return st;
	if ((st = join_fleet(s, error)) != STATUS_OK)
		return st;
	if ((st = timer_init(&s->relay.timers, &s->drain_end, on_drain_end, s)) != STATUS_OK)
		return st;
	if ((st = tls_new(&s->tls, &s->settings, s->relay.telemetry.rejected[REJECTED_TLS], error)) !=
	    STATUS_OK)
		return st;
	if ((st = cidr_list_parse(s->settings.allow_from, &s->allowed, &bad)) != STATUS_OK)
		return st;
	/* An embedded relay's clients are its own child's, on loopback. */
	st = front_new(&s->front, s->base, &s->relay, &s->settings, o->embedded ? NULL : s->settings.listen,
		       o->embedded ? NULL : s->tls, &owner, error);
	if (st == STATUS_OK && o->admin)
		st = admin_new(&s->admin, s->base, &s->relay, &s->settings, s->tls, &owner, error);
	return st;
}

enum status server_new(struct server **out, const struct settings *settings,
		       const struct server_options *options, struct buf *error)
{
	struct server *s = mem_calloc(1, sizeof(*s));
	if (!s)
		return STATUS_NO_MEMORY;
	s->armed = USEC_NEVER;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    copy_settings(&s->settings, settings) != STATUS_OK) {
		mem_free(s);
		return STATUS_NO_MEMORY;
	}
	enum status st = build(s, options, error);
	if (st != STATUS_OK) {
		if (!error->n)
			(void)!buf_addf(error, "the relay cannot start: %s", status_name(st));
		server_free(s);
		return st;
	}
	arm(s); /* the fleet's first timer: no event may come for long */
	*out = s;
	return STATUS_OK;
}

/* Tear-down: listeners and their exchanges, then flights and their attempts,
 * then the wire, then the loop (proxy/README.md). */
void server_free(struct server *s)
{
	if (!s)
		return;
	admin_free(s->admin); /* its last events ask the front whether a drain has ended */
	front_free(s->front);
	log_read_cancel(&s->log_read);
	if (s->relay_up) {
		timer_release(&s->drain_end);
		flights_release(&s->relay);
		fleet_free(s->fleet);
		relay_release(&s->relay);
	}
	curl_wire_free(s->wire);
	if (s->timer)
		event_free(s->timer);
	redis_link_free(s->redis); /* turns the loop once more */
	tls_free(s->tls);
	cidr_list_release(&s->allowed);
	if (s->base)
		event_base_free(s->base);
	settings_release(&s->settings);
	mem_free(s);
}

struct event_base *server_base(struct server *s)
{
	return s->base;
}

void server_loop(struct server *s)
{
	event_base_dispatch(s->base);
}

void server_drain(struct server *s)
{
	if (s->draining)
		return;
	before(s);
	s->draining = s->relay.draining = true;
	bool next_process = front_drain(s->front);
	log_event(LOG_INFO, "drain", LOG_D("in_flight", s->relay.exchanges),
		  LOG_T("wait", s->settings.drain_timeout),
		  LOG_S("next",
			next_process
			    ? "exchanges in flight end; who connects waits in the socket for the next process"
			    : "exchanges in flight end; new ones get 503 with Retry-After"));
	timer_set(&s->drain_end, usec_add(s->relay.now.mono, s->settings.drain_timeout));
	after(s);
}

bool server_draining(const struct server *s)
{
	return s->draining;
}

void server_stop(struct server *s)
{
	event_base_loopbreak(s->base);
}

enum status server_reload(struct server *s, const struct settings *next, struct buf *error)
{
	struct settings copy;
	struct relay_config cfg;
	struct cidr_list allowed = { 0 };
	struct slice bad;
	struct buf refused;
	buf_init(&refused, 4096);
	enum status st = settings_may_reload(&s->settings, next, &refused);
	if (st == STATUS_INVALID)
		(void)!buf_addf(error, "cannot change while running: %s; restart to change it", refused.p);
	buf_release(&refused);
	if (st != STATUS_OK)
		return st;
	if (!s->tls != !next->tls_cert_file) {
		(void)!buf_addf(error,
				"cannot change while running: tls_cert_file from unset or to it; restart "
				"to change it");
		return STATUS_INVALID;
	}
	if ((st = copy_settings(&copy, next)) != STATUS_OK)
		return st;
	st = cidr_list_parse(copy.allow_from, &allowed, &bad);
	if (st == STATUS_OK)
		st = tls_reload(s->tls, &copy, error);
	if (st != STATUS_OK) {
		cidr_list_release(&allowed);
		settings_release(&copy);
		return st;
	}
	settings_release(&s->settings);
	s->settings = copy;
	cidr_list_release(&s->allowed);
	s->allowed = allowed;
	before(s);
	relay_config_from(&cfg, &s->settings);
	relay_configure(&s->relay, &cfg);
	curl_wire_configure(s->wire, &s->settings);
	front_configure(s->front, &s->settings);
	if (s->admin)
		admin_configure(s->admin, &s->settings);
	after(s);
	return STATUS_OK;
}

const char *server_url(const struct server *s)
{
	return front_url(s->front);
}

const char *server_admin_url(const struct server *s)
{
	return s->admin ? admin_url(s->admin) : NULL;
}

void server_failures(const struct server *s, struct server_failures *out)
{
	out->count = s->relay.failures.count;
	memcpy(out->last, s->relay.failures.last, sizeof(out->last));
	out->last_at = s->relay.failures.last_at;
}

bool server_failing(const struct server *s, char cause[256])
{
	return flights_failing(&s->relay, cause);
}

void server_side(const struct server *s, enum service service, enum side side, struct server_side *out)
{
	const struct gate *g = &s->relay.upstream[service].gate;
	const struct breaker *b = &g->breaker[side];
	*out = (struct server_side){ b->state, b->since, b->next_probe, gate_in_line(g, side) };
}

enum status server_read_log(struct server *s, log_read_fn *done, void *arg)
{
	before(s);
	enum status st = log_read_begin(&s->log_read, &s->relay, done, arg);
	after(s);
	return st;
}

void server_read_log_cancel(struct server *s)
{
	before(s);
	log_read_cancel(&s->log_read);
	after(s);
}
