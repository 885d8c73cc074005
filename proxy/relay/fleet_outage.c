#include "fleet_inside.h"

#include <stdio.h>
#include <string.h>

#include <sigrelay/base/log.h>
#include <sigrelay/policy/backoff.h>

#include "fleet_scripts.h"

/* How soon after hearing that a side is up it is odd to find it down oneself. */
#define DOUBT_FOR (60 * USEC_PER_SEC)
#define WORD_NUMBER_MAX ((uint64_t)1 << 50)
#define WORD_AGE_MAX ((int64_t)3600 * 1000)

struct word {
	enum { WORD_NONE, WORD_DOWN, WORD_UP } kind;
	usec interval; /* of the probes */
	int64_t age;   /* ms */
};

static struct fleet_side *side_at(struct fleet *f, size_t i)
{
	return &f->side[i / SIDE_COUNT][i % SIDE_COUNT];
}

static enum service service_at(size_t i)
{
	return (enum service)(i / SIDE_COUNT);
}

static struct breaker *breaker_at(const struct fleet *f, size_t i)
{
	return &f->relay->upstream[i / SIDE_COUNT].gate.breaker[i % SIDE_COUNT];
}

void outage_key(const struct fleet *f, size_t i, const char *kind, char out[FLEET_KEY_MAX])
{
	char rest[64];
	snprintf(rest, sizeof(rest), "%s:%s", f->upstream[i / SIDE_COUNT], side_name(i % SIDE_COUNT));
	fleet_key(f, out, kind, rest);
}

/* Takes the text up to the next blank off the front. */
static struct slice cut(struct slice *text)
{
	const char *blank = text->n ? memchr(text->p, ' ', text->n) : NULL;
	size_t n = blank ? (size_t)(blank - text->p) : text->n;
	struct slice first = { text->p, n };
	text->p += n + (blank != NULL);
	text->n -= n + (blank != NULL);
	return first;
}

/* "down 5000 1795500060000"; anything else says nothing. */
static struct word read_word(struct slice text, int64_t now)
{
	struct word w = { .kind = WORD_NONE };
	uint64_t interval, at;
	struct slice kind = cut(&text);
	if (slice_u64(cut(&text), &interval) != STATUS_OK || slice_u64(text, &at) != STATUS_OK ||
	    interval > WORD_NUMBER_MAX || at > WORD_NUMBER_MAX)
		return w;
	w.kind = slice_eq_str(kind, "down") ? WORD_DOWN : slice_eq_str(kind, "up") ? WORD_UP : WORD_NONE;
	w.interval = (usec)interval * USEC_PER_MSEC;
	/* Redis' clock may be set back; what was said long ago is as old as anything. */
	w.age = usec_min(usec_max(0, now - (int64_t)at), WORD_AGE_MAX);
	return w;
}

static size_t index_of(const struct fleet *f, const struct fleet_side *s)
{
	return (size_t)(s - &f->side[0][0]);
}

/* --- what is told ----------------------------------------------------------- */

static bool told(struct fleet *f, void *arg, const struct fleet_reply *reply)
{
	struct fleet_side *s = arg;
	(void)f;
	(void)reply;
	s->telling--;
	return true;
}

/* Stays as long as a probe may be away, and then some. */
static int64_t life_of(const struct fleet *f, size_t i)
{
	const struct breaker *b = breaker_at(f, i);
	usec life = 2 * breaker_longest_interval(b) + f->relay->cfg.attempt_timeout;
	return life / USEC_PER_MSEC + 1000;
}

static void tell(struct fleet *f, size_t i, const char *word)
{
	static const char *const kinds[] = { "outage", "doubt", "probe", "mint" };
	char keys[4][FLEET_KEY_MAX], numbers[2][24];
	struct fleet_side *s = side_at(f, i);
	for (size_t k = 0; k < 4; k++)
		outage_key(f, i, kinds[k], keys[k]);
	const struct slice words[] = { SLICE_LIT("EVAL"),
				       slice_str(script_tell),
				       SLICE_LIT("4"),
				       slice_str(keys[0]),
				       slice_str(keys[1]),
				       slice_str(keys[2]),
				       slice_str(keys[3]),
				       slice_str(f->id),
				       slice_str(word),
				       fleet_number(numbers[0], breaker_at(f, i)->interval / USEC_PER_MSEC),
				       slice_str(s->doubt ? "1" : "0"),
				       fleet_number(numbers[1], life_of(f, i)) };
	if (fleet_call(f, words, sizeof(words) / sizeof(words[0]), told, s, NULL))
		s->telling++;
}

/* A relay in doubt probes by itself: the others have nothing to probe for. */
static void set_lease(struct fleet *f, size_t i)
{
	breaker_by_lease(breaker_at(f, i), f->state == FLEET_UP && !side_at(f, i)->doubt);
}

void outage_judged(struct fleet *f, struct upstream *up, enum side side, const struct gate_news *news)
{
	struct fleet_side *s = &f->side[up->service][side];
	const struct breaker *b = &up->gate.breaker[side];
	usec now = f->relay->now.mono;
	size_t i = index_of(f, s);
	if (b->state == news->from)
		return;
	if (b->state == BREAKER_CLOSED) {
		s->own = s->doubt = false;
		s->recovered_at = now;
		set_lease(f, i);
		tell(f, i, "up");
	} else if (outcome_weight(news->outcome) == WEIGHT_FAILURE || news->outcome == OUTCOME_THROTTLED) {
		if (news->from == BREAKER_CLOSED)
			s->doubt = s->heard_back_at && now < usec_add(s->heard_back_at, DOUBT_FOR);
		s->own = true;
		s->evidence = now;
		set_lease(f, i);
		tell(f, i, "down");
	}
}

/* --- what is heard ------------------------------------------------------------ */

static void log_heard(const struct fleet *f, size_t i, const char *what, const char *next)
{
	log_event(LOG_WARN, "outage_heard", LOG_S("service", service_name(service_at(i))),
		  LOG_S("side", side_name(i % SIDE_COUNT)), LOG_S("cause", what), LOG_D("relays", f->relays),
		  LOG_S("next", next));
}

static void hear_down(struct fleet *f, size_t i, const struct word *w)
{
	struct fleet_side *s = side_at(f, i);
	const struct breaker *b = breaker_at(f, i);
	s->doubt = false; /* others find it down too */
	set_lease(f, i);
	if (b->state == BREAKER_CLOSED) {
		s->own = false;
		log_heard(f, i, "another relay's breaker is open", "this one opens too");
	}
	relay_hear(f->relay, service_at(i), i % SIDE_COUNT, w->interval,
		   "another relay says that it is down");
}

static usec said_at(const struct fleet *f, const struct word *w)
{
	return f->relay->now.mono - w->age * USEC_PER_MSEC;
}

/* Older than what was found here it is no news: then it is for this relay to speak. */
static bool is_news(const struct fleet *f, const struct fleet_side *s, const struct breaker *b,
		    const struct word *w)
{
	return said_at(f, w) > usec_max(s->own ? s->evidence : 0, b->opened_at);
}

/* From before this relay's own probe succeeded, while Redis was away. */
static bool is_past(const struct fleet *f, const struct fleet_side *s, const struct breaker *b,
		    const struct word *w)
{
	return b->state == BREAKER_CLOSED && s->recovered_at && said_at(f, w) <= s->recovered_at;
}

static void hear_up(struct fleet *f, size_t i)
{
	struct fleet_side *s = side_at(f, i);
	log_heard(f, i, "another relay's probe succeeded", "this breaker closes too, with a slow start");
	s->own = false;
	s->heard_back_at = f->relay->now.mono;
	relay_hear_back(f->relay, service_at(i), i % SIDE_COUNT, "another relay's probe succeeded");
}

static void hear(struct fleet *f, size_t i, const struct word *w)
{
	struct fleet_side *s = side_at(f, i);
	const struct breaker *b = breaker_at(f, i);
	if (w->kind == WORD_DOWN && is_past(f, s, b, w))
		tell(f, i, "up");
	else if (w->kind == WORD_DOWN)
		hear_down(f, i, w);
	else if (b->state == BREAKER_CLOSED)
		return;
	else if (w->kind == WORD_UP && !s->doubt && is_news(f, s, b, w))
		hear_up(f, i);
	else if (s->own)
		tell(f, i, "down"); /* in doubt it is kept alive so, too */
}

void outage_looked(struct fleet *f, const struct fleet_value *words, int64_t now)
{
	for (size_t i = 0; i < FLEET_SIDES && f->state == FLEET_UP; i++) {
		struct word w = read_word(words[i].text, now);
		if (!side_at(f, i)->telling)
			hear(f, i, &w);
	}
}

/* --- the probe, and the certificate request whose create is to be it ------------ */

/* The side of the log that certificates wait for. */
#define LOG_WRITE ((size_t)SERVICE_REKOR * SIDE_COUNT + SIDE_WRITE)

static bool is_lease(const struct fleet_reply *reply)
{
	return reply->value.type == FLEET_INTEGER && reply->value.integer >= -1;
}

/* All who are put off would come back at once. */
static usec put_off_until(struct fleet *f, const struct breaker *b, int64_t ms)
{
	usec wait = usec_min(ms, breaker_longest_interval(b) / USEC_PER_MSEC) * USEC_PER_MSEC;
	usec spread = usec_max(b->interval / 10, USEC_PER_MSEC);
	return usec_add(f->relay->now.mono, backoff_between(wait + 1, wait + spread, &f->relay->rng));
}

static bool leased(struct fleet *f, void *arg, const struct fleet_reply *reply)
{
	struct fleet_side *s = arg;
	size_t i = index_of(f, s);
	struct breaker *b = breaker_at(f, i);
	s->asking = false;
	if (!reply)
		return true; /* away, and nobody's leave is needed */
	if (!is_lease(reply))
		return false;
	if (reply->value.integer < 0)
		breaker_lease(b, usec_add(f->relay->now.mono, b->interval));
	else
		breaker_put_off(b, put_off_until(f, b, reply->value.integer));
	relay_pump(f->relay, service_at(i));
	return true;
}

static bool mint_leased(struct fleet *f, void *arg, const struct fleet_reply *reply)
{
	struct mint *m = &f->relay->mint.mint;
	const struct breaker *b = breaker_at(f, LOG_WRITE);
	(void)arg;
	f->asking_mint = false;
	if (!reply)
		return true;
	if (!is_lease(reply))
		return false;
	if (reply->value.integer < 0)
		mint_lease(m, usec_add(f->relay->now.mono, b->interval));
	else
		mint_put_off(m, put_off_until(f, b, reply->value.integer));
	mint_line_pump(&f->relay->mint, f->relay->now.mono);
	return true;
}

/* The lease under one key, for one probe interval; the other key is NULL, or that of
 * a lease that nobody may have. */
static bool ask_lease(struct fleet *f, size_t i, const char *kind, const char *other, fleet_reply_fn *fn,
		      void *arg)
{
	char keys[2][FLEET_KEY_MAX], length[24], most[24];
	const struct breaker *b = breaker_at(f, i);
	struct slice words[8] = { SLICE_LIT("EVAL"), slice_str(script_lease), slice_str(other ? "2" : "1") };
	size_t n = 3;
	outage_key(f, i, kind, keys[0]);
	words[n++] = slice_str(keys[0]);
	if (other) {
		outage_key(f, i, other, keys[1]);
		words[n++] = slice_str(keys[1]);
	}
	words[n++] = slice_str(f->id);
	words[n++] = fleet_number(length, b->interval / USEC_PER_MSEC);
	words[n++] = fleet_number(most, breaker_longest_interval(b) / USEC_PER_MSEC);
	return fleet_call(f, words, n, fn, arg, NULL);
}

/* Without memory to ask, a probe needs no leave: better one too many than none. */
static void ask_for_probe(struct fleet *f, size_t i)
{
	struct fleet_side *s = side_at(f, i);
	s->asking = ask_lease(f, i, "probe", NULL, leased, s);
	if (s->asking)
		return;
	breaker_lease(breaker_at(f, i), USEC_NEVER);
	timer_set(&f->relay->upstream[service_at(i)].wake, f->relay->now.mono);
}

/* A create that is in line already, here or at another relay, is the better probe:
 * this lease keeps nobody from that one. */
static void ask_for_mint(struct fleet *f)
{
	f->asking_mint = ask_lease(f, LOG_WRITE, "mint", "probe", mint_leased, NULL);
	if (f->asking_mint)
		return;
	mint_lease(&f->relay->mint.mint, USEC_NEVER);
	timer_set(&f->relay->mint.wake, f->relay->now.mono);
}

void outage_wants(struct fleet *f, struct upstream *up)
{
	for (enum side side = 0; side < SIDE_COUNT; side++) {
		const struct fleet_side *s = &f->side[up->service][side];
		if (!s->asking && gate_in_line(&up->gate, side) &&
		    breaker_wants_lease(&up->gate.breaker[side], f->relay->now.mono))
			ask_for_probe(f, index_of(f, s));
	}
	if (up->service == SERVICE_REKOR && !f->asking_mint &&
	    mint_line_wants_lease(&f->relay->mint, f->relay->now.mono))
		ask_for_mint(f);
}

void outage_up(struct fleet *f)
{
	for (size_t i = 0; i < FLEET_SIDES; i++)
		set_lease(f, i);
}

void outage_away(struct fleet *f)
{
	for (size_t i = 0; i < FLEET_SIDES; i++)
		breaker_by_lease(breaker_at(f, i), false);
	mint_alone(&f->relay->mint.mint);
}
