/* When `run` may run its command again. Pure: what it sees and the time are
 * arguments; outage.c asks and acts.
 *
 * The command failed because Sigstore did. It is run again when
 *   - a pause has passed since that run began: probe_interval, doubled by each run
 *     that failed in turn, up to probe_max, +-20 %; or a breaker that was not closed
 *     has closed since it ended, which is better news than a pause. What bounds how
 *     often the command is run is the time from one beginning to the next: one that
 *     was held in line for a minute has paused already, and a crowd that paused
 *     again would leave a log that is back idle;
 *   - and the write side of every service is closed, or open with its next probe
 *     due and nobody in line to be that probe: then the run is. Nobody else
 *     writes: a probe is a client's own request, never the relay's;
 *   - and after all that the log has answered a read (relay/log_read.h says how new
 *     that answer is).
 * So a log that is down costs one run of the command a probe interval, and one
 * that can be read and not written to is not taken for a healthy one. */
#ifndef SIGRELAY_COMMANDS_RERUN_H
#define SIGRELAY_COMMANDS_RERUN_H

#include <stdbool.h>

#include <sigrelay/base/clock.h>
#include <sigrelay/base/rng.h>
#include <sigrelay/relay/server.h>

enum rerun_verdict {
	RERUN_WAIT,        /* until *at, or until something changes */
	RERUN_READ,        /* see whether the log can be read */
	RERUN_AGAIN,       /* run the command */
	RERUN_OUT_OF_TIME, /* --for is over */
	RERUN_TOKEN_ENDS,  /* a run would come too late for the fixed token */
};

/* Times are monotonic. */
struct rerun {
	usec give_up;     /* the end of --for */
	usec token_end;   /* of a token that no run can renew; USEC_NEVER: none */
	usec failed_at;   /* when the command ended */
	usec pause_until; /* see rerun_pause_until */
};

struct rerun_sight {
	struct server_side write[SERVICE_COUNT];
	usec read_at; /* the log's last good answer to a read; < 0: none yet */
};

/* The end of the pause after the n-th failed run in turn (n >= 1), which began then. */
usec rerun_pause_until(usec began, usec probe_interval, usec probe_max, unsigned n, struct rng *r);
/* *at: when a run may go, as far as is known; USEC_NEVER: when something that is
 * out ends. */
enum rerun_verdict rerun_decide(const struct rerun *r, const struct rerun_sight *sight, usec now, usec *at);

#endif
