#include <sigrelay/commands/environment.h>

#include <string.h>

#include <sigrelay/base/mem.h>

/* The index of the edit of that name; e->n when there is none. */
static size_t find_edit(const struct environment_edits *e, const char *name, size_t n)
{
	size_t i = 0;
	while (i < e->n && (strlen(e->v[i].name) != n || memcmp(e->v[i].name, name, n) != 0))
		i++;
	return i;
}

static enum status put_edit(struct environment_edits *e, const char *name, char *value)
{
	size_t i = find_edit(e, name, strlen(name));
	if (i == ENVIRONMENT_EDITS_MAX)
		return STATUS_TOO_LARGE;
	if (i == e->n)
		e->v[e->n++] = (struct environment_edit){ .name = name };
	mem_free(e->v[i].value);
	e->v[i].value = value;
	return STATUS_OK;
}

enum status environment_set(struct environment_edits *e, const char *name, const char *value)
{
	char *copy = mem_strdup(value);
	if (!copy)
		return STATUS_NO_MEMORY;
	enum status st = put_edit(e, name, copy);
	if (st != STATUS_OK)
		mem_free(copy);
	return st;
}

enum status environment_unset(struct environment_edits *e, const char *name)
{
	return put_edit(e, name, NULL);
}

void environment_edits_release(struct environment_edits *e)
{
	for (size_t i = 0; i < e->n; i++)
		mem_free(e->v[i].value);
	e->n = 0;
}

static char *pair_of(const char *name, const char *value)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	if (buf_addf(&b, "%s=", name) != STATUS_OK || buf_add_str(&b, value) != STATUS_OK) {
		buf_release(&b);
		return NULL;
	}
	return buf_take(&b);
}

/* Copies what no edit touches; the count of what was copied. */
static size_t copy_untouched(char *const *env, const struct environment_edits *e, char **out)
{
	size_t n = 0;
	for (; *env; env++) {
		if (find_edit(e, *env, strcspn(*env, "=")) < e->n)
			continue;
		out[n] = mem_strdup(*env);
		if (!out[n])
			return SIZE_MAX;
		n++;
	}
	return n;
}

enum status environment_apply(char *const *env, const struct environment_edits *e, char ***out)
{
	size_t count = 0;
	while (env[count])
		count++;
	char **list = mem_calloc(count + e->n + 1, sizeof(*list));
	if (!list)
		return STATUS_NO_MEMORY;
	size_t n = copy_untouched(env, e, list);
	if (n == SIZE_MAX)
		goto no_memory;
	for (size_t i = 0; i < e->n; i++) {
		if (!e->v[i].value)
			continue;
		list[n] = pair_of(e->v[i].name, e->v[i].value);
		if (!list[n++])
			goto no_memory;
	}
	*out = list;
	return STATUS_OK;
no_memory:
	environment_free(list);
	return STATUS_NO_MEMORY;
}

void environment_free(char **env)
{
	for (char **at = env; at && *at; at++)
		mem_free(*at);
	mem_free(env);
}

enum status shell_quote(const char *word, struct buf *out)
{
	enum status st = buf_add_str(out, "'");
	for (const char *p = word; *p && st == STATUS_OK; p++)
		st = *p == '\'' ? buf_add_str(out, "'\\''") : buf_add(out, p, 1);
	return st == STATUS_OK ? buf_add_str(out, "'") : st;
}

enum status environment_print(const struct environment_edits *e, struct buf *out)
{
	for (size_t i = 0; i < e->n; i++) {
		const struct environment_edit *edit = &e->v[i];
		enum status st;
		if (!edit->value) {
			st = buf_addf(out, "unset %s\n", edit->name);
		} else {
			st = buf_addf(out, "export %s=", edit->name);
			if (st == STATUS_OK)
				st = shell_quote(edit->value, out);
			if (st == STATUS_OK)
				st = buf_add_str(out, "\n");
		}
		if (st != STATUS_OK)
			return st;
	}
	return STATUS_OK;
}
