#include <sigrelay/base/settings.h>

#include <string.h>

#include <sigrelay/base/nearest.h>

#define NAME_MAX_BYTES 48

/* Flags, variables and keys spell one name in three ways. */
static void plain(const char *name, char *out)
{
	for (; *name; name++) {
		char c = *name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name;
		*out++ = c == '-' ? '_' : c;
	}
	*out = '\0';
}

const char *settings_nearest(const char *name)
{
	char wanted[NAME_MAX_BYTES + 1];
	size_t n = strlen(name);
	if (n == 0 || n > NAME_MAX_BYTES)
		return NULL;
	plain(name, wanted);
	struct nearest near;
	nearest_begin(&near, wanted);
	for (size_t i = 0; i < settings_count; i++)
		nearest_offer(&near, settings_table[i].name);
	return near.word;
}
