#include "flight_state.h"

#include <string.h>

#include <sigrelay/relay/reply.h>

static void answer_with(struct flight *f, const struct judged *j, struct answer *a)
{
	struct relay *r = f->relay;
	memory_remember(&r->memory, j->entry.id, f->is_create ? &f->create.key : NULL, a);
	metric_add(r->telemetry.memory_answers, (int64_t)flight_audience(f));
	flight_log(f, "from_fleet", "another relay has seen the entry", f->sent, r->now.mono - f->begun,
		   "answer it at once");
	flight_answer_own(f, reply_entry(f->is_create ? 201 : 200, j->entry.id, a));
}

static bool take(struct flight *f, struct slice entry)
{
	struct judged j;
	struct answer *a = answer_new(200, FLEET_ENTRY_MAX);
	bool taken = a && buf_add_slice(&a->body, entry) == STATUS_OK && judge_told(f, a, &j);
	if (taken)
		answer_with(f, &j, a);
	answer_unref(a);
	return taken;
}

/* Another relay's create is queued: worth more than an unknown id's short wait. */
static void know(struct flight *f, struct slice id)
{
	char text[REKOR_ENTRY_ID_HEX + 1];
	if (f->is_create || id.n >= sizeof(text) || !rekor_same_id(id, f->request->entry_id))
		return;
	memcpy(text, id.p, id.n);
	text[id.n] = '\0';
	memory_know(&f->relay->memory, text);
}

bool flight_told(struct flight *f, struct slice value)
{
	if (slice_starts(value, "{"))
		return take(f, value);
	if (value.n)
		know(f, value);
	return false;
}

bool flight_ask_fleet(struct flight *f, void (*answered)(void *flight, struct slice value))
{
	struct fleet *fleet = f->relay->fleet;
	const struct request *q = f->request;
	if (!fleet)
		return false;
	f->question = (struct fleet_question){ .answered = answered, .owner = f };
	if (f->is_create)
		return fleet_ask_create(fleet, &f->question, &f->create.key);
	return q->operation == OP_REKOR_GET && q->method == METHOD_GET &&
	       fleet_ask_entry(fleet, &f->question, q->entry_id);
}
