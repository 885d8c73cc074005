/* What has to be known of cosign to point it somewhere. Pure: what it said and
 * how it is called are arguments.
 *
 * Sources: cosign 2.5.0, 2.6.5 and 3.1.3, cmd/cosign/cli/options/{root,rekor,
 * fulcio,sign}.go and cli/{sign,signblob}.go, cli/signcommon/common.go:
 *  - every flag has a variable COSIGN_<FLAG>, read when the flag was not given
 *    and the variable is not empty (options.BindViper);
 *  - 2.5 knows no signing config; from 2.6 --signing-config FILE and
 *    --use-signing-config (from TUF) exist and exclude each other, given by
 *    flag or by variable; the second is on by default from 3.0;
 *  - a signing config in use beside a service URL that is not the default is an
 *    error: "cannot specify service URLs and use signing config". */
#ifndef SIGRELAY_COMMANDS_COSIGN_H
#define SIGRELAY_COMMANDS_COSIGN_H

#include <stdbool.h>

#include <sigrelay/base/clock.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>

/* How the services of cosign are named to it. */
enum client_style {
	STYLE_LEAVE,          /* its variables stay as they are */
	STYLE_URLS,           /* COSIGN_REKOR_URL and its kin */
	STYLE_SIGNING_CONFIG, /* COSIGN_SIGNING_CONFIG and no URL */
};

struct cosign_version {
	unsigned major; /* 0: not known */
	unsigned minor;
};

/* What the command line settles before any variable is looked at. Strings are
 * borrowed from argv. */
struct cosign_flags {
	enum { FLAG_ABSENT, FLAG_NO, FLAG_YES } use_signing_config;
	const char *signing_config; /* NULL: not given */
	const char *service_flag;   /* a URL flag that is given, without its value: "--rekor-url"; or NULL */
	const char *timeout;        /* NULL: not given */
};

/* Is this program cosign, by its name? (cosign, cosign-linux-amd64, …) */
bool cosign_named(const char *program);
void cosign_flags_read(char *const *argv, struct cosign_flags *out);
/* From the JSON of `cosign version --json`; 0.0 when it says no number. */
struct cosign_version cosign_version_read(struct slice json);
/* The way to name services that this cosign takes, called this way. *why: a
 * static sentence when it is STYLE_LEAVE, else NULL. */
enum client_style cosign_style(struct cosign_version version, const struct cosign_flags *flags,
			       char *const *env, const char **why);
/* A duration as Go writes it: 90s, 3m0s, 1h30m, 1.5h, 250ms. */
enum status go_duration_read(const char *text, usec *out) MUST_CHECK;

#endif
