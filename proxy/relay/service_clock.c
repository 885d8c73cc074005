#include <sigrelay/relay/service_clock.h>

#include <sigrelay/base/log.h>
#include <sigrelay/sigstore/answers.h>

#define SLACK (10 * USEC_PER_SEC)

/* In seconds since 1970; -1: it does not say. */
static int64_t date_of(const struct answer *a)
{
	return answer_header(a, "Age").n ? -1 : http_date(answer_header(a, "Date"));
}

static void set_ahead(struct service_clock *c, usec ahead)
{
	usec by = ahead - c->ahead;
	if (by > -SLACK && by < SLACK)
		return;
	c->ahead = ahead;
	metric_set_time(c->gauge, ahead);
	log_event(LOG_WARN, "clock_differs", LOG_T("ahead", ahead),
		  LOG_S("next", ahead ? "certificates and tokens end by Sigstore's clock; set this machine's"
				      : "the two agree again"));
}

void service_clock_hear(struct service_clock *c, const struct answer *a, usec sent_at, struct instant now)
{
	int64_t date = date_of(a);
	if (date < 0)
		return;
	usec latest = now.wall, earliest = latest - (now.mono - sent_at);
	usec from = date * USEC_PER_SEC, to = from + USEC_PER_SEC; /* the fraction is cut off */
	if (from > latest + SLACK)
		set_ahead(c, from - latest);
	else if (to < earliest - SLACK)
		set_ahead(c, to - earliest);
	else
		set_ahead(c, 0);
}

void service_clock_forget(struct service_clock *c)
{
	c->ahead = 0;
	metric_set_time(c->gauge, 0);
}

struct instant service_clock_now(const struct service_clock *c, struct instant now)
{
	return (struct instant){ .mono = now.mono, .wall = now.wall + c->ahead };
}

usec service_clock_of(const struct answer *a, struct instant now)
{
	int64_t date = date_of(a);
	return date < 0 ? now.wall : date * USEC_PER_SEC;
}
