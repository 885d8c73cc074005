#include <sigrelay/commands/commands.h>

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/commands/child.h>
#include <sigrelay/commands/client.h>
#include <sigrelay/commands/clock_text.h>
#include <sigrelay/commands/descriptors.h>
#include <sigrelay/commands/file.h>
#include <sigrelay/commands/options.h>
#include <sigrelay/commands/signals.h>
#include <sigrelay/relay/server.h>

#define TEXT_MAX ((size_t)1 << 20)
/* The relay has to give up before a cosign that was told a shorter time. */
#define TIMEOUT_MARGIN (5 * USEC_PER_SEC)

struct run {
	char *const *command;
	struct client client;
	struct settings settings;
	bool admin;
	struct server *server;
	struct signals signals;
	struct descriptors given; /* open when run began */
	struct event *on_signal;
	char *folder; /* private, for the signing config; NULL: none was needed */
	char *config; /* the file in it */
	char **env;   /* the command's */
	pid_t pid;
	int exit_code;
};

/* --- what the command gets ---------------------------------------------- */

static enum status make_folder(struct run *r)
{
	struct buf path;
	const char *tmp = environment_get(environ, "TMPDIR");
	buf_init(&path, 4096);
	enum status st = buf_addf(&path, "%s/sigrelay.XXXXXX", tmp ? tmp : "/tmp");
	if (st == STATUS_OK && !mkdtemp(path.p))
		st = STATUS_IO;
	if (st == STATUS_OK)
		r->folder = buf_take(&path);
	buf_release(&path);
	return st;
}

static enum status write_config(struct run *r)
{
	char now[32];
	struct buf text, path;
	buf_init(&text, TEXT_MAX);
	buf_init(&path, 4096);
	clock_text(clock_now().wall, now);
	enum status st = make_folder(r);
	if (st == STATUS_OK)
		st = clients_signing_config(&r->client, &r->settings, server_url(r->server), now, &text);
	if (st == STATUS_OK)
		st = buf_addf(&path, "%s/signing-config.json", r->folder);
	if (st == STATUS_OK)
		r->config = buf_take(&path);
	if (st == STATUS_OK)
		st = file_write_private(r->config, buf_slice(&text));
	buf_release(&text);
	buf_release(&path);
	return st;
}

static void remove_config(struct run *r)
{
	if (r->config)
		unlink(r->config);
	if (r->folder)
		rmdir(r->folder);
	mem_free(r->config);
	mem_free(r->folder);
	r->config = r->folder = NULL;
}

/* What the relay will not see, told before the command runs. */
static void warn_past(const struct run *r, const struct buf *past)
{
	if (r->client.leave_why)
		log_event(LOG_WARN, "past_the_relay", LOG_S("what", "cosign"),
			  LOG_S("why", r->client.leave_why));
	if (r->client.service_flag)
		log_event(LOG_WARN, "past_the_relay", LOG_S("what", r->client.service_flag),
			  LOG_S("why",
				"a flag of cosign wins over the variables that run sets: put its URL in the "
				"variable of the same name instead"));
	if (past->n)
		log_event(LOG_WARN, "past_the_relay", LOG_S("what", past->p),
			  LOG_S("why", "it names another service than the relay's upstream, or one that the "
				       "relay cannot speak to"));
}

static enum status make_environment(struct run *r)
{
	struct environment_edits edits = { 0 };
	struct buf past;
	buf_init(&past, 4096);
	enum status st =
	    clients_edits(&r->client, &r->settings, server_url(r->server), r->config, &edits, &past);
	if (st == STATUS_OK)
		st = environment_apply(environ, &edits, &r->env);
	if (st == STATUS_OK)
		warn_past(r, &past);
	environment_edits_release(&edits);
	buf_release(&past);
	return st;
}

/* --- while it runs ------------------------------------------------------ */

/* Reaps whatever ended: as process 1 of a container, orphans too. */
static void reap(struct run *r)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != r->pid)
			continue;
		r->exit_code = child_exit_code(status);
		r->pid = 0;
		server_stop(r->server);
	}
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct run *r = arg;
	int number;
	bool from_terminal;
	(void)fd;
	(void)what;
	while (signals_next(&r->signals, &number, &from_terminal)) {
		if (number == SIGCHLD)
			reap(r);
		else if (r->pid && !from_terminal)
			kill(r->pid, number);
	}
}

/* Runs the command once, to its end. False: it could not be run; exit_code and
 * stderr say why. Cause-aware repetition goes around this call: r->server knows
 * by then what Sigstore did (server_failures). */
static bool run_once(struct run *r)
{
	if (descriptors_keep_to(&r->given) != STATUS_OK)
		log_event(LOG_WARN, "descriptors_kept", LOG_S("error", strerror(errno)),
			  LOG_S("next", "the command may see files of the relay"));
	if (child_start(r->command, r->env, &r->signals, &r->pid) != STATUS_OK) {
		r->exit_code = child_cannot_run_code(errno);
		complain("run: cannot run '%s': %s", r->command[0], strerror(errno));
		return false;
	}
	server_loop(r->server);
	return true;
}

/* --- around it ---------------------------------------------------------- */

static int cannot(const char *what, enum status st)
{
	complain("run: cannot %s: %s", what, st == STATUS_IO ? strerror(errno) : status_name(st));
	return EXIT_CANNOT_RUN;
}

static int start_server(struct run *r)
{
	const struct server_options options = { .embedded = true, .admin = r->admin };
	struct buf error;
	buf_init(&error, 4096);
	enum status st = server_new(&r->server, &r->settings, &options, &error);
	if (st != STATUS_OK)
		complain("run: %s", error.n ? error.p : status_name(st));
	buf_release(&error);
	return st == STATUS_OK ? 0 : EXIT_CANNOT_RUN;
}

/* The command is started before the loop turns for the first time: until then
 * this process has one thread (libcurl resolves names in others). */
static int run_beside(struct run *r)
{
	enum status st = STATUS_OK;
	r->on_signal = event_new(server_base(r->server), r->signals.fd, EV_READ | EV_PERSIST, on_signal, r);
	if (!r->on_signal || event_add(r->on_signal, NULL) != 0)
		return cannot("watch for signals", STATUS_NO_MEMORY);
	if (r->client.style == STYLE_SIGNING_CONFIG && (st = write_config(r)) != STATUS_OK)
		return cannot("write cosign's signing config", st);
	st = make_environment(r);
	if (st != STATUS_OK)
		return cannot("make the command's environment", st);
	run_once(r);
	return r->exit_code;
}

static int run_embedded(struct run *r)
{
	static const int list[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, 0 };
	if (descriptors_note(&r->given) != STATUS_OK)
		log_event(LOG_WARN, "descriptors_unknown", LOG_S("error", strerror(errno)));
	if (signals_take(&r->signals, list) != STATUS_OK)
		return cannot("take signals", STATUS_IO);
	int rc = start_server(r);
	if (rc == 0)
		rc = run_beside(r);
	remove_config(r);
	environment_free(r->env);
	if (r->on_signal)
		event_free(r->on_signal);
	server_free(r->server);
	signals_release(&r->signals);
	descriptors_release(&r->given);
	return rc;
}

/* A user who told cosign how long to wait is taken at his word. */
static void keep_within_timeout(struct run *r)
{
	usec limit = r->client.timeout - TIMEOUT_MARGIN;
	if (r->client.timeout && limit < r->settings.retry_for)
		r->settings.retry_for = usec_max(limit, USEC_PER_SEC);
}

static int run_settled(struct run *r, const struct settings_load *l)
{
	struct buf error;
	buf_init(&error, 8192);
	enum status st = clients_settle(&r->client, l, &error);
	if (st != STATUS_OK)
		complain("run: %s", error.n ? error.p : status_name(st));
	buf_release(&error);
	if (st != STATUS_OK)
		return EXIT_CONFIG_ERROR;
	r->admin = setting_given(l, "admin_listen");
	keep_within_timeout(r);
	return run_embedded(r);
}

static int find_client(struct run *r, const char *word, struct settings_load *l)
{
	enum client_choice choice;
	struct buf error;
	if (clients_choice_read(word, &choice) != STATUS_OK) {
		complain("run: --client=%s: expected auto, cosign2, cosign3 or none", word);
		return EXIT_USAGE_ERROR;
	}
	buf_init(&error, 8192);
	enum status st = clients_find(&r->client, choice, r->command, environ, &error);
	if (st == STATUS_OK)
		st = clients_suggest(&r->client, l);
	if (st != STATUS_OK)
		complain("run: %s", error.n ? error.p : status_name(st));
	buf_release(&error);
	return st == STATUS_OK ? 0 : EXIT_CONFIG_ERROR;
}

/* Takes --client off before anything is looked up: the settings' flags, which
 * are read later, stand among it. */
static const char *take_client_flag(int *argc, char **argv)
{
	static const char name[] = "--client";
	const char *word = NULL;
	int out = 1;
	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], name) == 0)
			word = i + 1 < *argc ? argv[++i] : "";
		else if (strncmp(argv[i], "--client=", sizeof(name)) == 0)
			word = argv[i] + sizeof(name);
		else
			argv[out++] = argv[i];
	}
	argv[out] = NULL;
	*argc = out;
	return word;
}

static int run_from(struct run *r, struct settings_load *l, int argc, char **argv)
{
	const char *word = take_client_flag(&argc, argv);
	int rc = find_client(r, word, l);
	if (rc == 0)
		rc = settings_prepare(l, &argc, argv, &r->settings);
	if (rc == 0)
		rc = options_take(&argc, argv, NULL, 0, 0);
	return rc == 0 ? run_settled(r, l) : rc;
}

int command_run(int argc, char **argv)
{
	struct run r = { .signals = { .fd = -1 } };
	int split = 1;
	while (split < argc && strcmp(argv[split], "--") != 0)
		split++;
	if (split + 1 >= argc) {
		complain("run: no command: sigrelay run [FLAG...] -- COMMAND [ARG...]");
		return EXIT_USAGE_ERROR;
	}
	r.command = argv + split + 1;
	struct settings_load *l = settings_load_new();
	if (!l)
		return cannot("load the settings", STATUS_NO_MEMORY);
	argv[split] = NULL;
	int rc = run_from(&r, l, split, argv);
	clients_release(&r.client);
	settings_release(&r.settings);
	settings_load_free(l);
	return rc;
}
