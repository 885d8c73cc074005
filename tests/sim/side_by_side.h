/* Runs that know nothing of each other, in as many processes as there are cores. */
#ifndef SIGRELAY_SIM_SIDE_BY_SIDE_H
#define SIGRELAY_SIM_SIDE_BY_SIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Calls job(arg, i, out) for i = 0 … count-1, each i once, and prints what each
 * wrote to out in the order of i. Returns how many returned false. */
typedef bool job_fn(const void *arg, uint64_t i, FILE *out);
uint64_t side_by_side(uint64_t count, job_fn *job, const void *arg);

#endif
