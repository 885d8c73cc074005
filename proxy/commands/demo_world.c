#include <sigrelay/commands/demo.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sigrelay/base/clock.h>
#include <sigrelay/base/json.h>
#include <sigrelay/commands/child.h>

#define OUTPUT_MAX ((size_t)1 << 20)
#define LIMIT (60 * USEC_PER_SEC)
#define KILLED_LATE 124

/* ---- signals: a wait ends, and the demo tidies up on its way out ---- */

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

int demo_interrupted(void)
{
	return interrupted;
}

static void watch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal }; /* no SA_RESTART: poll returns */
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* ---- children ---- */

/* Starts argv with its stdout (and stderr, if both) in a pipe. It ends when the
 * demo ends. -1: it cannot be started, errno says why. */
static pid_t start(char *const *argv, bool both, int *output)
{
	int ends[2];
	pid_t parent = getpid();
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() == parent && dup2(ends[1], 1) == 1 && (!both || dup2(ends[1], 2) == 2))
			execvp(argv[0], argv);
		_exit(child_cannot_run_code(errno));
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return -1;
	}
	*output = ends[0];
	return pid;
}

/* Reads until enough(out) or the end. False: the time is up, or a signal came. */
static bool read_output(int fd, struct buf *out, bool (*enough)(const struct buf *))
{
	char block[4096];
	usec deadline = clock_now().mono + LIMIT;
	while (!enough || !enough(out)) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		usec left = deadline - clock_now().mono;
		if (interrupted || left <= 0 || poll(&p, 1, (int)(left / USEC_PER_MSEC) + 1) <= 0)
			return false;
		ssize_t n = read(fd, block, sizeof(block));
		if (n <= 0)
			return n == 0;
		if (buf_add(out, block, (size_t)n) != STATUS_OK)
			return false;
	}
	return true;
}

static int end_of(pid_t pid, bool in_time)
{
	int status = 0;
	if (!in_time)
		kill(pid, SIGTERM);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return in_time ? child_exit_code(status) : KILLED_LATE;
}

enum status demo_capture(char *const *argv, struct demo_run *out)
{
	int fd;
	buf_init(&out->output, OUTPUT_MAX);
	pid_t pid = start(argv, true, &fd);
	if (pid < 0)
		return STATUS_IO;
	bool in_time = read_output(fd, &out->output, NULL);
	close(fd);
	out->exit_code = end_of(pid, in_time);
	return STATUS_OK;
}

/* ---- the environment ---- */

/* A user's own settings would lead the demo, or the relay in it, elsewhere. */
static bool is_theirs(const char *variable)
{
	static const char *const prefixes[] = { "SIGRELAY_", "COSIGN_", "SIGSTORE_", "GITSIGN_",
						"ACTIONS_ID_TOKEN_" };
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	}
	return false;
}

static void forget_settings(void)
{
	char name[128];
	size_t i = 0;
	while (environ[i]) {
		size_t n = strcspn(environ[i], "=");
		if (is_theirs(environ[i]) && n < sizeof(name)) {
			memcpy(name, environ[i], n);
			name[n] = '\0';
			unsetenv(name); /* moves the rest up */
		} else {
			i++;
		}
	}
}

/* ---- the log ---- */

#define READY "builtin-log listening on "

static bool is_ready(const struct buf *out)
{
	const char *line = out->p ? strstr(out->p, READY) : NULL;
	return line && strchr(line, '\n');
}

/* "export NAME='value' NAME='value'" into this process's environment. */
static enum status export_line(char *line)
{
	for (char *at = line, *name; (name = strchr(at, ' ')) != NULL;) {
		char *equals = strstr(++name, "='");
		char *end = equals ? strchr(equals + 2, '\'') : NULL;
		if (!end)
			return STATUS_INVALID;
		*equals = *end = '\0';
		if (setenv(name, equals + 2, 1) != 0)
			return STATUS_NO_MEMORY;
		at = end + 1;
	}
	return STATUS_OK;
}

static enum status read_lines(struct demo_world *w, char *text)
{
	char *save = NULL;
	enum status s = STATUS_OK;
	for (char *line = strtok_r(text, "\n", &save); s == STATUS_OK && line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, READY, sizeof(READY) - 1) == 0)
			snprintf(w->url, sizeof(w->url), "%s", line + sizeof(READY) - 1);
		else
			s = export_line(line);
	}
	return s;
}

static enum status start_log(struct demo_world *w)
{
	char name[] = "builtin-log", flag[] = "--print-env";
	char *argv[] = { w->self, name, flag, NULL };
	struct buf out;
	buf_init(&out, OUTPUT_MAX);
	w->log = start(argv, false, &w->log_output);
	if (w->log < 0) {
		w->log = 0;
		return STATUS_IO;
	}
	bool ready = read_output(w->log_output, &out, is_ready) && is_ready(&out);
	enum status s = ready ? read_lines(w, out.p) : STATUS_INVALID;
	buf_release(&out);
	return s;
}

static enum status make_folder(struct demo_world *w)
{
	const char *parent = getenv("TMPDIR");
	int n = snprintf(w->folder, sizeof(w->folder), "%s/sigrelay-demo-XXXXXX",
			 parent && *parent ? parent : "/tmp");
	if (n < (int)sizeof(w->folder) && mkdtemp(w->folder))
		return STATUS_OK;
	w->folder[0] = '\0';
	return STATUS_IO;
}

enum status demo_world_init(struct demo_world *w)
{
	memset(w, 0, sizeof(*w));
	w->log_output = -1;
	w->step = "find its own program by /proc/self/exe";
	if (readlink("/proc/self/exe", w->self, sizeof(w->self) - 1) < 0)
		return STATUS_IO;
	watch_signals();
	forget_settings();
	/* Clients in Go skip a proxy for loopback by themselves; others do not. */
	if (setenv("NO_PROXY", "127.0.0.1", 1) != 0 || setenv("no_proxy", "127.0.0.1", 1) != 0)
		return STATUS_NO_MEMORY;
	w->step = "make a folder below TMPDIR, else /tmp";
	if (make_folder(w) != STATUS_OK)
		return STATUS_IO;
	w->step = "start the built-in log";
	return start_log(w);
}

static void remove_folder(const char *folder)
{
	static const char *const files[] = { "artifact", "bundle" };
	char path[320];
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		(void)unlink(path);
	}
	(void)rmdir(folder);
}

void demo_world_release(struct demo_world *w)
{
	if (w->log) {
		kill(w->log, SIGTERM);
		end_of(w->log, true);
	}
	if (w->log_output >= 0)
		close(w->log_output);
	if (w->folder[0])
		remove_folder(w->folder);
	w->log = 0;
}

/* ---- what the log is told and asked ---- */

static void ask_log(const struct demo_world *w, const char *path, struct slice body, struct demo_answer *a)
{
	char url[128];
	snprintf(url, sizeof(url), "%s/_control/%s", w->url, path);
	demo_http(
	    &(struct demo_request){ .url = url, .content_type = body.p ? "text/plain" : NULL, .body = body },
	    a);
}

enum status demo_control(const struct demo_world *w, const char *path, const char *text)
{
	struct demo_answer a;
	ask_log(w, path, slice_str(text), &a);
	enum status s = a.status == 200 ? STATUS_OK : STATUS_INVALID;
	demo_answer_release(&a);
	return s;
}

long demo_counter(const struct demo_world *w, const char *name)
{
	struct demo_answer a;
	int64_t n = -1;
	ask_log(w, "state", (struct slice){ NULL, 0 }, &a);
	cJSON *root = json_parse(buf_slice(&a.body));
	if (json_int(json_at(root, name, NULL), &n) != STATUS_OK)
		n = -1;
	cJSON_Delete(root);
	demo_answer_release(&a);
	return (long)n;
}
