#include <sigrelay/commands/commands.h>

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/commands/notify.h>
#include <sigrelay/commands/open_files.h>
#include <sigrelay/commands/options.h>
#include <sigrelay/commands/secrecy.h>
#include <sigrelay/commands/signals.h>
#include <sigrelay/relay/server.h>

struct serve {
	struct server *server;
	struct signals signals;
	struct event *on_signal;
	struct event *watchdog; /* NULL: systemd watches not */
	const char *notify_path;
	int argc; /* as given: a reload reads the flags again */
	char **argv;
	int64_t max_clients, clients_that_fit; /* as set, and what open files allow of it */
	int exit_code;
};

static void tell_systemd(const struct serve *s, const char *state)
{
	if (notify_send(s->notify_path, state) != STATUS_OK)
		log_event(LOG_WARN, "notify_failed", LOG_S("socket", s->notify_path), LOG_S("state", state),
			  LOG_S("error", strerror(errno)));
}

/* A copy that the flags can be taken out of. The strings stay the old ones. */
static char **copy_argv(int argc, char **argv)
{
	char **copy = mem_calloc((size_t)argc + 1, sizeof(*copy));
	if (copy)
		memcpy(copy, argv, (size_t)argc * sizeof(*copy));
	return copy;
}

static enum status gather(struct settings_load *l, const struct serve *s, struct settings *next)
{
	int argc = s->argc;
	char **argv = copy_argv(argc, s->argv);
	if (!argv)
		return STATUS_NO_MEMORY;
	enum status st = settings_load_all(l, &argc, argv, false, environ);
	if (st == STATUS_OK)
		st = settings_check_listen(l);
	if (st == STATUS_OK)
		st = settings_finish(l, next);
	if (st == STATUS_OK && next->max_clients == s->max_clients)
		next->max_clients = s->clients_that_fit;
	mem_free(argv);
	return st;
}

/* One log line can hold no newline: errors are joined by "; ". */
static void join_lines(const char *text, struct buf *out)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		if (buf_addf(out, "%s%.*s", out->n ? "; " : "", (int)n, text) != STATUS_OK)
			return;
		text += n + (text[n] == '\n');
	}
}

static enum status take_over(struct serve *s, struct settings_load *l, struct buf *error)
{
	struct settings next;
	enum status st = gather(l, s, &next);
	if (st != STATUS_OK) {
		join_lines(settings_errors(l), error);
		return st;
	}
	st = server_reload(s->server, &next, error);
	if (st == STATUS_OK) {
		log_setup((enum log_level)next.log_level, (enum log_format)next.log_format);
		log_limit_repeats((unsigned)next.log_repeats);
	}
	settings_release(&next);
	return st;
}

/* All or nothing, told in one line. */
static void reload(struct serve *s)
{
	struct buf error;
	char state[64];
	buf_init(&error, 65536);
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_now().mono);
	tell_systemd(s, state);
	struct settings_load *l = settings_load_new();
	enum status st = l ? take_over(s, l, &error) : STATUS_NO_MEMORY;
	if (st == STATUS_OK)
		log_event(LOG_INFO, "reloaded", LOG_S("file", settings_file(l)));
	else
		log_event(LOG_ERROR, "reload_refused", LOG_S("reason", error.n ? error.p : status_name(st)),
			  LOG_S("next", "the old settings stay"));
	settings_load_free(l);
	buf_release(&error);
	tell_systemd(s, "READY=1");
}

static void leave(struct serve *s, int number)
{
	const char *name = number == SIGINT ? "SIGINT" : "SIGTERM";
	if (server_draining(s->server)) {
		log_event(LOG_WARN, "leaving_at_once", LOG_S("signal", name));
		s->exit_code = 128 + number;
		server_stop(s->server);
		return;
	}
	log_event(LOG_INFO, "draining", LOG_S("signal", name), LOG_S("next", "a second one leaves at once"));
	tell_systemd(s, "STOPPING=1");
	server_drain(s->server);
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct serve *s = arg;
	int number;
	bool from_terminal;
	(void)fd;
	(void)what;
	while (signals_next(&s->signals, &number, &from_terminal)) {
		if (number == SIGHUP)
			reload(s);
		else
			leave(s, number);
	}
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tell_systemd(arg, "WATCHDOG=1");
}

/* sd_watchdog_enabled(3): a word from the loop, twice in the time that is allowed. */
static enum status watchdog_begin(struct serve *s)
{
	const char *allowed = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t period, number;
	if (!allowed || slice_u64(slice_str(allowed), &period) != STATUS_OK || period < 2)
		return STATUS_OK;
	if (pid && (slice_u64(slice_str(pid), &number) != STATUS_OK || number != (uint64_t)getpid()))
		return STATUS_OK;
	struct timeval half = { (time_t)(period / 2 / 1000000), (suseconds_t)(period / 2 % 1000000) };
	s->watchdog = event_new(server_base(s->server), -1, EV_PERSIST, on_watchdog, s);
	return s->watchdog && event_add(s->watchdog, &half) == 0 ? STATUS_OK : STATUS_NO_MEMORY;
}

static void tell_where(const struct serve *s)
{
	const char *admin = server_admin_url(s->server);
	printf("listening on %s\n", server_url(s->server));
	if (admin)
		printf("admin on %s\n", admin);
	fflush(stdout);
}

static int serve_with(struct serve *s, const struct settings *settings)
{
	static const struct server_options options = { .admin = true };
	struct buf error;
	buf_init(&error, 4096);
	enum status st = server_new(&s->server, settings, &options, &error);
	if (st != STATUS_OK)
		complain("serve: %s", error.n ? error.p : status_name(st));
	buf_release(&error);
	if (st != STATUS_OK)
		return st == STATUS_INVALID ? EXIT_CONFIG_ERROR : EXIT_FAILURE;
	s->on_signal = event_new(server_base(s->server), s->signals.fd, EV_READ | EV_PERSIST, on_signal, s);
	if (!s->on_signal || event_add(s->on_signal, NULL) != 0) {
		complain("serve: cannot watch for signals: no memory");
		return EXIT_FAILURE;
	}
	tell_where(s);
	tell_systemd(s, "READY=1");
	if (watchdog_begin(s) != STATUS_OK) {
		complain("serve: cannot tell systemd's watchdog: no memory");
		return EXIT_FAILURE;
	}
	server_loop(s->server);
	log_tell_repeats();
	return s->exit_code;
}

static int serve_until_signal(struct serve *s, const struct settings *settings)
{
	static const int list[] = { SIGTERM, SIGINT, SIGHUP, 0 };
	if (signals_take(&s->signals, list) != STATUS_OK) {
		complain("serve: cannot take signals: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	int rc = serve_with(s, settings);
	if (s->on_signal)
		event_free(s->on_signal);
	if (s->watchdog)
		event_free(s->watchdog);
	server_free(s->server);
	signals_release(&s->signals);
	return rc;
}

static void fit_clients(struct serve *s, struct settings *settings)
{
	int64_t limit = open_files_raise();
	int64_t fit = open_files_clients(limit, settings->max_attempts_in_flight);
	s->max_clients = s->clients_that_fit = settings->max_clients;
	if (fit >= settings->max_clients)
		return;
	log_event(LOG_WARN, "max_clients_lowered", LOG_D("from", s->max_clients), LOG_D("to", fit),
		  LOG_D("open_files", limit),
		  LOG_S("next", "raise the limit of open files (LimitNOFILE=, ulimit -Hn) to serve more"));
	s->clients_that_fit = settings->max_clients = fit;
}

static int serve_from(struct serve *s, struct settings_load *l, int argc, char **argv)
{
	struct settings settings;
	int rc = settings_prepare(l, &argc, argv, &settings);
	if (rc != 0)
		return rc;
	rc = options_take(&argc, argv, NULL, 0, 0);
	if (rc == 0 && settings_check_listen(l) != STATUS_OK) {
		complain_lines(settings_errors(l));
		rc = EXIT_CONFIG_ERROR;
	}
	if (rc == 0) {
		fit_clients(s, &settings);
		rc = serve_until_signal(s, &settings);
	}
	settings_release(&settings);
	return rc;
}

int command_serve(int argc, char **argv)
{
	struct serve s = { .signals = { .fd = -1 }, .notify_path = getenv("NOTIFY_SOCKET"), .argc = argc };
	struct settings_load *l = settings_load_new();
	s.argv = copy_argv(argc, argv);
	secrecy_begin();
	int rc = EXIT_FAILURE;
	if (l && s.argv)
		rc = serve_from(&s, l, argc, argv);
	else
		complain("serve: no memory");
	mem_free(s.argv);
	settings_load_free(l);
	return rc;
}
