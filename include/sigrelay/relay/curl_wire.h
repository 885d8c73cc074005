/* The wire port in production: libcurl's multi interface on libevent's loop.
 *
 * One multi handle, pooled keep-alive connections, HTTP/2 where the upstream
 * offers it over TLS. Easy handles are kept per upstream and never reset: what
 * every request has in common is set once (docs/performance.md says what each
 * of these habits is worth). No curl_multi function is called from inside a
 * curl callback. */
#ifndef SIGRELAY_RELAY_CURL_WIRE_H
#define SIGRELAY_RELAY_CURL_WIRE_H

#include <sigrelay/base/settings.h>
#include <sigrelay/base/status.h>
#include <sigrelay/relay/wire.h>

struct event_base;
struct curl_wire;

/* before: called at the begin of every event the wire handles, after: at its
 * end (the owner sets the time and arms its timer). Both get arg. */
struct curl_wire_hooks {
	void (*before)(void *arg);
	void (*after)(void *arg);
	void *arg;
};

enum status curl_wire_new(struct curl_wire **out, struct event_base *base, const struct settings *s,
			  const struct curl_wire_hooks *hooks) MUST_CHECK;
/* Every attempt must have been cancelled or done. */
void curl_wire_free(struct curl_wire *w);
/* Time-outs and limits from new settings; upstream URLs stay. */
void curl_wire_configure(struct curl_wire *w, const struct settings *s);
extern const struct wire_ops curl_wire_ops;

#endif
