#include <sigrelay/base/settings.h>

#include "settings_load.h"
#include "settings_value.h"

/* Values that contradict each other, and that nobody can mean. What one bound cuts of
 * another (retry_for of attempt_timeout, of lookup_wait …) is meant: the earliest wins. */
static const struct pair {
	enum setting_id less, more;
	bool may_be_equal;
	bool default_yields; /* less is cut without harm where nobody has set it */
	const char *todo;
} PAIRS[] = {
	{ SETTING_ID_probe_interval, SETTING_ID_probe_max, true, false,
	  "the first wait before a probe cannot be longer than the longest" },
	{ SETTING_ID_backoff_base, SETTING_ID_backoff_max, true, true,
	  "the first wait cannot be longer than the longest" },
	{ SETTING_ID_throttle_base, SETTING_ID_backoff_max, true, true,
	  "the first wait cannot be longer than the longest" },
	{ SETTING_ID_connect_timeout, SETTING_ID_attempt_timeout, true, true,
	  "connecting is a part of the attempt" },
	{ SETTING_ID_hedge_after, SETTING_ID_attempt_timeout, false, true,
	  "an attempt that is over is not hedged; 0 is never" },
	{ SETTING_ID_max_body, SETTING_ID_max_parked_memory, true, true,
	  "a body that large could never be held" },
};

static enum status add_value(const struct settings_load *l, enum setting_id id, struct buf *out)
{
	enum status st = buf_addf(out, "%s = ", settings_table[id].name);
	if (st == STATUS_OK)
		st = settings_format(&settings_table[id], &l->values, out);
	return st == STATUS_OK ? buf_addf(out, " (%s)", settings_source_text(l, id)) : st;
}

static enum status contradict(struct settings_load *l, const struct pair *p)
{
	struct buf words;
	buf_init(&words, 1024);
	enum status st = add_value(l, p->less, &words);
	if (st == STATUS_OK)
		st = buf_add_str(&words, p->may_be_equal ? " is more than " : " is not less than ");
	if (st == STATUS_OK)
		st = add_value(l, p->more, &words);
	if (st == STATUS_OK)
		st = load_error(l, "%s: %s", words.p, p->todo);
	buf_release(&words);
	return st;
}

static bool agree(const struct settings_load *l, const struct pair *p)
{
	int64_t less = setting_get(&settings_table[p->less], &l->values).number;
	int64_t more = setting_get(&settings_table[p->more], &l->values).number;
	return less < more || (p->may_be_equal && less == more) ||
	       (p->default_yields && l->ranks[p->less] == RANK_DEFAULT);
}

enum status load_check_pairs(struct settings_load *l)
{
	enum status st = STATUS_OK;
	for (size_t i = 0; i < sizeof(PAIRS) / sizeof(PAIRS[0]) && st != STATUS_NO_MEMORY; i++) {
		if (!agree(l, &PAIRS[i]))
			st = load_worse(st, contradict(l, &PAIRS[i]));
	}
	if (st != STATUS_NO_MEMORY && l->values.redis_password_file && !l->values.redis_url)
		st = load_worse(st, load_error(l, "redis_password_file is set and redis_url is not: there is "
						  "no Redis to show the password to"));
	return st;
}
