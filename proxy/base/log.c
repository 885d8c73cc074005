#include <sigrelay/base/log.h>

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sigrelay/base/log_repeats.h>
#include <sigrelay/base/utf8.h>

/* A pipe takes a write of up to PIPE_BUF (4096 on Linux) whole or not at all,
 * so lines of several processes do not mix and none stays half written. */
#define LINE_MAX_BYTES 4096
#define TAIL_BYTES 40 /* room for the note on lost fields, the brace and the newline */
#define VALUE_MAX_BYTES 512

struct line {
	char p[LINE_MAX_BYTES];
	size_t n;
	bool full; /* something did not fit since the last look */
	enum log_format format;
};

static struct {
	enum log_level level;
	enum log_format format;
	void (*sink)(void *arg, const char *line, size_t n);
	void *arg;
	log_tap_fn *tap;
	void *tap_arg;
	struct log_repeats repeats;
} logger = { .level = LOG_INFO, .format = LOG_TEXT };

static const char *const level_names[] = { "error", "warn", "info", "debug" };

void log_setup(enum log_level level, enum log_format format)
{
	logger.level = level;
	logger.format = format;
}

void log_limit_repeats(unsigned lines)
{
	logger.repeats.limit = lines;
}

bool log_enabled(enum log_level level)
{
	return level <= logger.level || (logger.tap && level <= LOG_INFO);
}

void log_tap(log_tap_fn *tap, void *arg)
{
	logger.tap = tap;
	logger.tap_arg = arg;
}

void log_capture(void (*sink)(void *arg, const char *line, size_t n), void *arg)
{
	logger.sink = sink;
	logger.arg = arg;
}

static void add(struct line *l, const char *p, size_t n)
{
	if (l->full || n > sizeof(l->p) - TAIL_BYTES - l->n) {
		l->full = true;
		return;
	}
	memcpy(l->p + l->n, p, n);
	l->n += n;
}

static void add_str(struct line *l, const char *s)
{
	add(l, s, strlen(s));
}

__attribute__((format(printf, 2, 3))) static void addf(struct line *l, const char *fmt, ...)
{
	char text[64];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0)
		add(l, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

/* At most VALUE_MAX_BYTES, not cut inside a code point. */
static struct slice cut(struct slice s)
{
	if (s.n <= VALUE_MAX_BYTES)
		return s;
	s.n = VALUE_MAX_BYTES;
	for (size_t back = 1; back <= 3; back++) {
		if (((unsigned char)s.p[s.n - back] & 0xc0) == 0x80)
			continue;
		if ((unsigned char)s.p[s.n - back] >= 0xc0)
			s.n -= back;
		break;
	}
	return s;
}

static const char *short_escape(uint32_t code)
{
	switch (code) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	default:
		return NULL;
	}
}

/* The escapes are JSON's in both formats. A byte that is no UTF-8 is shown as
 * the text \xNN, whose backslash JSON wants escaped. */
static void add_escaped(struct line *l, struct slice s)
{
	while (s.n > 0) {
		uint32_t code = 0;
		size_t n = utf8_next(s, &code);
		const char *escape = n > 0 ? short_escape(code) : NULL;
		if (n == 0)
			addf(l, l->format == LOG_JSON ? "\\\\x%02x" : "\\x%02x", (unsigned char)s.p[0]);
		else if (escape)
			add_str(l, escape);
		else if (utf8_printable(code))
			add(l, s.p, n);
		else if (code < 0x10000)
			addf(l, "\\u%04x", code);
		else
			addf(l, "\\u%04x\\u%04x", 0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff));
		s.p += n ? n : 1;
		s.n -= n ? n : 1;
	}
}

static bool needs_quotes(struct slice s)
{
	if (s.n == 0)
		return true;
	while (s.n > 0) {
		uint32_t code = 0;
		size_t n = utf8_next(s, &code);
		if (n == 0 || !utf8_printable(code) || code == ' ' || code == '"' || code == '\\' ||
		    code == '=' || code == '\'')
			return true;
		s.p += n;
		s.n -= n;
	}
	return false;
}

static void add_text(struct line *l, struct slice s)
{
	struct slice shown = cut(s);
	bool quotes = l->format == LOG_JSON || shown.n < s.n || needs_quotes(shown);
	if (quotes)
		add(l, "\"", 1);
	add_escaped(l, shown);
	if (shown.n < s.n)
		add_str(l, "…");
	if (quotes)
		add(l, "\"", 1);
}

/* JSON has the time in seconds, so that it can be summed up. */
static void add_time(struct line *l, usec t)
{
	char text[48];
	if (l->format == LOG_TEXT) {
		usec_format(t, text);
		add_text(l, slice_str(text));
		return;
	}
	if (t == USEC_NEVER) {
		add_str(l, "null");
		return;
	}
	int64_t whole = t / USEC_PER_SEC, part = t % USEC_PER_SEC;
	int n = snprintf(text, sizeof(text), "%s%lld.%06lld", t < 0 ? "-" : "",
			 whole < 0 ? -(long long)whole : (long long)whole,
			 part < 0 ? -(long long)part : (long long)part);
	while (n > 0 && text[n - 1] == '0')
		n--;
	add(l, text, text[n - 1] == '.' ? (size_t)n - 1 : (size_t)n);
}

static void add_value(struct line *l, const struct log_field *f)
{
	switch (f->type) {
	case LOG_FIELD_STR:
		add_text(l, slice_str(f->s));
		return;
	case LOG_FIELD_SLICE:
		add_text(l, (struct slice){ f->s, f->n });
		return;
	case LOG_FIELD_INT:
		addf(l, "%lld", (long long)f->i);
		return;
	case LOG_FIELD_TIME:
		add_time(l, f->i);
		return;
	case LOG_FIELD_BOOL:
		if (l->format == LOG_JSON)
			add_str(l, f->i ? "true" : "false");
		else
			add_str(l, f->i ? "yes" : "no");
		return;
	}
}

static void add_field(struct line *l, const struct log_field *f)
{
	bool json = l->format == LOG_JSON;
	add_str(l, json ? ",\"" : " ");
	add_str(l, f->key);
	if (json && f->type == LOG_FIELD_TIME)
		add_str(l, "_seconds");
	add_str(l, json ? "\":" : "=");
	add_value(l, f);
}

static void add_head(struct line *l, enum log_level level, const char *event)
{
	usec wall = clock_now().wall;
	time_t seconds = (time_t)(wall / USEC_PER_SEC);
	struct tm tm = { 0 };
	char stamp[32];
	gmtime_r(&seconds, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	if (l->format == LOG_JSON)
		add_str(l, "{\"time\":\"");
	addf(l, "%s.%03dZ", stamp, (int)(wall % USEC_PER_SEC / USEC_PER_MSEC));
	add_str(l, l->format == LOG_JSON ? "\",\"level\":\"" : " ");
	add_str(l, level_names[level]);
	add_str(l, l->format == LOG_JSON ? "\",\"event\":" : " ");
	add_text(l, slice_str(event));
}

/* The tail has its own room, which add() leaves free. */
static void add_tail(struct line *l, size_t lost)
{
	bool json = l->format == LOG_JSON;
	int n = 0;
	if (lost > 0)
		n = snprintf(l->p + l->n, TAIL_BYTES - 2, json ? ",\"fields_lost\":%zu" : " fields_lost=%zu",
			     lost);
	l->n += n > 0 ? (size_t)n : 0;
	if (json)
		l->p[l->n++] = '}';
	l->p[l->n++] = '\n';
}

/* One write of the whole line. A pipe that nobody reads would stop the event
 * loop with it: such a line is lost instead. */
static void emit(const struct line *l)
{
	if (logger.sink) {
		logger.sink(logger.arg, l->p, l->n);
		return;
	}
	struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };
	int saved = errno;
	if (poll(&fd, 1, 0) == 1 && (fd.revents & POLLOUT)) {
		ssize_t done;
		do {
			done = write(STDERR_FILENO, l->p, l->n);
		} while (done < 0 && errno == EINTR);
	}
	errno = saved;
}

static void compose(struct line *l, enum log_format format, enum log_level level, const char *event,
		    const struct log_field *fields, size_t count)
{
	size_t lost = 0;
	l->n = 0;
	l->full = false;
	l->format = format;
	add_head(l, level, event);
	for (size_t i = 0; i < count; i++) {
		if (fields[i].type == LOG_FIELD_STR && !fields[i].s)
			continue;
		size_t before = l->n;
		add_field(l, &fields[i]);
		if (l->full) { /* a field is there whole or not at all */
			l->n = before;
			l->full = false;
			lost++;
		}
	}
	add_tail(l, lost);
}

static void tell_repeats(usec now)
{
	struct line l;
	uint64_t n = 0;
	const char *event = log_repeats_told(&logger.repeats, now, &n);
	if (!event)
		return;
	const struct log_field fields[] = { LOG_S("of", event), LOG_D("left_out", n) };
	compose(&l, logger.format, LOG_INFO, "repeats", fields, 2);
	emit(&l);
}

void log_tell_repeats(void)
{
	for (unsigned i = 0; i < logger.repeats.count; i++)
		tell_repeats(USEC_NEVER);
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
	struct line l;
	usec now = clock_now().mono;
	if (logger.tap && level <= LOG_INFO) {
		compose(&l, LOG_TEXT, level, event, fields, count);
		logger.tap(logger.tap_arg, level, l.p, l.n - 1);
	}
	if (level > logger.level)
		return;
	tell_repeats(now);
	if (level != LOG_ERROR && !log_repeats_pass(&logger.repeats, event, now))
		return;
	compose(&l, logger.format, level, event, fields, count);
	emit(&l);
}
