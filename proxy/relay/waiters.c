#include <sigrelay/relay/waiters.h>

#include <stdio.h>
#include <string.h>

#include <sigrelay/base/json.h>
#include <sigrelay/base/log.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/relay/relay.h>
#include <sigrelay/sigstore/answers.h>

#define LOG_PATH "/api/v1/log"
#define RETRIEVE_PATH "/api/v1/log/entries/retrieve"

static attempt_done_fn look_done, batch_done;

/* The heap it is in is known to it, for taking it out again. */
static enum status enqueue(struct waiter *w, struct heap *h)
{
	enum status s = heap_add(h, &w->node, w->deadline);
	w->in = s == STATUS_OK ? h : NULL;
	return s;
}

static void dequeue(struct waiter *w)
{
	if (w->in)
		heap_remove(w->in, &w->node);
	w->in = NULL;
}

static struct waiter *top(const struct heap *h)
{
	struct heap_node *n = heap_top(h);
	return n ? heap_owner(n, struct waiter, node) : NULL;
}

static bool has_shared(const struct waiters *ws)
{
	return ws->to_ask.n || ws->rest.n;
}

static usec earliest_deadline(const struct waiters *ws)
{
	const struct waiter *a = top(&ws->to_ask), *b = top(&ws->rest);
	return usec_min(a ? a->deadline : USEC_NEVER, b ? b->deadline : USEC_NEVER);
}

/* A request of the relay's own, which only reads. */
static struct request *own_request(const char *path, enum method m, struct slice method)
{
	struct route route = route_of(method, slice_str(path));
	struct request *q = NULL;
	if (route.kind != ROUTE_FORWARD || request_new(&q, &route, m) != STATUS_OK)
		return NULL;
	if (request_add_header(q, "X-Request-Id", "sigrelay-waiters") != STATUS_OK ||
	    request_add_header(q, "User-Agent", "sigrelay/" SIGRELAY_VERSION) != STATUS_OK ||
	    request_add_header(q, "Accept", "application/json") != STATUS_OK ||
	    (m == METHOD_POST && request_add_header(q, "Content-Type", "application/json") != STATUS_OK) ||
	    request_seal(q, 0) != STATUS_OK) {
		request_unref(q);
		return NULL;
	}
	return q;
}

/* --- asking for ids ------------------------------------------------------ */

static enum status write_ids(struct waiters_batch *b, struct buf *body)
{
	enum status s = buf_add_str(body, "{\"entryUUIDs\":[");
	for (size_t i = 0; s == STATUS_OK && i < b->count; i++)
		s = buf_addf(body, "%s\"%s\"", i ? "," : "", b->ids[i]->id);
	return s == STATUS_OK ? buf_add_str(body, "]}") : s;
}

static bool batch_fill(struct relay *r, int n)
{
	struct waiters *ws = r->waiters;
	struct waiters_batch *b = &ws->batch[n];
	struct waiter *w;
	struct buf body;
	for (b->count = 0; b->count < WAITERS_BATCH && (w = top(&ws->to_ask)); b->count++) {
		dequeue(w);
		w->batch = n;
		b->ids[b->count] = w;
	}
	buf_init(&body, 4096);
	b->request = own_request(RETRIEVE_PATH, METHOD_POST, SLICE_LIT("POST"));
	if (!b->request || write_ids(b, &body) != STATUS_OK) {
		buf_release(&body);
		return false;
	}
	b->request->body_size = body.n;
	b->request->body = buf_take(&body);
	return true;
}

/* Those of a batch that still wait go on waiting, to be asked for again or not. */
static void batch_return(struct relay *r, struct waiters_batch *b, bool again)
{
	struct waiters *ws = r->waiters;
	for (size_t i = 0; i < b->count; i++) {
		struct waiter *w = b->ids[i];
		if (!w)
			continue;
		w->batch = -1;
		if (enqueue(w, again ? &ws->to_ask : &ws->rest) != STATUS_OK)
			w->look(w);
	}
	b->count = 0;
	request_unref(b->request);
	b->request = NULL;
}

/* At least `least` ids at a time, as many batches as may be out. */
static void ask(struct relay *r, size_t least)
{
	struct waiters *ws = r->waiters;
	for (int n = 0; n < WAITERS_BATCHES_OUT && ws->to_ask.n >= least; n++) {
		struct waiters_batch *b = &ws->batch[n];
		if (b->request)
			continue;
		usec deadline = top(&ws->to_ask)->deadline;
		bool ok = batch_fill(r, n);
		b->attempt = (struct attempt){ .service = SERVICE_REKOR,
					       .method = METHOD_POST,
					       .target = RETRIEVE_PATH,
					       .request = b->request,
					       .with_body = true,
					       .done = batch_done,
					       .owner = r };
		if (!ok || relay_submit(r, &b->attempt, SIDE_READ, deadline, false) != STATUS_OK) {
			batch_return(r, b, true); /* no memory: the timer tries again */
			return;
		}
	}
}

/* The next element of a JSON array that was parsed before, so that brackets and
 * quotes are known to match: its own bytes, as the log wrote them. */
static bool next_element(struct slice *rest, struct slice *element)
{
	size_t i = 0, depth = 0;
	bool quoted = false;
	while (i < rest->n && rest->p[i] != '{')
		i++;
	for (size_t from = i; i < rest->n; i++) {
		char c = rest->p[i];
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && c == '{')
			depth++;
		else if (!quoted && c == '}' && --depth == 0) {
			*element = (struct slice){ rest->p + from, i + 1 - from };
			*rest = (struct slice){ rest->p + i + 1, rest->n - i - 1 };
			return true;
		}
	}
	return false;
}

static void deliver(struct relay *r, struct waiters_batch *b, struct slice element)
{
	struct entry e;
	if (rekor_entry_check(element, (struct slice){ "", 0 }, &e) != BELIEF_TRUE)
		return;
	for (size_t i = 0; i < b->count; i++) {
		struct waiter *w = b->ids[i];
		if (!w || !rekor_same_id(slice_str(w->id), slice_str(e.id)))
			continue;
		struct answer *a = answer_new(200, element.n + 1);
		if (!a || buf_add_slice(&a->body, element) != STATUS_OK ||
		    answer_add_header(a, "Content-Type", SLICE_LIT("application/json")) != STATUS_OK) {
			answer_unref(a);
			return; /* asked for again when the tree grows */
		}
		waiters_leave(r, w);
		w->found(w, a);
		answer_unref(a);
	}
}

static bool is_array(struct slice body)
{
	cJSON *json = json_parse(body);
	bool yes = cJSON_IsArray(json);
	cJSON_Delete(json);
	return yes;
}

static void everyone_looks(struct relay *r)
{
	struct waiters *ws = r->waiters;
	struct waiter *w;
	ws->alone = true;
	log_event(LOG_WARN, "waiters", LOG_S("cause", "the log does not serve /entries/retrieve"),
		  LOG_D("waiting", ws->waiting), LOG_S("next", "everyone polls its own entry"));
	while ((w = top(&ws->to_ask)) || (w = top(&ws->rest))) {
		dequeue(w);
		w->look(w);
	}
}

static void schedule(struct relay *r)
{
	struct waiters *ws = r->waiters;
	usec wait = r->cfg.poll_interval;
	/* At most a quarter of what the service takes at present: the polls of those
	 * who look for themselves, and everyone else, need the rest. */
	const struct bucket *b = &r->upstream[SERVICE_REKOR].gate.bucket;
	if (b->limit > 0 && b->rate > 0)
		wait = usec_max(wait, (usec)(4 * (double)USEC_PER_SEC / b->rate));
	if (ws->failures)
		wait = usec_max(wait, backoff_wait(&r->cfg.backoff, ws->failures, false, -1, &r->rng));
	if (has_shared(ws))
		timer_set(&ws->timer, usec_add(r->now.mono, wait));
}

static void batch_done(struct attempt *at, enum transport t, struct answer *a, const char *error)
{
	struct relay *r = at->owner;
	struct waiters_batch *b = heap_owner(at, struct waiters_batch, attempt);
	enum outcome o = outcome_of(t, a ? a->status : 0, 0);
	bool unserved = a && a->status >= 400 && a->status < 500 && a->status != 429;
	if (o == OUTCOME_GOOD && !is_array(buf_slice(&a->body)))
		o = OUTCOME_JUNK;
	usec retry_after =
	    a ? retry_after_parse(answer_header(a, "Retry-After"), service_clock_of(a, r->now)) : -1;
	relay_judge(r, at, o, retry_after, a ? "entries/retrieve" : error);
	if (o == OUTCOME_GOOD) {
		struct slice rest = buf_slice(&a->body), element;
		while (next_element(&rest, &element))
			deliver(r, b, element);
	}
	r->waiters->failures = o == OUTCOME_GOOD ? 0 : r->waiters->failures + 1;
	batch_return(r, b, o != OUTCOME_GOOD);
	answer_unref(a);
	if (unserved)
		everyone_looks(r);
	else if (o == OUTCOME_GOOD)
		ask(r, WAITERS_BATCH); /* the new ones go with the next look, in fewer batches */
	if (!timer_pending(&r->waiters->timer) && !r->waiters->looking)
		schedule(r);
}

/* --- has the tree grown? ------------------------------------------------- */

static void tree_grew(struct relay *r, int64_t size)
{
	struct waiters *ws = r->waiters;
	struct waiter *w;
	ws->tree_size = size;
	while ((w = top(&ws->rest))) {
		dequeue(w);
		if (enqueue(w, &ws->to_ask) != STATUS_OK)
			w->look(w);
	}
}

static void look_done(struct attempt *at, enum transport t, struct answer *a, const char *error)
{
	struct relay *r = at->owner;
	struct waiters *ws = r->waiters;
	enum outcome o = outcome_of(t, a ? a->status : 0, 0);
	int64_t size = -1;
	ws->looking = false;
	if (o == OUTCOME_GOOD) {
		cJSON *json = json_parse(buf_slice(&a->body));
		if (json_int(json_at(json, "treeSize", NULL), &size) != STATUS_OK)
			o = OUTCOME_JUNK;
		cJSON_Delete(json);
	}
	usec retry_after =
	    a ? retry_after_parse(answer_header(a, "Retry-After"), service_clock_of(a, r->now)) : -1;
	char cause[40];
	if (a)
		snprintf(cause, sizeof(cause), "HTTP %d to the log's state", a->status);
	relay_judge(r, at, o, retry_after, a ? cause : error);
	answer_unref(a);
	ws->failures = o == OUTCOME_GOOD ? 0 : ws->failures + 1;
	if (o == OUTCOME_GOOD && size != ws->tree_size)
		tree_grew(r, size);
	if (o == OUTCOME_GOOD)
		ask(r, 1);
	schedule(r);
}

static void on_timer(void *arg, usec now)
{
	struct relay *r = arg;
	struct waiters *ws = r->waiters;
	(void)now;
	if (!has_shared(ws) || ws->looking)
		return;
	if (!ws->look_request)
		ws->look_request = own_request(LOG_PATH, METHOD_GET, SLICE_LIT("GET"));
	if (!ws->look_request) {
		schedule(r);
		return;
	}
	ws->look.request = ws->look_request;
	ws->looking = true;
	if (relay_submit(r, &ws->look, SIDE_READ, earliest_deadline(ws), false) != STATUS_OK) {
		ws->looking = false;
		schedule(r);
	}
}

/* --- joining and leaving ------------------------------------------------- */

enum status waiters_new(struct relay *r)
{
	struct waiters *ws = mem_calloc(1, sizeof(*ws));
	if (!ws)
		return STATUS_NO_MEMORY;
	heap_init(&ws->to_ask);
	heap_init(&ws->rest);
	ws->tree_size = -1;
	ws->look = (struct attempt){ .service = SERVICE_REKOR,
				     .method = METHOD_GET,
				     .target = LOG_PATH,
				     .done = look_done,
				     .owner = r };
	r->waiters = ws;
	return timer_init(&r->timers, &ws->timer, on_timer, r);
}

void waiters_free(struct relay *r)
{
	struct waiters *ws = r->waiters;
	if (!ws)
		return;
	relay_withdraw(r, &ws->look);
	request_unref(ws->look_request);
	for (int n = 0; n < WAITERS_BATCHES_OUT; n++) {
		if (!ws->batch[n].request)
			continue;
		relay_withdraw(r, &ws->batch[n].attempt);
		request_unref(ws->batch[n].request);
	}
	timer_release(&ws->timer);
	heap_release(&ws->to_ask);
	heap_release(&ws->rest);
	mem_free(ws);
	r->waiters = NULL;
}

bool waiters_join(struct relay *r, struct waiter *w)
{
	struct waiters *ws = r->waiters;
	if (!w->counted) {
		w->counted = true;
		w->batch = -1;
		ws->waiting++;
	}
	if (ws->alone || ws->waiting <= WAITERS_ALONE || enqueue(w, &ws->to_ask) != STATUS_OK)
		return false;
	if (!timer_pending(&ws->timer) && !ws->looking)
		timer_set(&ws->timer, r->now.mono);
	return true;
}

void waiters_leave(struct relay *r, struct waiter *w)
{
	struct waiters *ws = r->waiters;
	if (!w->counted)
		return;
	w->counted = false;
	ws->waiting--;
	dequeue(w);
	if (w->batch < 0)
		return;
	struct waiters_batch *b = &ws->batch[w->batch];
	for (size_t i = 0; i < b->count; i++) {
		if (b->ids[i] == w)
			b->ids[i] = NULL;
	}
	w->batch = -1;
}
