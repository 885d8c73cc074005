#include "fleet_inside.h"

#include <string.h>

#include <sigrelay/base/log.h>

#include "fleet_scripts.h"

static bool told(struct fleet *f, void *arg, const struct fleet_reply *reply)
{
	(void)f;
	(void)arg;
	(void)reply;
	return true;
}

/* By its leaf alone: clients ask with and without the tree in front of it. */
static struct slice entry_key(const struct fleet *f, char out[FLEET_KEY_MAX], struct slice id)
{
	char leaf[REKOR_UUID_HEX + 1];
	for (size_t i = 0; i < REKOR_UUID_HEX; i++) {
		char c = id.p[id.n - REKOR_UUID_HEX + i];
		leaf[i] = c >= 'A' && c <= 'F' ? (char)(c | 0x20) : c;
	}
	leaf[REKOR_UUID_HEX] = '\0';
	return fleet_key(f, out, "entry", leaf);
}

static struct slice create_key(const struct fleet *f, char out[FLEET_KEY_MAX], const struct digest *create)
{
	char hex[2 * SHA256_SIZE + 1];
	hex_encode(create->b, sizeof(create->b), hex);
	return fleet_key(f, out, "create", hex);
}

static void set(struct fleet *f, struct slice key, struct slice value, bool unless_known)
{
	char life[24];
	const struct slice words[] = { SLICE_LIT("SET"),
				       key,
				       value,
				       SLICE_LIT("EX"),
				       fleet_number(life, FLEET_ENTRY_LIFE / USEC_PER_SEC),
				       SLICE_LIT("NX") };
	(void)!fleet_call(f, words, unless_known ? 6 : 5, told, NULL, NULL);
}

void fleet_tell_entry(struct fleet *f, const char *id, const struct digest *create,
		      const struct answer *entry)
{
	char key[FLEET_KEY_MAX];
	struct slice leaf = { id + strlen(id) - REKOR_UUID_HEX, REKOR_UUID_HEX };
	if (f->state != FLEET_UP || entry->body.n > FLEET_ENTRY_MAX)
		return;
	set(f, entry_key(f, key, leaf), buf_slice(&entry->body), false);
	set(f, create_key(f, key, create), leaf, false);
}

void fleet_tell_queued(struct fleet *f, const char *id)
{
	char key[FLEET_KEY_MAX];
	struct slice known = slice_str(id);
	if (f->state == FLEET_UP && known.n >= REKOR_UUID_HEX)
		set(f, entry_key(f, key, known), known, true);
}

static bool answered(struct fleet *f, void *arg, const struct fleet_reply *reply)
{
	struct fleet_question *q = arg;
	struct slice nothing = { "", 0 };
	(void)f;
	q->call = NULL;
	q->answered(q->owner, reply && reply->value.type == FLEET_TEXT ? reply->value.text : nothing);
	return true;
}

static bool ask(struct fleet *f, struct fleet_question *q, const struct slice *words, size_t n,
		enum side side)
{
	if (!fleet_call(f, words, n, answered, q, &q->call))
		return false;
	rate_expects(f, &f->relay->upstream[SERVICE_REKOR], side);
	return true;
}

bool fleet_ask_create(struct fleet *f, struct fleet_question *q, const struct digest *create)
{
	char key[FLEET_KEY_MAX], entries[FLEET_KEY_MAX];
	const struct slice words[] = { SLICE_LIT("EVAL"), slice_str(script_create), SLICE_LIT("1"),
				       create_key(f, key, create), fleet_key(f, entries, "entry", "") };
	return ask(f, q, words, sizeof(words) / sizeof(words[0]), SIDE_WRITE);
}

bool fleet_ask_entry(struct fleet *f, struct fleet_question *q, struct slice id)
{
	char key[FLEET_KEY_MAX];
	if (id.n < REKOR_UUID_HEX)
		return false;
	const struct slice words[] = { SLICE_LIT("GET"), entry_key(f, key, id) };
	return ask(f, q, words, sizeof(words) / sizeof(words[0]), SIDE_READ);
}

void fleet_forget(struct fleet_question *q)
{
	if (q->call)
		q->call->fn = NULL;
	q->call = NULL;
}
