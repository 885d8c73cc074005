#include <sigrelay/commands/screen.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sigrelay/commands/environment.h>
#include <sigrelay/commands/options.h>

bool screen_is(int fd, char *const *env)
{
	const char *term = environment_get(env, "TERM");
	return isatty(fd) == 1 && term && strcmp(term, "dumb") != 0;
}

bool screen_has_colour(int fd, char *const *env)
{
	return screen_is(fd, env) && !environment_get(env, "NO_COLOR");
}

bool screen_print(const char *command, enum status made, const struct buf *text)
{
	enum status st = made;
	if (st == STATUS_OK && (fwrite(text->p, 1, text->n, stdout) != text->n || fflush(stdout) != 0))
		st = STATUS_IO;
	if (st != STATUS_OK)
		complain("%s: cannot print the result: %s", command,
			 st == STATUS_IO ? strerror(errno) : status_name(st));
	return st == STATUS_OK;
}
