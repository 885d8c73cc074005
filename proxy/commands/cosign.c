#include <sigrelay/commands/cosign.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <sigrelay/base/json.h>
#include <sigrelay/commands/environment.h>

bool cosign_named(const char *program)
{
	const char *slash = strrchr(program, '/');
	const char *name = slash ? slash + 1 : program;
	return strcmp(name, "cosign") == 0 || strncmp(name, "cosign-linux-", 13) == 0;
}

/* What strconv.ParseBool takes; anything else is cosign's own error to make. */
static bool go_bool(const char *text, bool *out)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
	static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
			*out = strcmp(text, yes[i]) == 0;
			return true;
		}
	}
	return false;
}

/* The value when `arg` is the flag `name`: after '=', or the next argument. */
static const char *flag_value(const char *arg, const char *next, const char *name)
{
	size_t n = strlen(name);
	if (strncmp(arg, name, n) != 0)
		return NULL;
	if (arg[n] == '=')
		return arg + n + 1;
	return arg[n] == '\0' ? next : NULL;
}

static void read_use_signing_config(const char *arg, struct cosign_flags *out)
{
	static const char name[] = "--use-signing-config";
	bool value = true;
	if (strncmp(arg, name, sizeof(name) - 1) != 0)
		return;
	/* A switch: its value never is the next argument. */
	if (arg[sizeof(name) - 1] == '=' && !go_bool(arg + sizeof(name), &value))
		return;
	if (arg[sizeof(name) - 1] == '=' || arg[sizeof(name) - 1] == '\0')
		out->use_signing_config = value ? FLAG_YES : FLAG_NO;
}

static void read_service_flag(const char *arg, const char *next, struct cosign_flags *out)
{
	static const char *const names[] = { "--rekor-url", "--fulcio-url", "--timestamp-server-url" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (flag_value(arg, next, names[i]))
			out->service_flag = names[i];
	}
}

void cosign_flags_read(char *const *argv, struct cosign_flags *out)
{
	*out = (struct cosign_flags){ 0 };
	for (size_t i = 1; argv[0] && argv[i] && strcmp(argv[i], "--") != 0; i++) {
		const char *next = argv[i + 1];
		const char *config = flag_value(argv[i], next, "--signing-config");
		const char *timeout = flag_value(argv[i], next, "--timeout");
		if (!timeout)
			timeout = flag_value(argv[i], next, "-t");
		if (config)
			out->signing_config = config;
		if (timeout)
			out->timeout = timeout;
		read_use_signing_config(argv[i], out);
		read_service_flag(argv[i], next, out);
	}
}

static bool read_number(const char **at, const char *end, unsigned *out)
{
	unsigned n = 0;
	const char *p = *at;
	while (p < end && isdigit((unsigned char)*p) && n < 100000)
		n = n * 10 + (unsigned)(*p++ - '0');
	if (p == *at)
		return false;
	*at = p;
	*out = n;
	return true;
}

struct cosign_version cosign_version_read(struct slice json)
{
	struct cosign_version v = { 0 };
	cJSON *root = json_parse(json);
	struct slice text = json_str_at(root, "gitVersion", NULL);
	const char *p = text.p;
	const char *end = text.p ? text.p + text.n : NULL;
	unsigned major = 0;
	unsigned minor = 0;
	if (slice_starts(text, "v"))
		p++;
	if (p && read_number(&p, end, &major) && p < end && *p++ == '.' && read_number(&p, end, &minor))
		v = (struct cosign_version){ .major = major, .minor = minor };
	cJSON_Delete(root);
	return v;
}

/* Does the user's environment or command line ask for a signing config, or for
 * none? Flags come before variables. */
static int asks_signing_config(const struct cosign_flags *flags, char *const *env)
{
	const char *use = environment_get(env, "COSIGN_USE_SIGNING_CONFIG");
	bool wanted;
	if (flags->use_signing_config == FLAG_NO)
		return FLAG_NO;
	if (use && go_bool(use, &wanted))
		return wanted ? FLAG_YES : FLAG_NO;
	return environment_get(env, "COSIGN_SIGNING_CONFIG") ? FLAG_YES : FLAG_ABSENT;
}

enum client_style cosign_style(struct cosign_version version, const struct cosign_flags *flags,
			       char *const *env, const char **why)
{
	bool knows_config = version.major > 2 || (version.major == 2 && version.minor >= 6);
	*why = NULL;
	if (flags->signing_config || flags->use_signing_config == FLAG_YES) {
		*why = flags->signing_config ? "--signing-config on its command line names the services: put "
					       "the file in COSIGN_SIGNING_CONFIG instead"
					     : "--use-signing-config on its command line names the services: "
					       "set COSIGN_USE_SIGNING_CONFIG=true instead";
		return STYLE_LEAVE;
	}
	int asked = asks_signing_config(flags, env);
	if (asked == FLAG_NO || !knows_config)
		return STYLE_URLS;
	if (asked == FLAG_YES || version.major > 2)
		return STYLE_SIGNING_CONFIG;
	return STYLE_URLS;
}

static bool go_unit(const char *p, size_t *length, double *usecs)
{
	static const struct {
		const char *name;
		double usecs;
	} units[] = { { "ms", 1e3 }, { "us", 1 }, { "h", 3600e6 }, { "m", 60e6 }, { "s", 1e6 } };
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		*length = strlen(units[i].name);
		if (strncmp(p, units[i].name, *length) == 0) {
			*usecs = units[i].usecs;
			return true;
		}
	}
	return false;
}

enum status go_duration_read(const char *text, usec *out)
{
	double sum = 0;
	const char *p = text;
	if (!*p)
		return STATUS_INVALID;
	while (*p) {
		char *end;
		size_t length;
		double unit;
		/* strtod takes more than Go does (signs, hex, inf): digits must come first. */
		if (!isdigit((unsigned char)*p) || (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')))
			return STATUS_INVALID;
		double n = strtod(p, &end);
		if (!go_unit(end, &length, &unit))
			return STATUS_INVALID;
		sum += n * unit;
		p = end + length;
	}
	if (!(sum > 0) || sum > 1e15)
		return STATUS_INVALID;
	*out = (usec)sum;
	return STATUS_OK;
}
