/* A small HTTP/1.1 server on raw bufferevents, for a fake that must be able to
 * misbehave: reset a connection, send half an answer, or drip it.
 *
 * One call (request) at a time on a connection; keep-alive; a pipelined request
 * waits for the answer before it. A call lives until it is answered, reset or
 * closed through one of the functions below, or its client goes away; then
 * `gone` is told. In `gone` the call may not be answered any more. */
#ifndef SIGRELAY_BUILTIN_WIRE_H
#define SIGRELAY_BUILTIN_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/clock.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>
#include <sigrelay/builtin/faults.h>

#define WIRE_HEAD_MAX (64 * 1024)
#define WIRE_BODY_MAX (64 * 1024 * 1024)

struct builtin_log;
struct event;
struct event_base;
struct wire;
struct leaf;
struct conn;

/* Why a call waits. */
enum parked { PARKED_NOT, PARKED_HELD, PARKED_DELAYED, PARKED_STALLED, PARKED_LEAF, PARKED_BARRIER };

struct call {
	/* The request, valid until the call ends. */
	const char *method, *path, *query; /* query: after '?', "" without */
	struct buf body;
	usec read_at; /* monotonic: when the request was complete */

	/* The owner's. */
	enum place place;
	void (*service)(struct builtin_log *l, struct call *c); /* who answers it, or parks it */
	struct fault fault;
	enum parked parked;
	struct call *prev, *next; /* in the owner's list while parked */
	struct event *timer;      /* NULL until first needed; freed with the call */
	const struct leaf *leaf;  /* PARKED_LEAF: what it waits for */
	usec backoff;             /* PARKED_LEAF: the next wait */
	int64_t at_least;         /* PARKED_BARRIER */
	const int64_t *counter;   /* PARKED_BARRIER */

	struct conn *conn;
};

struct wire_handler {
	void *arg;
	/* The head has been read, the body not. False: the connection is reset. */
	bool (*head)(void *arg, struct call *c);
	void (*request)(void *arg, struct call *c);
	void (*gone)(void *arg, struct call *c);
};

struct response {
	int status;
	const char *content_type; /* NULL: none is sent */
	struct buf head;          /* more header lines, each with "\r\n" */
	struct buf body;
};

void response_init(struct response *a, int status, const char *content_type);
void response_release(struct response *a);

/* address "127.0.0.1" or another IPv4 literal. STATUS_IO: cannot listen (errno). */
enum status wire_new(struct wire **out, struct event_base *base, const char *address, uint16_t port,
		     const struct wire_handler *handler) MUST_CHECK;
void wire_free(struct wire *w); /* calls under way are told `gone` */
uint16_t wire_port(const struct wire *w);

/* The handler's arg, for timers that carry a call. */
void *call_owner(const struct call *c);
/* The value of a request header; empty when it is missing. */
struct slice call_header(const struct call *c, const char *name);
/* The decoded value of a query parameter. STATUS_NOT_FOUND. out: n bytes. */
enum status call_query(const struct call *c, const char *name, char *out, size_t n) MUST_CHECK;

/* These end the call; it is not told `gone`. Any of them may free it. */
void wire_answer(struct call *c, const struct response *a);
void wire_answer_half(struct call *c, const struct response *a);
void wire_answer_drip(struct call *c, const struct response *a, usec over);
void wire_reset(struct call *c); /* RST */
void wire_close(struct call *c); /* FIN without a byte */

#endif
