#include <sigrelay/base/settings.h>

#include "fuzz.h"

static void set(const char *name, const char *value)
{
	struct settings_load *l = settings_load_new();
	struct settings s;
	if (!l)
		return;
	enum status st = settings_set(l, name, value, SOURCE_FLAG, NULL);
	HOLDS(st == STATUS_OK || settings_errors(l)[0]);
	if (st == STATUS_OK && settings_finish(l, &s) == STATUS_OK)
		settings_release(&s);
	settings_load_free(l);
}

/* The same value for every setting that there is: each type's parser sees it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct address address;
	char *value = strndup((const char *)data, size);
	HOLDS(value != NULL);
	for (size_t i = 0; i < settings_count; i++)
		set(settings_table[i].name, value);
	set(value, "1");
	if (address_parse(value, &address) == STATUS_OK)
		HOLDS(memchr(address.host, '\0', sizeof(address.host)));
	free(value);
	return 0;
}
