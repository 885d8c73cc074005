/* Properties over random schedules of faults, settings and crowds. */
#ifndef SIGRELAY_SIM_CHECK_H
#define SIGRELAY_SIM_CHECK_H

#include <stdbool.h>
#include <stdint.h>

/* Runs each seed once; prints those that fail with their schedule, and at last
 * `N passed, N failed`. False when any failed. */
bool check_seeds(uint64_t first, uint64_t count);

#endif
