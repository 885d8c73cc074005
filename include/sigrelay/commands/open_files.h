/* How many files this process may have open, and how many clients that is
 * enough for. A listener that is out of descriptors can take nobody and tell
 * nobody; one that knows its limit answers 503. */
#ifndef SIGRELAY_COMMANDS_OPEN_FILES_H
#define SIGRELAY_COMMANDS_OPEN_FILES_H

#include <stdint.h>

/* Raises the soft limit to the hard one. Returns what may be open then;
 * INT64_MAX: no limit, or none that can be known. */
int64_t open_files_raise(void);

/* How many clients fit when so many files may be open and each of the upstreams
 * has so many attempts in flight; at least 1. */
int64_t open_files_clients(int64_t limit, int64_t attempts_in_flight);

#endif
