#include <sigrelay/base/settings.h>

#include <string.h>
#include <unistd.h>

#include "settings_load.h"

#define SYSTEM_FILE "/etc/sigrelay/sigrelay.ini"

enum flag_kind { FLAG_END, FLAG_OTHER, FLAG_CONFIG, FLAG_SETTING };

/* One argument as a flag of ours, with the value that belongs to it. */
struct flag {
	enum flag_kind kind;
	size_t id;         /* FLAG_SETTING */
	const char *value; /* NULL: a value is missing */
	int used;          /* how many arguments it takes up */
};

static bool flag_names(struct slice flag, const char *setting)
{
	if (flag.n != strlen(setting))
		return false;
	for (size_t i = 0; i < flag.n; i++) {
		if (flag.p[i] != (setting[i] == '_' ? '-' : setting[i]))
			return false;
	}
	return true;
}

static size_t index_of_flag(struct slice flag)
{
	size_t id = 0;
	while (id < SETTING_IDS && !flag_names(flag, settings_table[id].name))
		id++;
	return id;
}

static bool is_bool(size_t id)
{
	return id < SETTING_IDS && settings_table[id].type == SETTING_BOOL;
}

static bool bool_word(const char *s)
{
	static const char *const words[] = { "yes", "no", "true", "false", "1", "0" };
	for (size_t i = 0; s && i < sizeof(words) / sizeof(words[0]); i++) {
		if (slice_eq_icase(slice_str(s), words[i]))
			return true;
	}
	return false;
}

/* The value in the argument itself, in the next one, or meant by a bare flag. */
static void find_value(struct flag *f, const char *equals, const char *next)
{
	f->used = 1;
	if (equals) {
		f->value = equals + 1;
	} else if (f->kind == FLAG_SETTING && is_bool(f->id) && !bool_word(next)) {
		f->value = "yes";
	} else if (next && strncmp(next, "--", 2) != 0) {
		/* A flag is never another's value: a forgotten value would eat it,
		 * or the "--" that the command stands behind. */
		f->value = next;
		f->used = 2;
	}
}

static struct flag read_flag(int argc, char **argv, int at)
{
	struct flag f = { .kind = FLAG_OTHER, .used = 1 };
	const char *arg = argv[at], *next = at + 1 < argc ? argv[at + 1] : NULL;
	if (strcmp(arg, "--") == 0)
		f.kind = FLAG_END;
	if (strncmp(arg, "--", 2) != 0 || f.kind == FLAG_END)
		return f;
	const char *equals = strchr(arg, '=');
	struct slice name = { arg + 2, equals ? (size_t)(equals - arg) - 2 : strlen(arg) - 2 };
	f.id = index_of_flag(name);
	if (slice_eq_str(name, "config")) {
		f.kind = FLAG_CONFIG;
		find_value(&f, equals, next);
	} else if (f.id < SETTING_IDS) {
		f.kind = FLAG_SETTING;
		find_value(&f, equals, next);
	} else if (!equals && slice_starts(name, "no-")) {
		f.id = index_of_flag((struct slice){ name.p + 3, name.n - 3 });
		if (is_bool(f.id))
			f = (struct flag){ .kind = FLAG_SETTING, .id = f.id, .value = "no", .used = 1 };
	}
	return f;
}

static void flag_label(const char *arg, char out[64])
{
	size_t n = 0;
	for (; arg[n] && arg[n] != '=' && n < 63; n++)
		out[n] = arg[n];
	out[n] = '\0';
}

static enum status take_setting(struct settings_load *l, const struct flag *f, const char *arg)
{
	char label[64];
	flag_label(arg, label);
	if (!f->value)
		return load_error(l, "%s needs a value: %s VALUE or %s=VALUE", label, label, label);
	struct setting_origin origin = { .rank = RANK_FLAG, .label = label };
	return load_value(l, f->id, f->value, &origin);
}

static enum status take_config(struct settings_load *l, const struct flag *f, const char **path)
{
	if (!f->value)
		return load_error(l, "--config needs a value: --config FILE or --config=FILE");
	if (*f->value == '\0')
		return load_note_empty(l, "--config");
	*path = f->value;
	return STATUS_OK;
}

/* Takes the flags of one kind out of argv; the others keep their order. */
static enum status walk(struct settings_load *l, int *argc, char **argv, bool stop_at_other,
			enum flag_kind wanted, const char **path)
{
	enum status st = STATUS_OK;
	int in = 1, out = 1;
	while (in < *argc) {
		struct flag f = read_flag(*argc, argv, in);
		if (f.kind == FLAG_END || (f.kind == FLAG_OTHER && stop_at_other))
			break;
		if (f.kind == FLAG_CONFIG && wanted == FLAG_CONFIG)
			st = load_worse(st, take_config(l, &f, path));
		else if (f.kind == FLAG_SETTING && wanted == FLAG_SETTING)
			st = load_worse(st, take_setting(l, &f, argv[in]));
		else
			for (int i = 0; i < f.used; i++)
				argv[out++] = argv[in + i];
		in += f.used;
	}
	while (in < *argc)
		argv[out++] = argv[in++];
	if (out < *argc)
		argv[out] = NULL;
	*argc = out;
	return st;
}

enum status settings_from_flags(struct settings_load *l, int *argc, char **argv, bool stop_at_other)
{
	return walk(l, argc, argv, stop_at_other, FLAG_SETTING, NULL);
}

static const char *variable(char *const *env, const char *name)
{
	size_t n = strlen(name);
	for (; env && *env; env++) {
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	}
	return NULL;
}

/* --config, else SIGRELAY_CONFIG, else the system's file where there is one. */
static enum status choose_file(struct settings_load *l, char *const *env, const char **path)
{
	enum status st = STATUS_OK;
	const char *named = variable(env, "SIGRELAY_CONFIG");
	if (*path)
		return STATUS_OK;
	if (named && *named == '\0')
		st = load_note_empty(l, "SIGRELAY_CONFIG");
	if (named && *named != '\0')
		*path = named;
	else if (access(SYSTEM_FILE, F_OK) == 0)
		*path = SYSTEM_FILE;
	return st;
}

enum status settings_load_all(struct settings_load *l, int *argc, char **argv, bool stop_at_other,
			      char *const *env)
{
	const char *path = NULL;
	enum status st = walk(l, argc, argv, stop_at_other, FLAG_CONFIG, &path);
	st = load_worse(st, choose_file(l, env, &path));
	if (path && st != STATUS_NO_MEMORY)
		st = load_worse(st, settings_from_file(l, path));
	if (st != STATUS_NO_MEMORY)
		st = load_worse(st, settings_from_environment(l, env));
	if (st != STATUS_NO_MEMORY)
		st = load_worse(st, settings_from_flags(l, argc, argv, stop_at_other));
	return st == STATUS_OK ? load_check_pairs(l) : st;
}
