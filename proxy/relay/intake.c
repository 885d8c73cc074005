#include <sigrelay/relay/intake.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <string.h>
#include <sys/queue.h>

#include <sigrelay/base/mem.h>

#define GUARD_PIECES 8 /* of a buffer, looked at together */

const char *intake_disagrees(struct evhttp_request *req, const struct head_guard *head,
			     const struct chunk_guard *chunks)
{
	size_t n = evbuffer_get_length(evhttp_request_get_input_buffer(req));
	if (!intake_fed(head, chunks))
		return "a request that ends before its framing does";
	if (!head->has_coding && n != head->length)
		return "a body of another length than its Content-Length";
	return NULL;
}

struct slice intake_method(struct evhttp_request *req, enum method *m)
{
	switch ((int)evhttp_request_get_command(req)) {
	case EVHTTP_REQ_GET:
		*m = METHOD_GET;
		return SLICE_LIT("GET");
	case EVHTTP_REQ_HEAD:
		*m = METHOD_HEAD;
		return SLICE_LIT("HEAD");
	case EVHTTP_REQ_POST:
		*m = METHOD_POST;
		return SLICE_LIT("POST");
	default:
		return SLICE_LIT("OTHER");
	}
}

static enum status take_body(struct request *q, struct evhttp_request *req)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	size_t n = evbuffer_get_length(in);
	if (!n)
		return STATUS_OK;
	q->body = mem_alloc(n);
	if (!q->body)
		return STATUS_NO_MEMORY;
	q->body_size = n;
	evbuffer_remove(in, q->body, n);
	return STATUS_OK;
}

/* Is this header of the client's connection only, because Connection lists it
 * (RFC 9110 7.6.1)? */
static bool listed_by_connection(const struct evkeyvalq *headers, const char *name)
{
	const struct evkeyval *kv;
	TAILQ_FOREACH(kv, headers, next)
	{
		if (strcasecmp(kv->key, "Connection") == 0 &&
		    header_is_listed(slice_str(kv->value), slice_str(name)))
			return true;
	}
	return false;
}

enum status intake_request(struct evhttp_request *req, const struct route *route, enum method m,
			   uint64_t id_seed, struct request **out)
{
	struct request *q = NULL;
	enum status s = request_new(&q, route, m);
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(req);
	const struct evkeyval *kv;
	if (s != STATUS_OK)
		return s;
	TAILQ_FOREACH(kv, headers, next)
	{
		if (listed_by_connection(headers, kv->key))
			continue;
		if ((s = request_add_header(q, kv->key, kv->value)) != STATUS_OK)
			break;
	}
	if (s == STATUS_OK)
		s = request_seal(q, id_seed);
	if (s == STATUS_OK)
		s = take_body(q, req);
	if (s != STATUS_OK) {
		request_unref(q);
		return s;
	}
	*out = q;
	return STATUS_OK;
}

bool intake_fed(const struct head_guard *guard, const struct chunk_guard *chunks)
{
	return guard_done(guard) && (!guard->has_coding || chunks->at == CHUNK_DONE);
}

static void feed_piece(struct head_guard *guard, struct chunk_guard *chunks, const struct evbuffer_iovec *v)
{
	size_t head = guard_feed(guard, v->iov_base, v->iov_len);
	if (guard->has_coding && guard_done(guard))
		chunk_guard_feed(chunks, (const char *)v->iov_base + head, v->iov_len - head);
}

void intake_feed(struct head_guard *guard, struct chunk_guard *chunks, struct evbuffer *input, size_t from)
{
	struct evbuffer_ptr at;
	struct evbuffer_iovec v[GUARD_PIECES];
	size_t left = evbuffer_get_length(input) - from;
	evbuffer_ptr_set(input, &at, from, EVBUFFER_PTR_SET);
	while (left && !intake_fed(guard, chunks)) {
		size_t fed = 0;
		int n = evbuffer_peek(input, -1, &at, v, GUARD_PIECES);
		for (int i = 0; i < n && i < GUARD_PIECES; fed += v[i++].iov_len)
			feed_piece(guard, chunks, &v[i]);
		if (fed == 0 || fed >= left)
			return;
		left -= fed;
		evbuffer_ptr_set(input, &at, fed, EVBUFFER_PTR_ADD);
	}
}
