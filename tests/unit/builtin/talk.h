/* A built-in log and clients of it on one event loop, over real sockets. Tests
 * wait for conditions, never for time. */
#ifndef SIGRELAY_TESTS_BUILTIN_TALK_H
#define SIGRELAY_TESTS_BUILTIN_TALK_H

#include <event2/event.h>
#include <stdbool.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/json.h>
#include <sigrelay/builtin/builtin_log.h>

struct stage {
	struct event_base *base;
	struct builtin_log *log;
};

/* One connection of a client; what came back. */
struct talk {
	struct stage *stage;
	struct bufferevent *bev;
	struct buf got;
	bool closed; /* FIN */
	bool reset;  /* RST */
};

/* A whole answer, and how the connection ended if it did not come. */
struct reply {
	int status; /* 0: none */
	struct buf raw;
	const char *body; /* in raw */
	size_t body_n;
	bool whole; /* all of Content-Length is there */
	bool closed, reset;
};

void stage_init(struct stage *s, const char *script); /* script may be NULL */
void stage_release(struct stage *s);
/* Turns the loop until done(arg); a test that waits ten seconds has failed. */
bool stage_until(struct stage *s, bool (*done)(void *arg), void *arg);

void talk_init(struct talk *t, struct stage *s); /* connects */
void talk_say(struct talk *t, const char *bytes, size_t n);
/* A request; content_type and body may be NULL. headers: more lines, or NULL. */
void talk_request(struct talk *t, const char *method, const char *path, const char *content_type,
		  const char *headers, const char *body, size_t n);
/* Until the answer is whole or the connection ended. Takes the bytes out of t. */
void talk_hear(struct talk *t, struct reply *r);
bool talk_has_answer(void *talk);  /* for stage_until: whole, or ended */
void talk_release(struct talk *t); /* hangs up */

/* All of it on a connection of its own. Release r with reply_release. */
void ask(struct stage *s, const char *method, const char *path, const char *body, struct reply *r);
void reply_release(struct reply *r);
/* A header's value, up to its line's end, in out; "" when missing. */
void reply_header(const struct reply *r, const char *name, char *out, size_t n);

/* For control: asserts 200. */
void control(struct stage *s, const char *method, const char *path, const char *body);
long state(struct stage *s, const char *counter);
/* A barrier: until the counter is at least n. */
void wait_for(struct stage *s, const char *counter, long n);

/* A valid hashedrekord, a new one each time; free with mem_free. */
char *new_entry(void);
/* The key of the first entry in {"…":{…}}. */
void entry_id(const struct reply *r, char out[81]);
/* A token; free with mem_free. wish: JSON or NULL. */
char *new_token(struct stage *s, const char *wish);

#endif
