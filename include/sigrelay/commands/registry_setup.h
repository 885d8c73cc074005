/* What preflight, pushed and cleanup open first: the web, the credentials, the
 * registries, the ledger. */
#ifndef SIGRELAY_COMMANDS_REGISTRY_SETUP_H
#define SIGRELAY_COMMANDS_REGISTRY_SETUP_H

#include <stddef.h>

#include <sigrelay/base/settings.h>
#include <sigrelay/registry/ledger.h>
#include <sigrelay/registry/registry.h>

struct registry_setup {
	struct web *web;
	struct credential_store *credentials;
	struct registry *registry;
	struct ledger ledger; /* fd -1 where no ledger is set */
	const char *run;      /* the run's id, the ledger's */
	usec deadline;        /* of the whole command, monotonic */
};

/* timeout: of the whole command. insecure: domains of --insecure-registry, borrowed
 * until close, as are s and env. 0, or the exit status after saying on stderr what
 * is wrong (64: one of insecure is no registry; 78: a credentials file, ca_file or the
 * ledger cannot be used); r is closed then. From here on this process is not dumpable,
 * and a write to a pipe or connection that is gone is an error, not a signal. */
int registry_setup_open(struct registry_setup *r, const char *command, const struct settings *s, usec timeout,
			const char *const *insecure, size_t insecure_count, char *const *env);
void registry_setup_close(struct registry_setup *r);

/* Docker Hub's own API. NULL: docker.io's registry is redirected and this is not, so
 * docker.io is somebody else's, of which Hub knows nothing: a tag of the same name there
 * is not the one that was pushed. */
const char *registry_setup_hub_url(const struct settings *s);

#endif
