#include <sigrelay/policy/deadline.h>

static const char *const names[] = {
	[DEADLINE_NONE] = "none",         [DEADLINE_RETRY_FOR] = "retry_for",
	[DEADLINE_PATIENCE] = "patience", [DEADLINE_CERTIFICATE] = "certificate",
	[DEADLINE_TOKEN] = "token",       [DEADLINE_LOOKUP] = "lookup",
	[DEADLINE_DRAIN] = "drain",
};

struct deadline deadline_none(void)
{
	return (struct deadline){ .at = USEC_NEVER, .reason = DEADLINE_NONE };
}

struct deadline deadline_add(struct deadline d, usec at, enum deadline_reason reason)
{
	if (at < d.at)
		return (struct deadline){ .at = at, .reason = reason };
	return d;
}

usec deadline_from_wall(int64_t unix_seconds, usec margin, struct instant now)
{
	/* exp and notAfter come from outside: any 64-bit number may stand there. */
	if (unix_seconds >= USEC_NEVER / USEC_PER_SEC)
		return USEC_NEVER;
	usec end = usec_max(unix_seconds, 0) * USEC_PER_SEC;
	usec left = end - margin - now.wall;
	return left > 0 ? usec_add(now.mono, left) : now.mono + left;
}

const char *deadline_reason_name(enum deadline_reason r)
{
	return names[r];
}
