/* The command line: one file a subcommand, one table that lists them. */
#ifndef SIGRELAY_COMMANDS_COMMANDS_H
#define SIGRELAY_COMMANDS_COMMANDS_H

/* Exit codes of the contract (docs/sigrelay.1, EXIT STATUS). */
enum {
	EXIT_PREFLIGHT = 3,
	EXIT_LEFT_OVER = 4,
	EXIT_USAGE_ERROR = 64,
	EXIT_NOT_RECOVERED = 75,
	EXIT_CONFIG_ERROR = 78,
	EXIT_CANNOT_RUN = 126,
	EXIT_NO_COMMAND = 127,
};

/* One subcommand: argv[0] is its name. Returns the process's exit status. */
typedef int command_fn(int argc, char **argv);

struct command {
	const char *name;
	command_fn *run;
	const char *synopsis;      /* after "sigrelay NAME" */
	const char *summary;       /* one line */
	const char *help;          /* the body of --help, flags of its own included */
	int takes_settings;        /* settings flags are taken, and listed by --help: */
	const char *const *listed; /* … these, NULL-terminated; NULL: all */
	int hidden;                /* not listed by help (builtin-log) */
};

/* Every subcommand, ends with a NULL name (proxy/commands/table.c). */
extern const struct command commands_table[];
const struct command *command_find(const char *name); /* NULL: none */

/* Dispatches argv; what main() returns. */
int command_main(int argc, char **argv);

command_fn command_serve, command_run, command_env, command_status, command_check_config, command_preflight,
    command_pushed, command_cleanup, command_demo, command_builtin_log, command_version, command_help;

#endif
