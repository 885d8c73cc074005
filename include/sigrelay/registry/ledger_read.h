/* The ledger, read back: what one run did, by its own lines only.
 *
 * A line that is no JSON object, or one of another run, is passed over; a torn last
 * line is reported. The file is read whole (LEDGER_READ_MAX). Anybody may have
 * written it: its strings are shown to nobody as they are (utf8_plain). */
#ifndef SIGRELAY_REGISTRY_LEDGER_READ_H
#define SIGRELAY_REGISTRY_LEDGER_READ_H

#include <stdbool.h>
#include <stddef.h>

#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>
#include <sigrelay/registry/ledger.h>

#define LEDGER_READ_MAX ((size_t)64 << 20)

/* Strings are owned by the list; NULL: not on the line. */
struct ledger_record {
	enum ledger_event event;
	char *image, *registry, *repository, *tag, *digest, *state, *reason;
};

struct ledger_list {
	struct ledger_record *v;
	size_t n;
	size_t other_runs; /* lines of other runs */
	char *other_run;   /* the last of those runs; NULL: there is none */
	size_t unreadable; /* whole lines that are none of ours: no JSON, no run, unknown event */
	bool torn;         /* the last line is cut off */
};

/* Lines of up to LEDGER_LINE_MAX in the order of the text. A last line without its
 * newline is taken if the object on it is whole. */
enum status ledger_parse(struct slice text, const char *run, struct ledger_list *out) MUST_CHECK;
/* STATUS_IO: errno (ENOENT: there is no such file). */
enum status ledger_read(const char *path, const char *run, struct ledger_list *out) MUST_CHECK;
void ledger_list_release(struct ledger_list *l);

#endif
