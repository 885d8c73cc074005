/* The wait between two runs of a command that Sigstore failed: asks rerun.h,
 * reads the log, tells how it goes. */
#ifndef SIGRELAY_COMMANDS_OUTAGE_H
#define SIGRELAY_COMMANDS_OUTAGE_H

#include <stdbool.h>

#include <sigrelay/base/rng.h>
#include <sigrelay/base/settings.h>
#include <sigrelay/commands/progress.h>
#include <sigrelay/commands/rerun.h>
#include <sigrelay/relay/server.h>

struct event;

struct outage {
	struct server *server; /* borrowed */
	usec probe_interval, probe_max;
	struct rng rng;
	struct rerun plan;
	struct progress progress;
	struct event *tick;
	usec read_at;       /* see rerun_sight */
	usec next_read;     /* not before this */
	unsigned in_turn;   /* runs that Sigstore failed, one after the other */
	bool reading;       /* a read of the log is out */
	bool over, stopped; /* stopped: by outage_stop */
	enum rerun_verdict verdict;
};

/* give_up, token_end: see rerun.h. STATUS_NO_MEMORY: o needs no release. */
enum status outage_init(struct outage *o, struct server *server, const struct settings *s, usec give_up,
			usec token_end) MUST_CHECK;
void outage_release(struct outage *o); /* fine on a zeroed one */
/* The command, which began then, ended just now: turns the server's loop until it may be run again
 * (RERUN_AGAIN) or never may. RERUN_WAIT: outage_stop ended it. */
enum rerun_verdict outage_wait(struct outage *o, usec began, char *const *env);
/* From an event of the loop. Fine when nothing waits. */
void outage_stop(struct outage *o);

#endif
