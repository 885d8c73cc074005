/* Values with their sources while they are being gathered. Private to the
 * settings modules: what fills a load (file, environment, flags) and what reads
 * it share this. */
#ifndef SIGRELAY_BASE_SETTINGS_LOAD_H
#define SIGRELAY_BASE_SETTINGS_LOAD_H

#include <sigrelay/base/buf.h>
#include <sigrelay/base/settings.h>

enum setting_id {
#define SETTING(field, ...) SETTING_ID_##field,
#include "settings_table.h"
#undef SETTING
	SETTING_IDS
};

/* Who wins: the higher one, and of equals the later. */
enum setting_rank {
	RANK_DEFAULT,
	RANK_AMBIENT, /* a variable that was not set for us: takes the default's place */
	RANK_FILE,
	RANK_ENVIRONMENT,
	RANK_FLAG
};

struct settings_load {
	struct settings values;
	enum setting_rank ranks[SETTING_IDS];
	char *where[SETTING_IDS]; /* file:line for RANK_FILE, else NULL */
	struct buf errors;
	struct buf empty;
	char *file;
};

struct setting_origin {
	enum setting_rank rank;
	const char *label; /* begins an error: "x.ini:3: retry_for", "SIGRELAY_RETRY_FOR", "--retry-for" */
	const char *where; /* "x.ini:3" or NULL */
};

/* The settings_table index of that name; SETTING_IDS when unknown. */
size_t settings_index(struct slice name);
/* Parses and keeps one value, or notes the error or the emptiness. */
enum status load_value(struct settings_load *l, size_t id, const char *value,
		       const struct setting_origin *origin) MUST_CHECK;
/* Appends one error line. INVALID, or NO_MEMORY when it could not be noted. */
enum status load_error(struct settings_load *l, const char *fmt, ...) MUST_CHECK
    __attribute__((format(printf, 2, 3)));
/* The error line of an unknown name. prefix: "x.ini:3: " or ""; written: the
 * name as it stands there; nearest: as the user would have to write it, or NULL. */
enum status load_unknown(struct settings_load *l, const char *prefix, const char *written,
			 const char *nearest) MUST_CHECK;
/* Appends one error line for every two values that contradict each other. */
enum status load_check_pairs(struct settings_load *l) MUST_CHECK;
/* "default", "x.ini:3", "environment" or "flag": where the value is from. */
const char *settings_source_text(const struct settings_load *l, size_t id);
enum status load_note_empty(struct settings_load *l, const char *label) MUST_CHECK;

/* The graver of two: no memory, then invalid, then ok. */
static inline enum status load_worse(enum status a, enum status b)
{
	return a == STATUS_NO_MEMORY || b == STATUS_OK ? a : b;
}

#endif
