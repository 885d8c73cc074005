/* Logs to stderr: one line an event, key=value or JSON.
 *
 *   log_event(LOG_INFO, "retry", LOG_S("request", id), LOG_D("attempt", 2),
 *             LOG_T("wait", us), LOG_S("next", "send again"));
 * text:  2026-11-24T06:40:01.123Z info retry request=… attempt=2 wait=250ms next="send again"
 * json:  {"time":"…","level":"info","event":"retry","request":"…","attempt":2,"wait_seconds":0.25,…}
 *
 * Values from outside are escaped (no control byte and no newline reaches the
 * terminal) and cut at 512 bytes. Never hand it a token, a Fulcio body or a
 * credential. A write that would block or fails loses the line, never the
 * program. */
#ifndef SIGRELAY_BASE_LOG_H
#define SIGRELAY_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sigrelay/base/clock.h>
#include <sigrelay/base/slice.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

struct log_field {
	const char *key;
	enum { LOG_FIELD_STR, LOG_FIELD_SLICE, LOG_FIELD_INT, LOG_FIELD_TIME, LOG_FIELD_BOOL } type;
	const char *s;
	size_t n;
	int64_t i;
};

#define LOG_S(k, v) ((struct log_field){ .key = (k), .type = LOG_FIELD_STR, .s = (v) }) /* NULL: left out */
#define LOG_SL(k, v) ((struct log_field){ .key = (k), .type = LOG_FIELD_SLICE, .s = (v).p, .n = (v).n })
#define LOG_D(k, v) ((struct log_field){ .key = (k), .type = LOG_FIELD_INT, .i = (int64_t)(v) })
#define LOG_T(k, v) ((struct log_field){ .key = (k), .type = LOG_FIELD_TIME, .i = (v) }) /* usec */
#define LOG_B(k, v) ((struct log_field){ .key = (k), .type = LOG_FIELD_BOOL, .i = (v) })

#define log_event(level, event, ...)                                                                         \
	do {                                                                                                 \
		if (log_enabled(level)) {                                                                    \
			const struct log_field fields_[] = { __VA_ARGS__ };                                  \
			log_fields((level), (event), fields_, sizeof(fields_) / sizeof(fields_[0]));         \
		}                                                                                            \
	} while (0)

void log_setup(enum log_level level, enum log_format format);
/* At most so many lines of one event in LOG_REPEATS_WINDOW; 0, the default: no limit.
 * A line "repeats" says how many were left out. Errors never are. */
void log_limit_repeats(unsigned lines);
void log_tell_repeats(void); /* at the end: what has not been told yet */
bool log_enabled(enum log_level level);
void log_fields(enum log_level level, const char *event, const struct log_field *fields, size_t count);
/* Every event up to LOG_INFO, whatever the level, as a text line without its newline: for
 * who shows the last ones. tap NULL: no more. It must not log. */
typedef void log_tap_fn(void *arg, enum log_level level, const char *line, size_t n);
void log_tap(log_tap_fn *tap, void *arg);
/* Lines go to this function instead of stderr (NULL: back to stderr): for tests,
 * and for who shares a terminal with them. */
void log_capture(void (*sink)(void *arg, const char *line, size_t n), void *arg);

#endif
