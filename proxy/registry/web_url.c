#include <sigrelay/registry/web_url.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <sigrelay/base/mem.h>

#define URL_MAX ((size_t)16384)

const char *network_name(enum network n)
{
	static const char *const names[] = { "public", "private", "loopback", "link-local" };
	return names[n];
}

static enum network network4(const uint8_t b[4])
{
	if (b[0] == 127 || b[0] == 0)
		return NETWORK_LOOPBACK;
	if ((b[0] == 169 && b[1] == 254) || b[0] >= 224)
		return NETWORK_LINK;
	bool private = b[0] == 10 || (b[0] == 172 && (b[1] & 0xf0) == 16) || (b[0] == 192 && b[1] == 168) ||
		       (b[0] == 100 && (b[1] & 0xc0) == 64);
	return private ? NETWORK_PRIVATE : NETWORK_PUBLIC;
}

/* The IPv4 address that packets to this IPv6 address end at; NULL: none. */
static const uint8_t *embedded4(const struct in6_addr *a)
{
	static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
	const uint8_t *b = a->s6_addr;
	if (IN6_IS_ADDR_V4MAPPED(a) || memcmp(b, nat64, sizeof(nat64)) == 0)
		return b + 12;
	return b[0] == 0x20 && b[1] == 0x02 ? b + 2 : NULL;
}

static enum network network6(const struct in6_addr *a)
{
	const uint8_t *v4 = embedded4(a);
	if (v4)
		return network4(v4);
	if (IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_UNSPECIFIED(a))
		return NETWORK_LOOPBACK;
	if (IN6_IS_ADDR_LINKLOCAL(a) || IN6_IS_ADDR_MULTICAST(a))
		return NETWORK_LINK;
	bool private = (a->s6_addr[0] & 0xfe) == 0xfc || IN6_IS_ADDR_SITELOCAL(a);
	return private ? NETWORK_PRIVATE : NETWORK_PUBLIC;
}

enum network network_of(const struct sockaddr *a)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	if (a->sa_family == AF_INET) {
		memcpy(&v4, a, sizeof(v4));
		return network4((const uint8_t *)&v4.sin_addr);
	}
	if (a->sa_family != AF_INET6)
		return NETWORK_LOOPBACK; /* a socket of this machine */
	memcpy(&v6, a, sizeof(v6));
	return network6(&v6.sin6_addr);
}

enum network network_of_text(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;
	char text[INET6_ADDRSTRLEN];
	size_t n = strlen(host);
	if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
		host++;
		n -= 2;
	}
	if (n >= sizeof(text))
		return NETWORK_PUBLIC;
	memcpy(text, host, n);
	text[n] = '\0';
	if (inet_pton(AF_INET, text, &v4) == 1)
		return network4((const uint8_t *)&v4);
	if (inet_pton(AF_INET6, text, &v6) == 1)
		return network6(&v6);
	return slice_eq_icase(slice_str(text), "localhost") ? NETWORK_LOOPBACK : NETWORK_PUBLIC;
}

bool network_is_refused(enum network to, enum network from, bool users_own)
{
	bool as_near = to == from && (to == NETWORK_PRIVATE || (to == NETWORK_LOOPBACK && users_own));
	return to != NETWORK_PUBLIC && !as_near;
}

/* False: not there, or longer than out. */
static bool part(CURLU *u, CURLUPart what, char *out, size_t size)
{
	char *text = NULL;
	if (curl_url_get(u, what, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return false;
	size_t n = strlen(text);
	bool fits = n > 0 && n < size;
	if (fits)
		memcpy(out, text, n + 1);
	curl_free(text);
	return fits;
}

static void lower(char *text)
{
	for (; *text; text++)
		*text = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
}

bool place_of(const char *url, struct place *out)
{
	char scheme[8];
	struct place p = { .tls = false };
	CURLU *u = curl_url();
	bool ok = u && curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK &&
		  part(u, CURLUPART_SCHEME, scheme, sizeof(scheme)) &&
		  part(u, CURLUPART_HOST, p.host, sizeof(p.host)) &&
		  part(u, CURLUPART_PORT, p.port, sizeof(p.port));
	curl_url_cleanup(u);
	if (!ok || (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0))
		return false;
	p.tls = scheme[4] == 's';
	lower(p.host);
	*out = p;
	return true;
}

bool place_eq(const struct place *a, const struct place *b)
{
	return strcmp(a->host, b->host) == 0 && strcmp(a->port, b->port) == 0;
}

bool place_is(const struct place *p, const char *host_port)
{
	char url[300];
	struct place other;
	int n = snprintf(url, sizeof(url), "%s://%s", p->tls ? "https" : "http", host_port);
	return n > 0 && (size_t)n < sizeof(url) && place_of(url, &other) && place_eq(p, &other);
}

void place_print(const struct place *p, char out[264])
{
	bool usual = strcmp(p->port, p->tls ? "443" : "80") == 0;
	snprintf(out, 264, "%s%s%s", p->host, usual ? "" : ":", usual ? "" : p->port);
}

enum status url_follow(const char *url, struct slice location, char **out)
{
	char *text = location.n < URL_MAX ? mem_strndup(location.p, location.n) : NULL, *found = NULL;
	CURLU *u = curl_url();
	enum status st = STATUS_INVALID;
	if (!u || (!text && location.n < URL_MAX)) {
		st = STATUS_NO_MEMORY;
	} else if (text && strlen(text) == location.n &&
		   curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
		   curl_url_set(u, CURLUPART_URL, text, CURLU_URLENCODE) == CURLUE_OK &&
		   curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
		   curl_url_get(u, CURLUPART_URL, &found, 0) == CURLUE_OK) {
		char *copy = mem_strdup(found);
		st = copy ? STATUS_OK : STATUS_NO_MEMORY;
		*out = copy ? copy : *out;
		curl_free(found);
	}
	curl_url_cleanup(u);
	mem_free(text);
	return st;
}

enum status url_encode(struct slice text, struct buf *out)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	enum status st = STATUS_OK;
	for (size_t i = 0; i < text.n && st == STATUS_OK; i++) {
		bool keep = text.p[i] != '\0' && strchr(plain, text.p[i]);
		st = keep ? buf_add(out, text.p + i, 1)
			  : buf_addf(out, "%%%02X", (unsigned)(unsigned char)text.p[i]);
	}
	return st;
}
