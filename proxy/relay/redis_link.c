#include <sigrelay/relay/redis_link.h>

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <sigrelay/base/file.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/base/redis_url.h>

#define UNREAD_MAX ((size_t)1 << 20) /* of one reply; an entry is far smaller */
#define UNSENT_MAX ((size_t)8 << 20)
#define PASSWORD_FILE_MAX 4096

struct redis_link {
	struct event_base *base;
	struct evdns_base *dns; /* NULL: the host is an address */
	struct redis_link_hooks hooks;
	struct fleet *fleet;
	struct redis_url url;
	char *password_file; /* NULL: none */
	SSL_CTX *tls;        /* NULL: without */
	struct bufferevent *bev;
	redisReader *reader;
	struct evdns_getaddrinfo_request *lookup; /* of the host's name, under way */
	struct event *failed; /* a connection that could not be begun is told from the loop */
	const char *failure;  /* why */
	bool beginning, greeting;
	unsigned greetings; /* replies to AUTH and SELECT that are still to come */
};

/* --- replies: hiredis' objects, bounded ------------------------------------- */

#if HIREDIS_MAJOR < 1
typedef int array_size;
#else
typedef size_t array_size;
#endif

static void *(*hiredis_array)(const redisReadTask *, array_size);

/* What a length says is allocated before a byte of it is there. */
static void *bounded_array(const redisReadTask *task, array_size n)
{
	return n > FLEET_ITEMS ? NULL : hiredis_array(task, n);
}

static redisReader *reader_new(void)
{
	static redisReplyObjectFunctions functions;
	redisReader *r = redisReaderCreate();
	if (!r)
		return NULL;
	if (!hiredis_array) {
		functions = *r->fn;
		hiredis_array = functions.createArray;
		functions.createArray = bounded_array;
	}
	r->fn = &functions;
	return r;
}

static struct fleet_value value_of(const redisReply *r)
{
	struct fleet_value v = { .type = FLEET_ODD };
	switch (r->type) {
	case REDIS_REPLY_STRING:
	case REDIS_REPLY_STATUS:
	case REDIS_REPLY_ERROR:
		v.type = r->type == REDIS_REPLY_ERROR ? FLEET_ERROR : FLEET_TEXT;
		v.text = (struct slice){ r->str, (size_t)r->len };
		break;
	case REDIS_REPLY_INTEGER:
		v.type = FLEET_INTEGER;
		v.integer = r->integer;
		break;
	case REDIS_REPLY_NIL:
		v.type = FLEET_NIL;
		break;
	case REDIS_REPLY_ARRAY:
		v.type = FLEET_ARRAY;
		break;
	default:
		break;
	}
	return v;
}

static void convert(const redisReply *r, struct fleet_reply *out)
{
	*out = (struct fleet_reply){ .value = value_of(r) };
	if (out->value.type != FLEET_ARRAY)
		return;
	for (size_t i = 0; i < r->elements && i < FLEET_ITEMS; i++) {
		out->item[i] = value_of(r->element[i]);
		if (out->item[i].type == FLEET_ARRAY)
			out->item[i].type = FLEET_ODD;
		out->count = i + 1;
	}
}

/* --- the connection's life ------------------------------------------------------ */

static void drop(void *link)
{
	struct redis_link *l = link;
	if (l->lookup)
		evdns_getaddrinfo_cancel(l->lookup);
	l->lookup = NULL;
	if (l->bev)
		bufferevent_free(l->bev);
	if (l->reader)
		redisReaderFree(l->reader);
	l->bev = NULL;
	l->reader = NULL;
	l->greetings = 0;
	event_del(l->failed);
}

static void lost(struct redis_link *l, const char *cause)
{
	drop(l);
	fleet_lost(l->fleet, cause);
}

static enum status command(void *link, const struct slice *words, size_t count)
{
	struct redis_link *l = link;
	const char *p[FLEET_ARGS];
	size_t n[FLEET_ARGS];
	char *text = NULL;
	if (!l->bev || count > FLEET_ARGS || evbuffer_get_length(bufferevent_get_output(l->bev)) > UNSENT_MAX)
		return STATUS_NO_MEMORY;
	for (size_t i = 0; i < count; i++) {
		p[i] = words[i].p;
		n[i] = words[i].n;
	}
	int size = (int)redisFormatCommandArgv(&text, (int)count, p, n);
	if (size < 0)
		return STATUS_NO_MEMORY;
	int rc = bufferevent_write(l->bev, text, (size_t)size);
	if (l->greeting)
		mem_wipe(text, (size_t)size);
	redisFreeCommand(text);
	return rc == 0 ? STATUS_OK : STATUS_NO_MEMORY;
}

/* A password may be changed while the relay runs; the old one stays where the file
 * cannot be read. */
static enum status read_password(struct redis_link *l)
{
	struct buf text;
	if (!l->password_file)
		return STATUS_OK;
	buf_init(&text, PASSWORD_FILE_MAX);
	enum status st = file_read(l->password_file, &text);
	while (text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
		text.n--;
	if (st == STATUS_OK && (text.n == 0 || text.n >= sizeof(l->url.password)))
		st = STATUS_INVALID;
	if (st == STATUS_OK) {
		memcpy(l->url.password, text.p, text.n);
		l->url.password[text.n] = '\0';
	}
	int why = errno;
	buf_wipe(&text);
	errno = why;
	return st;
}

static enum status greet_with(struct redis_link *l, const struct slice *words, size_t count)
{
	enum status st = command(l, words, count);
	l->greetings += st == STATUS_OK;
	return st;
}

static enum status greet(struct redis_link *l)
{
	char db[16];
	const struct redis_url *u = &l->url;
	const struct slice auth[] = { SLICE_LIT("AUTH"), slice_str(u->user[0] ? u->user : u->password),
				      slice_str(u->password) };
	const struct slice ping =
	    SLICE_LIT("PING"); /* where a password is missing: NOAUTH, in so many words */
	enum status st = STATUS_OK;
	l->greeting = true;
	if (u->password[0])
		st = greet_with(l, auth, u->user[0] ? 3 : 2);
	if (st == STATUS_OK && u->db) {
		int n = snprintf(db, sizeof(db), "%u", u->db);
		st = greet_with(l, (const struct slice[]){ SLICE_LIT("SELECT"), { db, (size_t)n } }, 2);
	}
	if (st == STATUS_OK)
		st = greet_with(l, &ping, 1);
	l->greeting = false;
	return st;
}

static void connected(struct redis_link *l)
{
	if (!(l->reader = reader_new()) || greet(l) != STATUS_OK)
		lost(l, "no memory for it");
}

/* Else it is not ready (LOADING), not this one (MOVED), or broken. ERR: a database that it
 * has not, or a password before version 6. */
static bool is_refusal(const char *code)
{
	static const char *const refusals[] = { "ERR", "NOAUTH", "NOPERM", "WRONGPASS" };
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (strcmp(code, refusals[i]) == 0)
			return true;
	}
	return false;
}

/* Of an error no more than its code is shown: a server that does not know AUTH repeats it. */
static void greeted(struct redis_link *l, const redisReply *r)
{
	char cause[96], code[FLEET_CODE_MAX];
	if (r->type == REDIS_REPLY_STATUS) {
		if (--l->greetings == 0)
			fleet_connected(l->fleet);
		return;
	}
	if (r->type != REDIS_REPLY_ERROR) {
		lost(l, "its answer is none of Redis'");
		return;
	}
	fleet_error_code((struct slice){ r->str, (size_t)r->len }, code);
	snprintf(cause, sizeof(cause), "%s: %s",
		 is_refusal(code) ? "it refuses the password or the database" : "it answers with an error",
		 code);
	lost(l, cause);
}

static void deliver(struct redis_link *l, redisReply *r)
{
	struct fleet_reply reply;
	if (l->greetings) {
		greeted(l, r);
	} else {
		convert(r, &reply);
		fleet_replied(l->fleet, &reply);
	}
	freeReplyObject(r);
}

/* Everything that is whole. False: the connection is gone, or another one's. */
static bool deliver_all(struct redis_link *l)
{
	redisReader *reader = l->reader;
	while (l->reader == reader) {
		void *r = NULL;
		if (redisReaderGetReply(reader, &r) != REDIS_OK || reader->len > UNREAD_MAX) {
			if (r)
				freeReplyObject(r);
			lost(l, "what it answers is not Redis' protocol");
			return false;
		}
		if (!r)
			return true;
		deliver(l, r);
	}
	return false;
}

static void read_some(struct redis_link *l)
{
	char some[16384];
	size_t n;
	struct bufferevent *bev = l->bev;
	while (l->bev == bev && l->reader && (n = bufferevent_read(bev, some, sizeof(some))) > 0) {
		if (redisReaderFeed(l->reader, some, n) != REDIS_OK) {
			lost(l, "what it answers is not Redis' protocol");
			return;
		}
		if (!deliver_all(l))
			return;
	}
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct redis_link *l = arg;
	(void)bev;
	l->hooks.before(l->hooks.arg);
	read_some(l);
	l->hooks.after(l->hooks.arg);
}

static const char *tls_reason(struct bufferevent *bev)
{
	unsigned long e = bufferevent_get_openssl_error(bev);
	return e ? ERR_reason_error_string(e) : NULL;
}

static const char *reason_of(struct redis_link *l, short what)
{
	const char *tls = l->tls ? tls_reason(l->bev) : NULL;
	int dns = bufferevent_socket_get_dns_error(l->bev);
	int error = EVUTIL_SOCKET_ERROR();
	if (tls)
		return tls;
	if (dns)
		return evutil_gai_strerror(dns);
	if (what & BEV_EVENT_EOF || error == 0)
		return "it closed the connection";
	return evutil_socket_error_to_string(error);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct redis_link *l = arg;
	(void)bev;
	if (l->beginning) /* told from the loop, not from inside connect */
		return;
	char cause[160];
	snprintf(cause, sizeof(cause), "%s", what & BEV_EVENT_CONNECTED ? "" : reason_of(l, what));
	l->hooks.before(l->hooks.arg);
	if (what & BEV_EVENT_CONNECTED)
		connected(l);
	else if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		lost(l, cause);
	l->hooks.after(l->hooks.arg);
}

static void on_failed(evutil_socket_t fd, short what, void *arg)
{
	struct redis_link *l = arg;
	(void)fd;
	(void)what;
	l->hooks.before(l->hooks.arg);
	lost(l, l->failure);
	l->hooks.after(l->hooks.arg);
}

/* --- beginning to connect ----------------------------------------------------------- */

static bool is_numeric(const char *host)
{
	struct in6_addr any;
	return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

static SSL *session_new(struct redis_link *l)
{
	char *host = l->url.host;
	SSL *ssl = SSL_new(l->tls);
	if (!ssl)
		return NULL;
	int named = is_numeric(host) ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host)
				     : SSL_set1_host(ssl, host) && SSL_set_tlsext_host_name(ssl, host);
	if (named)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

static struct bufferevent *bufferevent_for(struct redis_link *l)
{
	if (!l->tls)
		return bufferevent_socket_new(l->base, -1, BEV_OPT_CLOSE_ON_FREE);
	SSL *ssl = session_new(l);
	return ssl ? bufferevent_openssl_socket_new(l->base, -1, ssl, BUFFEREVENT_SSL_CONNECTING,
						    BEV_OPT_CLOSE_ON_FREE)
		   : NULL;
}

static void cannot_begin(struct redis_link *l, const char *why)
{
	l->failure = why;
	event_active(l->failed, EV_TIMEOUT, 1);
}

static void begin(struct redis_link *l, const struct sockaddr *to, size_t n)
{
	l->beginning = true;
	bool begun = bufferevent_socket_connect(l->bev, to, (int)n) == 0;
	l->beginning = false;
	if (!begun)
		cannot_begin(l, "it cannot be connected to");
}

static void begin_local(struct redis_link *l)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	memcpy(un.sun_path, l->url.host, strlen(l->url.host) + 1); /* address_parse saw to its length */
	begin(l, (struct sockaddr *)(void *)&un, sizeof(un));
}

/* Of a look-up that was cancelled by drop it is told in a later turn of the loop, by
 * when another may be under way. */
static void on_address(int error, struct evutil_addrinfo *found, void *arg)
{
	struct redis_link *l = arg;
	if (error == EVUTIL_EAI_CANCEL)
		return;
	l->lookup = NULL;
	if (error)
		cannot_begin(l, "the name of its host is not found");
	else
		begin(l, found->ai_addr, (size_t)found->ai_addrlen);
	if (found)
		evutil_freeaddrinfo(found);
}

static void begin_by_name(struct redis_link *l)
{
	const struct evutil_addrinfo hints = { .ai_family = AF_UNSPEC,
					       .ai_socktype = SOCK_STREAM,
					       .ai_protocol = IPPROTO_TCP,
					       .ai_flags =
						   l->dns ? EVUTIL_AI_ADDRCONFIG : EVUTIL_AI_NUMERICHOST };
	struct evutil_addrinfo *found = NULL;
	char port[8];
	snprintf(port, sizeof(port), "%u", (unsigned)l->url.port);
	if (l->dns) { /* NULL when on_address was called already */
		l->lookup = evdns_getaddrinfo(l->dns, l->url.host, port, &hints, on_address, l);
		return;
	}
	int error = evutil_getaddrinfo(l->url.host, port, &hints, &found);
	on_address(error, found, l);
}

static void connect_link(void *link)
{
	struct redis_link *l = link;
	(void)!read_password(l);
	if (!(l->bev = bufferevent_for(l))) {
		cannot_begin(l, "there is no memory for a connection");
		return;
	}
	bufferevent_setcb(l->bev, on_read, NULL, on_event, l);
	bufferevent_enable(l->bev, EV_READ | EV_WRITE);
	if (l->url.local)
		begin_local(l);
	else
		begin_by_name(l);
}

const struct fleet_link_ops redis_link_ops = { .connect = connect_link, .command = command, .drop = drop };

/* --- begin and end --------------------------------------------------------------------- */

static enum status tls_init(struct redis_link *l, const struct settings *s, struct buf *error)
{
	if (!l->url.tls)
		return STATUS_OK;
	if (!(l->tls = SSL_CTX_new(TLS_client_method())))
		return STATUS_NO_MEMORY;
	SSL_CTX_set_verify(l->tls, SSL_VERIFY_PEER, NULL);
	int least = s->upstream_tls_min_version ? TLS1_3_VERSION : TLS1_2_VERSION;
	int trusts = s->ca_file ? SSL_CTX_load_verify_file(l->tls, s->ca_file)
				: SSL_CTX_set_default_verify_paths(l->tls);
	if (SSL_CTX_set_min_proto_version(l->tls, least) == 1 && trusts == 1)
		return STATUS_OK;
	ERR_clear_error();
	enum status st = buf_addf(error,
				  "ca_file = %s cannot be used for redis_url: it must be PEM, with the "
				  "authorities of Redis' certificate",
				  s->ca_file ? s->ca_file : "(unset)");
	return st == STATUS_OK ? STATUS_INVALID : st;
}

static enum status password_init(struct redis_link *l, const struct settings *s, struct buf *error)
{
	if (!s->redis_password_file)
		return STATUS_OK;
	if (!(l->password_file = mem_strdup(s->redis_password_file)))
		return STATUS_NO_MEMORY;
	enum status st = read_password(l);
	if (st == STATUS_OK || st == STATUS_NO_MEMORY)
		return st;
	st = buf_addf(error, "redis_password_file = %s cannot be used: %s; it must hold the password alone",
		      s->redis_password_file, st == STATUS_IO ? strerror(errno) : "it is empty or too long");
	return st == STATUS_OK ? STATUS_INVALID : st;
}

static enum status set_up(struct redis_link *l, const struct settings *s, struct buf *error)
{
	const char *why = NULL;
	enum status st = redis_url_parse(slice_str(s->redis_url), &l->url, &why);
	if (st == STATUS_OK)
		st = password_init(l, s, error);
	if (st == STATUS_OK)
		st = tls_init(l, s, error);
	if (st != STATUS_OK)
		return st;
	if (!(l->failed = event_new(l->base, -1, 0, on_failed, l)))
		return STATUS_NO_MEMORY;
	if (!l->url.local && !is_numeric(l->url.host))
		l->dns = evdns_base_new(l->base,
					EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	return STATUS_OK;
}

enum status redis_link_new(struct redis_link **out, struct event_base *base, const struct settings *s,
			   const struct redis_link_hooks *hooks, struct buf *error)
{
	struct redis_link *l = mem_calloc(1, sizeof(*l));
	if (!l)
		return STATUS_NO_MEMORY;
	l->base = base;
	l->hooks = *hooks;
	enum status st = set_up(l, s, error);
	if (st != STATUS_OK) {
		redis_link_free(l);
		return st;
	}
	*out = l;
	return STATUS_OK;
}

void redis_link_serve(struct redis_link *l, struct fleet *f)
{
	l->fleet = f;
}

void redis_link_free(struct redis_link *l)
{
	if (!l)
		return;
	if (l->failed) {
		drop(l);
		event_free(l->failed);
	}
	if (l->dns) {
		/* A look-up that was cancelled frees itself when the loop tells on_address. */
		event_base_loop(l->base, EVLOOP_NONBLOCK);
		evdns_base_free(l->dns, 0);
	}
	SSL_CTX_free(l->tls);
	mem_wipe(&l->url, sizeof(l->url));
	mem_free(l->password_file);
	mem_free(l);
}
