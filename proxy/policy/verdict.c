#include <sigrelay/policy/verdict.h>

static struct verdict final(enum verdict_kind kind)
{
	return (struct verdict){ .kind = kind, .at = USEC_NEVER };
}

/* At `at`, or earlier if the deadline wants it so; GIVE_UP if there is no room. */
static struct verdict before_deadline(enum verdict_kind kind, usec at, usec deadline, usec now)
{
	if (now >= deadline)
		return final(VERDICT_GIVE_UP);
	if (at >= deadline) {
		usec left = deadline - now;
		if (left < VERDICT_LEAST_ROOM)
			return final(VERDICT_GIVE_UP);
		at = deadline - usec_min(left / 2, VERDICT_ROOM);
	}
	return (struct verdict){ .kind = kind, .at = at };
}

static struct verdict after_absent(const struct verdict_facts *f, usec now, struct rng *r)
{
	if (!f->may_come_true || now >= f->wait_until)
		return final(VERDICT_ANSWER);
	unsigned waits = f->polls > 0 ? f->polls - 1 : 0;
	usec at = usec_add(now, backoff_poll(f->poll_first, f->poll_max, waits, r));
	return before_deadline(VERDICT_WAIT, usec_min(at, f->wait_until), f->deadline, now);
}

static struct verdict after_failure(const struct verdict_facts *f, const struct backoff *b, usec now,
				    struct rng *r)
{
	if (f->outcome == OUTCOME_TOO_BIG && f->too_big_tries >= VERDICT_TOO_BIG_TRIES)
		return final(VERDICT_ANSWER);
	if (f->retries_off)
		return final(VERDICT_GIVE_UP);
	if (f->breaker_open)
		return before_deadline(VERDICT_PARK, now, f->deadline, now);
	usec wait = backoff_wait(b, f->failures, f->outcome == OUTCOME_THROTTLED, f->retry_after, r);
	return before_deadline(VERDICT_RETRY, usec_add(now, wait), f->deadline, now);
}

struct verdict verdict_after(const struct verdict_facts *f, const struct backoff *b, usec now, struct rng *r)
{
	if (f->outcome == OUTCOME_CANCELLED)
		return final(VERDICT_GIVE_UP); /* there is no answer to hand on */
	if (f->outcome == OUTCOME_ABSENT)
		return after_absent(f, now, r);
	if (!outcome_may_retry(f->outcome))
		return final(VERDICT_ANSWER);
	return after_failure(f, b, now, r);
}
