/* What the terminal on a descriptor can show. */
#ifndef SIGRELAY_COMMANDS_SCREEN_H
#define SIGRELAY_COMMANDS_SCREEN_H

#include <stdbool.h>

/* A terminal that moves its cursor: TERM is set, and not to dumb. */
bool screen_is(int fd, char *const *env);
/* … and NO_COLOR is not set. */
bool screen_has_colour(int fd, char *const *env);

#endif
