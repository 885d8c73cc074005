/* The upstream of the benchmark: answers what a Rekor would, as fast as can be.
 *
 *   upstream PORT [tls CERT KEY] [stall]
 *
 * GET /api/v1/log and POST /api/v1/index/retrieve get fixed JSON of real size;
 * POST /api/v1/log/entries gets the 201 of a true entry: the posted bytes as the
 * stored body, the leaf hash of it in the key, and an inclusion proof of a tree
 * as deep as the public log's. stall: takes every request and answers none.
 *
 * HTTP/1.1 with keep-alive and Content-Length only; requests one after another
 * on a connection. Loopback only. Prints "ready" when it listens. */
#define _GNU_SOURCE /* strcasestr */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PROOF_DEPTH 28 /* the public log's shard has some 10^8 leaves */
#define BODY_MAX 65536
#define TREE_ID "108e9186e8c5677a"

static struct event_base *base;
static SSL_CTX *tls;
static bool stall;
static char log_info[4096], index_ids[4096];

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static size_t hex(char *out, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sprintf(out + 2 * i, "%02x", p[i]);
	return 2 * n;
}

/* GET /api/v1/log of a log with six shards: about 2.5 KB. */
static void make_log_info(void)
{
	static const char head[] =
	    "{\"rootHash\":\"%064d\",\"signedTreeHead\":\"rekor.bench - "
	    "1193050959916656506\\n42591958\\n%s\\n\\n— rekor.bench %s\\n\",\"treeID\":"
	    "\"1193050959916656506\",\"treeSize\":42591958";
	static const char fill[] = "npLGZF4ZrC4cKjmbgCBQJFsbGzgkQzrYcUOTPlRCZXV0rWzqVqF8CA3u";
	char head_text[1024];
	size_t n = (size_t)snprintf(head_text, sizeof(head_text), head, 7, fill, fill);
	memcpy(log_info, head_text, n);
	n += (size_t)sprintf(log_info + n, ",\"inactiveShards\":[");
	for (int i = 0; i < 5; i++)
		n += (size_t)sprintf(log_info + n, "%s%s}", i ? "," : "", head_text);
	sprintf(log_info + n, "]}\n");
}

/* POST /api/v1/index/retrieve: thirty ids, about 2.5 KB. */
static void make_index(void)
{
	size_t n = (size_t)sprintf(index_ids, "[");
	for (int i = 0; i < 30; i++)
		n += (size_t)sprintf(index_ids + n, "%s\"" TREE_ID "%064x\"", i ? "," : "", i * 7919 + 11);
	sprintf(index_ids + n, "]\n");
}

static void reply(struct evbuffer *out, const char *status, const char *more, const char *body, size_t n)
{
	evbuffer_add_printf(out,
			    "HTTP/1.1 %s\r\nDate: Tue, 24 Nov 2026 08:00:00 GMT\r\nContent-Type: "
			    "application/json\r\nCache-Control: no-cache, no-store, must-revalidate\r\n"
			    "Vary: Origin\r\n%sContent-Length: %zu\r\n\r\n",
			    status, more, n);
	evbuffer_add(out, body, n);
}

static void sha_pair(const unsigned char *left, const unsigned char *right, unsigned char out[32])
{
	unsigned char block[65] = { 1 };
	memcpy(block + 1, left, 32);
	memcpy(block + 33, right, 32);
	SHA256(block, sizeof(block), out);
}

/* The proof of leaf 0 in a tree of 2^PROOF_DEPTH leaves, every sibling alike. */
static size_t add_proof(char *out, const unsigned char leaf[32])
{
	unsigned char at[32], sibling[32];
	char text[65];
	size_t n = (size_t)sprintf(out, "\"hashes\":[");
	memset(sibling, 0x5a, sizeof(sibling));
	hex(text, sibling, 32);
	memcpy(at, leaf, 32);
	for (int i = 0; i < PROOF_DEPTH; i++) {
		sha_pair(at, sibling, at);
		n += (size_t)sprintf(out + n, "%s\"%s\"", i ? "," : "", text);
	}
	hex(text, at, 32);
	return n + (size_t)sprintf(out + n, "],\"logIndex\":0,\"treeSize\":%lu,\"rootHash\":\"%s\"",
				   1UL << PROOF_DEPTH, text);
}

static void reply_created(struct evbuffer *out, const char *body, size_t size)
{
	static unsigned char leaf_data[BODY_MAX + 1];
	static char text[4 * BODY_MAX];
	unsigned char leaf[32];
	char id[81] = TREE_ID, more[256];
	memcpy(leaf_data + 1, body, size); /* leaf_data[0] is RFC 6962's 0 */
	SHA256(leaf_data, size + 1, leaf);
	hex(id + 16, leaf, 32);
	size_t n = (size_t)sprintf(text, "{\"%s\":{\"body\":\"", id);
	n += (size_t)EVP_EncodeBlock((unsigned char *)text + n, (const unsigned char *)body, (int)size);
	n += (size_t)sprintf(text + n,
			     "\",\"integratedTime\":%lld,\"logID\":\"%064d\",\"logIndex\":25579,"
			     "\"verification\":{\"inclusionProof\":{\"checkpoint\":\"rekor.bench\",",
			     (long long)time(NULL), 9);
	n += add_proof(text + n, leaf);
	n += (size_t)sprintf(text + n, "},\"signedEntryTimestamp\":\"bm90IGNoZWNrZWQ=\"}}}\n");
	snprintf(more, sizeof(more), "ETag: %s\r\nLocation: /api/v1/log/entries/%s\r\n", id, id);
	reply(out, "201 Created", more, text, n);
}

static void answer(struct evbuffer *out, const char *head, const char *body, size_t size)
{
	if (strncmp(head, "POST /api/v1/log/entries ", 25) == 0)
		reply_created(out, body, size);
	else if (strncmp(head, "POST /api/v1/index/retrieve ", 28) == 0)
		reply(out, "200 OK", "", index_ids, strlen(index_ids));
	else if (strncmp(head, "GET /api/v1/log ", 16) == 0)
		reply(out, "200 OK", "", log_info, strlen(log_info));
	else
		reply(out, "404 Not Found", "", "{}", 2);
}

/* One whole request off the buffer; false when it is not all there yet. */
static bool take_request(struct bufferevent *bev)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	char head[4096], *length;
	if (end.pos < 0)
		return false;
	size_t head_size = (size_t)end.pos + 4, size = 0;
	if (head_size >= sizeof(head))
		fail("a head beyond 4 KB");
	evbuffer_copyout(in, head, head_size);
	head[head_size] = '\0';
	if ((length = strcasestr(head, "\r\nContent-Length:")))
		size = strtoul(length + 17, NULL, 10);
	if (size > BODY_MAX)
		fail("a body beyond 64 KB");
	if (evbuffer_get_length(in) < head_size + size)
		return false;
	const char *p = (const char *)evbuffer_pullup(in, (ev_ssize_t)(head_size + size));
	if (!stall)
		answer(bufferevent_get_output(bev), head, p + head_size, size);
	evbuffer_drain(in, head_size + size);
	return true;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	(void)arg;
	while (take_request(bev))
		;
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)arg;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		bufferevent_free(bev);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int n, void *arg)
{
	(void)l;
	(void)sa;
	(void)n;
	(void)arg;
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	struct bufferevent *bev =
	    tls ? bufferevent_openssl_socket_new(base, fd, SSL_new(tls), BUFFEREVENT_SSL_ACCEPTING,
						 BEV_OPT_CLOSE_ON_FREE)
		: bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!bev)
		fail("bufferevent");
	bufferevent_setcb(bev, on_read, NULL, on_event, NULL);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static void load_tls(const char *cert, const char *key)
{
	tls = SSL_CTX_new(TLS_server_method());
	if (!tls || SSL_CTX_use_certificate_chain_file(tls, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)
		fail("certificate or key");
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (argc < 2) {
		fprintf(stderr, "usage: upstream PORT [tls CERT KEY] [stall]\n");
		return 64;
	}
	at.sin_port = htons((uint16_t)atoi(argv[1]));
	stall = strcmp(argv[argc - 1], "stall") == 0;
	if (argc >= 5 && strcmp(argv[2], "tls") == 0)
		load_tls(argv[3], argv[4]);
	signal(SIGPIPE, SIG_IGN);
	make_log_info();
	make_index();
	base = event_base_new();
	if (!base ||
	    !evconnlistener_new_bind(base, on_accept, NULL, LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE, 4096,
				     (struct sockaddr *)&at, sizeof(at)))
		fail(argv[1]);
	puts("ready");
	fflush(stdout);
	event_base_dispatch(base);
	return 0;
}
