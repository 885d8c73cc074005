#include <sigrelay/relay/tls.h>

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <sigrelay/base/log.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/relay/telemetry.h>

/* RFC 9325 4.2; those of TLS 1.3 are all fine. */
#define SUITES "ECDHE+AESGCM:ECDHE+CHACHA20"

struct tls {
	SSL_CTX *context;
	struct metric *rejected;
};

static enum status fail(struct buf *error, const char *setting, const char *file, const char *todo)
{
	unsigned long e = ERR_peek_error();
	const char *why = ERR_SYSTEM_ERROR(e) ? strerror(ERR_GET_REASON(e)) : ERR_reason_error_string(e);
	enum status st = buf_addf(error, "%s = %s cannot be used: %s; %s", setting, file,
				  why ? why : "no such thing in it", todo);
	ERR_clear_error();
	return st == STATUS_OK ? STATUS_INVALID : st;
}

/* A prompt for a key's password would hang a service. */
static int no_password(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

static int choose_http(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in,
		       unsigned in_n, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen = NULL;
	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, n, ours, sizeof(ours) - 1, in, in_n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* NULL: by a UNIX socket, or gone. */
static const char *peer(int fd, char *text, socklen_t size)
{
	struct sockaddr_storage from = { .ss_family = AF_UNSPEC };
	socklen_t n = sizeof(from);
	if (getpeername(fd, (struct sockaddr *)&from, &n) != 0 || from.ss_family == AF_UNIX)
		return NULL;
	return getnameinfo((struct sockaddr *)&from, n, text, size, NULL, 0, NI_NUMERICHOST) == 0 ? text
												  : NULL;
}

/* What else came is taken from the socket: closed with unread bytes it would be reset,
 * and the alert that was just sent lost on its way. */
static void let_alert_arrive(int fd)
{
	char junk[4096];
	for (int n = 0; n < 16 && recv(fd, junk, sizeof(junk), MSG_DONTWAIT) > 0; n++)
		;
}

/* OpenSSL empties its queue of errors when a handshake goes on. */
static void on_state(const SSL *ssl, int where, int value)
{
	unsigned long e = ERR_peek_last_error();
	if (where != SSL_CB_ACCEPT_EXIT || value > 0 || e == 0)
		return;
	char cause[160], address[INET6_ADDRSTRLEN];
	const char *why = ERR_reason_error_string(e);
	snprintf(cause, sizeof(cause), "no TLS handshake: %s", why ? why : "unknown");
	const struct tls *t = SSL_get_app_data(ssl);
	metric_add(t->rejected, 1);
	log_event(LOG_INFO, "refused", LOG_S("reason", rejected_name(REJECTED_TLS)), LOG_S("cause", cause),
		  LOG_S("address", peer(SSL_get_fd(ssl), address, sizeof(address))), LOG_S("next", "close"));
	let_alert_arrive(SSL_get_fd(ssl));
}

static enum status set_policy(SSL_CTX *c, const struct settings *s)
{
	int least = s->tls_min_version ? TLS1_3_VERSION : TLS1_2_VERSION;
	SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
				   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
	/* Idle connections are many, and mostly idle. */
	SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_default_passwd_cb(c, no_password);
	SSL_CTX_set_info_callback(c, on_state);
	SSL_CTX_set_alpn_select_cb(c, choose_http, NULL);
	/* A session that is resumed would outlive a client authority that was taken out. */
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(c, 0);
	SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
	return SSL_CTX_set_min_proto_version(c, least) == 1 && SSL_CTX_set_cipher_list(c, SUITES) == 1
		   ? STATUS_OK
		   : STATUS_NO_MEMORY;
}

static enum status read_files(SSL_CTX *c, const struct settings *s, struct buf *error)
{
	if (SSL_CTX_use_certificate_chain_file(c, s->tls_cert_file) != 1)
		return fail(error, "tls_cert_file", s->tls_cert_file,
			    "it must be PEM: the certificate, then its chain");
	if (!s->tls_key_file)
		return fail(error, "tls_key_file", "(unset)", "set it to the key of tls_cert_file");
	if (SSL_CTX_use_PrivateKey_file(c, s->tls_key_file, SSL_FILETYPE_PEM) != 1)
		return fail(error, "tls_key_file", s->tls_key_file,
			    "it must be PEM, without a password, and the key of tls_cert_file");
	if (!s->tls_client_ca_file)
		return STATUS_OK;
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(s->tls_client_ca_file);
	if (!names || SSL_CTX_load_verify_file(c, s->tls_client_ca_file) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return fail(error, "tls_client_ca_file", s->tls_client_ca_file,
			    "it must be PEM: the authorities of client certificates");
	}
	SSL_CTX_set_client_CA_list(c, names);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return STATUS_OK;
}

enum status tls_check_upstream(const struct settings *s, struct buf *error)
{
	if (!s->ca_file && !s->upstream_cert_file)
		return STATUS_OK;
	ERR_clear_error();
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());
	if (!c)
		return STATUS_NO_MEMORY;
	SSL_CTX_set_default_passwd_cb(c, no_password);
	enum status st = STATUS_OK;
	if (s->ca_file && SSL_CTX_load_verify_file(c, s->ca_file) != 1)
		st = fail(error, "ca_file", s->ca_file, "it must be PEM: the authorities of the services");
	else if (s->upstream_cert_file && SSL_CTX_use_certificate_chain_file(c, s->upstream_cert_file) != 1)
		st = fail(error, "upstream_cert_file", s->upstream_cert_file,
			  "it must be PEM: the certificate, then its chain");
	else if (s->upstream_key_file &&
		 SSL_CTX_use_PrivateKey_file(c, s->upstream_key_file, SSL_FILETYPE_PEM) != 1)
		st = fail(error, "upstream_key_file", s->upstream_key_file,
			  "it must be PEM, without a password, and the key of upstream_cert_file");
	SSL_CTX_free(c);
	return st;
}

static enum status context_new(SSL_CTX **out, const struct settings *s, struct buf *error)
{
	ERR_clear_error();
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());
	if (!c)
		return STATUS_NO_MEMORY;
	enum status st = set_policy(c, s);
	if (st == STATUS_OK)
		st = read_files(c, s, error);
	if (st != STATUS_OK) {
		SSL_CTX_free(c);
		return st;
	}
	*out = c;
	return STATUS_OK;
}

enum status tls_new(struct tls **out, const struct settings *s, struct metric *rejected, struct buf *error)
{
	if (!s->tls_cert_file) {
		*out = NULL;
		return STATUS_OK;
	}
	struct tls *t = mem_calloc(1, sizeof(*t));
	if (!t)
		return STATUS_NO_MEMORY;
	t->rejected = rejected;
	enum status st = context_new(&t->context, s, error);
	if (st != STATUS_OK) {
		mem_free(t);
		return st;
	}
	*out = t;
	return STATUS_OK;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->context);
	mem_free(t);
}

enum status tls_reload(struct tls *t, const struct settings *s, struct buf *error)
{
	SSL_CTX *next = NULL;
	if (!t || !s->tls_cert_file)
		return STATUS_OK;
	enum status st = context_new(&next, s, error);
	if (st != STATUS_OK)
		return st;
	SSL_CTX_free(t->context);
	t->context = next;
	return STATUS_OK;
}

struct bufferevent *tls_bufferevent(struct tls *t, struct event_base *base)
{
	if (!t)
		return bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	SSL *ssl = SSL_new(t->context);
	if (!ssl)
		return NULL;
	SSL_set_app_data(ssl, t);
	struct bufferevent *bev =
	    bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		SSL_free(ssl);
		return NULL;
	}
	/* A client that just closes has left, and that is no error. */
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}

void tls_last_word(struct bufferevent *bev, const char *text, size_t n)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	if (!ssl)
		(void)!send(bufferevent_getfd(bev), text, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	else if (SSL_is_init_finished(ssl) && SSL_write(ssl, text, (int)n) > 0)
		(void)!SSL_shutdown(ssl);
	ERR_clear_error();
}

void tls_half_close(struct bufferevent *bev)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	if (!ssl)
		(void)shutdown(bufferevent_getfd(bev), SHUT_WR);
	else if (SSL_is_init_finished(ssl))
		(void)!SSL_shutdown(ssl);
	ERR_clear_error();
}
