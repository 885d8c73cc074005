/* A call once it is here: its answer, by the fault that it has, and its waiting. */
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include <sigrelay/builtin/inside.h>

/* ---- answers ---- */

enum status response_header(struct response *a, const char *name, const char *value)
{
	return buf_addf(&a->head, "%s: %s\r\n", name, value);
}

enum status response_json(struct response *a, cJSON *root)
{
	char *text = root ? cJSON_PrintUnformatted(root) : NULL;
	enum status s = text ? buf_addf(&a->body, "%s\n", text) : STATUS_NO_MEMORY;
	cJSON_free(text);
	cJSON_Delete(root);
	return s;
}

static enum status html_error(int status, struct response *a)
{
	const char *title = status == 429 ? "429 Too Many Requests" : "502 Bad Gateway";
	a->content_type = "text/html";
	return buf_addf(
	    &a->body,
	    "<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%s</h1></center>\r\n"
	    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
	    title, title);
}

/* gRPC's code for an HTTP status, as grpc-gateway maps it. */
static int grpc_code(int status)
{
	switch (status) {
	case 400:
		return 3;
	case 401:
		return 16;
	case 403:
		return 7;
	case 404:
		return 5;
	case 409:
		return 6;
	case 503:
		return 14;
	case 504:
		return 4;
	default:
		return 13;
	}
}

enum status service_error(enum place at, int status, const char *message, struct response *a)
{
	cJSON *root = cJSON_CreateObject();
	a->status = status;
	a->content_type = at == PLACE_STAMP ? "application/timestamp-reply" : "application/json";
	bool ok = cJSON_AddNumberToObject(root, "code", at == PLACE_SIGN ? grpc_code(status) : status) &&
		  cJSON_AddStringToObject(root, "message", message);
	if (at == PLACE_SIGN)
		ok = ok && cJSON_AddArrayToObject(root, "details");
	if (!ok) {
		cJSON_Delete(root);
		return STATUS_NO_MEMORY;
	}
	return response_json(a, root);
}

void builtin_answer_or_reset(struct builtin_log *l, struct call *c, struct response *a, enum status made)
{
	if (made == STATUS_OK)
		builtin_answer(l, c, a);
	else
		wire_reset(c);
	response_release(a);
}

void builtin_answer(struct builtin_log *l, struct call *c, struct response *a)
{
	(void)l;
	if (c->fault.word == WORD_HALF)
		wire_answer_half(c, a);
	else if (c->fault.word == WORD_DRIP)
		wire_answer_drip(c, a, c->fault.duration);
	else if (!builtin_lost(l, c))
		wire_answer(c, a);
}

void builtin_answer_status(struct builtin_log *l, struct call *c, int status, int64_t retry_after)
{
	struct response a;
	response_init(&a, status, NULL);
	enum status s = status == 429 || status == 502
			    ? html_error(status, &a)
			    : service_error(c->place, status, "built-in fault", &a);
	if (s == STATUS_OK && retry_after >= 0)
		s = buf_addf(&a.head, "Retry-After: %lld\r\n", (long long)retry_after);
	c->fault.word = WORD_OK;
	builtin_answer_or_reset(l, c, &a, s);
}

bool builtin_lost(struct builtin_log *l, struct call *c)
{
	if (c->fault.word != WORD_LOSE)
		return false;
	if (c->fault.lost_by == LOST_BY_RESET)
		wire_reset(c);
	else if (c->fault.lost_by == LOST_BY_CLOSE)
		wire_close(c);
	else if (c->fault.lost_by == LOST_BY_STALL)
		builtin_park(l, c, PARKED_STALLED);
	else
		builtin_answer_status(l, c, (int)c->fault.n, -1);
	return true;
}

/* ---- calls that wait ---- */

static int64_t *parked_counter(struct builtin_log *l, enum parked why)
{
	switch (why) {
	case PARKED_HELD:
		return &l->n.held;
	case PARKED_DELAYED:
		return &l->n.delayed;
	case PARKED_STALLED:
		return &l->n.stalled;
	case PARKED_LEAF:
		return &l->n.hanging;
	case PARKED_NOT:
	case PARKED_BARRIER:
		break;
	}
	return NULL;
}

void builtin_park(struct builtin_log *l, struct call *c, enum parked why)
{
	int64_t *n = parked_counter(l, why);
	c->parked = why;
	c->prev = NULL;
	c->next = l->parked;
	if (c->next)
		c->next->prev = c;
	l->parked = c;
	if (n)
		++*n;
}

void builtin_unpark(struct builtin_log *l, struct call *c)
{
	int64_t *n = parked_counter(l, c->parked);
	if (c->parked == PARKED_NOT)
		return;
	*(c->prev ? &c->prev->next : &l->parked) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->parked = PARKED_NOT;
	if (n)
		--*n;
}

struct builtin_log *builtin_of(const struct call *c)
{
	return call_owner(c);
}

void builtin_after(struct builtin_log *l, struct call *c, usec wait, park_fn *fn)
{
	struct timeval tv = { wait / USEC_PER_SEC, wait % USEC_PER_SEC };
	if (c->timer)
		event_free(c->timer);
	c->timer = evtimer_new(l->base, fn, c);
	if (c->timer)
		evtimer_add(c->timer, &tv);
}

static struct call *due_barrier(const struct builtin_log *l)
{
	struct call *c = l->parked;
	while (c && (c->parked != PARKED_BARRIER || *c->counter < c->at_least))
		c = c->next;
	return c;
}

void builtin_changed(struct builtin_log *l)
{
	struct call *c;
	l->n.rules = faults_left(&l->faults);
	l->n.integrated = (int64_t)tree_size(&l->tree);
	while ((c = due_barrier(l)) != NULL) {
		builtin_unpark(l, c);
		c->service(l, c);
	}
}

void builtin_run_parked(evutil_socket_t fd, short what, void *arg)
{
	struct call *c = arg;
	struct builtin_log *l = builtin_of(c);
	(void)fd, (void)what;
	builtin_unpark(l, c);
	c->service(l, c);
	builtin_changed(l);
}
