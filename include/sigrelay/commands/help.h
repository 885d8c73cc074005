/* Help texts, all from the tables of commands and settings. */
#ifndef SIGRELAY_COMMANDS_HELP_H
#define SIGRELAY_COMMANDS_HELP_H

#include <stdio.h>

#include <sigrelay/base/settings.h>
#include <sigrelay/commands/commands.h>

void help_overview(FILE *out);
void help_of(FILE *out, const struct command *c);
/* Says that there is no such command, and which is the nearest.
 * EXIT_USAGE_ERROR. */
int help_unknown(const char *name);
/* The command that a mistyped name is nearest to; NULL: none is near. Hidden
 * ones are never offered. */
const char *command_nearest(const char *name);
/* The placeholder of a setting's value: "DURATION"; NULL for a switch. */
const char *setting_placeholder(const struct setting_info *info);
/* "--retry-for" into out; names are short enough for 64 bytes. */
void setting_flag(const struct setting_info *info, char out[64]);

#endif
