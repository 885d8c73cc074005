/* docker-credential-NAME: asked with a key on its stdin, it answers JSON on its
 * stdout, and says there too what goes wrong (docker-credential-helpers,
 * credentials/credentials.go). */
#ifndef SIGRELAY_REGISTRY_CREDENTIAL_HELPER_H
#define SIGRELAY_REGISTRY_CREDENTIAL_HELPER_H

#include <sigrelay/base/buf.h>
#include <sigrelay/base/clock.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/registry/credentials.h>

struct helper_call {
	const char *name;  /* docker-credential-NAME */
	const char *key;   /* what it is asked for */
	const char *file;  /* that names it, … */
	const char *field; /* … and where; for people */
	char *const *env;  /* its environment; PATH is searched for it */
	usec limit;
};

/* Runs it and waits for its end. STATUS_NOT_FOUND: it knows nobody. STATUS_IO,
 * STATUS_INVALID: why says what is wrong and what to do. */
enum status credential_helper_get(const struct helper_call *call, struct credentials *out,
				  struct buf *why) MUST_CHECK;
/* Pure: its answer. */
enum status credential_helper_parse(struct slice answer, struct credentials *out) MUST_CHECK;

#endif
