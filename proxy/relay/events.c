#include <sigrelay/relay/events.h>

#include <string.h>

#include <sigrelay/base/mem.h>

struct events {
	size_t count; /* ever */
	struct {
		enum log_level level;
		size_t n;
		char text[EVENTS_LINE_MAX];
	} v[EVENTS_KEPT];
};

static void keep(void *arg, enum log_level level, const char *line, size_t n)
{
	struct events *e = arg;
	size_t i = e->count++ % EVENTS_KEPT;
	if (n > EVENTS_LINE_MAX) {
		n = EVENTS_LINE_MAX;
		while (n && ((unsigned char)line[n] & 0xc0) == 0x80) /* not inside a code point */
			n--;
	}
	e->v[i].level = level;
	e->v[i].n = n;
	memcpy(e->v[i].text, line, n);
}

enum status events_new(struct events **out)
{
	struct events *e = mem_calloc(1, sizeof(*e));
	if (!e)
		return STATUS_NO_MEMORY;
	log_tap(keep, e);
	*out = e;
	return STATUS_OK;
}

void events_free(struct events *e)
{
	if (!e)
		return;
	log_tap(NULL, NULL);
	mem_free(e);
}

bool events_at(const struct events *e, size_t n, struct event_line *out)
{
	if (n >= EVENTS_KEPT || n >= e->count)
		return false;
	size_t i = (e->count - 1 - n) % EVENTS_KEPT;
	*out = (struct event_line){ e->v[i].level, { e->v[i].text, e->v[i].n } };
	return true;
}
