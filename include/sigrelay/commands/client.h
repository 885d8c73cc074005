/* Pointing the clients of Sigstore at a relay, and finding out where they are
 * pointed already, so that this becomes the relay's upstream.
 *
 * One rule keeps a signature from reaching another instance than the user's: a
 * client is pointed at the relay only if the relay's upstream is the service
 * that this client would have used, or if the user named the upstream to
 * sigrelay itself. */
#ifndef SIGRELAY_COMMANDS_CLIENT_H
#define SIGRELAY_COMMANDS_CLIENT_H

#include <stdbool.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/clock.h>
#include <sigrelay/base/json.h>
#include <sigrelay/base/settings.h>
#include <sigrelay/commands/cosign.h>
#include <sigrelay/commands/environment.h>
#include <sigrelay/sigstore/operation.h>

/* Clients that share their settings. Gitsign's are also those under SIGSTORE_. */
enum client_family { FAMILY_COSIGN, FAMILY_GITSIGN, FAMILY_COUNT };

/* The words of --client. */
enum client_choice { CLIENT_AUTO, CLIENT_COSIGN2, CLIENT_COSIGN3, CLIENT_NONE };
enum status clients_choice_read(const char *word, enum client_choice *out) MUST_CHECK; /* NULL: auto */

/* All that is known of the clients before the relay runs. */
struct client {
	char *const *env;          /* borrowed */
	bool direct;               /* the command is cosign itself: nobody else is at hand */
	enum client_family first;  /* whose services become the upstreams */
	enum client_style style;   /* of cosign */
	const char *leave_why;     /* with STYLE_LEAVE: static; NULL when it was wished */
	const char *service_flag;  /* a URL flag on cosign's command line; NULL: none */
	bool given[SERVICE_COUNT]; /* the user named this upstream to sigrelay itself */
	/* What each family would use without sigrelay: a base URL; "": none; NULL:
	 * not known, or nothing that can be relayed. Owned. */
	char *own[FAMILY_COUNT][SERVICE_COUNT];
	bool log_v2[FAMILY_COUNT]; /* its log speaks Rekor v2, which is not relayed yet */
	cJSON *signing_config;     /* cosign's own, owned; NULL: none known */
	char *private_mirror;      /* a TUF mirror whose signing config is not at hand; owned */
	usec timeout;              /* the user's COSIGN_TIMEOUT or --timeout; 0: none */
};

/* Finds out: from env, from argv when it is cosign's (NULL: no command), and by
 * asking `cosign version --json` and `git config`, each for five seconds at
 * most. STATUS_INVALID: the reason, for people, is in error. c is to be released
 * whatever comes back. */
enum status clients_find(struct client *c, enum client_choice choice, char *const *argv, char *const *env,
			 struct buf *error) MUST_CHECK;
void clients_release(struct client *c);

/* Makes the first family's own services the defaults of the relay's upstreams.
 * Call before the settings are loaded: file, variables and flags win. */
enum status clients_suggest(const struct client *c, struct settings_load *l) MUST_CHECK;
/* After the load: notes which upstreams were named to sigrelay itself.
 * STATUS_INVALID: cosign's own services are private and not known; the reason,
 * for people, is in error. */
enum status clients_settle(struct client *c, const struct settings_load *l, struct buf *error) MUST_CHECK;

/* The variables that point the clients at relay_url. config_path: where the
 * signing config is (for STYLE_SIGNING_CONFIG). Variables that the rule above
 * leaves as they are are named in `past`, comma-separated. */
enum status clients_edits(const struct client *c, const struct settings *s, const char *relay_url,
			  const char *config_path, struct environment_edits *out,
			  struct buf *past) MUST_CHECK;

/* The signing config's text. cosign's own in c is used up by it. */
enum status clients_signing_config(struct client *c, const struct settings *s, const char *relay_url,
				   const char *now, struct buf *out) MUST_CHECK;

/* How long cosign is told to wait: its own three minutes, and retry_for for each
 * service that it calls in turn. */
usec clients_patience(const struct client *c, const struct settings *s);

/* The public-good instance of a service: what clients use when told nothing. */
const char *clients_public_url(enum service s);
/* A service's URL as cosign takes it, made a base URL: no slash at its end, and
 * for a TSA without its path. NULL in *out: a TSA at another path, which cannot
 * be relayed. */
enum status clients_base_url(enum service s, const char *url, char **out) MUST_CHECK;

#endif
