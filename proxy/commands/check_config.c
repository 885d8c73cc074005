/* `sigrelay check-config [FILE]`: every setting, its value, and where it came
 * from; or every mistake at once. */
#include <stdio.h>
#include <unistd.h>

#include <sigrelay/base/settings.h>
#include <sigrelay/commands/commands.h>
#include <sigrelay/commands/options.h>

/* As settings_load_all, with FILE in --config's place. The flags have been taken
 * already: precedence is by source, not by order. */
static enum status load_rest(struct settings_load *l, char *name, const char *file)
{
	char flag[] = "--config";
	char *argv[] = { name, NULL, NULL, NULL };
	int argc = 1;
	struct buf path;
	buf_init(&path, SIZE_MAX);
	if (file) {
		if (buf_add_str(&path, file) != STATUS_OK)
			return STATUS_NO_MEMORY;
		argv[argc++] = flag;
		argv[argc++] = path.p;
	}
	enum status st = settings_load_all(l, &argc, argv, false, environ);
	if (st != STATUS_NO_MEMORY) {
		enum status listen = settings_check_listen(l);
		st = listen == STATUS_OK ? st : listen;
	}
	buf_release(&path);
	return st;
}

static int print(const struct settings_load *l)
{
	struct buf out;
	buf_init(&out, (size_t)1 << 20);
	enum status st = settings_print(l, &out);
	bool written = st == STATUS_OK && fwrite(out.p, 1, out.n, stdout) == out.n && fflush(stdout) == 0;
	buf_release(&out);
	if (written)
		return 0;
	complain("check-config: cannot print the settings: %s",
		 st == STATUS_OK ? "standard output cannot be written" : status_name(st));
	return 1;
}

static int report(const struct settings_load *l, enum status st)
{
	fputs(settings_empty(l), stderr);
	fputs(settings_errors(l), stderr);
	if (st == STATUS_OK)
		return print(l);
	if (st == STATUS_NO_MEMORY)
		complain("check-config: %s", status_name(st));
	return EXIT_CONFIG_ERROR;
}

static int check(struct settings_load *l, int argc, char **argv)
{
	const char *file = NULL;
	const struct option own[] = { { .name = "--config", .value = &file } };
	enum status flags = settings_from_flags(l, &argc, argv, false);
	int usage = options_take(&argc, argv, own, 1, 1);
	if (usage != 0)
		return usage;
	if (file && argc > 1) {
		complain("check-config: give the file once: --config %s or %s", file, argv[1]);
		return EXIT_USAGE_ERROR;
	}
	if (argc > 1)
		file = argv[1];
	enum status rest = flags == STATUS_NO_MEMORY ? flags : load_rest(l, argv[0], file);
	return report(l, rest != STATUS_OK ? rest : flags);
}

int command_check_config(int argc, char **argv)
{
	struct settings_load *l = settings_load_new();
	if (!l) {
		complain("check-config: %s", status_name(STATUS_NO_MEMORY));
		return 1;
	}
	int code = check(l, argc, argv);
	settings_load_free(l);
	return code;
}
