#include <sigrelay/base/log_repeats.h>

#include <string.h>

static struct log_repeat *find(struct log_repeats *r, const char *event, usec now)
{
	for (unsigned i = 0; i < r->count; i++) {
		if (r->v[i].event == event || strcmp(r->v[i].event, event) == 0)
			return &r->v[i];
	}
	if (r->count == LOG_REPEATS_EVENTS)
		return NULL;
	r->v[r->count] = (struct log_repeat){ .event = event, .since = now };
	return &r->v[r->count++];
}

static bool is_over(const struct log_repeat *v, usec now)
{
	return now - v->since >= LOG_REPEATS_WINDOW;
}

bool log_repeats_pass(struct log_repeats *r, const char *event, usec now)
{
	struct log_repeat *v = r->limit ? find(r, event, now) : NULL;
	if (!v)
		return true;
	if (is_over(v, now) && !v->left_out) {
		v->since = now;
		v->passed = 0;
	}
	if (v->passed < r->limit) {
		v->passed++;
		return true;
	}
	v->left_out++;
	return false;
}

const char *log_repeats_told(struct log_repeats *r, usec now, uint64_t *left_out)
{
	if (r->count == 0)
		return NULL;
	struct log_repeat *v = &r->v[r->looked++ % r->count];
	if (!v->left_out || !is_over(v, now))
		return NULL;
	*left_out = v->left_out;
	v->left_out = 0;
	v->since = now;
	v->passed = 0;
	return v->event;
}
