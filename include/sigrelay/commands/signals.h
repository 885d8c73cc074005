/* Signals as things to read: blocked, and taken from a signalfd by the loop.
 *
 * Read so because a signalfd tells where a signal came from, which a handler
 * behind libevent does not: one that the terminal sent has reached the whole
 * process group already and must not be passed on a second time. */
#ifndef SIGRELAY_COMMANDS_SIGNALS_H
#define SIGRELAY_COMMANDS_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include <sigrelay/base/status.h>

struct signals {
	int fd; /* becomes readable when a signal is there; -1: closed */
	sigset_t mask_before;
	struct sigaction chld_before, pipe_before;
};

/* Blocks the listed signals (ends with 0) in this thread and those it makes
 * later, ignores SIGPIPE. STATUS_IO: errno says why. */
enum status signals_take(struct signals *s, const int *list) MUST_CHECK;
/* The next one; false when there is none. from_terminal: the kernel sent it. */
bool signals_next(struct signals *s, int *number, bool *from_terminal);
/* Puts everything back as it was found: in a child before exec. Only calls what
 * is safe after fork. */
void signals_restore(const struct signals *s);
void signals_release(struct signals *s); /* restores and closes; fine twice */

#endif
