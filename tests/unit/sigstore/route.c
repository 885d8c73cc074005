#include <sigrelay/sigstore/route.h>

#include "unit.h"
#include "vectors.h"

#define LEAF "24296fb24b8ad77a3c4a7a4b5a8a5e3a6c1d9c7f2a9d3b4c5d6e7f8091a2b3c4"
#define TREE "0e91b5e4d0f14f3a"

static struct route route(const char *method, const char *target)
{
	return route_of(slice_str(method), slice_str(target));
}

static void test_every_route(void)
{
	static const struct {
		const char *method, *target;
		enum operation op;
	} rows[] = {
		{ "POST", "/api/v1/log/entries", OP_REKOR_CREATE },
		{ "GET", "/api/v1/log/entries?logIndex=7", OP_REKOR_QUERY },
		{ "HEAD", "/api/v1/log/entries?logIndex=7", OP_REKOR_QUERY },
		{ "GET", "/api/v1/log/entries/" LEAF, OP_REKOR_GET },
		{ "HEAD", "/api/v1/log/entries/" TREE LEAF, OP_REKOR_GET },
		{ "POST", "/api/v1/log/entries/retrieve", OP_REKOR_QUERY },
		{ "GET", "/api/v1/log", OP_REKOR_QUERY },
		{ "GET", "/api/v1/log/publicKey?treeID=1", OP_REKOR_QUERY },
		{ "GET", "/api/v1/log/proof?lastSize=3", OP_REKOR_QUERY },
		{ "GET", "/api/v1/log/timestamp", OP_REKOR_QUERY },
		{ "GET", "/api/v1/version", OP_REKOR_QUERY },
		{ "GET", "/ping", OP_REKOR_QUERY },
		{ "POST", "/api/v1/index/retrieve", OP_REKOR_QUERY },
		{ "POST", "/api/v1/signingCert", OP_FULCIO_SIGN },
		{ "POST", "/api/v2/signingCert", OP_FULCIO_SIGN },
		{ "GET", "/api/v1/rootCert", OP_FULCIO_QUERY },
		{ "GET", "/api/v2/trustBundle", OP_FULCIO_QUERY },
		{ "GET", "/api/v2/configuration", OP_FULCIO_QUERY },
		{ "POST", "/api/v1/timestamp", OP_TSA_TIMESTAMP },
		{ "GET", "/api/v1/timestamp/certchain", OP_TSA_QUERY },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct route r = route(rows[i].method, rows[i].target);
		CU_ASSERT_EQUAL(r.kind, ROUTE_FORWARD);
		CU_ASSERT_EQUAL(r.operation, rows[i].op);
	}
}

static void test_path_query_and_slash(void)
{
	struct route r = route("GET", "/api/v1/log/entries/?logIndex=7%20&x=%2e%2e//");
	CU_ASSERT_EQUAL(r.operation, OP_REKOR_QUERY);
	CU_ASSERT(slice_eq_str(r.path, "/api/v1/log/entries"));
	CU_ASSERT(slice_eq_str(r.query, "logIndex=7%20&x=%2e%2e//"));
	r = route("POST", "/api/v1/log/entries/");
	CU_ASSERT_EQUAL(r.operation, OP_REKOR_CREATE);
	CU_ASSERT_EQUAL(r.query.n, 0);
	r = route("GET", "/api/v1/log?");
	CU_ASSERT_EQUAL(r.kind, ROUTE_FORWARD);
	CU_ASSERT_EQUAL(r.query.n, 0);
}

static void test_entry_id(void)
{
	struct route r = route("GET", "/api/v1/log/entries/" TREE LEAF "/");
	CU_ASSERT(slice_eq_str(r.id, TREE LEAF));
	/* What is no id is the log's to refuse. */
	r = route("GET", "/api/v1/log/entries/zz");
	CU_ASSERT_EQUAL(r.kind, ROUTE_FORWARD);
	CU_ASSERT_EQUAL(r.operation, OP_REKOR_GET);
	CU_ASSERT_EQUAL(r.id.n, 0);
	CU_ASSERT_EQUAL(route("GET", "/api/v1/log/entries/" LEAF "/x").kind, ROUTE_UNKNOWN);
}

static void test_self(void)
{
	CU_ASSERT_EQUAL(route("GET", "/healthz").kind, ROUTE_SELF);
	CU_ASSERT_EQUAL(route("HEAD", "/healthz/").kind, ROUTE_SELF);
	struct route r = route("POST", "/healthz");
	CU_ASSERT_EQUAL(r.kind, ROUTE_BAD_METHOD);
	CU_ASSERT_STRING_EQUAL(r.allow, "GET, HEAD");
}

static void test_bad_methods(void)
{
	CU_ASSERT_STRING_EQUAL(route("PUT", "/api/v1/log/entries").allow, "GET, HEAD, POST");
	CU_ASSERT_STRING_EQUAL(route("GET", "/api/v1/signingCert").allow, "POST");
	CU_ASSERT_STRING_EQUAL(route("DELETE", "/api/v1/log/entries/" LEAF).allow, "GET, HEAD");
	CU_ASSERT_STRING_EQUAL(route("GET", "/api/v1/log/entries/retrieve").allow, "POST");
	CU_ASSERT_EQUAL(route("get", "/api/v1/log").kind, ROUTE_BAD_METHOD);
	CU_ASSERT_EQUAL(route("CONNECT", "/api/v1/log").kind, ROUTE_BAD_METHOD);
}

static void test_unknown(void)
{
	static const char *const targets[] = {
		"/",   "/api/v1/log/entriesx", "/api/v2/log/entries", "/api/v1/LOG", "/metrics",
		"/?x", "/api/v1/rootCertx"
	};
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		struct route r = route("GET", targets[i]);
		CU_ASSERT_EQUAL(r.kind, ROUTE_UNKNOWN);
		CU_ASSERT_PTR_NOT_NULL(r.why);
	}
}

static void test_refused_targets(void)
{
	static const char *const targets[] = {
		"",
		"*",
		"http://rekor.sigstore.dev/api/v1/log",
		"rekor.sigstore.dev:443",
		"//api/v1/log",
		"/api//v1/log",
		"/api/v1/log//",
		"/api/v1/./log",
		"/api/v1/../v1/log",
		"/api/v1/log/..",
		"/api/v1/log/.",
		"/..",
		"/api/v1/log%2fentries",
		"/api\\v1/log",
		"/api/v1/log?a\\b",
		"/api/v1/log#top",
		"/api/v1/log?x#top",
		"/api/v1/log ",
		"/api/v1/log?a b",
		"/api/v1/log\r\nHost: x",
		"/api/v1/log\t",
		"/api/v1/log\x7f",
		"/api/v1/l\xc3\xb6g",
	};
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		struct route r = route("GET", targets[i]);
		CU_ASSERT_EQUAL(r.kind, ROUTE_BAD);
		CU_ASSERT_PTR_NOT_NULL(r.why);
	}
	CU_ASSERT_EQUAL(route_of(slice_str("GET"), SLICE_LIT("/api/v1/log\0")).kind, ROUTE_BAD);
	/* Three dots are a name like any other. */
	CU_ASSERT_EQUAL(route("GET", "/api/v1/log/...").kind, ROUTE_UNKNOWN);
}

static void test_longest_target(void)
{
	struct slice pad = repeated("x", ROUTE_TARGET_MAX);
	struct slice fits = edited(pad, "xxxxxxxxxxxxx", "/api/v1/log?x");
	CU_ASSERT_EQUAL(fits.n, ROUTE_TARGET_MAX);
	CU_ASSERT_EQUAL(route_of(slice_str("GET"), fits).kind, ROUTE_FORWARD);
	struct slice over = edited(pad, "xxxxxxxxxxxx", "/api/v1/log?x");
	CU_ASSERT_EQUAL(route_of(slice_str("GET"), over).kind, ROUTE_BAD);
}

TEST_SUITE(sigstore_route, TEST(test_every_route), TEST(test_path_query_and_slash), TEST(test_entry_id),
	   TEST(test_self), TEST(test_bad_methods), TEST(test_unknown), TEST(test_refused_targets),
	   TEST(test_longest_target))
