#include <sigrelay/commands/commands.h>
#include <sigrelay/commands/descriptors.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/commands/help.h>
#include <sigrelay/commands/options.h>

const struct command *command_find(const char *name)
{
	for (const struct command *c = commands_table; c->name; c++) {
		if (strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

int command_help(int argc, char **argv)
{
	int wrong = options_take(&argc, argv, NULL, 0, 1);
	if (wrong)
		return wrong;
	if (argc < 2) {
		help_overview(stdout);
		return EXIT_SUCCESS;
	}
	const struct command *c = command_find(argv[1]);
	if (!c)
		return help_unknown(argv[1]);
	help_of(stdout, c);
	return EXIT_SUCCESS;
}

static int asks_help(const char *arg)
{
	return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

/* A --help behind "--" is another program's. */
static int any_asks_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (asks_help(argv[i]))
			return 1;
	}
	return 0;
}

int command_main(int argc, char **argv)
{
	descriptors_hold_standard();
	mem_install_hooks();
	if (argc < 2) {
		help_overview(stderr);
		return EXIT_USAGE_ERROR;
	}
	if (asks_help(argv[1])) {
		help_overview(stdout);
		return EXIT_SUCCESS;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
		return command_version(1, argv);
	const struct command *c = command_find(argv[1]);
	if (!c)
		return help_unknown(argv[1]);
	if (any_asks_help(argc - 1, argv + 1)) {
		help_of(stdout, c);
		return EXIT_SUCCESS;
	}
	return c->run(argc - 1, argv + 1);
}
