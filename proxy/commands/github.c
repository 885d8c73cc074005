#include <sigrelay/commands/github.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sigrelay/base/rng.h>
#include <sigrelay/base/utf8.h>
#include <sigrelay/commands/environment.h>
#include <sigrelay/commands/options.h>

bool github_is_runner(char *const *env)
{
	const char *value = environment_get(env, "GITHUB_ACTIONS");
	return value && strcmp(value, "true") == 0;
}

static enum status output_print(const struct github_output *o, struct buf *out)
{
	char mark[48];
	if (!strpbrk(o->value, "\r\n"))
		return buf_addf(out, "%s=%s\n", o->name, o->value);
	snprintf(mark, sizeof(mark), "end_%016" PRIx64 "%016" PRIx64, rng_entropy(), rng_entropy());
	return buf_addf(out, "%s<<%s\n%s\n%s\n", o->name, mark, o->value, mark);
}

enum status github_outputs_print(const struct github_output *v, size_t count, struct buf *out)
{
	enum status st = STATUS_OK;
	for (size_t i = 0; i < count && st == STATUS_OK; i++)
		st = output_print(&v[i], out);
	return st;
}

enum status github_file_add(const char *path, struct slice text)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return STATUS_IO;
	ssize_t n;
	do {
		n = write(fd, text.p, text.n);
	} while (n < 0 && errno == EINTR);
	int error = n < 0 ? errno : ENOSPC;
	close(fd);
	errno = error;
	return n == (ssize_t)text.n ? STATUS_OK : STATUS_IO;
}

bool github_add(char *const *env, const char *command, const char *variable, enum status made,
		const struct buf *text)
{
	const char *path = environment_get(env, variable);
	if (!path)
		return true;
	enum status st = made == STATUS_OK ? github_file_add(path, buf_slice(text)) : made;
	if (st != STATUS_OK)
		complain("%s: cannot write to %s %s: %s", command, variable, path,
			 st == STATUS_IO ? strerror(errno) : status_name(st));
	return st == STATUS_OK;
}

/* % first in meaning: what stands for a byte of `special` cannot come from elsewhere. */
static enum status add_escaped(const char *text, const char *special, struct buf *out)
{
	enum status st = STATUS_OK;
	for (; *text && st == STATUS_OK; text++) {
		if (strchr(special, *text))
			st = buf_addf(out, "%%%02X", (unsigned)(unsigned char)*text);
		else
			st = buf_add(out, text, 1);
	}
	return st;
}

enum status github_annotation_print(const char *kind, const char *title, const char *text, struct buf *out)
{
	enum status st = buf_addf(out, "::%s title=", kind);
	if (st == STATUS_OK)
		st = add_escaped(title, "%\r\n:,", out);
	if (st == STATUS_OK)
		st = buf_add_str(out, "::");
	if (st == STATUS_OK)
		st = add_escaped(text, "%\r\n", out);
	return st == STATUS_OK ? buf_add_str(out, "\n") : st;
}

void github_tell(char *const *env, const char *command, const char *kind, const char *title, const char *text)
{
	struct buf line;
	buf_init(&line, (size_t)1 << 20);
	if (github_is_runner(env) && github_annotation_print(kind, title, text, &line) == STATUS_OK)
		fputs(line.p, stderr);
	else
		complain("%s: %s: %s", command, kind, text);
	buf_release(&line);
}

/* Punctuation that means nothing to markdown or HTML inside a cell. */
static bool is_harmless(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (unsigned char)c >= 0x80 || strchr(" .,;/:-()'", c);
}

enum status github_cell_print(const char *text, struct buf *out)
{
	enum status st = STATUS_OK;
	for (; *text && st == STATUS_OK; text++) {
		if ((unsigned char)*text < 0x20)
			st = buf_add_str(out, " ");
		else if (is_harmless(*text))
			st = buf_add(out, text, 1);
		else
			st = buf_addf(out, "&#%d;", *text);
	}
	return st;
}

void github_plain(struct slice s, char *out, size_t size)
{
	utf8_plain(s, out, size);
	for (char *at = out; (at = strstr(at, "##[")) != NULL;)
		at[1] = '?';
}
