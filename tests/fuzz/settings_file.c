#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sigrelay/base/settings.h>

#include "fuzz.h"

static void load(const char *path)
{
	struct settings_load *l = settings_load_new();
	struct settings s;
	if (!l)
		return;
	enum status st = settings_from_file(l, path);
	HOLDS((st == STATUS_INVALID) == (settings_errors(l)[0] != '\0') || st == STATUS_IO);
	if (st == STATUS_OK && settings_finish(l, &s) == STATUS_OK)
		settings_release(&s);
	settings_load_free(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	int fd = memfd_create("settings", 0);
	HOLDS(fd >= 0);
	HOLDS(write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	load(path);
	close(fd);
	return 0;
}
