#include <sigrelay/commands/commands.h>

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sigrelay/base/file.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/commands/child.h>
#include <sigrelay/commands/client.h>
#include <sigrelay/commands/clock_text.h>
#include <sigrelay/commands/descriptors.h>
#include <sigrelay/commands/fixed_token.h>
#include <sigrelay/commands/input.h>
#include <sigrelay/commands/options.h>
#include <sigrelay/commands/outage.h>
#include <sigrelay/commands/run_record.h>
#include <sigrelay/commands/secrecy.h>
#include <sigrelay/commands/signals.h>
#include <sigrelay/relay/server.h>

#define TEXT_MAX ((size_t)1 << 20)
/* The relay has to give up before a cosign that was told a shorter time. */
#define TIMEOUT_MARGIN (5 * USEC_PER_SEC)
#define FOR_DEFAULT (30 * 60 * USEC_PER_SEC)
#define CAUSE_MAX 256

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
	bool by_signal;   /* the command was killed */
	bool told_to_end; /* … or it got a signal that should end it */
	/* When Sigstore fails the command: */
	usec begun, keep_on; /* keep_on: --for */
	usec run_began;      /* the command's present or last run */
	bool go_on;          /* --on-outage=continue */
	unsigned runs;
	struct input input;
	struct outage outage;
	int wait_signal; /* what ended the wait */
	const char *token_where;
	struct run_record record;
};

/* --- what the command gets ---------------------------------------------- */

static const char *temporary(void)
{
	const char *tmp = environment_get(environ, "TMPDIR");
	return tmp ? tmp : "/tmp";
}

static enum status make_folder(struct run *r)
{
	struct buf path;
	buf_init(&path, 4096);
	enum status st = buf_addf(&path, "%s/sigrelay.XXXXXX", temporary());
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
		r->by_signal = WIFSIGNALED(status);
		r->pid = 0;
		server_stop(r->server);
	}
}

/* Would it have ended this process, had we not taken it? A signal that was
 * ignored when we began (nohup) stays ignored by the command, and by us. */
static bool ends_process(int number)
{
	struct sigaction now;
	if (number != SIGTERM && number != SIGINT && number != SIGHUP && number != SIGQUIT)
		return false;
	return sigaction(number, NULL, &now) == 0 && now.sa_handler != SIG_IGN;
}

static void take_signal(struct run *r, int number, bool from_terminal)
{
	bool ends = ends_process(number);
	if (r->pid && !from_terminal)
		kill(r->pid, number);
	if (r->pid) {
		r->told_to_end = r->told_to_end || ends;
	} else if (ends) {
		r->wait_signal = number;
		outage_stop(&r->outage);
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
		else
			take_signal(r, number, from_terminal);
	}
}

/* Runs the command once, to its end. False: it could not be run; exit_code and
 * stderr say why. */
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
	r->by_signal = r->told_to_end = false;
	r->run_began = clock_now().mono;
	server_loop(r->server);
	r->runs++;
	return true;
}

/* --- when Sigstore fails it --------------------------------------------- */

/* Did the command fail because Sigstore did, as far as this relay saw? */
static bool sigstore_failed(const struct run *r, uint64_t failures_before, char cause[CAUSE_MAX])
{
	struct server_failures seen;
	if (r->exit_code == 0 || r->by_signal || r->told_to_end)
		return false;
	server_failures(r->server, &seen);
	if (seen.count == failures_before)
		return server_failing(r->server, cause);
	snprintf(cause, CAUSE_MAX, "%s", seen.last);
	return true;
}

/* The end on account of Sigstore; why: what keeps the command from another run. */
static int give_up(struct run *r, const char *why, const char *cause)
{
	struct buf text;
	buf_init(&text, 4096);
	if (buf_addf(&text, "%s; the command ran %u time%s and ended with exit code %d; the last cause: %s",
		     why, r->runs, r->runs == 1 ? "" : "s", r->exit_code, cause) != STATUS_OK)
		buf_reset(&text);
	run_record_end(&r->record, false, text.n ? text.p : why);
	complain("run: %s%s", r->go_on ? "warning: going on unsigned (--on-outage=continue): " : "",
		 text.n ? text.p : why);
	buf_release(&text);
	return r->go_on ? EXIT_SUCCESS : EXIT_NOT_RECOVERED;
}

static int give_up_in_time(struct run *r, enum rerun_verdict v, const char *cause)
{
	char span[32], why[256];
	if (v == RERUN_TOKEN_ENDS) {
		snprintf(why, sizeof(why),
			 "the identity token in %s ends before the command could be run again: give the "
			 "command a way to fetch one (an OIDC provider), or start it anew with a fresh one",
			 r->token_where);
	} else {
		usec_format(r->keep_on, span);
		snprintf(why, sizeof(why), "Sigstore did not recover within %s (--for)", span);
	}
	return give_up(r, why, cause);
}

static int interrupted(struct run *r, const char *cause)
{
	char why[512];
	snprintf(why, sizeof(why), "signal %d ended the wait for Sigstore; the last cause: %s",
		 r->wait_signal, cause);
	run_record_end(&r->record, false, why);
	complain("run: %s", why);
	return 128 + r->wait_signal;
}

/* A token that is given by value is the same in every run. */
static usec fixed_token_until(struct run *r)
{
	int64_t exp;
	struct instant now = clock_now();
	if (fixed_token_end(r->command, environ, &exp, &r->token_where) != STATUS_OK)
		return USEC_NEVER;
	usec left = exp * USEC_PER_SEC - now.wall;
	usec end = usec_add(now.mono, usec_max(0, left));
	if (end < usec_add(r->begun, r->keep_on))
		log_event(LOG_WARN, "fixed_token", LOG_S("where", r->token_where),
			  LOG_T("ends_in", usec_max(0, left)),
			  LOG_S("next", "the command is not run again after its end"));
	return end;
}

static enum status prepare_wait(struct run *r)
{
	if (r->outage.server)
		return STATUS_OK;
	return outage_init(&r->outage, r->server, &r->settings, usec_add(r->begun, r->keep_on),
			   fixed_token_until(r));
}

/* Waits until the command may be run again: -1. Else the exit status. */
static int wait_for_sigstore(struct run *r, const char *cause)
{
	if (!input_repeatable(&r->input, STDIN_FILENO))
		return give_up(r,
			       "Sigstore failed the command, which is not run again because it may have "
			       "read from the pipe on its stdin: use a file or </dev/null",
			       cause);
	if (prepare_wait(r) != STATUS_OK)
		return give_up(r, "Sigstore failed the command, and there is no memory to wait", cause);
	log_event(LOG_WARN, "sigstore_failed", LOG_S("cause", cause), LOG_D("exit_code", r->exit_code),
		  LOG_D("run", r->runs),
		  LOG_T("gives_up", usec_max(0, r->outage.plan.give_up - clock_now().mono)),
		  LOG_S("next", "wait for Sigstore, then run the command again"));
	enum rerun_verdict v = outage_wait(&r->outage, r->run_began, environ);
	if (v == RERUN_WAIT)
		return interrupted(r, cause);
	if (v != RERUN_AGAIN)
		return give_up_in_time(r, v, cause);
	if (!input_rewind(&r->input, STDIN_FILENO))
		return give_up(r, "the file on stdin cannot be read from its start again", cause);
	log_event(LOG_INFO, "run_again", LOG_D("run", r->runs + 1),
		  LOG_T("waited", clock_now().mono - r->outage.plan.failed_at));
	return -1;
}

static int ended(struct run *r)
{
	char why[64];
	snprintf(why, sizeof(why), "the command ended with exit code %d", r->exit_code);
	run_record_end(&r->record, r->exit_code == 0, r->exit_code == 0 ? NULL : why);
	return r->exit_code;
}

static int run_attended(struct run *r)
{
	int rc;
	input_note(&r->input, STDIN_FILENO);
	do {
		struct server_failures before;
		char cause[CAUSE_MAX];
		server_failures(r->server, &before);
		if (!run_once(r))
			return r->exit_code;
		if (!sigstore_failed(r, before.count, cause))
			return ended(r);
		rc = wait_for_sigstore(r, cause);
	} while (rc < 0);
	return rc;
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
	if (st == STATUS_INVALID)
		return EXIT_CONFIG_ERROR;
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
	if (r->client.style == STYLE_SIGNING_CONFIG && (st = write_config(r)) != STATUS_OK) {
		complain("run: cannot write a signing config for cosign in '%s': %s; TMPDIR names another "
			 "folder",
			 temporary(), st == STATUS_IO ? strerror(errno) : status_name(st));
		return EXIT_CANNOT_RUN;
	}
	st = make_environment(r);
	if (st != STATUS_OK)
		return cannot("make the command's environment", st);
	return run_attended(r);
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
	outage_release(&r->outage);
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

static int run_recorded(struct run *r)
{
	if (run_record_open(&r->record, &r->settings, r->command, environ) != STATUS_OK) {
		complain("run: cannot open the ledger '%s': %s; nothing was run", r->settings.ledger,
			 strerror(errno));
		return EXIT_CONFIG_ERROR;
	}
	int rc = run_embedded(r);
	run_record_close(&r->record);
	return rc;
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
	return run_recorded(r);
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

static int read_outage_flags(struct run *r, const char *keep_on, const char *on_outage)
{
	static const char *const words[] = { "fail", "continue", NULL };
	int chosen = 0;
	int rc = option_duration("run", "--for", keep_on, &r->keep_on);
	if (rc == 0)
		rc = option_choice("run", "--on-outage", on_outage, words, &chosen);
	r->go_on = chosen == 1;
	return rc;
}

static int run_from(struct run *r, struct settings_load *l, int argc, char **argv)
{
	const char *keep_on = NULL, *on_outage = NULL;
	const struct option own[] = { { .name = "--for", .value = &keep_on },
				      { .name = "--on-outage", .value = &on_outage } };
	const char *word = take_client_flag(&argc, argv);
	int rc = find_client(r, word, l);
	if (rc == 0)
		rc = settings_prepare(l, &argc, argv, &r->settings);
	if (rc == 0)
		rc = options_take(&argc, argv, own, sizeof(own) / sizeof(own[0]), 0);
	if (rc == 0)
		rc = read_outage_flags(r, keep_on, on_outage);
	return rc == 0 ? run_settled(r, l) : rc;
}

int command_run(int argc, char **argv)
{
	struct run r = { .signals = { .fd = -1 },
			 .begun = clock_now().mono,
			 .keep_on = FOR_DEFAULT,
			 .record = { .ledger = { .fd = -1 } } };
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
	secrecy_begin();
	int rc = run_from(&r, l, split, argv);
	clients_release(&r.client);
	settings_release(&r.settings);
	settings_load_free(l);
	return rc;
}
