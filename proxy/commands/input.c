#include <sigrelay/commands/input.h>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes in the pipe; -1: not known, or somebody may still write. */
static int left_in_ended(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLRDHUP };
	int n = 0;
	if (poll(&p, 1, 0) < 0 || !(p.revents & (POLLHUP | POLLRDHUP)) || ioctl(fd, FIONREAD, &n) != 0)
		return -1;
	return n;
}

void input_note(struct input *in, int fd)
{
	struct stat st;
	*in = (struct input){ .kind = INPUT_DEVICE };
	if (fstat(fd, &st) != 0 || S_ISCHR(st.st_mode))
		return;
	if (S_ISREG(st.st_mode) && (in->at = lseek(fd, 0, SEEK_CUR)) >= 0) {
		in->kind = INPUT_FILE;
		return;
	}
	in->unread = left_in_ended(fd);
	in->kind = in->unread >= 0 ? INPUT_ENDED_PIPE : INPUT_PIPE;
}

bool input_repeatable(const struct input *in, int fd)
{
	switch (in->kind) {
	case INPUT_DEVICE:
	case INPUT_FILE:
		return true;
	case INPUT_ENDED_PIPE:
		return left_in_ended(fd) == in->unread;
	case INPUT_PIPE:
		break;
	}
	return false;
}

bool input_rewind(const struct input *in, int fd)
{
	return in->kind != INPUT_FILE || lseek(fd, in->at, SEEK_SET) == in->at;
}
