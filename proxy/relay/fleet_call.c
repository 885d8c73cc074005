#include "fleet_inside.h"

#include <inttypes.h>
#include <stdio.h>

#include <sigrelay/base/mem.h>

struct slice fleet_key(const struct fleet *f, char out[FLEET_KEY_MAX], const char *kind, const char *rest)
{
	int n = snprintf(out, FLEET_KEY_MAX, "%s:v1:%s:%s", f->prefix, kind, rest);
	return (struct slice){ out, (size_t)n };
}

struct slice fleet_number(char out[24], int64_t n)
{
	int size = snprintf(out, 24, "%" PRId64, n);
	return (struct slice){ out, (size_t)size };
}

struct fleet_call *calls_waited_for(const struct fleet *f)
{
	struct fleet_call *c;
	TAILQ_FOREACH(c, &f->calls, link)
	{
		if (c->fn)
			return c;
	}
	return NULL;
}

void calls_watch(struct fleet *f)
{
	const struct fleet_call *c = calls_waited_for(f);
	const struct fleet_call *first = TAILQ_FIRST(&f->calls);
	if (c)
		timer_set(&f->late, usec_add(c->sent_at, f->timeout));
	else if (first)
		timer_set(&f->late, usec_add(first->sent_at, usec_max(FLEET_PATIENCE, f->timeout)));
	else
		timer_clear(&f->late);
}

bool fleet_send(struct fleet *f, const struct slice *words, size_t count, fleet_reply_fn *fn, void *arg,
		struct fleet_call **call)
{
	struct fleet_call *c = mem_calloc(1, sizeof(*c));
	if (!c)
		return false;
	*c = (struct fleet_call){ .fn = fn, .arg = arg, .sent_at = f->relay->now.mono };
	if (f->ops->command(f->link, words, count) != STATUS_OK) {
		mem_free(c);
		return false;
	}
	TAILQ_INSERT_TAIL(&f->calls, c, link);
	if (call)
		*call = c;
	if (!timer_pending(&f->late) || f->late.node.key > usec_add(c->sent_at, f->timeout))
		calls_watch(f);
	return true;
}

bool fleet_call(struct fleet *f, const struct slice *words, size_t count, fleet_reply_fn *fn, void *arg,
		struct fleet_call **call)
{
	return f->state == FLEET_UP && fleet_send(f, words, count, fn, arg, call);
}

void calls_give_up(struct fleet *f, enum fleet_outcome o)
{
	struct fleet_call *c;
	TAILQ_FOREACH(c, &f->calls, link)
	{
		fleet_reply_fn *fn = c->fn;
		if (!fn)
			continue;
		c->fn = NULL;
		metric_add(f->commands[o], 1);
		(void)fn(f, c->arg, NULL);
	}
}

void calls_forget(struct fleet *f)
{
	struct fleet_call *c;
	while ((c = TAILQ_FIRST(&f->calls))) {
		TAILQ_REMOVE(&f->calls, c, link);
		mem_free(c);
	}
}
