/* Which files this process was given, so that the command it starts gets these
 * and no other: a make's job server has to pass, and libcurl 7.88 opens sockets
 * that would stay open in every child (its wake-up pair is not close-on-exec). */
#ifndef SIGRELAY_COMMANDS_DESCRIPTORS_H
#define SIGRELAY_COMMANDS_DESCRIPTORS_H

#include <stddef.h>

#include <sigrelay/base/status.h>

struct descriptors {
	int *v;
	size_t n;
};

/* Where standard input, output or error was closed, the next file opened would get its
 * number, and what is printed would end in a ledger: takes these numbers. A command
 * that is started gets none of them. */
void descriptors_hold_standard(void);
/* Notes what is open now. Where /proc is not there, STATUS_IO. */
enum status descriptors_note(struct descriptors *d) MUST_CHECK;
/* Marks what was opened since as close-on-exec. */
enum status descriptors_keep_to(const struct descriptors *d) MUST_CHECK;
void descriptors_release(struct descriptors *d);

#endif
