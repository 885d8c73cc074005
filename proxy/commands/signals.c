#include <sigrelay/commands/signals.h>

#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum status signals_take(struct signals *s, const int *list)
{
	sigset_t set;
	sigemptyset(&set);
	for (; *list; list++)
		sigaddset(&set, *list);
	s->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->fd < 0)
		return STATUS_IO;
	/* A SIGCHLD that is ignored would take the wait status with it. */
	struct sigaction by_default = { .sa_handler = SIG_DFL };
	struct sigaction ignored = { .sa_handler = SIG_IGN };
	sigaction(SIGCHLD, &by_default, &s->chld_before);
	sigaction(SIGPIPE, &ignored, &s->pipe_before);
	sigprocmask(SIG_BLOCK, &set, &s->mask_before);
	return STATUS_OK;
}

bool signals_next(struct signals *s, int *number, bool *from_terminal)
{
	struct signalfd_siginfo info;
	ssize_t n;
	do {
		n = read(s->fd, &info, sizeof(info));
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(info))
		return false;
	*number = (int)info.ssi_signo;
	*from_terminal = info.ssi_code == SI_KERNEL;
	return true;
}

void signals_restore(const struct signals *s)
{
	sigaction(SIGCHLD, &s->chld_before, NULL);
	sigaction(SIGPIPE, &s->pipe_before, NULL);
	sigprocmask(SIG_SETMASK, &s->mask_before, NULL);
}

void signals_release(struct signals *s)
{
	if (s->fd < 0)
		return;
	signals_restore(s);
	close(s->fd);
	s->fd = -1;
}
