/* Runs of one kind that a random schedule seldom draws, each with what must be
 * true of it. */
#ifndef SIGRELAY_SIM_CASES_H
#define SIGRELAY_SIM_CASES_H

#include "report.h"

struct draw {
	struct rng rng;
	bool default_settings;
};
unsigned between(struct draw *d, unsigned lo, unsigned hi);
/* Short ones are as likely as long ones: 1 s to about 34 min. */
usec any_length(struct draw *d);
/* A violation that the outcome shows. */
void add(struct outcome_of_run *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct special {
	const char *name;
	void (*draw)(struct draw *d, struct plan *p); /* p->seed is set, the rest zero */
	void (*check)(const struct plan *p, struct outcome_of_run *o);
};
extern const struct special specials[];
extern const unsigned special_count;

#endif
