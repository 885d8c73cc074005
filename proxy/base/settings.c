#include <sigrelay/base/settings.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/base/redis_url.h>

#include "settings_load.h"
#include "settings_value.h"

#define MESSAGES_MAX ((size_t)16 << 20)

/* Lets go of what the buffer ran out of room for: the load is invalid already,
 * and 16 MiB of reasons are on the screen. */
static enum status noted(enum status st)
{
	return st == STATUS_NO_MEMORY ? st : STATUS_INVALID;
}

enum status load_error(struct settings_load *l, const char *fmt, ...)
{
	char *line = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !(line = mem_alloc((size_t)n + 2)))
		return STATUS_NO_MEMORY;
	va_start(ap, fmt);
	vsnprintf(line, (size_t)n + 1, fmt, ap);
	va_end(ap);
	line[n] = '\n';
	enum status st = buf_add(&l->errors, line, (size_t)n + 1);
	mem_free(line);
	return noted(st);
}

enum status load_unknown(struct settings_load *l, const char *prefix, const char *written,
			 const char *nearest)
{
	struct buf shown;
	buf_init(&shown, 1024);
	enum status st = setting_quote(&shown, slice_str(written));
	if (st != STATUS_OK)
		st = noted(st);
	else if (nearest)
		st = load_error(l, "%sunknown setting %s; did you mean %s?", prefix, shown.p, nearest);
	else
		st = load_error(l, "%sunknown setting %s; `sigrelay check-config` lists them all", prefix,
				shown.p);
	buf_release(&shown);
	return st;
}

enum status load_note_empty(struct settings_load *l, const char *label)
{
	enum status st = buf_addf(&l->empty, "%s is empty: taken as unset\n", label);
	return st == STATUS_NO_MEMORY ? st : STATUS_OK;
}

/* Users keep the whole path of a timestamp request in COSIGN_TIMESTAMP_SERVER_URL
 * and paste it here; the relay appends that path itself. */
static void cut_timestamp_path(char *url)
{
	struct slice s = slice_str(url);
	if (!slice_ends(s, "/api/v1/timestamp"))
		return;
	s.n -= strlen("/api/v1/timestamp");
	while (s.n > 0 && s.p[s.n - 1] == '/')
		s.n--;
	url[s.n] = '\0';
}

static enum status keep(struct settings_load *l, size_t id, struct setting_value v,
			const struct setting_origin *origin)
{
	char *where = NULL;
	if (origin->where && !(where = mem_strdup(origin->where))) {
		mem_free(v.text);
		return STATUS_NO_MEMORY;
	}
	if (v.text && id == SETTING_ID_tsa_url)
		cut_timestamp_path(v.text);
	setting_put(&settings_table[id], &l->values, v);
	l->ranks[id] = origin->rank;
	mem_free(l->where[id]);
	l->where[id] = where;
	return STATUS_OK;
}

static enum status note_bad_value(struct settings_load *l, const char *label, enum status st, struct buf *why)
{
	if (st == STATUS_INVALID)
		st = load_error(l, "%s: %s", label, why->p);
	buf_release(why);
	return st;
}

enum status load_value(struct settings_load *l, size_t id, const char *value,
		       const struct setting_origin *origin)
{
	struct slice text = slice_trim(slice_str(value));
	struct setting_value v = { 0 };
	struct buf why;
	if (text.n == 0)
		return load_note_empty(l, origin->label);
	buf_init(&why, 1024);
	enum status st = setting_parse(&settings_table[id], text, &v, &why);
	if (st != STATUS_OK)
		return note_bad_value(l, origin->label, st, &why);
	/* Checked even when something higher has been given: an error that shows
	 * only once that is gone is found at the worst moment. */
	if (origin->rank >= l->ranks[id])
		return keep(l, id, v, origin);
	mem_free(v.text);
	return STATUS_OK;
}

static enum status take_default(struct settings_load *l, size_t id)
{
	static const struct setting_origin origin = { .rank = RANK_DEFAULT, .label = "default" };
	const char *text = settings_table[id].default_text;
	return *text ? load_value(l, id, text, &origin) : STATUS_OK;
}

struct settings_load *settings_load_new(void)
{
	struct settings_load *l = mem_calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	buf_init(&l->errors, MESSAGES_MAX);
	buf_init(&l->empty, MESSAGES_MAX);
	for (size_t id = 0; id < SETTING_IDS; id++) {
		if (take_default(l, id) != STATUS_OK) {
			settings_load_free(l);
			return NULL;
		}
	}
	return l;
}

void settings_load_free(struct settings_load *l)
{
	if (!l)
		return;
	settings_release(&l->values);
	for (size_t id = 0; id < SETTING_IDS; id++)
		mem_free(l->where[id]);
	buf_release(&l->errors);
	buf_release(&l->empty);
	mem_free(l->file);
	mem_free(l);
}

static enum status set_known(struct settings_load *l, size_t id, const char *value,
			     enum setting_source source, const char *where)
{
	static const enum setting_rank ranks[] = { RANK_DEFAULT, RANK_FILE, RANK_ENVIRONMENT, RANK_FLAG };
	const char *name = settings_table[id].name;
	struct setting_origin origin = { .rank = ranks[source], .label = where ? where : name };
	if (source != SOURCE_FILE || !where)
		return load_value(l, id, value, &origin);
	struct buf label;
	buf_init(&label, SIZE_MAX);
	enum status st = buf_addf(&label, "%s: %s", where, name);
	if (st == STATUS_OK) {
		origin.label = label.p;
		origin.where = where;
		st = load_value(l, id, value, &origin);
	}
	buf_release(&label);
	return st;
}

enum status settings_set(struct settings_load *l, const char *name, const char *value,
			 enum setting_source source, const char *where)
{
	size_t id = settings_index(slice_str(name));
	if (id < SETTING_IDS)
		return set_known(l, id, value, source, where);
	struct buf prefix;
	buf_init(&prefix, SIZE_MAX);
	enum status st = where ? buf_addf(&prefix, "%s: ", where) : buf_add_str(&prefix, "");
	if (st == STATUS_OK)
		st = load_unknown(l, prefix.p, name, settings_nearest(name));
	buf_release(&prefix);
	return st;
}

const char *settings_errors(const struct settings_load *l)
{
	return l->errors.p ? l->errors.p : "";
}

const char *settings_empty(const struct settings_load *l)
{
	return l->empty.p ? l->empty.p : "";
}

const char *settings_file(const struct settings_load *l)
{
	return l->file;
}

enum setting_source settings_source(const struct settings_load *l, const char *name)
{
	size_t id = settings_index(slice_str(name));
	if (id == SETTING_IDS)
		return SOURCE_DEFAULT;
	switch (l->ranks[id]) {
	case RANK_DEFAULT:
		return SOURCE_DEFAULT;
	case RANK_FILE:
		return SOURCE_FILE;
	case RANK_AMBIENT:
	case RANK_ENVIRONMENT:
		return SOURCE_ENVIRONMENT;
	case RANK_FLAG:
		break;
	}
	return SOURCE_FLAG;
}

enum status settings_finish(const struct settings_load *l, struct settings *out)
{
	struct settings copy = { 0 };
	for (size_t id = 0; id < SETTING_IDS; id++) {
		struct setting_value v = setting_get(&settings_table[id], &l->values);
		if (v.text && !(v.text = mem_strdup(v.text))) {
			settings_release(&copy);
			return STATUS_NO_MEMORY;
		}
		setting_put(&settings_table[id], &copy, v);
	}
	*out = copy;
	return STATUS_OK;
}

void settings_release(struct settings *s)
{
	for (size_t id = 0; id < SETTING_IDS; id++)
		setting_put(&settings_table[id], s, (struct setting_value){ 0 });
}

enum status settings_format(const struct setting_info *info, const struct settings *s, struct buf *out)
{
	struct setting_value v = setting_get(info, s);
	if (info->type == SETTING_REDIS)
		return redis_url_mask(slice_str(v.text), out);
	if (setting_is_text(info->type))
		return buf_add_str(out, v.text ? v.text : "");
	return setting_format_number(info, v.number, out);
}

const char *settings_source_text(const struct settings_load *l, size_t id)
{
	static const char *const names[] = { "default", "file", "environment", "flag" };
	return l->where[id] ? l->where[id] : names[settings_source(l, settings_table[id].name)];
}

enum status settings_print(const struct settings_load *l, struct buf *out)
{
	enum status st = STATUS_OK;
	for (size_t id = 0; id < SETTING_IDS && st == STATUS_OK; id++) {
		st = buf_addf(out, "%s = ", settings_table[id].name);
		if (st == STATUS_OK)
			st = settings_format(&settings_table[id], &l->values, out);
		if (st == STATUS_OK)
			st = buf_addf(out, "   # %s\n", settings_source_text(l, id));
	}
	return st;
}

static bool same(const struct setting_info *info, const struct settings *a, const struct settings *b)
{
	struct setting_value x = setting_get(info, a), y = setting_get(info, b);
	return x.number == y.number && slice_eq(slice_str(x.text), slice_str(y.text));
}

enum status settings_may_reload(const struct settings *now, const struct settings *next, struct buf *refused)
{
	bool any = false;
	for (size_t id = 0; id < SETTING_IDS; id++) {
		const struct setting_info *info = &settings_table[id];
		if (info->reloadable || same(info, now, next))
			continue;
		enum status st = buf_addf(refused, "%s%s", any ? ", " : "", info->name);
		if (st != STATUS_OK)
			return st;
		any = true;
	}
	return any ? STATUS_INVALID : STATUS_OK;
}
