#include <sigrelay/commands/clock_text.h>

#include <time.h>

void clock_text(usec wall, char out[32])
{
	time_t seconds = (time_t)(wall / USEC_PER_SEC);
	struct tm tm;
	if (!gmtime_r(&seconds, &tm) || strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		out[0] = '\0';
}
