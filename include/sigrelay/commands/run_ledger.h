/* The ledger as the commands write it: the run's name is found in the settings and
 * the environment, and what goes wrong is told on stderr. */
#ifndef SIGRELAY_COMMANDS_RUN_LEDGER_H
#define SIGRELAY_COMMANDS_RUN_LEDGER_H

#include <stdbool.h>

#include <sigrelay/base/settings.h>
#include <sigrelay/registry/ledger.h>

/* Where no ledger is set, l has none (fd -1), but the run's name all the same.
 * STATUS_IO: errno. Nothing is told yet. */
enum status run_ledger_open(struct ledger *l, const struct settings *s, char *const *env) MUST_CHECK;
/* Adds a line with the time of now. False: it could not be written, which is told. */
bool run_ledger_add(struct ledger *l, const char *command, const struct ledger_line *line);
/* Where nobody named the run, says that each of its commands makes up a name of its
 * own, so that cleanup will not find what l is told. Without a ledger there is nothing
 * to say. */
void run_ledger_check_name(const struct ledger *l, const char *command, const struct settings *s,
			   char *const *env);

#endif
