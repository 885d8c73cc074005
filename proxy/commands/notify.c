#include <sigrelay/commands/notify.h>

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum status notify_send(const char *path, const char *state)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	if (!path || !*path)
		return STATUS_OK;
	size_t n = strlen(path);
	if ((path[0] != '/' && path[0] != '@') || n >= sizeof(to.sun_path))
		return STATUS_INVALID;
	memcpy(to.sun_path, path, n);
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return STATUS_IO;
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, length);
	int error = errno;
	close(fd);
	errno = error;
	return sent == (ssize_t)strlen(state) ? STATUS_OK : STATUS_IO;
}
