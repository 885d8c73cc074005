/* Wall-clock time as Sigstore's files write it. */
#ifndef SIGRELAY_COMMANDS_CLOCK_TEXT_H
#define SIGRELAY_COMMANDS_CLOCK_TEXT_H

#include <sigrelay/base/clock.h>

/* "2026-11-24T06:40:01Z". */
void clock_text(usec wall, char out[32]);

#endif
