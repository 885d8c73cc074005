#include <sigrelay/commands/run_record.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/base/rng.h>
#include <sigrelay/commands/environment.h>
#include <sigrelay/commands/options.h>

#define DIGEST_HEX 64

enum status run_record_open(struct run_record *r, const struct settings *s, char *const *command,
			    char *const *env)
{
	struct buf run;
	buf_init(&run, 4096);
	enum status st = ledger_run_id(s->run_id, environment_get(env, "GITHUB_RUN_ID"),
				       environment_get(env, "GITHUB_RUN_ATTEMPT"), rng_entropy(), &run);
	if (st == STATUS_OK)
		st = ledger_open(&r->ledger, s->ledger, run.p);
	r->command = command;
	r->output = environment_get(env, "GITHUB_OUTPUT");
	int error = errno;
	buf_release(&run);
	errno = error;
	return st;
}

void run_record_close(struct run_record *r)
{
	ledger_close(&r->ledger);
}

const char *image_digest(const char *arg)
{
	static const char mark[] = "@sha256:";
	const char *at = strstr(arg, mark);
	if (arg[0] == '-' || !at || at == arg)
		return NULL;
	const char *hex = at + sizeof(mark) - 1;
	if (strspn(hex, "0123456789abcdef") != DIGEST_HEX || hex[DIGEST_HEX] != '\0')
		return NULL;
	return at + 1;
}

static void add_line(struct run_record *r, struct ledger_line *line)
{
	bool torn = false;
	enum status st = ledger_add(&r->ledger, line, clock_now().wall, &torn);
	if (st != STATUS_OK)
		complain("run: cannot write to the ledger: %s",
			 st == STATUS_IO ? strerror(errno) : status_name(st));
	if (torn)
		log_event(LOG_WARN, "ledger_torn",
			  LOG_S("cause", "the ledger's last line was cut off: its writer was stopped, or the "
					 "disk was full"),
			  LOG_S("next", "it is left as it is, and the new line begins below it"));
}

static void add_image(struct run_record *r, struct ledger_line *line, const char *arg, const char *digest)
{
	char *image = mem_strndup(arg, (size_t)(digest - 1 - arg));
	line->image = image;
	line->digest = digest;
	add_line(r, line);
	mem_free(image);
}

static void write_ledger(struct run_record *r, bool is_signed, const char *reason)
{
	struct ledger_line line = { .event = is_signed ? LEDGER_SIGNED : LEDGER_UNSIGNED, .reason = reason };
	bool any = false;
	for (char *const *arg = r->command + 1; *arg; arg++) {
		const char *digest = image_digest(*arg);
		if (digest)
			add_image(r, &line, *arg, digest);
		any = any || digest;
	}
	if (!any)
		add_line(r, &line);
}

/* The file is GitHub's, one a step; each line is an output. */
static void write_output(const char *path, bool is_signed)
{
	struct slice line = is_signed ? SLICE_LIT("signed=true\n") : SLICE_LIT("signed=false\n");
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	bool good = fd >= 0 && write(fd, line.p, line.n) == (ssize_t)line.n;
	if (!good)
		complain("run: cannot write %.*s to GITHUB_OUTPUT %s: %s", (int)line.n - 1, line.p, path,
			 strerror(errno));
	if (fd >= 0)
		close(fd);
}

void run_record_end(struct run_record *r, bool is_signed, const char *reason)
{
	if (r->ledger.fd >= 0)
		write_ledger(r, is_signed, reason);
	if (r->output)
		write_output(r->output, is_signed);
}
