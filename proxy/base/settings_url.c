#include "settings_value.h"

#include <string.h>

static bool has_scheme(struct slice text, const char *scheme, struct slice *rest)
{
	size_t n = strlen(scheme);
	if (text.n < n || !slice_eq_icase((struct slice){ text.p, n }, scheme))
		return false;
	*rest = (struct slice){ text.p + n, text.n - n };
	return true;
}

static bool holds(struct slice text, char c)
{
	return text.n > 0 && memchr(text.p, c, text.n) != NULL;
}

/* The host and port of a URL are an address whose port may be left out. */
static bool good_authority(struct slice authority)
{
	char text[300];
	struct address address;
	if (authority.n == 0 || authority.n > sizeof(text) - 8)
		return false;
	memcpy(text, authority.p, authority.n);
	text[authority.n] = '\0';
	const char *colon = strrchr(text, ':');
	if (!colon || text[authority.n - 1] == ']')
		memcpy(text + authority.n, ":80", sizeof(":80"));
	return strncmp(text, "unix:", 5) != 0 && address_parse(text, &address) == STATUS_OK &&
	       address.port != 0;
}

static bool good_path(struct slice path)
{
	for (size_t i = 0; i < path.n; i++) {
		unsigned char c = (unsigned char)path.p[i];
		if (c <= ' ' || c >= 0x7f || strchr("\"<>\\^`{|}", c))
			return false;
	}
	return true;
}

enum status setting_url(struct slice text, struct slice *out, const char **why)
{
	struct slice rest;
	if (holds(text, '@')) {
		*why = "user name or password";
		return STATUS_INVALID;
	}
	if (!has_scheme(text, "https://", &rest) && !has_scheme(text, "http://", &rest))
		return STATUS_INVALID;
	size_t n = 0;
	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?' && rest.p[n] != '#')
		n++;
	struct slice authority = { rest.p, n };
	struct slice path = { rest.p + n, rest.n - n };
	if (holds(path, '?'))
		*why = "a query ('?')";
	else if (holds(path, '#'))
		*why = "a fragment ('#')";
	if (*why || !good_authority(authority) || !good_path(path))
		return STATUS_INVALID;
	while (path.n > 0 && path.p[path.n - 1] == '/')
		path.n--;
	*out = (struct slice){ text.p, (size_t)(path.p - text.p) + path.n };
	return STATUS_OK;
}
