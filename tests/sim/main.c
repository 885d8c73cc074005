/* The simulator: the relay's production core in virtual time. See docs/outages.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sigrelay/base/log.h>
#include <sigrelay/base/mem.h>

#include "check.h"
#include "report.h"
#include "world.h"

/* The relay's log with the time of its world, in place of ours. */
static void tell(void *arg, const char *line, size_t n)
{
	const char *rest = memchr(line, ' ', n);
	size_t skip = rest ? (size_t)(rest - line) : 0;
	(void)arg;
	fprintf(stderr, "%10.3f%.*s", (double)world_clock() / USEC_PER_SEC, (int)(n - skip), line + skip);
}

static int usage(void)
{
	fprintf(stderr, "usage: sim --check [--seeds N] [--seed FIRST] [--log]\n"
			"       sim --table [--seed N]\n"
			"       sim --brown-outs [--seed N]\n"
			"       sim --failing [--seed FIRST]\n"
			"       sim --waiters [--seed N]\n"
			"       sim --picture FILE.svg [--seed N]\n"
			"       sim --outage SECONDS --way WAY --clients N [--seed N] [--log]: one row\n"
			"--log tells what the relay logs in the run of a seed\n");
	return 64;
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, seeds = 1000;
	const char *what = NULL, *file = NULL;
	bool loud = false, good = false;
	enum mode way = MODE_SERVE;
	unsigned clients = 100;
	usec outage = 0;
	for (int i = 1; i < argc; i++) {
		const char *a = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;
		if (strcmp(a, "--log") == 0)
			loud = true;
		else if (strcmp(a, "--check") == 0 || strcmp(a, "--table") == 0 ||
			 strcmp(a, "--waiters") == 0 || strcmp(a, "--brown-outs") == 0 ||
			 strcmp(a, "--failing") == 0)
			what = a;
		else if (next && strcmp(a, "--picture") == 0)
			what = a, file = argv[++i];
		else if (next && strcmp(a, "--outage") == 0)
			what = a, outage = strtoll(argv[++i], NULL, 10);
		else if (next && strcmp(a, "--way") == 0)
			way = mode_named(argv[++i]);
		else if (next && strcmp(a, "--clients") == 0)
			clients = (unsigned)strtoul(argv[++i], NULL, 10);
		else if (next && strcmp(a, "--seeds") == 0)
			seeds = strtoull(argv[++i], NULL, 10);
		else if (next && strcmp(a, "--seed") == 0)
			seed = strtoull(argv[++i], NULL, 10);
		else
			return usage();
	}
	if (!what || way == MODE_COUNT)
		return usage();
	mem_install_hooks();
	if (loud)
		log_capture(tell, NULL);
	log_setup(loud ? LOG_DEBUG : LOG_ERROR, LOG_TEXT);
	if (strcmp(what, "--check") == 0)
		good = check_seeds(seed, seeds);
	else if (strcmp(what, "--brown-outs") == 0)
		good = report_brown_outs(seed);
	else if (strcmp(what, "--failing") == 0)
		good = report_failing(seed);
	else if (strcmp(what, "--waiters") == 0)
		good = report_waiters(seed);
	else if (strcmp(what, "--outage") == 0)
		good = report_one(way, clients, outage * USEC_PER_SEC, seed);
	else
		good = strcmp(what, "--table") == 0 ? report_table(seed) : report_picture(file, seed);
	return good ? 0 : 1;
}
