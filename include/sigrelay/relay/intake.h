/* From the request that evhttp read to one of ours, or to the reason why not. */
#ifndef SIGRELAY_RELAY_INTAKE_H
#define SIGRELAY_RELAY_INTAKE_H

#include <sigrelay/relay/chunk_guard.h>
#include <sigrelay/relay/head_guard.h>
#include <sigrelay/relay/message.h>

struct evbuffer;
struct evhttp_request;

/* Shows the guards what stands in input behind from; fed: they need no more of it. */
void intake_feed(struct head_guard *head, struct chunk_guard *chunks, struct evbuffer *input, size_t from);
bool intake_fed(const struct head_guard *head, const struct chunk_guard *chunks);
/* Where does evhttp's reading of the request end elsewhere than the guards'? A static
 * phrase; NULL: nowhere. They have seen its head and its chunks, and found nothing. */
const char *intake_disagrees(struct evhttp_request *req, const struct head_guard *head,
			     const struct chunk_guard *chunks);
/* The method's name for routing; *m is set for those that are forwarded. */
struct slice intake_method(struct evhttp_request *req, enum method *m);
/* Takes headers and body out of it. STATUS_TOO_LARGE: the headers. */
enum status intake_request(struct evhttp_request *req, const struct route *route, enum method m,
			   uint64_t id_seed, struct request **out) MUST_CHECK;

#endif
