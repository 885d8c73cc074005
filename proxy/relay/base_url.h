/* One upstream's base URL, as libcurl takes it. For curl_wire.c only. */
#ifndef SIGRELAY_PROXY_RELAY_BASE_URL_H
#define SIGRELAY_PROXY_RELAY_BASE_URL_H

#include <curl/curl.h>
#include <stdbool.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/status.h>

struct base_url {
	CURLU *url;
	char *prefix; /* path before the request target, "" mostly */
	char *root;   /* of plain HTTP, which a proxy wants whole URLs of; else NULL */
	bool loopback;
};

/* text: as a setting has it. To be released whatever comes back. */
enum status base_url_init(struct base_url *u, const char *text) MUST_CHECK;
void base_url_release(struct base_url *u);

/* What every request to it has in common. */
bool base_url_setup(const struct base_url *u, CURL *easy) MUST_CHECK;
/* Where one request goes: target is its path and query. room: to write what is longer
 * than target, of which libcurl makes a copy. */
bool base_url_aim(const struct base_url *u, CURL *easy, const char *target, struct buf *room) MUST_CHECK;

#endif
