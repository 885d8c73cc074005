#include <sigrelay/base/settings.h>

#include <string.h>

#include "settings_load.h"

#define PREFIX "SIGRELAY_"
#define NAME_BYTES 64

static void upper(const char *name, char out[NAME_BYTES])
{
	size_t n = 0;
	for (; name[n] && n + 1 < NAME_BYTES; n++)
		out[n] = name[n] >= 'a' && name[n] <= 'z' ? (char)(name[n] - 'a' + 'A') : name[n];
	out[n] = '\0';
}

static size_t index_of_variable(struct slice name)
{
	size_t id = 0;
	for (; id < SETTING_IDS; id++) {
		char wanted[NAME_BYTES];
		upper(settings_table[id].name, wanted);
		if (slice_eq_str(name, wanted))
			break;
	}
	return id;
}

/* Names with our prefix that are no settings. SERVICE_ and PORT are what
 * Kubernetes puts into every pod beside a Service that is called sigrelay. */
static bool ours_but_no_setting(struct slice name)
{
	static const char *const exact[] = { "CONFIG", "CACHE", "PORT" };
	static const char *const starts[] = { "STACK_", "TEST_", "SERVICE_", "PORT_" };
	for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++) {
		if (slice_eq_str(name, exact[i]))
			return true;
	}
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		if (slice_starts(name, starts[i]))
			return true;
	}
	return false;
}

static enum status unknown_variable(struct settings_load *l, struct slice name)
{
	char written[NAME_BYTES + sizeof(PREFIX)] = PREFIX, near[NAME_BYTES + sizeof(PREFIX)] = PREFIX;
	size_t n = name.n < NAME_BYTES ? name.n : NAME_BYTES - 1;
	memcpy(written + strlen(PREFIX), name.p, n);
	written[strlen(PREFIX) + n] = '\0';
	const char *nearest = settings_nearest(written + strlen(PREFIX));
	if (nearest)
		upper(nearest, near + strlen(PREFIX));
	return load_unknown(l, "environment: ", written, nearest ? near : NULL);
}

static enum status take_variable(struct settings_load *l, size_t id, const char *variable, const char *equals,
				 enum setting_rank rank)
{
	char label[NAME_BYTES + sizeof(PREFIX)];
	size_t n = (size_t)(equals - variable);
	memcpy(label, variable, n);
	label[n] = '\0';
	struct setting_origin origin = { .rank = rank, .label = label };
	return load_value(l, id, equals + 1, &origin);
}

static enum status take_prefixed(struct settings_load *l, const char *variable, const char *equals)
{
	const char *start = variable + strlen(PREFIX);
	struct slice name = { start, (size_t)(equals - start) };
	size_t id = index_of_variable(name);
	if (id < SETTING_IDS)
		return take_variable(l, id, variable, equals, RANK_ENVIRONMENT);
	return ours_but_no_setting(name) ? STATUS_OK : unknown_variable(l, name);
}

enum status settings_from_environment(struct settings_load *l, char *const *env)
{
	static const char github[] = "GITHUB_API_URL=";
	enum status st = STATUS_OK;
	for (; env && *env && st != STATUS_NO_MEMORY; env++) {
		const char *equals = strchr(*env, '=');
		if (!equals)
			continue;
		if (strncmp(*env, PREFIX, strlen(PREFIX)) == 0)
			st = load_worse(st, take_prefixed(l, *env, equals));
		else if (strncmp(*env, github, strlen(github)) == 0 && equals[1] != '\0')
			st = load_worse(
			    st, take_variable(l, SETTING_ID_github_api_url, *env, equals, RANK_AMBIENT));
	}
	return st;
}
