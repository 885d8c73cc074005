#include <sigrelay/sigstore/route.h>

#include <string.h>

#include <sigrelay/sigstore/hex_id.h>

enum { GET = 1, POST = 2 }; /* HEAD is taken wherever GET is */

/* Sources: rekor openapi.yaml (paths; /ping is chi's heartbeat in
 * pkg/generated/restapi/configure_rekor_server.go), fulcio fulcio.proto and
 * fulcio_legacy.proto (google.api.http), timestamp-authority openapi.yaml. One
 * row a method; a path may have several. */
static const struct {
	const char *path;
	int method;
	enum operation operation;
} paths[] = {
	{ "/api/v1/log/entries", POST, OP_REKOR_CREATE },
	{ "/api/v1/log/entries", GET, OP_REKOR_QUERY },
	{ "/api/v1/log/entries/retrieve", POST, OP_REKOR_QUERY },
	{ "/api/v1/log", GET, OP_REKOR_QUERY },
	{ "/api/v1/log/publicKey", GET, OP_REKOR_QUERY },
	{ "/api/v1/log/proof", GET, OP_REKOR_QUERY },
	{ "/api/v1/log/timestamp", GET, OP_REKOR_QUERY },
	{ "/api/v1/version", GET, OP_REKOR_QUERY },
	{ "/ping", GET, OP_REKOR_QUERY },
	{ "/api/v1/index/retrieve", POST, OP_REKOR_QUERY },
	{ "/api/v1/signingCert", POST, OP_FULCIO_SIGN },
	{ "/api/v2/signingCert", POST, OP_FULCIO_SIGN },
	{ "/api/v1/rootCert", GET, OP_FULCIO_QUERY },
	{ "/api/v2/trustBundle", GET, OP_FULCIO_QUERY },
	{ "/api/v2/configuration", GET, OP_FULCIO_QUERY },
	{ "/api/v1/timestamp", POST, OP_TSA_TIMESTAMP },
	{ "/api/v1/timestamp/certchain", GET, OP_TSA_QUERY },
};

#define ENTRY_PREFIX "/api/v1/log/entries/"

static int method_of(struct slice method)
{
	if (slice_eq_str(method, "GET") || slice_eq_str(method, "HEAD"))
		return GET;
	return slice_eq_str(method, "POST") ? POST : 0;
}

/* Bytes that no part of a target may hold. A raw blank ends the target for some
 * servers and not for others, so it is among them. */
static const char *odd_byte(struct slice target)
{
	for (size_t i = 0; i < target.n; i++) {
		unsigned char c = (unsigned char)target.p[i];
		if (c <= 0x20 || c > 0x7e)
			return "the request target holds a byte that is not printable ASCII; percent-encode "
			       "it in the "
			       "query, there is none in the paths";
		if (c == '\\')
			return "the request target holds a backslash; paths are separated by '/'";
		if (c == '#')
			return "the request target holds a fragment; send the part before '#'";
	}
	return NULL;
}

static bool dot_segment(struct slice segment)
{
	return slice_eq_str(segment, ".") || slice_eq_str(segment, "..");
}

/* What two servers may read as two different paths. */
static const char *odd_path(struct slice path)
{
	if (memchr(path.p, '%', path.n))
		return "the path holds a percent sign; no path here needs one, send it unencoded";
	size_t from = 1;
	for (size_t i = 1; i <= path.n; i++) {
		if (i < path.n && path.p[i] != '/')
			continue;
		struct slice segment = { path.p + from, i - from };
		if (i < path.n && segment.n == 0)
			return "the path holds '//'; send one '/'";
		if (dot_segment(segment))
			return "the path holds a '.' or '..' segment; send the path it leads to";
		from = i + 1;
	}
	return NULL;
}

static const char *split(struct slice target, struct slice *path, struct slice *query)
{
	if (target.n == 0 || target.p[0] != '/')
		return "the request target does not begin with '/'; this is a relay with fixed upstreams, "
		       "not a "
		       "forward proxy";
	if (target.n > ROUTE_TARGET_MAX)
		return "the request target is longer than 8192 bytes";
	const char *why = odd_byte(target);
	if (why)
		return why;
	const char *mark = memchr(target.p, '?', target.n);
	size_t n = mark ? (size_t)(mark - target.p) : target.n;
	*path = (struct slice){ target.p, n };
	*query = mark ? (struct slice){ mark + 1, target.n - n - 1 } : (struct slice){ target.p + n, 0 };
	why = odd_path(*path);
	if (!why && path->n > 1 && path->p[path->n - 1] == '/')
		path->n--;
	return why;
}

static void set_bad_method(struct route *r, int allowed)
{
	r->kind = ROUTE_BAD_METHOD;
	r->why = "the path is known, the method is not taken there";
	r->allow = allowed == GET ? "GET, HEAD" : allowed == POST ? "POST" : "GET, HEAD, POST";
}

/* True when the table has the path, whatever the method. */
static bool route_table(struct route *r, int method)
{
	int allowed = 0;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (!slice_eq_str(r->path, paths[i].path))
			continue;
		allowed |= paths[i].method;
		if (paths[i].method == method) {
			r->kind = ROUTE_FORWARD;
			r->operation = paths[i].operation;
			return true;
		}
	}
	if (allowed)
		set_bad_method(r, allowed);
	return allowed != 0;
}

static bool route_entry(struct route *r, int method)
{
	if (!slice_starts(r->path, ENTRY_PREFIX))
		return false;
	struct slice id = { r->path.p + strlen(ENTRY_PREFIX), r->path.n - strlen(ENTRY_PREFIX) };
	if (id.n == 0 || memchr(id.p, '/', id.n))
		return false;
	if (method != GET) {
		set_bad_method(r, GET);
		return true;
	}
	r->kind = ROUTE_FORWARD;
	r->operation = OP_REKOR_GET;
	if (hex_id_valid(id))
		r->id = id;
	return true;
}

static bool route_self(struct route *r, int method)
{
	if (!slice_eq_str(r->path, "/healthz"))
		return false;
	if (method == GET)
		r->kind = ROUTE_SELF;
	else
		set_bad_method(r, GET);
	return true;
}

struct route route_of(struct slice method, struct slice target)
{
	struct route r = { .kind = ROUTE_BAD };
	r.why = split(target, &r.path, &r.query);
	if (r.why)
		return r;
	int m = method_of(method);
	if (route_table(&r, m) || route_entry(&r, m) || route_self(&r, m))
		return r;
	r.kind = ROUTE_UNKNOWN;
	r.why = "no Sigstore service that this relay speaks has this path";
	return r;
}
