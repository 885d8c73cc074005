#include <sigrelay/commands/screen.h>

#include <string.h>
#include <unistd.h>

#include <sigrelay/commands/environment.h>

bool screen_is(int fd, char *const *env)
{
	const char *term = environment_get(env, "TERM");
	return isatty(fd) == 1 && term && strcmp(term, "dumb") != 0;
}

bool screen_has_colour(int fd, char *const *env)
{
	return screen_is(fd, env) && !environment_get(env, "NO_COLOR");
}
