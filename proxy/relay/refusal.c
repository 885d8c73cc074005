#include "refusal.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/util.h>
#include <stdio.h>

#include <sigrelay/sigstore/answers.h>

#define TEXT_MAX 512
#define BODY_MAX 4096
#define RETRY_AFTER "5"

static const char *phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {
		{ 400, "Bad Request" },         { 403, "Forbidden" },
		{ 404, "Not Found" },           { 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },     { 413, "Content Too Large" },
		{ 414, "URI Too Long" },        { 417, "Expectation Failed" },
		{ 421, "Misdirected Request" }, { 431, "Request Header Fields Too Large" },
		{ 503, "Service Unavailable" }, { 505, "HTTP Version Not Supported" },
	};
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		if (phrases[i].status == status)
			return phrases[i].phrase;
	}
	return "Refused";
}

static struct slice body_of(const struct refusal *r, struct buf *body, const char **type)
{
	char text[TEXT_MAX];
	buf_init(body, BODY_MAX);
	snprintf(text, sizeof(text), "sigrelay: %s", r->why);
	if (error_body(SERVICE_REKOR, r->status, text, body, type) == STATUS_OK)
		return buf_slice(body);
	*type = "application/json";
	return SLICE_LIT("{\"message\":\"sigrelay: out of memory\"}");
}

void refusal_reply(const struct refusal *r, struct evhttp_request *req, bool close)
{
	struct evkeyvalq *h = evhttp_request_get_output_headers(req);
	struct evbuffer *out = evhttp_request_get_output_buffer(req);
	struct buf storage;
	const char *type;
	struct slice body = body_of(r, &storage, &type);
	evhttp_add_header(h, "Content-Type", type);
	if (r->status == 503)
		evhttp_add_header(h, "Retry-After", RETRY_AFTER);
	if (r->allow)
		evhttp_add_header(h, "Allow", r->allow);
	if (close)
		evhttp_add_header(h, "Connection", "close");
	evbuffer_add(out, body.p, body.n);
	buf_release(&storage);
	evhttp_send_reply(req, r->status, phrase(r->status), NULL);
}

void refusal_write(const struct refusal *r, bool bodiless, struct buf *out)
{
	struct buf storage;
	const char *type;
	struct slice body = body_of(r, &storage, &type);
	char date[64] = "";
	evutil_date_rfc1123(date, sizeof(date), NULL);
	enum status st = buf_addf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: %s\r\n", r->status,
				  phrase(r->status), date, type);
	if (st == STATUS_OK && r->status == 503)
		st = buf_add_str(out, "Retry-After: " RETRY_AFTER "\r\n");
	if (st == STATUS_OK && r->allow)
		st = buf_addf(out, "Allow: %s\r\n", r->allow);
	if (st == STATUS_OK)
		st = buf_addf(out, "Content-Length: %zu\r\nConnection: close\r\n\r\n", body.n);
	if (st == STATUS_OK && !bodiless)
		(void)!buf_add_slice(out, body);
	buf_release(&storage);
}
