#include <sigrelay/registry/credential_helper.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sigrelay/base/json.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/base/utf8.h>
#include <sigrelay/base/variables.h>

#define ANSWER_MAX ((size_t)64 * 1024)
#define KEY_MAX ((size_t)1024)
#define NOBODY "credentials not found in native keychain"

/* What became of a helper that was started. */
struct helper_run {
	pid_t pid;
	int from;      /* its stdout */
	usec deadline; /* monotonic */
	bool late, too_long;
	int status; /* as waitpid gives it */
	struct buf answer;
};

static bool is_program(const char *path)
{
	struct stat s;
	return stat(path, &s) == 0 && S_ISREG(s.st_mode) && access(path, X_OK) == 0;
}

/* A folder that is relative is passed over: what lies in the one that the user
 * happens to be in is not to be run. */
static enum status find_program(const struct helper_call *call, struct buf *out)
{
	const char *p = environment_get(call->env, "PATH");
	while (p && *p) {
		size_t n = strcspn(p, ":");
		buf_reset(out);
		if (*p == '/') {
			enum status st = buf_addf(out, "%.*s/docker-credential-%s", (int)n, p, call->name);
			if (st == STATUS_NO_MEMORY)
				return st;
			if (st == STATUS_OK && is_program(out->p))
				return STATUS_OK;
		}
		p += n + (p[n] == ':');
	}
	return STATUS_NOT_FOUND;
}

/* A pipe that has the key in it and ends there. Filled before there is a reader
 * that could go away: no SIGPIPE, and a key is shorter than what a pipe holds. */
static enum status open_question(const char *key, int *out)
{
	int p[2];
	size_t n = strlen(key);
	if (n > KEY_MAX)
		return STATUS_INVALID;
	if (pipe2(p, O_CLOEXEC) != 0)
		return STATUS_IO;
	ssize_t written = write(p[1], key, n);
	int error = written < 0 ? errno : EIO;
	close(p[1]);
	if (written == (ssize_t)n) {
		*out = p[0];
		return STATUS_OK;
	}
	close(p[0]);
	errno = error;
	return STATUS_IO;
}

/* A process group of its own, so that what the helper starts ends with it; the
 * signals as a program expects them. */
static int spawn_with(const char *path, const struct helper_call *call, posix_spawn_file_actions_t *fds,
		      posix_spawnattr_t *attr, pid_t *out)
{
	char get[] = "get";
	char *program = mem_strdup(path);
	char *argv[] = { program, get, NULL };
	sigset_t none, standard;
	sigemptyset(&none);
	sigemptyset(&standard);
	sigaddset(&standard, SIGPIPE);
	int error = program ? 0 : ENOMEM;
	if (!error)
		error = posix_spawnattr_setsigmask(attr, &none);
	if (!error)
		error = posix_spawnattr_setsigdefault(attr, &standard);
	if (!error)
		error = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
							   POSIX_SPAWN_SETSIGDEF);
	if (!error)
		error = posix_spawn(out, path, fds, attr, argv, call->env);
	mem_free(program);
	return error;
}

static int spawn(const char *path, const struct helper_call *call, int question, int answer, pid_t *out)
{
	posix_spawn_file_actions_t fds;
	posix_spawnattr_t attr;
	int error = posix_spawn_file_actions_init(&fds);
	if (error)
		return error;
	error = posix_spawnattr_init(&attr);
	if (!error) {
		error = posix_spawn_file_actions_adddup2(&fds, question, STDIN_FILENO);
		if (!error)
			error = posix_spawn_file_actions_adddup2(&fds, answer, STDOUT_FILENO);
		if (!error)
			error = spawn_with(path, call, &fds, &attr, out);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&fds);
	return error;
}

static enum status start(const char *path, const struct helper_call *call, struct helper_run *r)
{
	int answer[2], question = -1;
	enum status st = open_question(call->key, &question);
	if (st != STATUS_OK)
		return st;
	if (pipe2(answer, O_CLOEXEC) != 0) {
		int error = errno;
		close(question);
		errno = error;
		return STATUS_IO;
	}
	int error = spawn(path, call, question, answer[1], &r->pid);
	close(question);
	close(answer[1]);
	if (!error) {
		r->from = answer[0];
		return STATUS_OK;
	}
	close(answer[0]);
	errno = error;
	return error == ENOMEM ? STATUS_NO_MEMORY : STATUS_IO;
}

/* Milliseconds for poll, rounded up. */
static int left(const struct helper_run *r)
{
	usec us = r->deadline - clock_now().mono;
	return us > 0 ? (int)(us / USEC_PER_MSEC) + 1 : 0;
}

/* Straight into the one block that is wiped at the end. False: there is no more. */
static bool read_some(struct helper_run *r)
{
	struct pollfd p = { .fd = r->from, .events = POLLIN };
	int ready = poll(&p, 1, left(r));
	if (ready < 0)
		return errno == EINTR;
	r->late = ready == 0;
	if (r->late)
		return false;
	ssize_t n = read(r->from, r->answer.p + r->answer.n, r->answer.cap - 1 - r->answer.n);
	if (n <= 0)
		return n < 0 && errno == EINTR;
	r->answer.n += (size_t)n;
	r->answer.p[r->answer.n] = '\0';
	r->too_long = r->answer.n > ANSWER_MAX;
	return !r->too_long;
}

/* It has closed its stdout: that it ends is a matter of a moment, or of the
 * deadline. Where children are not waited for (SIGCHLD ignored), what it said has
 * to be enough. */
static void reap(struct helper_run *r)
{
	pid_t got = 0;
	while (!r->late && !r->too_long && (got = waitpid(r->pid, &r->status, WNOHANG)) == 0) {
		poll(NULL, 0, 2);
		r->late = left(r) == 0;
	}
	if (got != 0)
		return;
	kill(-r->pid, SIGKILL);
	while (waitpid(r->pid, &r->status, 0) < 0 && errno == EINTR)
		;
}

static struct slice trimmed(struct slice s)
{
	while (s.n && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r' || s.p[s.n - 1] == ' '))
		s.n--;
	return s;
}

/* "docker-credential-NAME, which … names for KEY, WHAT". */
static enum status say(const struct helper_call *call, const char *what, struct buf *why)
{
	char name[80];
	utf8_plain(slice_str(call->name), name, sizeof(name));
	enum status st = buf_addf(why, "docker-credential-%s, which %s of %s names for %s, %s", name,
				  call->field, call->file, call->key, what);
	return st == STATUS_NO_MEMORY ? st : STATUS_IO;
}

/* What it said goes to people, except where it may hold a secret. */
static enum status say_failed(const struct helper_call *call, const struct helper_run *r, struct buf *why)
{
	char said[240];
	struct slice text = trimmed(buf_slice(&r->answer));
	bool json = memchr(text.p, '{', text.n) != NULL;
	utf8_plain(json ? SLICE_LIT("(JSON)") : text, said, sizeof(said));
	enum status st = say(call, "failed", why);
	if (st == STATUS_NO_MEMORY)
		return st;
	if (WIFSIGNALED(r->status))
		st = buf_addf(why, " (killed by signal %d)", WTERMSIG(r->status));
	else
		st = buf_addf(why, " (exit code %d)", WEXITSTATUS(r->status));
	if (st == STATUS_OK)
		st = buf_addf(why, "%s%s; `printf %%s %s | docker-credential-%s get` shows it",
			      *said ? ": " : "", said, call->key, call->name);
	return st == STATUS_NO_MEMORY ? st : STATUS_IO;
}

static enum status say_late(const struct helper_call *call, struct buf *why)
{
	char limit[32], what[128];
	usec_format(call->limit, limit);
	snprintf(what, sizeof(what),
		 "did not end within %s and was stopped; it may wait for a keychain to be unlocked", limit);
	return say(call, what, why);
}

static enum status judge(const struct helper_call *call, const struct helper_run *r, struct credentials *out,
			 struct buf *why)
{
	if (r->too_long)
		return say(call, "answered more than 64 KiB and was stopped; expected its JSON alone", why);
	if (r->late)
		return say_late(call, why);
	if (slice_eq_str(trimmed(buf_slice(&r->answer)), NOBODY))
		return STATUS_NOT_FOUND;
	if (!WIFEXITED(r->status) || WEXITSTATUS(r->status) != 0)
		return say_failed(call, r, why);
	enum status st = credential_helper_parse(buf_slice(&r->answer), out);
	if (st != STATUS_INVALID)
		return st;
	st = say(call, "answered something else than JSON with Username and Secret", why);
	return st == STATUS_NO_MEMORY ? st : STATUS_INVALID;
}

static enum status say_not_started(const struct helper_call *call, int error, struct buf *why)
{
	char what[128];
	snprintf(what, sizeof(what), "cannot be run: %s", strerror(error));
	return say(call, what, why);
}

static enum status run(const char *path, const struct helper_call *call, struct credentials *out,
		       struct buf *why)
{
	struct helper_run r = { .from = -1, .deadline = usec_add(clock_now().mono, call->limit) };
	buf_init(&r.answer, ANSWER_MAX + 1);
	enum status st = buf_reserve(&r.answer, ANSWER_MAX + 1);
	if (st == STATUS_OK)
		st = start(path, call, &r);
	if (st == STATUS_OK) {
		while (read_some(&r))
			;
		close(r.from);
		reap(&r);
		st = judge(call, &r, out, why);
	} else if (st != STATUS_NO_MEMORY) {
		st = say_not_started(call, st == STATUS_IO ? errno : E2BIG, why);
	}
	buf_wipe(&r.answer);
	return st;
}

enum status credential_helper_get(const struct helper_call *call, struct credentials *out, struct buf *why)
{
	struct buf path;
	if (strchr(call->name, '/'))
		return say(call, "is no name of a helper: it has a '/'", why);
	buf_init(&path, 4096);
	enum status st = find_program(call, &path);
	if (st == STATUS_OK)
		st = run(path.p, call, out, why);
	else if (st == STATUS_NOT_FOUND)
		st = say(call, "is not in PATH; install it, or take the name out of the file", why);
	buf_release(&path);
	return st;
}

static const char *field_of(const cJSON *root, const char *name)
{
	const cJSON *item = cJSON_GetObjectItem(root, name);
	return cJSON_IsString(item) ? item->valuestring : NULL;
}

static enum status fill(const char *user, const char *secret, struct credentials *out)
{
	struct credentials made = { 0 };
	enum status st;
	if (strcmp(user, "<token>") == 0) {
		st = credential_text(secret, &made.identity_token);
	} else {
		made.username = mem_strdup(user);
		made.secret = mem_strdup(secret);
		st = made.username && made.secret ? STATUS_OK : STATUS_NO_MEMORY;
	}
	if (st == STATUS_OK)
		*out = made;
	else
		credentials_release(&made);
	return st;
}

enum status credential_helper_parse(struct slice answer, struct credentials *out)
{
	if (!json_is_container(answer))
		return STATUS_INVALID;
	cJSON *root = json_parse(answer);
	if (!root)
		return STATUS_NO_MEMORY;
	const char *user = field_of(root, "Username"), *secret = field_of(root, "Secret");
	enum status st = STATUS_INVALID;
	if (user && secret && !*user && !*secret)
		st = STATUS_NOT_FOUND; /* so some say that they know nobody */
	else if (user && secret && *user && *secret)
		st = fill(user, secret, out);
	json_free_secret(root);
	return st;
}
