#include <sigrelay/base/settings.h>

#include <stddef.h>

#include "settings_load.h"

static const char *const log_levels[] = { "error", "warn", "info", "debug", NULL };
static const char *const log_formats[] = { "text", "json", NULL };
static const char *const tls_versions[] = { "1.2", "1.3", NULL };

const struct setting_info settings_table[] = {
#define SETTING(field, kind, text, least, most, words, reload, sentence)                                     \
	{ .name = #field,                                                                                    \
	  .type = (kind),                                                                                    \
	  .offset = offsetof(struct settings, field),                                                        \
	  .default_text = (text),                                                                            \
	  .min = (least),                                                                                    \
	  .max = (most),                                                                                     \
	  .choices = (words),                                                                                \
	  .reloadable = (reload),                                                                            \
	  .help = (sentence) },
#include "settings_table.h"
#undef SETTING
};
const size_t settings_count = SETTING_IDS;

size_t settings_index(struct slice name)
{
	size_t id = 0;
	while (id < SETTING_IDS && !slice_eq_str(name, settings_table[id].name))
		id++;
	return id;
}
