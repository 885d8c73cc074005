/* The script of faults: rules for places, used up in order (see builtin_log.h
 * for the language). Knows nothing of connections or of the log. */
#ifndef SIGRELAY_BUILTIN_FAULTS_H
#define SIGRELAY_BUILTIN_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/clock.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>

enum place {
	PLACE_CREATE,
	PLACE_GET,
	PLACE_QUERY,
	PLACE_SIGN,
	PLACE_STAMP,
	PLACE_TOKEN,
	PLACE_OTHER,   /* what else is served; only `all` means it */
	PLACE_CONTROL, /* never faulted */
	PLACES,
};
extern const char *const place_names[PLACES];

enum word {
	WORD_OK,
	WORD_REFUSE,
	WORD_RESET,
	WORD_STALL,
	WORD_HALF,
	WORD_DRIP,
	WORD_JUNK,
	WORD_WRONG_LEAF,
	WORD_OTHER_ENTRY,
	WORD_STATUS,
	WORD_LOSE,
	WORD_HOLD,
	WORD_DELAY,
	WORD_DOWN,
	/* From here on: changes to the log; the request goes on to its next rule. */
	WORD_PAUSE_LOG,
	WORD_RESUME_LOG,
	WORD_ABSENT,
	WORD_LATE,
};

enum lost_by { LOST_BY_STATUS, LOST_BY_RESET, LOST_BY_CLOSE, LOST_BY_STALL };

struct fault {
	enum word word;
	usec duration;       /* USEC_NEVER: for ever */
	int64_t n;           /* status of `status` and `lose`, count of `absent` */
	int64_t retry_after; /* seconds; -1: no such header */
	enum lost_by lost_by;
};

struct rule;
struct faults {
	struct rule *first;
};

void faults_init(struct faults *f);
void faults_release(struct faults *f); /* drops every rule; can be used again */
/* Appends a script, all or nothing. On STATUS_INVALID error says which line and why. */
enum status faults_add(struct faults *f, struct slice text, struct buf *error) MUST_CHECK;
/* The fault for a request at this place, WORD_OK when no rule is left. Rules
 * that change the log are handed to change() on the way. */
struct fault faults_take(struct faults *f, enum place at, void (*change)(void *arg, const struct fault *),
			 void *arg);
int64_t faults_left(const struct faults *f); /* requests that rules still wait for; an `always` counts as 1 */

#endif
