/* The relay's core on a fake wire, in virtual time: no socket, no clock.
 *
 * Attempts that the relay sends stand in `sent` until the test answers or fails
 * them, or the relay cancels them. */
#ifndef SIGRELAY_TESTS_RELAY_SIM_H
#define SIGRELAY_TESTS_RELAY_SIM_H

#include <sigrelay/relay/admission.h>
#include <sigrelay/relay/flights.h>
#include <sigrelay/relay/relay.h>

#define SIM_SENT_MAX 512
#define SIM_WALL_SECONDS                                                                                     \
	1795500060 /* 120 s before the vectors' entries were integrated, 540 s                               \
		      before their certificates end */

#define MS USEC_PER_MSEC
#define S USEC_PER_SEC

struct sim {
	struct relay r;
	struct relay_config cfg;
	struct attempt *sent[SIM_SENT_MAX]; /* on the wire now, oldest first */
	size_t on_wire, most_on_wire;
	size_t sends, cancels; /* ever */
	usec timeout;          /* of the last one sent */
};

struct client {
	struct exchange x;
	bool started, abandoned;
	unsigned answers;
	struct answer *answer; /* NULL: none, or no memory for one */
};

/* Small times, no hedge, no limits; change s->cfg and call sim_up. */
void sim_init(struct sim *s);
enum status sim_up(struct sim *s, uint64_t seed) MUST_CHECK;
void sim_set_now(struct sim *s, struct instant now); /* as server.c does */
void sim_down(struct sim *s); /* relay_release; whatever was on the wire must have been cancelled */

/* Lets time pass, firing what is due on the way. */
void sim_wait(struct sim *s, usec t);

/* An answer, or a failure, for the i-th attempt on the wire. head: lines with
 * "\r\n". Without memory for the answer the attempt fails as truncated. */
void sim_answer(struct sim *s, size_t i, int status, const char *head, struct slice body);
void sim_fail(struct sim *s, size_t i, enum transport t);

/* Builds a request; NULL: no memory. */
struct request *sim_request(const char *method, const char *target, struct slice body,
			    const char *user_agent);
void client_start(struct client *c, struct sim *s, struct request *q); /* gives its reference away */
void client_leave(struct client *c);
void client_release(struct client *c);                 /* its answer; abandons when there is none */
bool client_heard(const struct client *c, int status); /* exactly one answer, of this status */

/* The entry "hashedrekord_key" of the vectors, which most tests use. */
struct slice sim_posted(void);
struct slice sim_entry(void);
#define SIM_ID "0e91b5e4d0f14f3aa4027f5d1d454dbc5f01aa25a334053f8212a8faaa9e33dcb274e0d848609d40"
#define SIM_LEAF "a4027f5d1d454dbc5f01aa25a334053f8212a8faaa9e33dcb274e0d848609d40"
#define SIM_CREATE "/api/v1/log/entries"
#define SIM_GET SIM_CREATE "/" SIM_ID
#define SIM_CREATED "ETag: " SIM_ID "\r\nLocation: " SIM_GET "\r\nContent-Type: application/json\r\n"
#define SIM_CONFLICT "Location: " SIM_GET "\r\n"

#endif
