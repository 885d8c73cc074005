/* Running a command as a good init does. */
#ifndef SIGRELAY_COMMANDS_CHILD_H
#define SIGRELAY_COMMANDS_CHILD_H

#include <sys/types.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/clock.h>
#include <sigrelay/base/status.h>
#include <sigrelay/commands/signals.h>

/* Starts argv (searched on PATH) with env, in this process group, with the
 * signal mask and dispositions that `signals` found. Returns when the command
 * runs. STATUS_IO: it cannot be run, errno says why. Call before anything in
 * this process has made a thread. */
enum status child_start(char *const *argv, char *const *env, const struct signals *signals,
			pid_t *out) MUST_CHECK;

/* What a shell would give for this wait status: the exit code, or 128 + signal. */
int child_exit_code(int wait_status);
/* 127 when errno says that there is no such command, else 126. */
int child_cannot_run_code(int error);

/* Runs argv with stdin and stderr on /dev/null and gives what it writes to
 * stdout, which may not pass out's maximum. Killed after `limit`.
 * STATUS_NOT_FOUND: it cannot be run, ended badly or was too slow. */
enum status child_ask(char *const *argv, char *const *env, usec limit, struct buf *out) MUST_CHECK;

#endif
