#include "settings_value.h"

#include <string.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/base/redis_url.h>
#include <sigrelay/base/utf8.h>

#define QUOTE_MAX_BYTES 80

struct unit {
	const char *name;
	int64_t factor;
	bool plural; /* only shown from two on: people write 60s, not 1m */
};

static const struct unit duration_units[] = {
	{ .name = "h", .factor = 3600 * USEC_PER_SEC },
	{ .name = "m", .factor = 60 * USEC_PER_SEC, .plural = true },
	{ .name = "s", .factor = USEC_PER_SEC },
	{ .name = "ms", .factor = USEC_PER_MSEC },
	{ .name = NULL },
};

static const struct unit size_units[] = {
	{ .name = "GiB", .factor = 1073741824 },
	{ .name = "MiB", .factor = 1048576 },
	{ .name = "KiB", .factor = 1024 },
	{ .name = "", .factor = 1 },
	{ .name = NULL },
};

bool setting_is_text(enum setting_type type)
{
	return type == SETTING_URL || type == SETTING_ADDRESS || type == SETTING_TEXT ||
	       type == SETTING_REDIS;
}

enum status setting_quote(struct buf *out, struct slice text)
{
	size_t shown = 0;
	enum status st = buf_add_str(out, "'");
	while (text.n > 0 && shown < QUOTE_MAX_BYTES && st == STATUS_OK) {
		uint32_t code = 0;
		size_t n = utf8_next(text, &code);
		if (n > 0 && utf8_printable(code))
			st = buf_add(out, text.p, n);
		else
			st = buf_addf(out, "\\x%02x", (unsigned char)text.p[0]);
		n = n > 0 && utf8_printable(code) ? n : 1;
		text.p += n;
		text.n -= n;
		shown += n;
	}
	return st == STATUS_OK ? buf_add_str(out, text.n > 0 ? "…'" : "'") : st;
}

static enum status whole(struct slice text, int64_t *out)
{
	uint64_t v;
	if (slice_u64(text, &v) != STATUS_OK || v > INT64_MAX)
		return STATUS_INVALID;
	*out = (int64_t)v;
	return STATUS_OK;
}

static struct slice digits_of(struct slice text, struct slice *rest)
{
	size_t n = 0;
	while (n < text.n && text.p[n] >= '0' && text.p[n] <= '9')
		n++;
	*rest = (struct slice){ text.p + n, text.n - n };
	return (struct slice){ text.p, n };
}

static enum status parse_united(struct slice text, const struct unit *units, int64_t *out)
{
	struct slice rest;
	int64_t v;
	if (whole(digits_of(text, &rest), &v) != STATUS_OK)
		return STATUS_INVALID;
	for (; units->name; units++) {
		if (slice_eq_str(rest, units->name))
			return __builtin_mul_overflow(v, units->factor, out) ? STATUS_INVALID : STATUS_OK;
	}
	/* Nothing needs no unit. */
	if (v != 0 || rest.n != 0)
		return STATUS_INVALID;
	*out = 0;
	return STATUS_OK;
}

enum status duration_read(struct slice text, usec *out)
{
	return parse_united(slice_trim(text), duration_units, out);
}

static enum status parse_percent(struct slice text, int64_t *out)
{
	if (slice_ends(text, "%"))
		text.n--;
	return whole(slice_trim(text), out);
}

static enum status parse_rate(struct slice text, int64_t *out)
{
	struct slice unit;
	int64_t v;
	if (whole(digits_of(text, &unit), &v) != STATUS_OK)
		return STATUS_INVALID;
	if (slice_eq_str(unit, "/s")) {
		if (__builtin_mul_overflow(v, 60, &v))
			return STATUS_INVALID;
	} else if (slice_eq_str(unit, "/h")) {
		/* Kept per minute: rounding would turn 2/h into "no limit". */
		if (v % 60 != 0)
			return STATUS_INVALID;
		v /= 60;
	} else if (!slice_eq_str(unit, "/min") && !(unit.n == 0 && v == 0)) {
		return STATUS_INVALID;
	}
	*out = v;
	return STATUS_OK;
}

static enum status parse_bool(struct slice text, int64_t *out)
{
	static const char *const words[] = { "no", "yes", "false", "true", "0", "1" };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (slice_eq_icase(text, words[i])) {
			*out = (int64_t)(i % 2);
			return STATUS_OK;
		}
	}
	return STATUS_INVALID;
}

static enum status parse_choice(struct slice text, const char *const *choices, int64_t *out)
{
	for (int64_t i = 0; choices[i]; i++) {
		if (slice_eq_icase(text, choices[i])) {
			*out = i;
			return STATUS_OK;
		}
	}
	return STATUS_INVALID;
}

static enum status parse_number(const struct setting_info *info, struct slice text, int64_t *out)
{
	switch (info->type) {
	case SETTING_DURATION:
		return parse_united(text, duration_units, out);
	case SETTING_SIZE:
		return parse_united(text, size_units, out);
	case SETTING_COUNT:
		return whole(text, out);
	case SETTING_PERCENT:
		return parse_percent(text, out);
	case SETTING_RATE:
		return parse_rate(text, out);
	case SETTING_BOOL:
		return parse_bool(text, out);
	case SETTING_CHOICE:
		return parse_choice(text, info->choices, out);
	case SETTING_URL:
	case SETTING_ADDRESS:
	case SETTING_TEXT:
	case SETTING_REDIS:
		break;
	}
	return STATUS_INVALID;
}

static enum status describe_choices(struct buf *out, const char *const *choices)
{
	enum status st = buf_addf(out, "one of %s", choices[0]);
	for (size_t i = 1; choices[i] && st == STATUS_OK; i++)
		st = buf_addf(out, "%s%s", choices[i + 1] ? ", " : " or ", choices[i]);
	return st;
}

static enum status describe(const struct setting_info *info, struct buf *out)
{
	switch (info->type) {
	case SETTING_DURATION:
		return buf_add_str(out, "a duration such as 500ms, 10s, 5m or 2h");
	case SETTING_SIZE:
		return buf_add_str(out, "a size such as 64KiB, 32MiB or a number of bytes");
	case SETTING_COUNT:
		return buf_add_str(out, "a whole number");
	case SETTING_PERCENT:
		return buf_add_str(out, "a percentage such as 50 %");
	case SETTING_RATE:
		return buf_add_str(
		    out, "a rate such as 900/min or 16/s (whole requests a minute), or 0 for no limit");
	case SETTING_BOOL:
		return buf_add_str(out, "yes or no (true, false, 1, 0)");
	case SETTING_CHOICE:
		return describe_choices(out, info->choices);
	case SETTING_ADDRESS:
		return buf_add_str(out, "an address such as 127.0.0.1:7080, [::1]:7080 or "
					"unix:/run/sigrelay.sock");
	case SETTING_URL:
		return buf_add_str(out, "a URL such as https://rekor.example.com");
	case SETTING_TEXT:
		return buf_add_str(out, "printable text");
	case SETTING_REDIS:
		return buf_add_str(out, "a Redis such as redis://user@redis.example.com:6379/0 or "
					"unix:/run/redis.sock");
	}
	return STATUS_INVALID;
}

/* INVALID once the reason is written, else what kept it from being written. */
static enum status refuse(enum status st, struct buf *why, struct slice text)
{
	if (st == STATUS_OK)
		st = buf_add_str(why, ", not ");
	if (st == STATUS_OK)
		st = setting_quote(why, text);
	return st == STATUS_OK ? STATUS_INVALID : st;
}

static enum status refuse_form(const struct setting_info *info, struct slice text, struct buf *why)
{
	enum status st = buf_add_str(why, "expected ");
	if (st == STATUS_OK)
		st = describe(info, why);
	return refuse(st, why, text);
}

static enum status refuse_range(const struct setting_info *info, struct slice text, struct buf *why)
{
	enum status st = buf_add_str(why, "expected a value from ");
	if (st == STATUS_OK)
		st = setting_format_number(info, info->min, why);
	if (st == STATUS_OK)
		st = buf_add_str(why, " to ");
	if (st == STATUS_OK)
		st = setting_format_number(info, info->max, why);
	return refuse(st, why, text);
}

static enum status parse_url(const struct setting_info *info, struct slice text, struct slice *out,
			     struct buf *why)
{
	const char *reason = NULL;
	if (setting_url(text, out, &reason) == STATUS_OK)
		return STATUS_OK;
	if (!reason)
		return refuse_form(info, text, why);
	/* Without the value: it may hold a password. */
	enum status st = buf_addf(why, "expected a URL without %s", reason);
	return st == STATUS_OK ? STATUS_INVALID : st;
}

/* Without the value: it may hold a password. */
static enum status check_redis(const struct setting_info *info, struct slice text, struct buf *why)
{
	struct redis_url url;
	const char *reason = NULL;
	enum status st = redis_url_parse(text, &url, &reason);
	if (st == STATUS_OK) {
		mem_wipe(&url, sizeof(url));
		return st;
	}
	st = buf_add_str(why, "expected ");
	if (st == STATUS_OK)
		st = describe(info, why);
	if (st == STATUS_OK)
		st = buf_addf(why, ", not %s", reason);
	return st == STATUS_OK ? STATUS_INVALID : st;
}

static bool printable(struct slice text)
{
	while (text.n > 0) {
		uint32_t code = 0;
		size_t n = utf8_next(text, &code);
		if (n == 0 || !utf8_printable(code))
			return false;
		text.p += n;
		text.n -= n;
	}
	return true;
}

static enum status parse_text(const struct setting_info *info, struct slice text, struct setting_value *out,
			      struct buf *why)
{
	struct slice kept = text;
	/* A URL's own check comes first: it knows when not to show the value. */
	if (info->type == SETTING_URL) {
		enum status st = parse_url(info, text, &kept, why);
		if (st != STATUS_OK)
			return st;
	}
	if (info->type == SETTING_REDIS) {
		enum status st = check_redis(info, text, why);
		if (st != STATUS_OK)
			return st;
	}
	if (!printable(text))
		return refuse_form(info, text, why);
	char *copy = mem_strndup(kept.p, kept.n);
	if (!copy)
		return STATUS_NO_MEMORY;
	struct address address;
	if (info->type == SETTING_ADDRESS && address_parse(copy, &address) != STATUS_OK) {
		mem_free(copy);
		return refuse_form(info, text, why);
	}
	*out = (struct setting_value){ .text = copy };
	return STATUS_OK;
}

enum status setting_parse(const struct setting_info *info, struct slice text, struct setting_value *out,
			  struct buf *why)
{
	int64_t v;
	if (setting_is_text(info->type))
		return parse_text(info, text, out, why);
	if (parse_number(info, text, &v) != STATUS_OK)
		return refuse_form(info, text, why);
	if (v < info->min || v > info->max)
		return refuse_range(info, text, why);
	*out = (struct setting_value){ .number = v };
	return STATUS_OK;
}

/* In the largest unit that needs no fraction. */
static enum status format_united(const struct unit *units, int64_t v, struct buf *out)
{
	while (units[1].name && (v % units->factor != 0 || (units->plural && v == units->factor)))
		units++;
	return buf_addf(out, "%lld%s", (long long)(v / units->factor), units->name);
}

enum status setting_format_number(const struct setting_info *info, int64_t v, struct buf *out)
{
	switch (info->type) {
	case SETTING_DURATION:
		return v == 0 ? buf_add_str(out, "0s") : format_united(duration_units, v, out);
	case SETTING_SIZE:
		return v == 0 ? buf_add_str(out, "0") : format_united(size_units, v, out);
	case SETTING_PERCENT:
		return buf_addf(out, "%lld %%", (long long)v);
	case SETTING_RATE:
		return v == 0 ? buf_add_str(out, "0") : buf_addf(out, "%lld/min", (long long)v);
	case SETTING_BOOL:
		return buf_add_str(out, v ? "yes" : "no");
	case SETTING_CHOICE:
		return buf_add_str(out, info->choices[v]);
	case SETTING_COUNT:
	case SETTING_URL:
	case SETTING_ADDRESS:
	case SETTING_TEXT:
	case SETTING_REDIS:
		break;
	}
	return buf_addf(out, "%lld", (long long)v);
}

static char *at(const struct setting_info *info, const struct settings *s)
{
	/* memcpy to and from the field: one cast here instead of one a type. */
	return (char *)(uintptr_t)s + info->offset;
}

struct setting_value setting_get(const struct setting_info *info, const struct settings *s)
{
	struct setting_value v = { 0 };
	if (setting_is_text(info->type)) {
		memcpy(&v.text, at(info, s), sizeof(v.text));
	} else if (info->type == SETTING_BOOL) {
		bool set;
		memcpy(&set, at(info, s), sizeof(set));
		v.number = set;
	} else {
		memcpy(&v.number, at(info, s), sizeof(v.number));
	}
	return v;
}

void setting_put(const struct setting_info *info, struct settings *s, struct setting_value v)
{
	if (setting_is_text(info->type)) {
		mem_free(setting_get(info, s).text);
		memcpy(at(info, s), &v.text, sizeof(v.text));
	} else if (info->type == SETTING_BOOL) {
		bool set = v.number != 0;
		memcpy(at(info, s), &set, sizeof(set));
	} else {
		memcpy(at(info, s), &v.number, sizeof(v.number));
	}
}
