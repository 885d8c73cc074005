#include <sigrelay/base/settings.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <sigrelay/base/slice.h>

static bool host_name(struct slice host)
{
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!letter && c != '.' && c != '-' && c != '_')
			return false;
	}
	return host.n > 0;
}

static bool loopback4(uint32_t address)
{
	return ntohl(address) >> 24 == 127;
}

static bool is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return loopback4(v4.s_addr);
	if (inet_pton(AF_INET6, host, &v6) != 1)
		return slice_eq_icase(slice_str(host), "localhost");
	if (!IN6_IS_ADDR_V4MAPPED(&v6))
		return IN6_IS_ADDR_LOOPBACK(&v6);
	memcpy(&v4.s_addr, &v6.s6_addr[12], sizeof(v4.s_addr));
	return loopback4(v4.s_addr);
}

static enum status parse_port(struct slice text, uint16_t *port)
{
	uint64_t v;
	if (text.n > 5 || slice_u64(text, &v) != STATUS_OK || v > UINT16_MAX)
		return STATUS_INVALID;
	*port = (uint16_t)v;
	return STATUS_OK;
}

static enum status parse_unix(const char *path, struct address *out)
{
	struct sockaddr_un un;
	if (path[0] != '/' || strlen(path) >= sizeof(un.sun_path))
		return STATUS_INVALID;
	struct address a = { .kind = ADDRESS_UNIX, .loopback = true };
	memcpy(a.host, path, strlen(path) + 1);
	*out = a;
	return STATUS_OK;
}

/* The host between what stands before and after it, checked by its form. */
static enum status take_host(const char *p, size_t n, bool bracketed, struct address *a)
{
	struct in6_addr v6;
	if (n == 0 || n >= sizeof(a->host))
		return STATUS_INVALID;
	memcpy(a->host, p, n);
	a->host[n] = '\0';
	bool good = bracketed ? inet_pton(AF_INET6, a->host, &v6) == 1 : host_name((struct slice){ p, n });
	return good ? STATUS_OK : STATUS_INVALID;
}

enum status address_parse(const char *text, struct address *out)
{
	struct address a = { .kind = ADDRESS_TCP };
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, out);
	const char *colon = strrchr(text, ':');
	if (!colon || colon == text)
		return STATUS_INVALID;
	bool bracketed = text[0] == '[';
	if (bracketed && (colon[-1] != ']' || colon - text < 3))
		return STATUS_INVALID;
	const char *host = text + (bracketed ? 1 : 0);
	size_t n = (size_t)(colon - host) - (bracketed ? 1 : 0);
	if (take_host(host, n, bracketed, &a) != STATUS_OK ||
	    parse_port(slice_str(colon + 1), &a.port) != STATUS_OK)
		return STATUS_INVALID;
	a.loopback = is_loopback(a.host);
	*out = a;
	return STATUS_OK;
}

static bool is_ip(const char *host)
{
	struct in6_addr any;
	return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

bool address_is_named(const struct address *a, struct slice host)
{
	struct address named;
	char text[sizeof(named.host) + 8];
	if (a->kind == ADDRESS_UNIX || !a->loopback)
		return true;
	bool has_port = host.n && host.p[host.n - 1] != ']' && memchr(host.p, ':', host.n);
	int n = snprintf(text, sizeof(text), "%.*s%s", (int)host.n, host.p, has_port ? "" : ":0");
	if (n < 0 || (size_t)n >= sizeof(text) || address_parse(text, &named) != STATUS_OK ||
	    named.kind != ADDRESS_TCP)
		return false;
	return is_ip(named.host) || slice_eq_icase(slice_str(named.host), "localhost");
}
