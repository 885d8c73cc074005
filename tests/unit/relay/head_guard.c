/* What a head may be, byte by byte, whole and cut in two at every place. */
#include <sigrelay/relay/chunk_guard.h>
#include <sigrelay/relay/head_guard.h>

#include <stdio.h>

#include "../unit.h"

struct row {
	const char *head;
	size_t n;
	const char *bad; /* a part of the verdict; NULL: fine */
};

#define ROW(text, verdict)                                                                                   \
	{                                                                                                    \
		text, sizeof(text) - 1, verdict                                                              \
	}

static const struct row rows[] = {
	ROW("GET / HTTP/1.1\r\nHost: r\r\n\r\n", NULL),
	ROW("GET / HTTP/1.1\r\n\r\n", NULL),
	ROW("GET / HTTP/1.1\r\nX:\r\nY: a\tb \r\n\r\n", NULL),
	ROW("GET / HTTP/1.1\r\nX: \xc3\xa9\r\n\r\n", NULL),
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
	ROW("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", NULL),
	ROW("POST / HTTP/1.1\r\ncontent-LENGTH: 0\r\n\r\n", NULL),
	ROW("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", NULL),
	ROW("POST / HTTP/1.1\r\nHost: r\r\n\r\n", "without Content-Length"),
	ROW("POST / HTTP/1.1\r\nContent-Lengt: 0\r\n\r\n", "without Content-Length"),
	ROW("POST / HTTP/1.1\r\nContent-Lengths: 0\r\n\r\n", "without Content-Length"),
	ROW("POST / HTTP/1.1\r\nX-Content-Length: 0\r\n\r\n", "without Content-Length"),
	ROW("CONNECT a:1 HTTP/1.1\r\n\r\n", "without Content-Length"),
};

static bool verdict_is(const struct head_guard *g, const char *part)
{
	return part ? g->bad && strstr(g->bad, part) != NULL : !g->bad;
}

static void test_verdicts(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct head_guard g;
		guard_begin(&g);
		guard_feed(&g, rows[i].head, rows[i].n);
		if (!verdict_is(&g, rows[i].bad))
			printf("\n  %s: %s\n", rows[i].head, g.bad ? g.bad : "fine");
		CU_ASSERT(verdict_is(&g, rows[i].bad));
	}
}

static void test_the_same_in_two_pieces(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct head_guard whole;
		guard_begin(&whole);
		guard_feed(&whole, rows[i].head, rows[i].n);
		for (size_t cut = 0; cut <= rows[i].n; cut++) {
			struct head_guard g;
			guard_begin(&g);
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
	static const char text[] = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n\n\0";
	struct head_guard g;
	guard_begin(&g);
	CU_ASSERT_EQUAL(guard_feed(&g, text, sizeof(text) - 1), sizeof(text) - 3);
	CU_ASSERT(guard_done(&g));
	CU_ASSERT_PTR_NULL(g.bad);
	CU_ASSERT_EQUAL(guard_feed(&g, "x", 1), 0);
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
};

static void test_chunks(void)
{
	for (size_t i = 0; i < sizeof(chunk_rows) / sizeof(chunk_rows[0]); i++) {
		const struct row *r = &chunk_rows[i];
		for (size_t cut = 0; cut <= r->n; cut++) {
			struct chunk_guard g;
			chunk_guard_begin(&g);
			chunk_guard_feed(&g, r->head, cut);
			chunk_guard_feed(&g, r->head + cut, r->n - cut);
			bool ok = r->bad ? g.bad && strstr(g.bad, r->bad) : !g.bad && g.at == CHUNK_DONE;
			if (!ok)
				printf("\n  %s: %s\n", r->head, g.bad ? g.bad : "fine");
			CU_ASSERT(ok);
		}
	}
}

static void test_chunks_that_go_on_are_not_done(void)
{
	struct chunk_guard g;
	chunk_guard_begin(&g);
	chunk_guard_feed(&g, "5\r\nabc", 6);
	CU_ASSERT_EQUAL(g.at, CHUNK_DATA);
	CU_ASSERT_EQUAL(g.left, 2);
	CU_ASSERT_PTR_NULL(g.bad);
}

TEST_SUITE(relay_head_guard, TEST(test_verdicts), TEST(test_the_same_in_two_pieces),
	   TEST(test_takes_no_byte_of_the_body), TEST(test_chunks), TEST(test_chunks_that_go_on_are_not_done))
