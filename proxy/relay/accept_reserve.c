#include <sigrelay/relay/accept_reserve.h>

#include <event2/event.h>

#include <sigrelay/base/clock.h>
#include <sigrelay/base/log.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/relay/listen.h>

#define SPARE ((size_t)16 << 10) /* a connection of evhttp's is some 2 KiB, in a few blocks */
#define PAUSE_S 1

static void look_again_later(struct accept_reserve *r)
{
	static const struct timeval pause = { PAUSE_S, 0 };
	event_add(r->again, &pause);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct accept_reserve *r = arg;
	(void)fd;
	(void)what;
	r->spare = mem_alloc(SPARE);
	if (r->spare)
		listen_resume(r->http);
	else
		look_again_later(r);
}

enum status accept_reserve_init(struct accept_reserve *r, struct event_base *base, struct evhttp *http)
{
	*r = (struct accept_reserve){ .http = http, .spare = mem_alloc(SPARE) };
	r->again = event_new(base, -1, 0, on_again, r);
	if (r->spare && r->again)
		return STATUS_OK;
	accept_reserve_release(r);
	return STATUS_NO_MEMORY;
}

void accept_reserve_release(struct accept_reserve *r)
{
	if (r->again)
		event_free(r->again);
	mem_free(r->spare);
	*r = (struct accept_reserve){ .again = NULL };
}

void accept_reserve_ensure(struct accept_reserve *r)
{
	void *probe = mem_alloc(SPARE);
	if (probe) {
		mem_free(probe);
		return;
	}
	listen_pause(r->http);
	look_again_later(r);
	mem_free(r->spare);
	r->spare = NULL;
	log_event(LOG_WARN, "accept_failed", LOG_S("cause", "out of memory"),
		  LOG_T("wait", PAUSE_S * USEC_PER_SEC),
		  LOG_S("next", "clients wait to be taken; lower max_parked_memory or give it more memory"));
}
