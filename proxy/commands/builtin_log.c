#include <sigrelay/builtin/builtin_log.h>

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sigrelay/base/file.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/base/settings.h>
#include <sigrelay/builtin/trust_files.h>
#include <sigrelay/commands/commands.h>
#include <sigrelay/commands/options.h>

#define SCRIPT_MAX ((size_t)1024 * 1024)

static void stop(evutil_socket_t signal_number, short what, void *base)
{
	(void)signal_number, (void)what;
	event_base_loopbreak(base);
}

static int load_script(struct builtin_log *l, const char *path)
{
	struct buf text, error;
	buf_init(&text, SCRIPT_MAX);
	buf_init(&error, 512);
	enum status s = file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, &text);
	if (s != STATUS_OK)
		complain("cannot read the script %s: %s", path,
			 s == STATUS_IO ? strerror(errno) : status_name(s));
	else if ((s = builtin_log_script(l, buf_slice(&text), &error)) != STATUS_OK)
		complain("script %s: %s", path, error.n ? error.p : status_name(s));
	buf_release(&text);
	buf_release(&error);
	return s == STATUS_OK ? 0 : EXIT_CONFIG_ERROR;
}

/* Serves until a signal; the ready line comes last, so that who has read it has
 * all that came before it too. */
static int serve(struct builtin_log *l, struct event_base *base, const char *host, bool print_env)
{
	struct trust_files *files = NULL;
	struct event *term = evsignal_new(base, SIGTERM, stop, base),
		     *interrupt = evsignal_new(base, SIGINT, stop, base);
	int code = 0;
	if (!term || !interrupt || event_add(term, NULL) != 0 || event_add(interrupt, NULL) != 0) {
		complain("builtin-log: cannot watch for signals");
		code = 1;
	}
	if (code == 0 && print_env && trust_files_new(&files, l, stdout) != STATUS_OK) {
		complain("builtin-log: cannot write the key files below %s: %s", trust_files_parent(),
			 strerror(errno));
		code = 1;
	}
	if (code == 0) {
		printf("builtin-log listening on http://%s:%u\n", host, builtin_log_port(l));
		fflush(stdout);
		event_base_dispatch(base);
	}
	trust_files_free(files);
	if (term)
		event_free(term);
	if (interrupt)
		event_free(interrupt);
	return code;
}

static int run(struct event_base *base, const struct address *at, const char *script, bool print_env)
{
	struct builtin_log *l;
	enum status s = builtin_log_new(&l, base, at->host, at->port);
	if (s != STATUS_OK) {
		complain("builtin-log: cannot listen on %s:%u: %s", at->host, at->port,
			 s == STATUS_IO ? strerror(errno) : status_name(s));
		return 1;
	}
	int code = script ? load_script(l, script) : 0;
	if (code == 0)
		code = serve(l, base, at->host, print_env);
	builtin_log_free(l);
	return code;
}

int command_builtin_log(int argc, char **argv)
{
	const char *listen = NULL, *script = NULL;
	bool print_env = false;
	const struct option options[] = { { .name = "--listen", .value = &listen },
					  { .name = "--script", .value = &script },
					  { .name = "--print-env", .flag = &print_env } };
	struct address at;
	int code = options_take(&argc, argv, options, 3, 0);
	if (code != 0)
		return code;
	if (address_parse(listen ? listen : "127.0.0.1:0", &at) != STATUS_OK || at.kind != ADDRESS_TCP ||
	    !at.loopback) {
		complain("builtin-log: --listen %s: want a loopback address such as 127.0.0.1:0", listen);
		return EXIT_USAGE_ERROR;
	}
	signal(SIGPIPE, SIG_IGN);
	struct event_base *base = event_base_new();
	if (!base) {
		complain("builtin-log: cannot make an event loop");
		return 1;
	}
	code = run(base, &at, script, print_env);
	event_base_free(base);
	return code;
}
