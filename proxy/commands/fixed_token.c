#include <sigrelay/commands/fixed_token.h>

#include <string.h>

#include <sigrelay/commands/environment.h>
#include <sigrelay/sigstore/fulcio.h>

#define FLAG "--identity-token"

static const char *flag_in(char *const *argv)
{
	static const size_t n = sizeof(FLAG) - 1;
	const char *value = NULL;
	for (; *argv; argv++) {
		if (strncmp(*argv, FLAG, n) != 0)
			continue;
		if ((*argv)[n] == '=')
			value = *argv + n + 1;
		else if ((*argv)[n] == '\0' && argv[1])
			value = argv[1];
	}
	return value;
}

enum status fixed_token_end(char *const *argv, char *const *env, int64_t *exp, const char **where)
{
	static const char *const names[] = { "COSIGN_IDENTITY_TOKEN", "SIGSTORE_ID_TOKEN",
					     "SIGSTORE_IDENTITY_TOKEN" };
	const char *found = FLAG;
	const char *token = flag_in(argv);
	for (size_t i = 0; !token && i < sizeof(names) / sizeof(names[0]); i++) {
		token = environment_get(env, names[i]);
		found = names[i];
	}
	enum status st = token ? jwt_exp(slice_str(token), exp) : STATUS_NOT_FOUND;
	if (st == STATUS_OK)
		*where = found;
	return st;
}
