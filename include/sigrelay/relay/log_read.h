/* One read of the log on the relay's own account: does its read side answer?
 *
 * GET /api/v1/log as an exchange like any client's: it is retried, waits for the
 * breaker, is its probe, and ends by retry_for. A read writes nothing. It is content
 * with an answer that is younger than a probe interval (Cache-Control: max-age), so that
 * a relay between here and the log asks it no more often for all who wait. */
#ifndef SIGRELAY_RELAY_LOG_READ_H
#define SIGRELAY_RELAY_LOG_READ_H

#include <stdbool.h>

#include <sigrelay/relay/exchange.h>

/* good: the log answered 200. May be called from inside log_read_begin. */
typedef void log_read_fn(void *arg, bool good);

struct log_read {
	struct exchange exchange;
	bool going;
	log_read_fn *done;
	void *arg;
};

/* Fine while one is going: then nothing new begins. STATUS_NO_MEMORY: done is
 * not called. */
enum status log_read_begin(struct log_read *l, struct relay *r, log_read_fn *done, void *arg) MUST_CHECK;
/* Not wanted any more: done is not called. Fine when none is going. */
void log_read_cancel(struct log_read *l);

#endif
