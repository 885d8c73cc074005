/* Certificate requests that wait for the log's write side: policy/mint.h with
 * a line, the earliest first.
 *
 * It stands beside the gates: it looks at the log's, and knows no relay. A ticket
 * lives in its flight; the line borrows it from mint_line_pass until it goes or
 * leaves. */
#ifndef SIGRELAY_RELAY_MINT_LINE_H
#define SIGRELAY_RELAY_MINT_LINE_H

#include <stdbool.h>

#include <sigrelay/base/heap.h>
#include <sigrelay/base/status.h>
#include <sigrelay/base/timers.h>
#include <sigrelay/policy/gate.h>
#include <sigrelay/policy/mint.h>

struct mint_ticket {
	struct heap_node node; /* by order: see gate.h */
	usec deadline, went;
	bool counted; /* it went, as one of mint's */
	/* Its turn has come; it is out of the line. May end its flight. */
	void (*go)(struct mint_ticket *t);
};

struct mint_line {
	struct mint mint;
	const struct gate *log; /* borrowed: its write side is what is waited for */
	struct heap line;
	struct timer wake;
	bool pumping, pump_again;
	/* The first in line may want the fleet's leave. Does not call back. */
	void (*wants)(void *arg);
	void *arg;
};

enum status mint_line_init(struct mint_line *m, struct timers *ts, const struct gate *log,
			   void (*wants)(void *arg), void *arg) MUST_CHECK;
void mint_line_release(struct mint_line *m);
/* True: go on now. False: in line, go will be called. */
bool mint_line_pass(struct mint_line *m, struct mint_ticket *t, usec deadline, usec order, usec now);
void mint_line_leave(struct mint_line *m, struct mint_ticket *t); /* fine when not in line */
/* The log's write side or its line changed: whose turn is it? */
void mint_line_pump(struct mint_line *m, usec now);
/* Does one wait for the fleet's leave? */
bool mint_line_wants_lease(const struct mint_line *m, usec now);
/* It went, and no certificate came of it. Fine when it never went. */
void mint_line_lost(struct mint_line *m, struct mint_ticket *t, usec now);
/* A create came. */
void mint_line_used(struct mint_line *m, usec now);
size_t mint_line_waiting(const struct mint_line *m);

#endif
