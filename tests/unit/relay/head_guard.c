/* What a head may be, byte by byte, whole and cut in two at every place. */
#include <sigrelay/relay/chunk_guard.h>
#include <sigrelay/relay/head_guard.h>

#include <stdio.h>

#include <sigrelay/base/mem.h>

#include "../unit.h"

#define BODY_MAX 1000

struct row {
	const char *head;
	size_t n;
	const char *bad; /* a part of the verdict; NULL: fine */
	int status;      /* 0: 400, where it is bad */
};

#define ROW(text, verdict)                                                                                   \
	{                                                                                                    \
		text, sizeof(text) - 1, verdict, 0                                                           \
	}
#define ROW_STATUS(text, code, verdict)                                                                      \
	{                                                                                                    \
		text, sizeof(text) - 1, verdict, code                                                        \
	}

static const struct row rows[] = {
	ROW("GET / HTTP/1.1\r\nHost: r\r\n\r\n", NULL),
	ROW("GET / HTTP/1.0\r\n\r\n", NULL),
	ROW("GET / HTTP/1.1\r\n\r\n", "one Host"),
	ROW("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", "one Host"),
	ROW("GET / HTTP/1.0\r\nHost: a\r\nhost: a\r\n\r\n", "one Host"),
	ROW("GET / HTTP/1.1\r\nHost: r\r\nX:\r\nY: a\tb \r\n\r\n", NULL),
	ROW("GET / HTTP/1.1\r\nHost: r\r\nX: \xc3\xa9\r\n\r\n", NULL),
	ROW("GET / HTTP/1.1\nHost: r\r\n\r\n", "without CR"),
	ROW("GET / HTTP/1.1\r\nHost: r\n\r\n", "without CR"),
	ROW("GET / HTTP/1.1\r\nHost: r\r\n\n", "without CR"),
	ROW("GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n", "folded"),
	ROW("GET / HTTP/1.1\r\nX: a\r\n\tb\r\n\r\n", "folded"),
	ROW("GET / HTTP/1.1\r\n X: a\r\n\r\n", "folded"),
	ROW("GET / HTTP/1.1\r\nX : a\r\n\r\n", "header name"),
	ROW("GET / HTTP/1.1\r\nX\ty: a\r\n\r\n", "header name"),
	ROW("GET / HTTP/1.1\r\n: a\r\n\r\n", "header name"),
	ROW("GET / HTTP/1.1\r\nX(y): a\r\n\r\n", "header name"),
	ROW("GET / HTTP/1.1\r\nX\0y: a\r\n\r\n", "header name"),
	ROW("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", "control byte"),
	ROW("GET / HTTP/1.1\r\nX: a\x7f\r\n\r\n", "control byte"),
	ROW("GET /\x01 HTTP/1.1\r\n\r\n", "control byte"),
	ROW("GET / HTTP/1.1\r\nX: a\rb\r\n\r\n", "CR inside"),
	ROW("GET / HTTP/1.1\r\nX: a\r\r\n\r\n", "CR inside"),
	ROW("GET / HTTP/1.1\r\nno colon\r\n\r\n", "header name"),
	ROW("GET / HTTP/1.1\r\nnocolon\r\n\r\n", "without a colon"),
	ROW("POST / HTTP/1.1\r\nHost: r\r\nContent-Length: 0\r\n\r\n", NULL),
	ROW("POST / HTTP/1.1\r\nHost: r\r\ncontent-LENGTH: 0\r\n\r\n", NULL),
	ROW("POST / HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked\r\n\r\n", NULL),
	ROW("POST / HTTP/1.1\r\nHost: r\r\n\r\n", "without Content-Length"),
	ROW("POST / HTTP/1.1\r\nContent-Lengt: 0\r\n\r\n", "without Content-Length"),
	ROW("POST / HTTP/1.1\r\nContent-Lengths: 0\r\n\r\n", "without Content-Length"),
	ROW("POST / HTTP/1.1\r\nX-Content-Length: 0\r\n\r\n", "without Content-Length"),
	ROW("PUT / HTTP/1.1\r\nHost: r\r\n\r\n", "without Content-Length"),
	ROW("PATCH / HTTP/1.1\r\nHost: r\r\n\r\n", "without Content-Length"),
	ROW_STATUS("CONNECT a:1 HTTP/1.1\r\n\r\n", 405, "CONNECT"),
	/* the request line */
	ROW("\r\nGET / HTTP/1.1\r\n\r\n", "not METHOD TARGET"),
	ROW("GET\r\n\r\n", "not METHOD TARGET"),
	ROW("GET /\r\n\r\n", "not METHOD TARGET"),
	ROW("GET / FTP/1.1\r\n\r\n", "not METHOD TARGET"),
	ROW("GET / HTTP/1\r\n\r\n", "not METHOD TARGET"),
	ROW("GET / HTTP/x.y\r\n\r\n", "not METHOD TARGET"),
	ROW("GET / http/1.1\r\n\r\n", "not METHOD TARGET"),
	ROW_STATUS("GET / HTTP/1.1 \r\n\r\n", 505, "other than 1.1 and 1.0"),
	ROW("GET / x HTTP/1.1\r\n\r\n", "not METHOD TARGET"),
	ROW("GET  / HTTP/1.1\r\n\r\n", "without a target"),
	ROW(" / HTTP/1.1\r\n\r\n", "begin with a method"),
	ROW("{} / HTTP/1.1\r\n\r\n", "begin with a method"),
	ROW("\x16\x03\x01\x02", "TLS handshake"),
	ROW_STATUS("GET / HTTP/2.0\r\n\r\n", 505, "other than 1.1 and 1.0"),
	ROW_STATUS("GET / HTTP/1.2\r\n\r\n", 505, "other than 1.1 and 1.0"),
	ROW_STATUS("GET / HTTP/1.10\r\n\r\n", 505, "other than 1.1 and 1.0"),
	/* how long the body is */
	ROW("POST / HTTP/1.1\r\nHost: r\r\nContent-Length:  7 \t\r\n\r\n", NULL),
	ROW("POST / HTTP/1.1\r\nHost: r\r\nContent-Length:                               7\r\n\r\n", NULL),
	ROW("POST / HTTP/1.1\r\nHost: r\r\nContent-Length: 1000\r\n\r\n", NULL),
	ROW_STATUS("POST / HTTP/1.1\r\nHost: r\r\nContent-Length: 1001\r\n\r\n", 413, "too large"),
	ROW_STATUS("POST / HTTP/1.1\r\nHost: r\r\nContent-Length: 18446744073709551617\r\n\r\n", 413,
		   "too large"),
	ROW_STATUS("POST / HTTP/1.1\r\nHost: r\r\nContent-Length: 99999999999999999999999999\r\n\r\n", 413,
		   "too large"),
	ROW("POST / HTTP/1.1\r\nHost: r\r\nContent-Length:\r\n\r\n", "no number"),
	ROW("POST / HTTP/1.1\r\nHost: r\r\nContent-Length: \t7\r\n\r\n", "no number"),
	ROW("POST / HTTP/1.1\r\nHost: r\r\nContent-Length: +7\r\n\r\n", "no number"),
	ROW("POST / HTTP/1.1\r\nHost: r\r\nContent-Length: 7, 7\r\n\r\n", "no number"),
	ROW("POST / HTTP/1.1\r\nHost: r\r\nContent-Length: 7\r\nContent-Length: 7\r\n\r\n",
	    "two Content-Length"),
	ROW("POST / HTTP/1.1\r\nHost: r\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
	    "together"),
	ROW("POST / HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: CHUNKED\r\n\r\n", NULL),
	ROW("POST / HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: \tchunked\r\n\r\n", "other than chunked"),
	ROW("POST / HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "other than chunked"),
	ROW("POST / HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
	    "other than chunked"),
	ROW("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "knows none"),
	ROW("GET / HTTP/1.1\r\nHost: r\r\nContent-Length: 0\r\n\r\n", NULL),
	ROW("GET / HTTP/1.1\r\nHost: r\r\nContent-Length: 1\r\n\r\n", "takes none"),
	ROW("post / HTTP/1.1\r\nHost: r\r\nContent-Length: 1\r\n\r\n", "takes none"),
	ROW("HEAD / HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked\r\n\r\n", "takes none"),
	ROW("POST / HTTP/1.1\r\nHost: r\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n", NULL),
	ROW("POST / HTTP/1.1\r\nHost: r\r\nExpect: x\r\nContent-Length: 0\r\n\r\n", NULL),
	ROW_STATUS("POST / HTTP/1.1\r\nHost: r\r\nExpect: x\r\nContent-Length: 1\r\n\r\n", 417, "Expect"),
};

static bool verdict_is(const struct row *r, const char *bad, int status)
{
	if (!r->bad || !bad)
		return !r->bad == !bad;
	return strstr(bad, r->bad) && status == (r->status ? r->status : 400);
}

static void test_verdicts(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct head_guard g;
		guard_begin(&g, BODY_MAX);
		guard_feed(&g, rows[i].head, rows[i].n);
		bool ok = verdict_is(&rows[i], g.bad, g.status);
		if (!ok)
			printf("\n  %s: %d %s\n", rows[i].head, g.status, g.bad ? g.bad : "fine");
		CU_ASSERT(ok);
	}
}

static void test_the_same_in_two_pieces(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct head_guard whole;
		guard_begin(&whole, BODY_MAX);
		guard_feed(&whole, rows[i].head, rows[i].n);
		for (size_t cut = 0; cut <= rows[i].n; cut++) {
			struct head_guard g;
			guard_begin(&g, BODY_MAX);
			guard_feed(&g, rows[i].head, cut);
			guard_feed(&g, rows[i].head + cut, rows[i].n - cut);
			CU_ASSERT_PTR_EQUAL(g.bad, whole.bad);
			CU_ASSERT_EQUAL(guard_done(&g), guard_done(&whole));
			CU_ASSERT_EQUAL(g.has_length, whole.has_length);
			CU_ASSERT_EQUAL(g.has_coding, whole.has_coding);
		}
	}
}

static void test_takes_no_byte_of_the_body(void)
{
	static const char text[] = "POST / HTTP/1.1\r\nHost: r\r\nContent-Length: 2\r\n\r\n\n\0";
	struct head_guard g;
	guard_begin(&g, BODY_MAX);
	CU_ASSERT_EQUAL(guard_feed(&g, text, sizeof(text) - 1), sizeof(text) - 3);
	CU_ASSERT(guard_done(&g));
	CU_ASSERT_PTR_NULL(g.bad);
	CU_ASSERT_EQUAL(guard_feed(&g, "x", 1), 0);
}

/* A head of n bytes more than its end, in pieces of that many. */
static struct head_guard fed_with(const char *start, const char *more, size_t n, size_t piece)
{
	struct head_guard g;
	guard_begin(&g, BODY_MAX);
	guard_feed(&g, start, strlen(start));
	char *text = mem_alloc(n);
	for (size_t i = 0; i < n; i++)
		text[i] = more[i % strlen(more)];
	for (size_t at = 0; at < n; at += piece)
		guard_feed(&g, text + at, n - at < piece ? n - at : piece);
	mem_free(text);
	return g;
}

static void test_sizes_of_the_head(void)
{
	static const char line[] = "GET /", head[] = "GET / HTTP/1.1\r\nHost: r\r\n", value[] = "X: ";
	for (size_t piece = 1; piece <= 100000; piece *= 10) {
		struct head_guard g = fed_with(line, "a", GUARD_HEAD_MAX - strlen(line), piece);
		CU_ASSERT_PTR_NULL(g.bad);
		g = fed_with(line, "a", GUARD_HEAD_MAX - strlen(line) + 1, piece);
		CU_ASSERT_EQUAL(g.status, 414);
		g = fed_with(head, value, 40000, piece);
		CU_ASSERT_EQUAL(g.status, 431);
		g = fed_with(head, "X: y\r\n", strlen("X: y\r\n") * (GUARD_LINES_MAX - 1), piece);
		CU_ASSERT_PTR_NULL(g.bad);
		g = fed_with(head, "X: y\r\n", strlen("X: y\r\n") * GUARD_LINES_MAX, piece);
		CU_ASSERT_EQUAL(g.status, 431);
	}
}

/* ---- chunks ---- */

static const struct row chunk_rows[] = {
	ROW("0\r\n\r\n", NULL),
	ROW("000\r\n\r\n", NULL),
	ROW("2\r\n{}\r\n0\r\n\r\n", NULL),
	ROW("2\r\n\r\n\r\n0\r\n\r\n", NULL),
	ROW("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", NULL),
	ROW("0\r\n\r\nGET / whatever comes after", NULL),
	ROW("\r\n", "no hexadecimal"),
	ROW(" 2\r\n{}\r\n0\r\n\r\n", "no hexadecimal"),
	ROW("+2\r\n{}\r\n0\r\n\r\n", "no hexadecimal"),
	ROW("-2\r\n{}\r\n0\r\n\r\n", "no hexadecimal"),
	ROW("0x2\r\n{}\r\n0\r\n\r\n", "no hexadecimal"),
	ROW("2 \r\n{}\r\n0\r\n\r\n", "no hexadecimal"),
	ROW("2;a=b\r\n{}\r\n0\r\n\r\n", "no hexadecimal"),
	ROW("2\n{}\r\n0\r\n\r\n", "no hexadecimal"),
	ROW("g\r\n", "no hexadecimal"),
	ROW("1234567890abcdef\r\n", "too many digits"),
	ROW("0000000000000002\r\n", "too many digits"),
	ROW("2\r{}\r\n0\r\n\r\n", "bare CR"),
	ROW("2\r\n{}x\r\n0\r\n\r\n", "longer than its size"),
	ROW("2\r\n{}\n0\r\n\r\n", "longer than its size"),
	ROW("3\r\n{}\r\n0\r\n\r\n", "longer than its size"),
	ROW("0\r\nX: y\r\n\r\n", "trailers"),
	ROW("0\r\n\rx", "bare CR"),
	ROW_STATUS("3e9\r\n", 413, "too large"),
	ROW_STATUS("3e8\n", 0, "no hexadecimal"),
	ROW_STATUS("fffffffffffffff\r\n", 413, "too large"),
	ROW_STATUS("5\r\nabcde\r\n3e4\r\n", 413, "too large"),
};

static void test_chunks(void)
{
	for (size_t i = 0; i < sizeof(chunk_rows) / sizeof(chunk_rows[0]); i++) {
		const struct row *r = &chunk_rows[i];
		for (size_t cut = 0; cut <= r->n; cut++) {
			struct chunk_guard g;
			chunk_guard_begin(&g, BODY_MAX);
			chunk_guard_feed(&g, r->head, cut);
			chunk_guard_feed(&g, r->head + cut, r->n - cut);
			bool ok = verdict_is(r, g.bad, g.status) && (g.bad || g.at == CHUNK_DONE);
			if (!ok)
				printf("\n  %s: %s\n", r->head, g.bad ? g.bad : "fine");
			CU_ASSERT(ok);
		}
	}
}

static void test_chunks_that_go_on_are_not_done(void)
{
	struct chunk_guard g;
	chunk_guard_begin(&g, BODY_MAX);
	chunk_guard_feed(&g, "5\r\nabc", 6);
	CU_ASSERT_EQUAL(g.at, CHUNK_DATA);
	CU_ASSERT_EQUAL(g.left, 2);
	CU_ASSERT_PTR_NULL(g.bad);
}

TEST_SUITE(relay_head_guard, TEST(test_verdicts), TEST(test_the_same_in_two_pieces),
	   TEST(test_takes_no_byte_of_the_body), TEST(test_sizes_of_the_head), TEST(test_chunks),
	   TEST(test_chunks_that_go_on_are_not_done))
