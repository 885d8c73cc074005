#include "side_by_side.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MAX 16
#define ROUND 512 /* what is printed at once: a long check tells its failures as it goes */

/* What a worker writes for each of its jobs, before the text. */
struct record {
	bool good;
	size_t size;
};

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void work(uint64_t from, uint64_t until, uint64_t step, job_fn *job, const void *arg, FILE *to)
{
	for (uint64_t i = from; i < until; i += step) {
		char *text = NULL;
		struct record r = { 0 };
		FILE *out = open_memstream(&text, &r.size);
		if (!out)
			die("sim: open_memstream");
		r.good = job(arg, i, out);
		fclose(out);
		if (fwrite(&r, sizeof(r), 1, to) != 1 || fwrite(text, 1, r.size, to) != r.size)
			die("sim: a worker's file");
		free(text);
	}
	fflush(to);
}

static pid_t start(uint64_t from, uint64_t until, uint64_t step, job_fn *job, const void *arg, FILE *to)
{
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		die("sim: fork");
	if (pid == 0) {
		work(from, until, step, job, arg, to);
		exit(0);
	}
	return pid;
}

/* The next record of a worker's file; it died before it wrote it: false. */
static bool print_next(FILE *from)
{
	struct record r;
	if (fread(&r, sizeof(r), 1, from) != 1)
		return false;
	for (size_t n = 0; n < r.size; n++)
		putchar(fgetc(from));
	return r.good;
}

static uint64_t run_round(uint64_t from, uint64_t until, unsigned workers, job_fn *job, const void *arg)
{
	FILE *file[WORKERS_MAX];
	pid_t pid[WORKERS_MAX];
	uint64_t failed = 0;
	for (unsigned w = 0; w < workers; w++) {
		file[w] = tmpfile();
		if (!file[w])
			die("sim: tmpfile");
		pid[w] = start(from + w, until, workers, job, arg, file[w]);
	}
	for (unsigned w = 0; w < workers; w++) {
		int status;
		/* A worker that broke, or leaked under a sanitizer, is a failure itself. */
		if (waitpid(pid[w], &status, 0) != pid[w] || status != 0)
			failed++;
		rewind(file[w]);
	}
	for (uint64_t i = from; i < until; i++)
		failed += !print_next(file[(i - from) % workers]);
	for (unsigned w = 0; w < workers; w++)
		fclose(file[w]);
	fflush(stdout);
	return failed;
}

uint64_t side_by_side(uint64_t count, job_fn *job, const void *arg)
{
	uint64_t failed = 0;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned workers = cores < 1 ? 1 : cores > WORKERS_MAX ? WORKERS_MAX : (unsigned)cores;
	for (uint64_t from = 0; from < count; from += ROUND) {
		uint64_t until = count - from < ROUND ? count : from + ROUND;
		failed += run_round(from, until, workers, job, arg);
	}
	return failed;
}
