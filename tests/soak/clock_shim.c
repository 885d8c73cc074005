/* Preloaded: a wall clock that is off by the seconds that the file CLOCK_OFF holds. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *out)
{
	static int fd = -1;
	char text[16] = "";
	if (syscall(SYS_clock_gettime, id, out) != 0)
		return -1;
	if (id != CLOCK_REALTIME)
		return 0;
	if (fd < 0 && getenv("CLOCK_OFF"))
		fd = open(getenv("CLOCK_OFF"), O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && pread(fd, text, sizeof(text) - 1, 0) > 0)
		out->tv_sec += strtol(text, NULL, 10);
	return 0;
}
