#include <sigrelay/base/file.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sigrelay/base/mem.h>

static enum status read_all(int fd, struct buf *out)
{
	char block[8192];
	ssize_t n;
	enum status st = STATUS_OK;
	while (st == STATUS_OK && (n = read(fd, block, sizeof(block))) != 0) {
		if (n > 0)
			st = buf_add(out, block, (size_t)n);
		else if (errno != EINTR)
			st = STATUS_IO;
	}
	mem_wipe(block, sizeof(block)); /* it may have been a secret */
	return st;
}

enum status file_read(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return STATUS_IO;
	enum status st = read_all(fd, out);
	int error = errno;
	close(fd);
	errno = error;
	return st;
}

static enum status write_all(int fd, struct slice text)
{
	while (text.n) {
		ssize_t n = write(fd, text.p, text.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return STATUS_IO;
		text.p += n;
		text.n -= (size_t)n;
	}
	return STATUS_OK;
}

enum status file_write_private(const char *path, struct slice text)
{
	struct buf tmp;
	buf_init(&tmp, 8192);
	enum status st = buf_addf(&tmp, "%s.XXXXXX", path);
	if (st != STATUS_OK) {
		buf_release(&tmp);
		return st;
	}
	int fd = mkostemp(tmp.p, O_CLOEXEC); /* 0600 */
	st = fd < 0 ? STATUS_IO : write_all(fd, text);
	int error = errno;
	if (fd >= 0 && close(fd) != 0 && st == STATUS_OK) {
		error = errno;
		st = STATUS_IO;
	}
	if (st == STATUS_OK && rename(tmp.p, path) != 0) {
		error = errno;
		st = STATUS_IO;
	}
	if (fd >= 0 && st != STATUS_OK)
		unlink(tmp.p);
	buf_release(&tmp);
	errno = error;
	return st;
}

enum status folder_make_private(const char *path)
{
	return mkdir(path, 0700) == 0 || errno == EEXIST ? STATUS_OK : STATUS_IO;
}
