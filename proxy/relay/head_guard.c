#include <sigrelay/relay/head_guard.h>

#include <string.h>

void guard_begin(struct head_guard *g)
{
	*g = (struct head_guard){ .at = GUARD_START };
}

static void say(struct head_guard *g, const char *bad)
{
	if (!g->bad)
		g->bad = bad;
}

/* Runs of ordinary bytes are passed over by a table look-up a byte. */
static bool is_control(unsigned char c)
{
	return (c < 0x20 && c != '\t') || c == 0x7f;
}

static bool is_token(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static void line_end(struct head_guard *g, unsigned char c, const char *bad)
{
	if (c == '\r') {
		g->at = GUARD_CR;
	} else {
		say(g, bad);
		g->at = GUARD_LINE_START;
	}
}

static void line_start(struct head_guard *g, unsigned char c)
{
	if (c == '\r') {
		g->at = GUARD_END_CR;
	} else if (c == '\n') {
		say(g, "a line ends without CR");
		g->at = GUARD_OUT;
	} else if (c == ' ' || c == '\t') {
		say(g, "a folded header line");
		g->at = GUARD_VALUE;
	} else {
		if (!is_token(c))
			say(g, "a header name with a byte that is none");
		g->at = GUARD_NAME;
	}
}

static void step(struct head_guard *g, unsigned char c)
{
	switch (g->at) {
	case GUARD_START:
	case GUARD_LINE:
	case GUARD_VALUE:
		if (c == '\r' || c == '\n')
			line_end(g, c, "a line ends without CR");
		else if (is_control(c))
			say(g, "a control byte");
		else if (g->at == GUARD_START)
			g->at = GUARD_LINE;
		break;
	case GUARD_NAME:
		if (c == ':')
			g->at = GUARD_VALUE;
		else if (c == '\r' || c == '\n')
			line_end(g, c, "a header line without a colon");
		else if (!is_token(c))
			say(g, "a header name with a byte that is none");
		break;
	case GUARD_CR:
		if (c != '\n')
			say(g, "a CR inside a line");
		g->at = c == '\n' ? GUARD_LINE_START : GUARD_VALUE;
		break;
	case GUARD_LINE_START:
		line_start(g, c);
		break;
	case GUARD_END_CR:
		if (c != '\n')
			say(g, "a CR inside a line");
		g->at = GUARD_OUT;
		break;
	case GUARD_OUT:
		break;
	}
}

size_t guard_feed(struct head_guard *g, const char *p, size_t n)
{
	size_t i = 0;
	while (i < n && g->at != GUARD_OUT)
		step(g, (unsigned char)p[i++]);
	g->bytes += i;
	return i;
}
