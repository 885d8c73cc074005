#include <sigrelay/commands/run_ledger.h>

#include <errno.h>
#include <string.h>

#include <sigrelay/base/rng.h>
#include <sigrelay/commands/environment.h>
#include <sigrelay/commands/options.h>

enum status run_ledger_open(struct ledger *l, const struct settings *s, char *const *env)
{
	struct buf run;
	buf_init(&run, 4096);
	enum status st = ledger_run_id(s->run_id, environment_get(env, "GITHUB_RUN_ID"),
				       environment_get(env, "GITHUB_RUN_ATTEMPT"), rng_entropy(), &run);
	if (st == STATUS_OK)
		st = ledger_open(l, s->ledger, run.p);
	int error = errno;
	buf_release(&run);
	errno = error;
	return st;
}

bool run_ledger_add(struct ledger *l, const char *command, const struct ledger_line *line)
{
	bool torn = false;
	enum status st = ledger_add(l, line, clock_now().wall, &torn);
	if (st != STATUS_OK)
		complain("%s: cannot write to the ledger '%s': %s; that %s is %s is not noted, and cleanup "
			 "cannot go by it",
			 command, l->path, st == STATUS_IO ? strerror(errno) : status_name(st),
			 line->image ? line->image : "this run's work", ledger_event_name(line->event));
	if (torn)
		log_event(LOG_WARN, "ledger_torn",
			  LOG_S("cause", "the ledger's last line was cut off: its writer was stopped, or the "
					 "disk was full"),
			  LOG_S("next", "it is left as it is, and the new line begins below it"));
	return st == STATUS_OK;
}

void run_ledger_check_name(const struct ledger *l, const char *command, const struct settings *s,
			   char *const *env)
{
	if (l->fd < 0 || s->run_id || environment_get(env, "GITHUB_RUN_ID"))
		return;
	complain(
	    "%s: warning: this run has no name, and its lines in the ledger got one that was made up: %s; "
	    "cleanup will not find them unless all commands of the run are given the same --run-id or "
	    "SIGRELAY_RUN_ID",
	    command, l->run);
}
