/* The stdin of a command that may be run twice: what one run has read, the next
 * would miss, and sign something else or nothing. So it is run again only with
 *
 *   - a terminal, another device (/dev/null), or no stdin at all;
 *   - a file, which is put back to where it stood;
 *   - a pipe that nobody writes to any more, if it holds what it held before.
 *
 * From any other pipe or socket something may have been read: no way to tell. */
#ifndef SIGRELAY_COMMANDS_INPUT_H
#define SIGRELAY_COMMANDS_INPUT_H

#include <stdbool.h>
#include <sys/types.h>

struct input {
	enum { INPUT_DEVICE, INPUT_FILE, INPUT_ENDED_PIPE, INPUT_PIPE } kind;
	off_t at;   /* of a file */
	int unread; /* bytes in an ended pipe */
};

/* Before the first run. */
void input_note(struct input *in, int fd);
/* After a run: would the next one read the same? */
bool input_repeatable(const struct input *in, int fd);
/* Before the next run. False: it cannot be put back; errno. */
bool input_rewind(const struct input *in, int fd);

#endif
