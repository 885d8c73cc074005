#include <sigrelay/relay/log_read.h>

#include <stdio.h>

#include <sigrelay/base/rng.h>
#include <sigrelay/relay/admission.h>

static void on_answer(struct exchange *x, struct answer *answer)
{
	struct log_read *l = x->owner;
	l->going = false;
	l->done(l->arg, answer && answer->status == 200);
}

/* An answer that is younger than a probe interval says it as well as a new one: the log
 * is not asked more often than that whether it is there. */
static enum status add_max_age(struct request *q, usec probe_interval)
{
	char value[40];
	snprintf(value, sizeof(value), "max-age=%lld", (long long)(probe_interval / USEC_PER_SEC));
	return request_add_header(q, "Cache-Control", value);
}

static enum status make_request(struct request **out, usec probe_interval)
{
	struct request *q = NULL;
	const struct route route = route_of(SLICE_LIT("GET"), SLICE_LIT("/api/v1/log"));
	enum status st = request_new(&q, &route, METHOD_GET);
	if (st != STATUS_OK)
		return st;
	st = request_add_header(q, "User-Agent", "sigrelay/" SIGRELAY_VERSION);
	if (st == STATUS_OK)
		st = request_add_header(q, "Accept", "application/json");
	if (st == STATUS_OK)
		st = add_max_age(q, probe_interval);
	if (st == STATUS_OK)
		st = request_seal(q, rng_entropy());
	if (st != STATUS_OK) {
		request_unref(q);
		return st;
	}
	*out = q;
	return STATUS_OK;
}

enum status log_read_begin(struct log_read *l, struct relay *r, log_read_fn *done, void *arg)
{
	struct request *q;
	if (l->going)
		return STATUS_OK;
	enum status st = make_request(&q, r->cfg.gate.breaker.probe_interval);
	if (st != STATUS_OK)
		return st;
	l->going = true;
	l->done = done;
	l->arg = arg;
	exchange_start(&l->exchange, r, q, on_answer, l);
	request_unref(q);
	return STATUS_OK;
}

void log_read_cancel(struct log_read *l)
{
	if (!l->going)
		return;
	l->going = false;
	exchange_abandon(&l->exchange);
}
