/* Where a Redis is and how to get in, read from redis_url. Pure.
 *
 *   redis://[user[:password]@]host[:port][/db]    rediss://… the same over TLS
 *   unix:/path  redis+unix:///path
 *
 * User and password may be percent-encoded; ":password@" has no user. */
#ifndef SIGRELAY_BASE_REDIS_URL_H
#define SIGRELAY_BASE_REDIS_URL_H

#include <stdbool.h>
#include <stdint.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>

struct redis_url {
	bool tls;
	bool local;     /* host is the path of a UNIX socket */
	char host[256]; /* without brackets */
	uint16_t port;
	unsigned db;
	char user[256], password[4096]; /* "" = none; wipe the struct after use */
};

/* why: a static phrase that says what is wrong and holds nothing of text. On failure
 * out is untouched. */
enum status redis_url_parse(struct slice text, struct redis_url *out, const char **why) MUST_CHECK;
/* Text with *** in the place of its password. */
enum status redis_url_mask(struct slice text, struct buf *out) MUST_CHECK;

#endif
