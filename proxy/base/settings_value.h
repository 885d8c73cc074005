/* One setting's value: from text, to text. Private to the settings modules. */
#ifndef SIGRELAY_BASE_SETTINGS_VALUE_H
#define SIGRELAY_BASE_SETTINGS_VALUE_H

#include <sigrelay/base/buf.h>
#include <sigrelay/base/settings.h>

struct setting_value {
	int64_t number; /* all types that are not text, in the unit they are kept in */
	char *text;     /* URL, ADDRESS, TEXT; owned */
};

/* text is trimmed and not empty. On INVALID `why` has what was expected and
 * what was there: "expected yes or no, not 'maybe'". */
enum status setting_parse(const struct setting_info *info, struct slice text, struct setting_value *out,
			  struct buf *why) MUST_CHECK;
/* A number of that type as a user would write it. */
enum status setting_format_number(const struct setting_info *info, int64_t number,
				  struct buf *out) MUST_CHECK;

/* The value of `info` in s, whichever type the field has. */
struct setting_value setting_get(const struct setting_info *info, const struct settings *s);
/* Stores v; the text it takes over replaces (and frees) the old one. */
void setting_put(const struct setting_info *info, struct settings *s, struct setting_value v);

/* Text from outside within an error line: quoted, printable, cut. */
enum status setting_quote(struct buf *out, struct slice text) MUST_CHECK;

/* A URL without the slashes at its end: http or https, a host, no user name,
 * query or fragment. On INVALID `why` says which of these it was. */
enum status setting_url(struct slice text, struct slice *out, const char **why) MUST_CHECK;

#endif
