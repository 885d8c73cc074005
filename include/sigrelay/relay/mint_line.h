/* Certificate requests that wait for the log's write side: policy/mint.h with
 * a line, the earliest first.
 *
 * A ticket lives in its flight; the line borrows it from mint_line_pass until
 * it goes or leaves. */
#ifndef SIGRELAY_RELAY_MINT_LINE_H
#define SIGRELAY_RELAY_MINT_LINE_H

#include <stdbool.h>

#include <sigrelay/base/heap.h>
#include <sigrelay/base/status.h>
#include <sigrelay/base/timers.h>
#include <sigrelay/policy/mint.h>

struct relay;

struct mint_ticket {
	struct heap_node node; /* by order: see gate.h */
	usec deadline, went;
	bool counted; /* it went, as one of mint's */
	/* Its turn has come; it is out of the line. May end its flight. */
	void (*go)(struct mint_ticket *t);
};

struct mint_line {
	struct mint mint;
	struct heap line;
	struct timer wake;
	bool pumping, pump_again;
};

enum status mint_line_init(struct relay *r) MUST_CHECK;
void mint_line_release(struct relay *r);
/* True: go on now. False: in line, go will be called. */
bool mint_line_pass(struct relay *r, struct mint_ticket *t, usec deadline, usec order);
void mint_line_leave(struct relay *r, struct mint_ticket *t); /* fine when not in line */
/* The log's write side or its line changed: whose turn is it? */
void mint_line_pump(struct relay *r);
/* Does one wait for the fleet's leave? */
bool mint_line_wants_lease(const struct relay *r);
/* It went, and no certificate came of it. Fine when it never went. */
void mint_line_lost(struct relay *r, struct mint_ticket *t);
/* A create came. */
void mint_line_used(struct relay *r);
size_t mint_line_waiting(const struct relay *r);

#endif
