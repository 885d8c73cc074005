#include <sigrelay/registry/ledger.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sigrelay/base/json.h>
#include <sigrelay/base/mem.h>

static const char *const names[LEDGER_EVENT_COUNT] = { "preflight", "pushed",  "signed",
						       "unsigned",  "deleted", "kept" };

const char *ledger_event_name(enum ledger_event e)
{
	return names[e];
}

/* --- one line ------------------------------------------------------------ */

static enum status add_member(const char *key, const char *value, struct buf *out)
{
	if (!value)
		return STATUS_OK;
	enum status st = buf_addf(out, ",\"%s\":", key);
	return st == STATUS_OK ? json_quote(slice_str(value), out) : st;
}

static enum status add_time(usec wall, struct buf *out)
{
	time_t seconds = (time_t)(wall / USEC_PER_SEC);
	struct tm tm;
	char stamp[32];
	if (!gmtime_r(&seconds, &tm) || strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		return STATUS_INVALID;
	return buf_addf(out, "{\"time\":\"%s.%03dZ\"", stamp, (int)(wall % USEC_PER_SEC / USEC_PER_MSEC));
}

enum status ledger_format(const struct ledger_line *line, const char *run, usec wall, struct buf *out)
{
	const struct {
		const char *key, *value;
	} members[] = {
		{ "run", run },
		{ "event", names[line->event] },
		{ "image", line->image },
		{ "registry", line->registry },
		{ "repository", line->repository },
		{ "tag", line->tag },
		{ "digest", line->digest },
		{ "state", line->state },
		{ "reason", line->reason },
	};
	enum status st = add_time(wall, out);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]) && st == STATUS_OK; i++)
		st = add_member(members[i].key, members[i].value, out);
	return st == STATUS_OK ? buf_add_str(out, "}\n") : st;
}

/* --- the file ------------------------------------------------------------ */

enum status ledger_open(struct ledger *l, const char *path, const char *run)
{
	struct ledger opened = { .fd = -1 };
	if (path && *path) {
		opened.fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
		if (opened.fd < 0)
			return STATUS_IO;
	}
	opened.path = mem_strdup(path ? path : "");
	opened.run = mem_strdup(run ? run : "");
	if (!opened.path || !opened.run) {
		ledger_close(&opened);
		return STATUS_NO_MEMORY;
	}
	*l = opened;
	return STATUS_OK;
}

void ledger_close(struct ledger *l)
{
	if (l->fd >= 0)
		close(l->fd);
	mem_free(l->path);
	mem_free(l->run);
	*l = (struct ledger){ .fd = -1 };
}

/* Is the last line cut off? What cannot be read back (a FIFO) never is. */
static bool ends_torn(int fd)
{
	struct stat st;
	char last;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return false;
	return pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n';
}

static enum status write_all(int fd, struct slice text)
{
	while (text.n) {
		ssize_t n = write(fd, text.p, text.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return STATUS_IO;
		text = (struct slice){ text.p + n, text.n - (size_t)n };
	}
	return STATUS_OK;
}

/* Where the kind of file knows no sync (a pipe, a terminal), there is nothing to do. */
static enum status sync_file(int fd)
{
	if (fsync(fd) == 0 || errno == EINVAL || errno == EROFS)
		return STATUS_OK;
	return STATUS_IO;
}

static enum status append(int fd, struct slice line, bool *torn)
{
	bool cut = ends_torn(fd);
	enum status st = cut ? write_all(fd, SLICE_LIT("\n")) : STATUS_OK;
	if (st == STATUS_OK)
		st = write_all(fd, line);
	if (st == STATUS_OK)
		st = sync_file(fd);
	if (st == STATUS_OK && cut && torn)
		*torn = true;
	return st;
}

enum status ledger_add(struct ledger *l, const struct ledger_line *line, usec wall, bool *torn)
{
	struct buf text;
	int rc;
	if (l->fd < 0)
		return STATUS_OK;
	buf_init(&text, LEDGER_LINE_MAX);
	enum status st = ledger_format(line, l->run, wall, &text);
	if (st != STATUS_OK)
		goto out;
	/* The look at the last byte and the write belong together. */
	do {
		rc = flock(l->fd, LOCK_EX);
	} while (rc != 0 && errno == EINTR);
	st = rc == 0 ? append(l->fd, buf_slice(&text), torn) : STATUS_IO;
	if (rc == 0) {
		int error = errno;
		flock(l->fd, LOCK_UN);
		errno = error;
	}
out:
	buf_release(&text);
	return st;
}

enum status ledger_run_id(const char *setting, const char *github_run, const char *github_attempt,
			  uint64_t seed, struct buf *out)
{
	if (setting && *setting)
		return buf_add_str(out, setting);
	if (github_run && *github_run)
		return buf_addf(out, "%s.%s", github_run,
				github_attempt && *github_attempt ? github_attempt : "1");
	return buf_addf(out, "run-%016" PRIx64, seed);
}
