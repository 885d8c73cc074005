/* What every command does first: take its own flags, load the settings, and
 * tell a person on stderr what is wrong with either. */
#ifndef SIGRELAY_COMMANDS_OPTIONS_H
#define SIGRELAY_COMMANDS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <sigrelay/base/settings.h>

/* The values of a flag that may come several times, and hold several with commas
 * between them. */
struct option_list {
	char **v;
	size_t n;
};
void option_list_release(struct option_list *l); /* fine on a zeroed one */

/* One flag of a command's own: one of value, flag and list is set. */
struct option {
	const char *name;         /* "--client" */
	const char **value;       /* --name VALUE and --name=VALUE; borrowed from argv */
	bool *flag;               /* bare */
	struct option_list *list; /* as value, again and again; empty ones are left out */
};

/* "sigrelay: MESSAGE" on stderr. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* One complaint for each line of text. */
void complain_lines(const char *text);

/* Takes the options off argv[1..], which the settings' flags have left already;
 * argv and *argc are compacted. Whatever else begins with "-" is wrong usage,
 * and so are more than max_words words. 0, or EXIT_USAGE_ERROR after saying so. */
int options_take(int *argc, char **argv, const struct option *options, size_t count, int max_words);

/* What a flag was given, where it was (NULL and "": *out stays as it is): the index
 * of one of words, which end with NULL; a duration. 0, or EXIT_USAGE_ERROR after
 * saying what is accepted. */
int option_choice(const char *command, const char *flag, const char *value, const char *const *words,
		  int *out);
int option_duration(const char *command, const char *flag, const char *value, usec *out);

/* Loads the settings for the command argv[0] into l and copies them to out
 * (release it with settings_release). 0; EXIT_CONFIG_ERROR after printing every
 * error; out is untouched then. Empty values are reported, the log is set up. */
int settings_prepare(struct settings_load *l, int *argc, char **argv, struct settings *out);

/* Was the setting given in a file, a variable or a flag? */
bool setting_given(const struct settings_load *l, const char *name);

#endif
