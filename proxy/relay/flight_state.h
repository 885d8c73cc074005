/* The inside of a flight, for the flight*.c files only. From the top down: each calls
 * those below it, and what comes of a call is what it returns.
 *
 *   flights.c          all of them
 *   flight.c           its beginning, sending, and what follows an attempt of the
 *                      client's own request
 *   flight_create.c    what only a create has: conflict, hedge, polls, the late entry
 *   flight_fleet.c     what other relays may have of it
 *   flight_deadline.c  until when, and what is said when no attempt fits any more
 *   flight_judge.c     is an answer what it says?
 *   flight_end.c       who waits, their answers, who was saved, the end */
#ifndef SIGRELAY_PROXY_RELAY_FLIGHT_STATE_H
#define SIGRELAY_PROXY_RELAY_FLIGHT_STATE_H

#include <sigrelay/policy/verdict.h>
#include <sigrelay/relay/fleet.h>
#include <sigrelay/relay/flight.h>
#include <sigrelay/relay/waiters.h>
#include <sigrelay/sigstore/rekor.h>

#define CERTIFICATE_JUST_ENDED_S 3600
#define ENTRY_PATH "/api/v1/log/entries/"

enum phase { PHASE_SENDING, PHASE_RESOLVING };

struct flight {
	TAILQ_ENTRY(flight) link;
	struct relay *relay;
	struct request *request;
	struct exchange_list exchanges;
	size_t audience;          /* … and how many they are */
	struct create_key create; /* rekor.create only */
	bool is_create;
	bool is_log_state; /* others who ask for it join, as they join a create */
	enum phase phase;
	usec begun;
	struct deadline deadline;
	int64_t wall_end; /* of a certificate or token, which bounds it; 0 = none does */
	enum deadline_reason wall_reason;
	usec head_start; /* in line: since it was first seen, for one that was told to come back */
	struct timer deadline_timer;

	struct attempt main; /* the client's own request */
	struct timer main_timer;
	unsigned sent, failures, too_big, lookups;
	usec absent_since; /* the first 404 that is waited for; 0 = none yet */

	struct attempt hedge; /* a second POST beside a hanging one */
	struct timer hedge_timer;
	bool hedged;
	bool hedge_won; /* the answer came by the hedge or by what it taught */

	struct attempt poll; /* GET of a create's id */
	struct timer poll_timer;
	unsigned polls, poll_failures;
	char id[REKOR_ENTRY_ID_HEX + 1]; /* in PHASE_RESOLVING */
	char poll_target[sizeof(ENTRY_PATH) + REKOR_ENTRY_ID_HEX];
	bool conflicted; /* the log said 409 to a POST of ours */

	struct waiter waiter;    /* for the entry that a create or a lookup waits for */
	struct mint_ticket mint; /* a certificate request's place in the mint line */
	bool minted;             /* … which it has passed */
	bool certified;          /* … and got its certificate */

	struct fleet_question question; /* to the fleet, before anything is sent */

	struct posted posted;
	struct answer *last; /* the upstream's own last answer to the client's request */
	enum transport last_transport;
	char why[160]; /* the last failure, for people */
	bool waited_outage;
};

struct judged {
	enum outcome outcome;
	usec retry_after;
	struct entry entry; /* a believed one */
	char why[160];
};

/* flight_end.c */
size_t flight_audience(const struct flight *f); /* exchanges that wait for it */
void audience_add(struct flight *f, struct exchange *x);
void audience_remove(struct flight *f, struct exchange *x);
void flight_log(const struct flight *f, const char *event, const char *cause, unsigned attempt, usec wait,
		const char *next);
void flight_end(struct flight *f);
void flight_answer(struct flight *f, struct answer *answer);     /* everyone who waits; ends it */
void flight_answer_own(struct flight *f, struct answer *answer); /* … and takes the reference */
void flight_no_memory(struct flight *f);                         /* ends it with a 503 */
/* Counts those who would have failed without the relay, once for each. */
void flight_count_saved(struct flight *f);

/* flight_judge.c */
void judge_request(struct flight *f, enum transport t, const struct answer *a, const char *error,
		   struct judged *j);
/* What another relay has left, before it is believed: is it the answer to f's request? */
bool judge_told(struct flight *f, const struct answer *a, struct judged *j);
void judge_poll(struct flight *f, enum transport t, const struct answer *a, const char *error,
		struct judged *j);

/* flight_deadline.c */
void flight_set_deadline(struct flight *f, const struct exchange *x);
/* The wall clock has gone ahead: the end has come nearer. */
void flight_bind_again(struct flight *f);
/* No further attempt fits: the upstream's own last answer, else one of ours. Ends it. */
void flight_expire(struct flight *f, enum deadline_reason why);
timer_fn on_deadline;

/* flight_fleet.c */
/* True: answered will be called, for flight_told, with what the fleet knows or in time
 * without. */
bool flight_ask_fleet(struct flight *f, void (*answered)(void *flight, struct slice value));
/* True: it was the answer, and the flight has ended. */
bool flight_told(struct flight *f, struct slice value);

/* flight_create.c. Those that answer end the flight. */
void create_done(struct flight *f, const struct judged *j, struct answer *a, bool by_post);
void create_late(struct flight *f, const struct judged *j);
void create_conflict(struct flight *f, struct answer *a);
bool create_has_ended(const struct flight *f); /* its certificate has, a moment ago */
void create_ended(struct flight *f);
attempt_done_fn hedge_done, poll_done;
timer_fn on_hedge_timer, on_poll_timer;
void create_found(struct waiter *w, struct answer *a); /* the shared polls found its entry */
void create_look(struct waiter *w);                    /* … cannot be had: poll for itself */

#endif
