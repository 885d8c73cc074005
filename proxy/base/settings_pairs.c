#include <sigrelay/base/settings.h>

#include "settings_load.h"
#include "settings_value.h"

/* What is never more than another. Where the user has set both, they contradict each
 * other and are refused; where one is a default, it yields. What one bound cuts of
 * another (retry_for of attempt_timeout, of lookup_wait …) is meant: the earliest wins. */
static const struct pair {
	enum setting_id less, more;
	const char *todo;
} PAIRS[] = {
	{ SETTING_ID_probe_interval, SETTING_ID_probe_max,
	  "the first wait before a probe cannot be longer than the longest" },
	{ SETTING_ID_backoff_base, SETTING_ID_backoff_max,
	  "the first wait cannot be longer than the longest" },
	{ SETTING_ID_throttle_base, SETTING_ID_backoff_max,
	  "the first wait cannot be longer than the longest" },
	{ SETTING_ID_max_body, SETTING_ID_max_parked_memory, "a body that large could never be held" },
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
		st = buf_add_str(&words, " is more than ");
	if (st == STATUS_OK)
		st = add_value(l, p->more, &words);
	if (st == STATUS_OK)
		st = load_error(l, "%s: %s", words.p, p->todo);
	buf_release(&words);
	return st;
}

static enum status make_agree(struct settings_load *l, const struct pair *p)
{
	const struct setting_info *less = &settings_table[p->less], *more = &settings_table[p->more];
	struct setting_value least = setting_get(less, &l->values), most = setting_get(more, &l->values);
	if (least.number <= most.number)
		return STATUS_OK;
	if (l->ranks[p->less] == RANK_DEFAULT)
		setting_put(less, &l->values, most);
	else if (l->ranks[p->more] == RANK_DEFAULT)
		setting_put(more, &l->values, least);
	else
		return contradict(l, p);
	return STATUS_OK;
}

enum status load_check_pairs(struct settings_load *l)
{
	enum status st = STATUS_OK;
	for (size_t i = 0; i < sizeof(PAIRS) / sizeof(PAIRS[0]) && st != STATUS_NO_MEMORY; i++)
		st = load_worse(st, make_agree(l, &PAIRS[i]));
	if (st != STATUS_NO_MEMORY && l->values.redis_password_file && !l->values.redis_url)
		st = load_worse(st, load_error(l, "redis_password_file is set and redis_url is not: there is "
						  "no Redis to show the password to"));
	return st;
}
