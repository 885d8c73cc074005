/* Where a URL leads, and what kind of network an address is in. Pure. */
#ifndef SIGRELAY_REGISTRY_WEB_URL_H
#define SIGRELAY_REGISTRY_WEB_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/status.h>

/* What is not public may be reached from here and not from where an answer came:
 * a host named by an answer must not lead there. */
enum network {
	NETWORK_PUBLIC,
	NETWORK_PRIVATE,  /* RFC 1918, 100.64.0.0/10, fc00::/7 */
	NETWORK_LOOPBACK, /* 127.0.0.0/8, ::1; 0.0.0.0 and :: lead there too */
	NETWORK_LINK,     /* 169.254.0.0/16 (cloud metadata), fe80::/10; multicast, reserved */
};
const char *network_name(enum network n); /* "public", "private", "loopback", "link-local" */
/* IPv4 inside IPv6 (mapped, NAT64, 6to4) is judged as IPv4. */
enum network network_of(const struct sockaddr *a);
/* Of an address written out, brackets allowed; NETWORK_PUBLIC for a name. */
enum network network_of_text(const char *host);

/* Must a host in `to` not be asked, that was named by an answer from `from`? Not where
 * both are private; nor where both are loopback, if the answer was to a request of the
 * user's own making (a token service is none). */
bool network_is_refused(enum network to, enum network from, bool users_own);

/* Scheme, host and port of a URL: what a credential is good for. */
struct place {
	bool tls;
	char host[256]; /* lower case, IPv6 in brackets */
	char port[6];
};
/* False: not http or https, no host, or a name or password in it. */
bool place_of(const char *url, struct place *out);
bool place_eq(const struct place *a, const struct place *b);
/* Is place what "host[:port]" (of an image reference) means? */
bool place_is(const struct place *p, const char *host_port);
/* "host", or "host:port" where the port is not the scheme's own. */
void place_print(const struct place *p, char out[264]);

/* The URL that a Location or Link, maybe relative, leads to from url; its fragment
 * is cut off. STATUS_INVALID: it leads nowhere. The caller frees *out (mem_free). */
enum status url_follow(const char *url, struct slice location, char **out) MUST_CHECK;
/* Adds text with every byte but letters, digits and -._~ percent-encoded. */
enum status url_encode(struct slice text, struct buf *out) MUST_CHECK;

#endif
