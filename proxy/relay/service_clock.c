#include <sigrelay/relay/service_clock.h>

#include <sigrelay/base/log.h>
#include <sigrelay/sigstore/answers.h>

#define SLACK (10 * USEC_PER_SEC)

/* In seconds since 1970; -1: it does not say. */
static int64_t date_of(const struct answer *a)
{
	return answer_header(a, "Age").n ? -1 : http_date(answer_header(a, "Date"));
}

static void set_ahead(struct relay *r, usec ahead)
{
	usec by = ahead - r->service_ahead;
	if (by > -SLACK && by < SLACK)
		return;
	r->service_ahead = ahead;
	metric_set_time(r->telemetry.service_clock_ahead, ahead);
	log_event(LOG_WARN, "clock_differs", LOG_T("ahead", ahead),
		  LOG_S("next", ahead ? "certificates and tokens end by Sigstore's clock; set this machine's"
				      : "the two agree again"));
}

void service_clock_hear(struct relay *r, const struct answer *a, usec sent_at)
{
	int64_t date = date_of(a);
	if (date < 0)
		return;
	usec latest = r->now.wall, earliest = latest - (r->now.mono - sent_at);
	usec from = date * USEC_PER_SEC, to = from + USEC_PER_SEC; /* the fraction is cut off */
	if (from > latest + SLACK)
		set_ahead(r, from - latest);
	else if (to < earliest - SLACK)
		set_ahead(r, to - earliest);
	else
		set_ahead(r, 0);
}

void service_clock_forget(struct relay *r)
{
	r->service_ahead = 0;
	metric_set_time(r->telemetry.service_clock_ahead, 0);
}

struct instant service_clock_now(const struct relay *r)
{
	return (struct instant){ .mono = r->now.mono, .wall = r->now.wall + r->service_ahead };
}

usec service_clock_of(const struct relay *r, const struct answer *a)
{
	int64_t date = date_of(a);
	return date < 0 ? r->now.wall : date * USEC_PER_SEC;
}
