#include <sigrelay/commands/options.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sigrelay/base/log.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/base/nearest.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/commands/commands.h>

void complain(const char *fmt, ...)
{
	va_list ap;
	fputs("sigrelay: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static const struct option *option_find(const char *arg, const struct option *options, size_t count)
{
	size_t n = strcspn(arg, "=");
	for (size_t i = 0; i < count; i++) {
		if (strlen(options[i].name) == n && strncmp(options[i].name, arg, n) == 0)
			return &options[i];
	}
	return NULL;
}

/* The flag that was meant, maybe; one of the command's own before a setting's. */
static const char *nearest_flag(const char *name, const struct option *options, size_t count)
{
	struct nearest near;
	nearest_begin(&near, name);
	for (size_t i = 0; i < count; i++)
		nearest_offer(&near, options[i].name + 2);
	return near.word ? near.word : settings_nearest(name);
}

static int unknown_flag(const char *command, const char *arg, const struct option *options, size_t count)
{
	int shown = (int)strcspn(arg, "="); /* a mistyped flag's value may be a password */
	char name[64];
	size_t dashes = strspn(arg, "-");
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(arg + dashes, "="), arg + dashes);
	const char *nearest = nearest_flag(name, options, count);
	if (nearest) {
		char flag[64];
		snprintf(flag, sizeof(flag), "%s", nearest);
		for (char *p = flag; *p; p++)
			*p = *p == '_' ? '-' : *p;
		complain("%s: unknown flag '%.*s'; did you mean --%s?", command, shown, arg, flag);
	} else {
		complain("%s: unknown flag '%.*s'; see `sigrelay help %s`", command, shown, arg, command);
	}
	return EXIT_USAGE_ERROR;
}

static enum status list_add(struct option_list *l, const char *p, size_t n)
{
	char *word = mem_strndup(p, n);
	char **v = word ? mem_realloc(l->v, (l->n + 1) * sizeof(*v)) : NULL;
	if (!v) {
		mem_free(word);
		return STATUS_NO_MEMORY;
	}
	l->v = v;
	l->v[l->n++] = word;
	return STATUS_OK;
}

static enum status list_split(struct option_list *l, const char *text)
{
	enum status st = STATUS_OK;
	while (*text && st == STATUS_OK) {
		size_t n = strcspn(text, ",");
		struct slice word = slice_trim((struct slice){ text, n });
		if (word.n)
			st = list_add(l, word.p, word.n);
		text += n + (text[n] == ',');
	}
	return st;
}

void option_list_release(struct option_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		mem_free(l->v[i]);
	mem_free(l->v);
	*l = (struct option_list){ 0 };
}

/* How many arguments the option at argv[i] takes up; 0: wrong usage, said. */
static int take_option(const struct option *o, int argc, char **argv, int i)
{
	const char *equals = strchr(argv[i], '=');
	if (o->flag) {
		if (equals) {
			complain("%s: %s takes no value", argv[0], o->name);
			return 0;
		}
		*o->flag = true;
		return 1;
	}
	if (!equals && (i + 1 >= argc || strncmp(argv[i + 1], "--", 2) == 0)) {
		complain("%s: %s needs a value: %s VALUE", argv[0], o->name, o->name);
		return 0;
	}
	const char *value = equals ? equals + 1 : argv[i + 1];
	if (o->value) {
		*o->value = value;
	} else if (list_split(o->list, value) != STATUS_OK) {
		complain("%s: %s: %s", argv[0], o->name, status_name(STATUS_NO_MEMORY));
		return 0;
	}
	return equals ? 1 : 2;
}

int options_take(int *argc, char **argv, const struct option *options, size_t count, int max_words)
{
	int out = 1;
	bool words = false; /* after "--" nothing is a flag */
	for (int i = 1; i < *argc;) {
		const struct option *o = words ? NULL : option_find(argv[i], options, count);
		if (!words && strcmp(argv[i], "--") == 0) {
			words = true;
			i++;
			continue;
		}
		if (!o && !words && argv[i][0] == '-' && argv[i][1])
			return unknown_flag(argv[0], argv[i], options, count);
		if (o) {
			int used = take_option(o, *argc, argv, i);
			if (!used)
				return EXIT_USAGE_ERROR;
			i += used;
		} else {
			argv[out++] = argv[i++];
		}
	}
	argv[out] = NULL;
	*argc = out;
	if (out - 1 > max_words) {
		complain("%s: unexpected argument '%s'; see `sigrelay help %s`", argv[0], argv[1 + max_words],
			 argv[0]);
		return EXIT_USAGE_ERROR;
	}
	return 0;
}

/* "fail, skip or warn" */
static void print_choices(const char *const *words, char *out, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; words[i] && n < size; i++) {
		const char *gap = i == 0 ? "" : words[i + 1] ? ", " : " or ";
		n += (size_t)snprintf(out + n, size - n, "%s%s", gap, words[i]);
	}
}

int option_choice(const char *command, const char *flag, const char *value, const char *const *words,
		  int *out)
{
	char choices[128];
	if (!value || !*value)
		return 0;
	for (int i = 0; words[i]; i++) {
		if (strcmp(words[i], value) == 0) {
			*out = i;
			return 0;
		}
	}
	print_choices(words, choices, sizeof(choices));
	complain("%s: %s=%s: expected %s", command, flag, value, choices);
	return EXIT_USAGE_ERROR;
}

int option_duration(const char *command, const char *flag, const char *value, usec *out)
{
	if (!value || !*value || duration_read(slice_str(value), out) == STATUS_OK)
		return 0;
	complain("%s: %s=%s: expected a duration such as 90s, 30m or 2h", command, flag, value);
	return EXIT_USAGE_ERROR;
}

/* Calls line() for each line of text. */
static void each_line(const char *text, void (*line)(const char *p, int n))
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		if (n)
			line(text, (int)n);
		text += n + (text[n] == '\n');
	}
}

static void complain_line(const char *p, int n)
{
	complain("%.*s", n, p);
}

void complain_lines(const char *text)
{
	each_line(text, complain_line);
}

static void log_empty(const char *p, int n)
{
	struct slice detail = { p, (size_t)n };
	log_event(LOG_WARN, "setting_empty", LOG_SL("detail", detail));
}

int settings_prepare(struct settings_load *l, int *argc, char **argv, struct settings *out)
{
	struct settings s;
	enum status st = settings_load_all(l, argc, argv, false, environ);
	if (st == STATUS_OK && *settings_errors(l))
		st = STATUS_INVALID; /* of a value set before the load */
	if (st == STATUS_OK)
		st = settings_finish(l, &s);
	if (st != STATUS_OK) {
		complain_lines(settings_errors(l));
		if (st != STATUS_INVALID)
			complain("%s: cannot load the settings: %s", argv[0], status_name(st));
		return EXIT_CONFIG_ERROR;
	}
	log_setup((enum log_level)s.log_level, (enum log_format)s.log_format);
	log_limit_repeats((unsigned)s.log_repeats);
	each_line(settings_empty(l), log_empty);
	*out = s;
	return 0;
}

bool setting_given(const struct settings_load *l, const char *name)
{
	return settings_source(l, name) != SOURCE_DEFAULT;
}
