#include <sigrelay/commands/help.h>

#include <stdlib.h>
#include <string.h>

#include <sigrelay/base/nearest.h>
#include <sigrelay/commands/options.h>

const char *setting_placeholder(const struct setting_info *info)
{
	switch (info->type) {
	case SETTING_URL:
	case SETTING_REDIS:
		return "URL";
	case SETTING_ADDRESS:
		return "ADDRESS";
	case SETTING_DURATION:
		return "DURATION";
	case SETTING_COUNT:
		return "N";
	case SETTING_PERCENT:
		return "PERCENT";
	case SETTING_SIZE:
		return "SIZE";
	case SETTING_RATE:
		return "RATE";
	case SETTING_BOOL:
		return NULL;
	case SETTING_CHOICE:
		return "WORD";
	case SETTING_TEXT:
		return "TEXT";
	}
	return "VALUE";
}

void setting_flag(const struct setting_info *info, char out[64])
{
	snprintf(out, 64, "--%s", info->name);
	for (char *p = out; *p; p++)
		*p = *p == '_' ? '-' : *p;
}

void help_overview(FILE *out)
{
	fputs("sigrelay stands between Sigstore clients and Sigstore's services and turns a\n"
	      "transient fault into a wait, and a wait into a signature.\n\n"
	      "Usage: sigrelay COMMAND [FLAG...]\n\n",
	      out);
	for (const struct command *c = commands_table; c->name; c++) {
		if (!c->hidden)
			fprintf(out, "  %-13s %s\n", c->name, c->summary);
	}
	fputs("\nMore: sigrelay help COMMAND; man sigrelay.\n", out);
}

static void setting_line(FILE *out, const struct setting_info *info)
{
	char flag[64];
	const char *placeholder = setting_placeholder(info);
	setting_flag(info, flag);
	fprintf(out, "  %s%s%s\n      %s", flag, placeholder ? " " : "", placeholder ? placeholder : "",
		info->help);
	for (size_t i = 0; info->choices && info->choices[i]; i++)
		fprintf(out, "%s%s", i ? ", " : " One of ", info->choices[i]);
	if (info->choices)
		fputc('.', out);
	if (*info->default_text)
		fprintf(out, " Default %s.", info->default_text);
	fputc('\n', out);
}

static bool is_listed(const struct command *c, const char *setting)
{
	for (const char *const *name = c->listed; name && *name; name++) {
		if (strcmp(*name, setting) == 0)
			return true;
	}
	return !c->listed;
}

void help_of(FILE *out, const struct command *c)
{
	fprintf(out, "Usage: sigrelay %s%s%s\n\n%s.\n", c->name, *c->synopsis ? " " : "", c->synopsis,
		c->summary);
	if (*c->help)
		fprintf(out, "\n%s", c->help);
	if (!c->takes_settings)
		return;
	fputs("\nSettings. Each is a flag, a variable (SIGRELAY_RETRY_FOR for --retry-for) and a key\n"
	      "in the INI file (retry_for), in that order of precedence:\n\n"
	      "  --config FILE\n      Read this INI file, not /etc/sigrelay/sigrelay.ini.\n",
	      out);
	for (size_t i = 0; i < settings_count; i++) {
		if (is_listed(c, settings_table[i].name))
			setting_line(out, &settings_table[i]);
	}
	if (c->listed)
		fputs(
		    "\nThe relay's own settings are taken too, and mean nothing here; `sigrelay help serve`\n"
		    "lists them all.\n",
		    out);
}

const char *command_nearest(const char *name)
{
	struct nearest near;
	nearest_begin(&near, name);
	for (const struct command *c = commands_table; c->name; c++) {
		if (!c->hidden)
			nearest_offer(&near, c->name);
	}
	return near.word;
}

int help_unknown(const char *name)
{
	const char *near = command_nearest(name);
	if (near)
		complain("unknown command '%s'; did you mean %s?", name, near);
	else
		complain("unknown command '%s'; `sigrelay help` lists them all", name);
	return EXIT_USAGE_ERROR;
}
