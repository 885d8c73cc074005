#include <sigrelay/registry/credential_helper.h>
#include <sigrelay/registry/docker_config.h>

#include "fuzz.h"

static void look(const struct docker_config *c, const char *domain, const char *path)
{
	struct credentials found = { 0 };
	struct buf why;
	const char *field = NULL, *name = docker_config_helper(c, domain, &field);
	HOLDS(!name || (*name && field));
	buf_init(&why, 4096);
	enum status st = docker_config_find(c, domain, path, &found, &why);
	HOLDS(st == STATUS_OK || st == STATUS_NOT_FOUND || st == STATUS_INVALID);
	HOLDS((st == STATUS_OK) == (found.username || found.identity_token || found.registry_token));
	HOLDS((st == STATUS_INVALID) == (why.n > 0));
	credentials_release(&found);
	buf_release(&why);
}

/* The text as a file, as the variable, and as a helper's answer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "config.json", DOCKER_AUTH_CONFIG };
	struct credentials answer = { 0 };
	for (size_t i = 0; i < 2; i++) {
		struct docker_config c = { 0 };
		struct buf why;
		buf_init(&why, 4096);
		enum status st = docker_config_parse(names[i], INPUT, &c, &why);
		HOLDS(st == STATUS_OK || (st == STATUS_INVALID && why.n > 0));
		if (st == STATUS_OK) {
			look(&c, "docker.io", "library/alpine");
			look(&c, "g.io", "a/b");
		}
		docker_config_release(&c);
		buf_release(&why);
	}
	enum status st = credential_helper_parse(INPUT, &answer);
	HOLDS(st == STATUS_OK || st == STATUS_NOT_FOUND || st == STATUS_INVALID);
	HOLDS((st == STATUS_OK) == (answer.secret || answer.identity_token));
	credentials_release(&answer);
	return 0;
}
