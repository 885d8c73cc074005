/* What a request is, by method and target, and what is refused outright.
 *
 * Paths do not collide between the services (facts: "One listener without path
 * prefix"), so the path alone names the service. The target is judged as sent:
 * it is never decoded and re-encoded, and what is ambiguous is refused: a
 * percent sign in the path, "//", "." or ".." segments, a backslash, control
 * bytes, bytes above 0x7e, a fragment, absolute-form, an empty target, more than
 * ROUTE_TARGET_MAX bytes. One trailing slash is taken off. */
#ifndef SIGRELAY_SIGSTORE_ROUTE_H
#define SIGRELAY_SIGSTORE_ROUTE_H

#include <sigrelay/base/slice.h>
#include <sigrelay/sigstore/operation.h>

#define ROUTE_TARGET_MAX 8192

enum route_kind {
	ROUTE_FORWARD,    /* operation and the rest are set */
	ROUTE_SELF,       /* GET or HEAD /healthz: the relay answers itself */
	ROUTE_BAD,        /* 400: a target that is not taken */
	ROUTE_UNKNOWN,    /* 404: no configured service has this path */
	ROUTE_BAD_METHOD, /* 405: the path exists, the method does not */
};

struct route {
	enum route_kind kind;
	enum operation operation;
	struct slice path;  /* without query and trailing slash; borrowed from target */
	struct slice query; /* without '?'; may be empty */
	struct slice id;    /* rekor.get: the entry id, 64 or 80 hex digits as sent; empty for what
			       is no id: that is forwarded too, the log itself answers 422 */
	const char *why;    /* for BAD, UNKNOWN, BAD_METHOD: a static sentence for the client */
	const char *allow;  /* BAD_METHOD: the Allow header */
};

/* method: "GET", "POST", … Routes:
 *   POST      /api/v1/log/entries                         rekor.create
 *   GET       /api/v1/log/entries/{id}                    rekor.get
 *   GET       /api/v1/log/entries?logIndex=               rekor.query
 *   POST      /api/v1/log/entries/retrieve                rekor.query
 *   GET       /api/v1/log, /log/publicKey, /log/proof, /log/timestamp, /api/v1/version, /ping   rekor.query
 *   POST      /api/v1/index/retrieve                      rekor.query
 *   POST      /api/v1/signingCert, /api/v2/signingCert    fulcio.sign
 *   GET       /api/v1/rootCert, /api/v2/trustBundle, /api/v2/configuration    fulcio.query
 *   POST      /api/v1/timestamp                           tsa.timestamp
 *   GET       /api/v1/timestamp/certchain                 tsa.query
 * HEAD is taken wherever GET is. */
struct route route_of(struct slice method, struct slice target);

#endif
