/* A relay of a fleet whose link to Redis is the test: what it asks stands in `asked`
 * until the test answers. Virtual time, no socket. */
#ifndef SIGRELAY_TESTS_RELAY_FLEET_FAKE_H
#define SIGRELAY_TESTS_RELAY_FLEET_FAKE_H

#include <sigrelay/relay/fleet.h>

#include "sim.h"

#define NOTHING SLICE_LIT("")
#define ASKED_MAX 32
#define ASKED_WORDS 10
#define FAKE_TIMEOUT (50 * MS)

/* Where a TELL has what is said, and whether in doubt. */
#define TELL_WORD 6
#define TELL_DOUBT 8

enum kind { LOOK, TELL, LEASE, TOKENS, CREATE, OTHER };

struct asked {
	enum kind kind;
	char words[ASKED_WORDS][400]; /* those after the script */
	size_t count;
};

struct fake {
	struct sim s;
	struct fleet *f;
	struct asked asked[ASKED_MAX]; /* not answered, oldest first */
	size_t n, ever;
	size_t connects, drops;
	bool connected;
	bool full; /* it takes no more commands */
};

extern const struct fleet_link_ops fake_ops;

struct fake *fake_begin(void); /* one at a time; change k->s.cfg, then fake_up */
void fake_up(struct fake *k);  /* connected, and the first look answered */
void fake_connect_now(struct fake *k);
void fake_end(struct fake *k);

/* To the oldest that was asked. */
void fake_reply(struct fake *k, const struct fleet_reply *r);
void fake_reply_integer(struct fake *k, int64_t n);
void fake_reply_text(struct fake *k, struct slice text);
void fake_reply_error(struct fake *k, const char *text);
void fake_reply_tokens(struct fake *k, int64_t n, int64_t ms);
/* With a word for the write side of the log. It is 1795500060000 at Redis. */
void fake_reply_look(struct fake *k, unsigned relays, const char *word);

/* Until a command of that kind is out; looks on the way are answered with this word. */
struct asked *fake_until_asked(struct fake *k, enum kind kind, const char *word, usec most);

enum breaker_state fake_state(const struct fake *k); /* of the write side of the log */
void fake_post(struct fake *k, struct client *c);
void fake_post_unknown(struct fake *k, struct client *c); /* nobody knows the create: it goes to the log */
void fake_go_down(struct fake *k, struct client *c);      /* … which fails it until the breaker opens */

#endif
