/* The run's own record: JSON Lines, one object a line, appended and synced.
 *
 * What another run or a later step reads to learn what this run did. Several
 * processes may write one file: a line is whole and on a line of its own,
 * because each is appended under a lock. A last line that an earlier writer
 * could not finish is left as it is, and the next one begins below it. */
#ifndef SIGRELAY_REGISTRY_LEDGER_H
#define SIGRELAY_REGISTRY_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/clock.h>
#include <sigrelay/base/status.h>

enum ledger_event {
	LEDGER_PREFLIGHT,
	LEDGER_PUSHED,
	LEDGER_SIGNED,
	LEDGER_UNSIGNED,
	LEDGER_DELETED,
	LEDGER_KEPT,
	LEDGER_EVENT_COUNT
};
const char *ledger_event_name(enum ledger_event e);

#define LEDGER_LINE_MAX ((size_t)64 << 10) /* its newline included */

/* NULL: does not apply, and is left out. Text that is no UTF-8 is written with
 * a replacement for each bad byte. */
struct ledger_line {
	enum ledger_event event;
	const char *image, *registry, *repository, *tag, *digest, *state, *reason;
};

struct ledger {
	int fd; /* -1: there is none, and adding to it does nothing */
	char *path, *run;
};

/* Opens the file, and makes it where it is not there. path NULL: no ledger.
 * STATUS_IO: errno. l is untouched on failure. */
enum status ledger_open(struct ledger *l, const char *path, const char *run) MUST_CHECK;
/* Appends a line and has it on the disk. *torn (may be NULL) becomes true when
 * the line before it was cut off. STATUS_IO: errno; the line may be torn then. */
enum status ledger_add(struct ledger *l, const struct ledger_line *line, usec wall, bool *torn) MUST_CHECK;
void ledger_close(struct ledger *l); /* fine on one that was never opened and is { .fd = -1 } */

/* The line as it is written, newline included. */
enum status ledger_format(const struct ledger_line *line, const char *run, usec wall,
			  struct buf *out) MUST_CHECK;
/* The run's id: the setting, else GITHUB_RUN_ID.GITHUB_RUN_ATTEMPT (attempt NULL:
 * 1), else one made of seed. NULL and "" are the same here. */
enum status ledger_run_id(const char *setting, const char *github_run, const char *github_attempt,
			  uint64_t seed, struct buf *out) MUST_CHECK;

#endif
