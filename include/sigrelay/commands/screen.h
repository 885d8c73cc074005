/* What the terminal on a descriptor can show, and a command's result on stdout. */
#ifndef SIGRELAY_COMMANDS_SCREEN_H
#define SIGRELAY_COMMANDS_SCREEN_H

#include <stdbool.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/status.h>

/* A terminal that moves its cursor: TERM is set, and not to dumb. */
bool screen_is(int fd, char *const *env);
/* … and NO_COLOR is not set. */
bool screen_has_colour(int fd, char *const *env);

/* Prints a command's result on stdout. made: what came of making it. False: it could
 * not be done, and the user is told why. */
bool screen_print(const char *command, enum status made, const struct buf *text);

#endif
