#include <sigrelay/base/settings.h>

#include <errno.h>
#include <ini.h>
#include <string.h>

#include <sigrelay/base/file.h>
#include <sigrelay/base/mem.h>

#include "settings_load.h"
#include "settings_value.h"

#define FILE_MAX_BYTES ((size_t)256 << 10)

/* inih splits a line into name and value. It tells only the first bad line, no
 * line numbers to the handler (that is a build option), takes an indented line
 * as the last value's continuation, and silently cuts what does not fit its
 * buffer: so the lines are handed to it one by one, and looked at first. */
struct ini_source {
	struct settings_load *l;
	const char *path;
	struct slice rest;
	int line;
	bool pair_expected; /* the line that inih has now must reach the handler */
	bool unsectioned;   /* reported: names before any section */
	bool seen_section;
	int lines[SETTING_IDS]; /* where each was set; 0 = not yet */
	enum status status;
};

static void note(struct ini_source *src, enum status st)
{
	src->status = load_worse(src->status, st);
}

static void settle(struct ini_source *src)
{
	if (src->pair_expected)
		note(src, load_error(src->l, "%s:%d: expected name = value, a [sigrelay] header or a comment",
				     src->path, src->line));
	src->pair_expected = false;
}

static struct slice next_line(struct ini_source *src)
{
	const char *newline = memchr(src->rest.p, '\n', src->rest.n);
	struct slice line = { src->rest.p, newline ? (size_t)(newline - src->rest.p) : src->rest.n };
	size_t used = line.n + (newline ? 1 : 0);
	src->rest.p += used;
	src->rest.n -= used;
	src->line++;
	if (src->line == 1 && slice_starts(line, "\xef\xbb\xbf"))
		line = (struct slice){ line.p + 3, line.n - 3 };
	if (slice_ends(line, "\r"))
		line.n--;
	/* Indented or not, a name is a name: nothing here spans lines. */
	return slice_trim(line);
}

/* A header stands alone on its line, save a comment. */
static bool header_name(struct slice line, struct slice *name)
{
	const char *close = memchr(line.p, ']', line.n);
	if (!close)
		return false;
	*name = slice_trim((struct slice){ line.p + 1, (size_t)(close - line.p) - 1 });
	size_t used = (size_t)(close - line.p) + 1;
	struct slice after = slice_trim((struct slice){ line.p + used, line.n - used });
	return after.n == 0 || after.p[0] == ';' || after.p[0] == '#';
}

static void check_header(struct ini_source *src, struct slice line)
{
	struct slice name;
	struct buf shown;
	src->seen_section = true;
	if (header_name(line, &name) && slice_eq_str(name, "sigrelay"))
		return;
	buf_init(&shown, 1024);
	enum status st = setting_quote(&shown, line);
	if (st == STATUS_OK)
		st = load_error(src->l,
				"%s:%d: expected the header [sigrelay], not %s; there is no other section",
				src->path, src->line, shown.p);
	note(src, st);
	buf_release(&shown);
}

/* Whether inih may have the line, which is neither blank nor a comment. */
static bool check_line(struct ini_source *src, struct slice line, size_t room)
{
	if (memchr(line.p, '\0', line.n)) {
		note(src, load_error(src->l, "%s:%d: holds a NUL byte; expected a text file", src->path,
				     src->line));
		return false;
	}
	if (line.p[0] == '[') {
		check_header(src, line);
		return false;
	}
	if (line.n > room) {
		note(src, load_error(src->l, "%s:%d: line of %zu bytes is too long; expected at most %zu",
				     src->path, src->line, line.n, room));
		return false;
	}
	src->pair_expected = true;
	return true;
}

/* fgets for inih. What it must not see becomes an empty line. */
static char *read_line(char *str, int num, void *stream)
{
	struct ini_source *src = stream;
	settle(src);
	if (src->rest.n == 0 || num < 3)
		return NULL;
	struct slice line = next_line(src);
	bool comment = line.n > 0 && (line.p[0] == ';' || line.p[0] == '#');
	if (line.n == 0 || comment || !check_line(src, line, (size_t)num - 2))
		line.n = 0;
	if (line.n > 0)
		memcpy(str, line.p, line.n);
	memcpy(str + line.n, "\n", 2);
	return str;
}

static enum status set_at_line(struct ini_source *src, size_t id, const char *value)
{
	const char *name = settings_table[id].name;
	struct buf where;
	if (src->lines[id])
		return load_error(src->l, "%s:%d: %s is set twice, first on line %d; keep one of them",
				  src->path, src->line, name, src->lines[id]);
	src->lines[id] = src->line;
	buf_init(&where, SIZE_MAX);
	enum status st = buf_addf(&where, "%s:%d", src->path, src->line);
	if (st == STATUS_OK)
		st = settings_set(src->l, name, value, SOURCE_FILE, where.p);
	buf_release(&where);
	return st;
}

static enum status unknown_at_line(struct ini_source *src, const char *name)
{
	struct buf prefix;
	buf_init(&prefix, SIZE_MAX);
	enum status st = buf_addf(&prefix, "%s:%d: ", src->path, src->line);
	if (st == STATUS_OK)
		st = load_unknown(src->l, prefix.p, name, settings_nearest(name));
	buf_release(&prefix);
	return st;
}

static enum status take_pair(struct ini_source *src, const char *name, const char *value)
{
	size_t id = settings_index(slice_str(name));
	if (!src->seen_section && !src->unsectioned) {
		/* Once: it is one mistake, however many names follow. */
		src->unsectioned = true;
		note(src, load_error(src->l, "%s:%d: expected the header [sigrelay] above the first setting",
				     src->path, src->line));
	}
	return id < SETTING_IDS ? set_at_line(src, id, value) : unknown_at_line(src, name);
}

static int on_pair(void *user, const char *section, const char *name, const char *value)
{
	struct ini_source *src = user;
	(void)section;
	if (*name == '\0')
		return 1; /* settle() reports the line */
	src->pair_expected = false;
	note(src, take_pair(src, name, value));
	return 1;
}

static enum status parse(struct settings_load *l, const char *path, struct slice text)
{
	struct ini_source src = { .l = l, .path = path, .rest = text };
	int result = ini_parse_stream(read_line, &src, on_pair, &src);
	settle(&src);
	if (result == -2)
		note(&src, STATUS_NO_MEMORY);
	return src.status;
}

static enum status parse_in_use(struct settings_load *l, const char *path, struct slice text)
{
	char *file = mem_strdup(path);
	if (!file)
		return STATUS_NO_MEMORY;
	mem_free(l->file);
	l->file = file;
	return parse(l, file, text);
}

enum status settings_from_file(struct settings_load *l, const char *path)
{
	struct buf text;
	buf_init(&text, FILE_MAX_BYTES);
	enum status st = file_read(path, &text);
	if (st == STATUS_OK)
		st = parse_in_use(l, path, buf_slice(&text));
	else if (st == STATUS_IO)
		st = load_error(l, "cannot read the config file %s: %s; name another with --config", path,
				strerror(errno));
	else if (st == STATUS_TOO_LARGE)
		st = load_error(l, "the config file %s is larger than %zu KiB; is it the right one?", path,
				FILE_MAX_BYTES >> 10);
	buf_release(&text);
	return st;
}
