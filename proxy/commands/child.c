#include <sigrelay/commands/child.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: becomes the command, or says why it cannot through the pipe. */
static _Noreturn void become(char *const *argv, char *const *env, int report)
{
	execvpe(argv[0], argv, env);
	int error = errno;
	ssize_t n = write(report, &error, sizeof(error));
	_exit(n == (ssize_t)sizeof(error) ? child_cannot_run_code(error) : 126);
}

/* The pipe closes when exec works; else it carries errno. */
static enum status await_exec(int report, pid_t pid)
{
	int error = 0;
	ssize_t n;
	do {
		n = read(report, &error, sizeof(error));
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return STATUS_OK;
	waitpid(pid, NULL, 0);
	errno = n == (ssize_t)sizeof(error) ? error : EIO;
	return STATUS_IO;
}

enum status child_start(char *const *argv, char *const *env, const struct signals *signals, pid_t *out)
{
	int report[2];
	if (pipe2(report, O_CLOEXEC) != 0)
		return STATUS_IO;
	pid_t pid = fork();
	if (pid == 0) {
		signals_restore(signals);
		become(argv, env, report[1]);
	}
	int error = errno;
	close(report[1]);
	enum status st = STATUS_IO;
	if (pid > 0) {
		st = await_exec(report[0], pid);
		error = errno;
	}
	close(report[0]);
	errno = error;
	if (st == STATUS_OK)
		*out = pid;
	return st;
}

int child_exit_code(int wait_status)
{
	if (WIFSIGNALED(wait_status))
		return 128 + WTERMSIG(wait_status);
	return WEXITSTATUS(wait_status);
}

int child_cannot_run_code(int error)
{
	return error == ENOENT ? 127 : 126;
}

/* Reads until the end or the deadline. False: too slow, too much, or broken. */
static bool read_until(int fd, usec deadline, struct buf *out)
{
	char block[4096];
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		usec left = deadline - clock_now().mono;
		int ready = left > 0 ? poll(&p, 1, (int)(left / USEC_PER_MSEC) + 1) : 0;
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return false;
		ssize_t n = read(fd, block, sizeof(block));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0;
		if (buf_add(out, block, (size_t)n) != STATUS_OK)
			return false;
	}
}

static _Noreturn void become_asked(char *const *argv, char *const *env, int answer)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0 && dup2(null, 0) == 0 && dup2(answer, 1) == 1 && dup2(null, 2) == 2)
		execvpe(argv[0], argv, env);
	_exit(127);
}

/* Waits for a child that has closed its stdout, but not past the deadline. */
static bool ended_well(pid_t pid, bool in_time, usec deadline)
{
	int status = 0;
	pid_t got = 0;
	while (in_time && (got = waitpid(pid, &status, WNOHANG)) == 0 && clock_now().mono < deadline)
		poll(NULL, 0, 5);
	if (got == pid)
		return WIFEXITED(status) && WEXITSTATUS(status) == 0;
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return false;
}

enum status child_ask(char *const *argv, char *const *env, usec limit, struct buf *out)
{
	int answer[2];
	usec deadline = usec_add(clock_now().mono, limit);
	if (pipe2(answer, O_CLOEXEC) != 0)
		return STATUS_NOT_FOUND;
	pid_t pid = fork();
	if (pid == 0)
		become_asked(argv, env, answer[1]);
	close(answer[1]);
	bool ok = pid > 0 && read_until(answer[0], deadline, out);
	close(answer[0]);
	if (pid > 0)
		ok = ended_well(pid, ok, deadline) && ok;
	return ok ? STATUS_OK : STATUS_NOT_FOUND;
}
