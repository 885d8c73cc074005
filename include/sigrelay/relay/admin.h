/* The admin listener: /metrics, /status, /healthz, /readyz, and a page for people at
 * / (page.h). Read-only.
 *
 * On loopback it answers to an IP address and to localhost only: a page in a browser
 * there could else read it under a name of its own that is made to lead here (DNS
 * rebinding). Beyond loopback names are the network's business. */
#ifndef SIGRELAY_RELAY_ADMIN_H
#define SIGRELAY_RELAY_ADMIN_H

#include <sigrelay/base/buf.h>
#include <sigrelay/base/settings.h>
#include <sigrelay/relay/front.h>
#include <sigrelay/relay/relay.h>

struct admin;

enum status admin_new(struct admin **out, struct event_base *base, struct relay *relay,
		      const struct settings *s, struct tls *tls, const struct listener_owner *owner,
		      struct buf *error) MUST_CHECK; /* tls: as in front_new */
void admin_configure(struct admin *a, const struct settings *s);
void admin_free(struct admin *a); /* NULL is fine */
const char *admin_url(const struct admin *a);

/* The /status document (design: Admin listener). */
enum status status_json(const struct relay *r, const struct settings *s, usec started,
			struct buf *out) MUST_CHECK;
/* Gauges that are read off the relay when somebody looks. */
void telemetry_refresh(struct relay *r);

#endif
