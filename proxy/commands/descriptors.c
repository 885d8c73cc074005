#include <sigrelay/commands/descriptors.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include <sigrelay/base/mem.h>

/* Calls each() for every open descriptor but the one that this takes itself. */
static enum status walk(enum status (*each)(int fd, void *arg), void *arg)
{
	DIR *folder = opendir("/proc/self/fd");
	if (!folder)
		return STATUS_IO;
	enum status st = STATUS_OK;
	struct dirent *entry;
	while (st == STATUS_OK && (entry = readdir(folder)) != NULL) {
		char *end;
		long fd = strtol(entry->d_name, &end, 10);
		if (end != entry->d_name && fd != dirfd(folder))
			st = each((int)fd, arg);
	}
	closedir(folder);
	return st;
}

static enum status note(int fd, void *arg)
{
	struct descriptors *d = arg;
	int *v = mem_realloc(d->v, (d->n + 1) * sizeof(*v));
	if (!v)
		return STATUS_NO_MEMORY;
	d->v = v;
	d->v[d->n++] = fd;
	return STATUS_OK;
}

enum status descriptors_note(struct descriptors *d)
{
	struct descriptors found = { 0 };
	enum status st = walk(note, &found);
	if (st != STATUS_OK) {
		descriptors_release(&found);
		return st;
	}
	*d = found;
	return STATUS_OK;
}

static bool was_open(const struct descriptors *d, int fd)
{
	for (size_t i = 0; i < d->n; i++) {
		if (d->v[i] == fd)
			return true;
	}
	return false;
}

static enum status keep_to(int fd, void *arg)
{
	const struct descriptors *d = arg;
	int flags = fcntl(fd, F_GETFD);
	if (!was_open(d, fd) && flags >= 0 && fcntl(fd, F_SETFD, flags | FD_CLOEXEC) != 0)
		return STATUS_IO;
	return STATUS_OK;
}

enum status descriptors_keep_to(const struct descriptors *d)
{
	struct descriptors copy = *d;
	return walk(keep_to, &copy);
}

void descriptors_hold_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* Opened the wrong way around: to use it fails as before. */
		int flags = (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC;
		if (open("/dev/null", flags) != fd)
			return;
	}
}

void descriptors_release(struct descriptors *d)
{
	mem_free(d->v);
	*d = (struct descriptors){ 0 };
}
