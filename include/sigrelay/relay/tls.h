/* TLS of the listeners, by OpenSSL through libevent's bufferevents: TLS 1.2 and
 * later, forward secrecy and AEAD only (RFC 9325), HTTP/1.1 by ALPN, and where
 * tls_client_ca_file is set only clients with a certificate of its authorities.
 *
 * A connection keeps what it was begun with: tls_reload changes the next ones. */
#ifndef SIGRELAY_RELAY_TLS_H
#define SIGRELAY_RELAY_TLS_H

#include <stddef.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/settings.h>

struct bufferevent;
struct event_base;
struct metric;
struct tls;

/* *out is NULL where tls_cert_file is unset. rejected: borrowed, counts the handshakes
 * that fail. STATUS_INVALID: error names the file and what is wrong with it. */
enum status tls_new(struct tls **out, const struct settings *s, struct metric *rejected,
		    struct buf *error) MUST_CHECK;
void tls_free(struct tls *t); /* NULL is fine */

/* The files read anew; on failure nothing changes. Switching TLS on or off needs a restart. */
enum status tls_reload(struct tls *t, const struct settings *s, struct buf *error) MUST_CHECK;

/* What libcurl will read with each connection to a service, looked at beforehand:
 * a wrong file would look like an outage. */
enum status tls_check_upstream(const struct settings *s, struct buf *error) MUST_CHECK;

/* For evhttp, which sets the descriptor. t NULL: a plain one. NULL: no memory. */
struct bufferevent *tls_bufferevent(struct tls *t, struct event_base *base);
/* A few bytes past whatever the bufferevent has queued, for a connection that is
 * closed right after; what the socket does not take at once is lost. */
void tls_last_word(struct bufferevent *bev, const char *text, size_t n);
/* Nothing more is written; what comes in is still read. */
void tls_half_close(struct bufferevent *bev);

#endif
