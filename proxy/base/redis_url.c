#include <sigrelay/base/redis_url.h>

#include <stdio.h>
#include <string.h>

#include <sigrelay/base/bytes.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/base/settings.h>

#define DB_MAX 65535

static bool cut_scheme(struct slice *text, const char *scheme)
{
	size_t n = strlen(scheme);
	if (text->n < n || !slice_eq_icase((struct slice){ text->p, n }, scheme))
		return false;
	text->p += n;
	text->n -= n;
	return true;
}

/* Where the last c stands; text.n when nowhere. */
static size_t last_of(struct slice text, char c)
{
	for (size_t i = text.n; i > 0; i--) {
		if (text.p[i - 1] == c)
			return i - 1;
	}
	return text.n;
}

static size_t first_of(struct slice text, char c)
{
	const char *at = text.n ? memchr(text.p, c, text.n) : NULL;
	return at ? (size_t)(at - text.p) : text.n;
}

static struct slice from(struct slice text, size_t at)
{
	return at < text.n ? (struct slice){ text.p + at, text.n - at } : (struct slice){ "", 0 };
}

/* Everything behind the scheme that is before the last '@': a password that was not
 * encoded may hold one. */
static struct slice credentials_of(struct slice rest)
{
	size_t at = last_of(rest, '@');
	return at < rest.n ? (struct slice){ rest.p, at } : (struct slice){ "", 0 };
}

static enum status decode(struct slice text, char *out, size_t room)
{
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = (uint8_t)text.p[i];
		if (c == '%') {
			if (text.n - i < 3 ||
			    hex_decode((struct slice){ text.p + i + 1, 2 }, &c, 1) != STATUS_OK)
				return STATUS_INVALID;
			i += 2;
		}
		if (c == '\0' || n + 1 >= room)
			return STATUS_INVALID;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return STATUS_OK;
}

static enum status take_credentials(struct slice text, struct redis_url *u, const char **why)
{
	size_t colon = first_of(text, ':');
	*why = "a user or a password that is too long or not percent-encoded as it should be";
	enum status st = decode((struct slice){ text.p, colon }, u->user, sizeof(u->user));
	if (st == STATUS_OK)
		st = decode(from(text, colon + 1), u->password, sizeof(u->password));
	return st;
}

static enum status take_db(struct slice text, struct redis_url *u, const char **why)
{
	uint64_t db = 0;
	*why = "a database that is no number from 0 to 65535";
	if (text.n == 0)
		return STATUS_OK;
	if (slice_u64(text, &db) != STATUS_OK || db > DB_MAX)
		return STATUS_INVALID;
	u->db = (unsigned)db;
	return STATUS_OK;
}

static enum status take_host(struct slice text, struct redis_url *u, const char **why)
{
	char with_port[sizeof(u->host) + 8];
	struct address a;
	bool bracketed = text.n > 0 && text.p[0] == '[';
	bool has_port = bracketed ? !slice_ends(text, "]") : last_of(text, ':') < text.n;
	*why = "a host or a port that is none";
	if (text.n == 0 || text.n >= sizeof(u->host) || slice_starts(text, "unix:"))
		return STATUS_INVALID;
	snprintf(with_port, sizeof(with_port), "%.*s%s", (int)text.n, text.p, has_port ? "" : ":6379");
	if (strlen(with_port) < text.n || address_parse(with_port, &a) != STATUS_OK || a.port == 0)
		return STATUS_INVALID;
	memcpy(u->host, a.host, sizeof(u->host));
	u->port = a.port;
	return STATUS_OK;
}

static enum status parse_local(struct slice path, struct redis_url *u, const char **why)
{
	char text[sizeof(u->host) + 8];
	struct address a;
	*why = "a path of a UNIX socket that is none";
	if (path.n == 0 || path.n >= sizeof(u->host))
		return STATUS_INVALID;
	snprintf(text, sizeof(text), "unix:%.*s", (int)path.n, path.p);
	if (strlen(text) != path.n + 5 || address_parse(text, &a) != STATUS_OK)
		return STATUS_INVALID;
	u->local = true;
	memcpy(u->host, a.host, sizeof(u->host));
	return STATUS_OK;
}

static enum status parse_remote(struct slice rest, struct redis_url *u, const char **why)
{
	struct slice credentials = credentials_of(rest);
	if (last_of(rest, '@') < rest.n)
		rest = from(rest, credentials.n + 1);
	size_t slash = first_of(rest, '/');
	enum status st = take_credentials(credentials, u, why);
	if (st == STATUS_OK)
		st = take_host((struct slice){ rest.p, slash }, u, why);
	if (st == STATUS_OK)
		st = take_db(from(rest, slash + 1), u, why);
	return st;
}

static enum status parse(struct slice rest, struct redis_url *u, const char **why)
{
	if (cut_scheme(&rest, "unix:") || cut_scheme(&rest, "redis+unix://"))
		return parse_local(rest, u, why);
	u->tls = cut_scheme(&rest, "rediss://");
	if (u->tls || cut_scheme(&rest, "redis://"))
		return parse_remote(rest, u, why);
	*why = "another beginning than redis://, rediss:// or unix:";
	return STATUS_INVALID;
}

enum status redis_url_parse(struct slice text, struct redis_url *out, const char **why)
{
	struct redis_url u = { .tls = false };
	enum status st = parse(text, &u, why);
	if (st == STATUS_OK)
		*out = u;
	mem_wipe(&u, sizeof(u));
	return st;
}

enum status redis_url_mask(struct slice text, struct buf *out)
{
	struct slice rest = text;
	if (!cut_scheme(&rest, "rediss://") && !cut_scheme(&rest, "redis://"))
		return buf_add_slice(out, text);
	struct slice credentials = credentials_of(rest);
	size_t colon = first_of(credentials, ':');
	if (colon == credentials.n)
		return buf_add_slice(out, text);
	size_t kept = (size_t)(rest.p - text.p) + colon + 1;
	enum status st = buf_add(out, text.p, kept);
	if (st == STATUS_OK)
		st = buf_add_str(out, "***");
	return st == STATUS_OK ? buf_add_slice(out, from(rest, credentials.n)) : st;
}
