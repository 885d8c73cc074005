#include <sigrelay/policy/budget.h>

/* A token counts as whole from here on: sums of tenths and fifths in binary
 * fractions come out a hair short. */
#define WHOLE (1.0 - 1e-9)

/* The balance at `now`: below the floor it comes back at floor a window; what
 * deposits brought above it fades within a window (Finagle's expire after
 * ten seconds), so that a quiet week does not save up for a storm. */
static double balance(const struct budget *b, usec now)
{
	double passed = now > b->at ? (double)(now - b->at) / (double)BUDGET_WINDOW : 0.0;
	double floor = (double)b->floor;
	if (b->tokens > floor)
		return floor + (b->tokens - floor) * (passed < 1.0 ? 1.0 - passed : 0.0);
	double grown = b->tokens + floor * passed;
	return grown < floor ? grown : floor;
}

static void settle(struct budget *b, usec now)
{
	b->tokens = balance(b, now);
	b->at = usec_max(b->at, now);
}

void budget_init(struct budget *b, unsigned share, unsigned floor, usec now)
{
	*b = (struct budget){ .share = share, .floor = floor, .tokens = (double)floor, .at = now };
}

void budget_configure(struct budget *b, unsigned share, unsigned floor)
{
	b->share = share;
	b->floor = floor;
}

void budget_deposit(struct budget *b, usec now)
{
	settle(b, now);
	b->tokens += (double)b->share / 100.0;
}

bool budget_take(struct budget *b, usec now)
{
	settle(b, now);
	if (b->tokens < WHOLE)
		return false;
	b->tokens = b->tokens > 1.0 ? b->tokens - 1.0 : 0.0;
	return true;
}

usec budget_ready(const struct budget *b, usec now)
{
	double have = balance(b, now);
	if (have >= WHOLE)
		return now;
	if (b->floor == 0)
		return USEC_NEVER;
	double wait = (1.0 - have) * (double)BUDGET_WINDOW / (double)b->floor;
	return usec_add(now, (usec)wait + 1);
}

bool budget_is_off(const struct budget *b)
{
	return b->share == 0 && b->floor == 0;
}
