#include <sigrelay/relay/chunk_guard.h>

#define DIGITS_MAX 15 /* a size never overflows */

void chunk_guard_begin(struct chunk_guard *g, uint64_t body_max)
{
	*g = (struct chunk_guard){ .at = CHUNK_SIZE, .room = body_max };
}

static void bad_status(struct chunk_guard *g, int status, const char *what)
{
	g->at = CHUNK_BAD;
	g->status = status;
	g->bad = what;
}

static void bad(struct chunk_guard *g, const char *what)
{
	bad_status(g, 400, what);
}

static void size_byte(struct chunk_guard *g, unsigned char c)
{
	unsigned lower = c | 0x20u;
	if (c == '\r' && g->digits)
		g->at = CHUNK_SIZE_LF;
	else if (g->digits == DIGITS_MAX)
		bad(g, "a chunk size of too many digits");
	else if (c >= '0' && c <= '9')
		g->left = g->left << 4 | (c - '0');
	else if (lower >= 'a' && lower <= 'f')
		g->left = g->left << 4 | (lower - 'a' + 10);
	else
		bad(g, "a chunk size that is no hexadecimal number");
	g->digits++;
}

static void expect(struct chunk_guard *g, unsigned char c, char wanted, int next, const char *what)
{
	if (c == (unsigned char)wanted)
		g->at = (unsigned)next;
	else
		bad(g, what);
}

static void size_ends(struct chunk_guard *g, unsigned char c)
{
	expect(g, c, '\n', g->left ? CHUNK_DATA : CHUNK_END, "a chunk size with a bare CR");
	g->digits = 0;
	if (g->at == CHUNK_DATA && g->left > g->room)
		bad_status(g, 413, "a body that is too large");
	g->room -= g->at == CHUNK_DATA ? g->left : 0;
}

static void step(struct chunk_guard *g, unsigned char c)
{
	switch (g->at) {
	case CHUNK_SIZE:
		size_byte(g, c);
		break;
	case CHUNK_SIZE_LF:
		size_ends(g, c);
		break;
	case CHUNK_DATA_CR:
		expect(g, c, '\r', CHUNK_DATA_LF, "a chunk that is longer than its size");
		break;
	case CHUNK_DATA_LF:
		expect(g, c, '\n', CHUNK_SIZE, "a chunk that is longer than its size");
		break;
	case CHUNK_END:
		expect(g, c, '\r', CHUNK_END_LF, "trailers after the last chunk, which are not taken");
		break;
	case CHUNK_END_LF:
		expect(g, c, '\n', CHUNK_DONE, "a bare CR after the last chunk");
		break;
	case CHUNK_DATA:
	case CHUNK_DONE:
	case CHUNK_BAD:
		break;
	}
}

void chunk_guard_feed(struct chunk_guard *g, const char *p, size_t n)
{
	for (size_t i = 0; i < n && g->at != CHUNK_DONE && g->at != CHUNK_BAD;) {
		if (g->at != CHUNK_DATA) {
			step(g, (unsigned char)p[i++]);
			continue;
		}
		size_t take = n - i < g->left ? n - i : (size_t)g->left;
		i += take;
		g->left -= take;
		if (!g->left)
			g->at = CHUNK_DATA_CR;
	}
}
