/* What a `run` leaves for those who come after it: lines in the ledger, and
 * `signed` for the next step of a GitHub Actions job. */
#ifndef SIGRELAY_COMMANDS_RUN_RECORD_H
#define SIGRELAY_COMMANDS_RUN_RECORD_H

#include <stdbool.h>

#include <sigrelay/base/settings.h>
#include <sigrelay/registry/ledger.h>

struct run_record {
	struct ledger ledger;
	char *const *command, *const *env; /* borrowed */
};

/* Opens the ledger, before anything is run. STATUS_IO: errno. */
enum status run_record_open(struct run_record *r, const struct settings *s, char *const *command,
			    char *const *env) MUST_CHECK;
/* The end: one ledger line for each IMAGE@sha256:… of the command line, or one
 * without an image. reason NULL: none. What cannot be written is told. */
void run_record_end(struct run_record *r, bool is_signed, const char *reason);
void run_record_close(struct run_record *r);

/* The digest in "IMAGE@sha256:…", borrowed from arg; NULL: it names none. */
const char *image_digest(const char *arg);

#endif
