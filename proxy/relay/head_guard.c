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

static bool is_control(unsigned char c)
{
	return (c < 0x20 && c != '\t') || c == 0x7f;
}

static bool is_token(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* A header's name as it goes by, for the two names that say how long a body is. */
static void name_byte(struct head_guard *g, unsigned char c)
{
	static const char length[] = "content-length", coding[] = "transfer-encoding";
	size_t i = g->name_at++;
	char lower = (char)(c | 0x20);
	g->maybe_length = g->maybe_length && i < sizeof(length) - 1 && lower == length[i];
	g->maybe_coding = g->maybe_coding && i < sizeof(coding) - 1 && lower == coding[i];
	if (!is_token(c))
		say(g, "a header name with a byte that is none");
}

static void name_begins(struct head_guard *g, unsigned char c)
{
	g->at = GUARD_NAME;
	g->name_at = 0;
	g->maybe_length = g->maybe_coding = true;
	name_byte(g, c);
}

static void name_ends(struct head_guard *g)
{
	g->at = GUARD_VALUE;
	g->has_length = g->has_length || (g->maybe_length && g->name_at == strlen("content-length"));
	g->has_coding = g->has_coding || (g->maybe_coding && g->name_at == strlen("transfer-encoding"));
}

/* POST, PUT, PATCH and CONNECT: evhttp waits for a body of theirs in any case. */
static void head_ends(struct head_guard *g)
{
	g->at = GUARD_OUT;
	if ((g->first == 'P' || g->first == 'C') && !g->has_length && !g->has_coding)
		say(g, "a method that takes a body, without Content-Length or Transfer-Encoding");
}

static void line_end(struct head_guard *g, unsigned char c)
{
	if (c == '\r') {
		g->at = GUARD_CR;
	} else {
		say(g, "a line ends without CR");
		g->at = GUARD_LINE_START;
	}
}

static void name_or_end(struct head_guard *g, unsigned char c)
{
	if (c == ':') {
		name_ends(g);
	} else if (c == '\r' || c == '\n') {
		say(g, "a header line without a colon");
		line_end(g, c);
	} else {
		name_byte(g, c);
	}
}

static void line_start(struct head_guard *g, unsigned char c)
{
	if (c == '\r') {
		g->at = GUARD_END_CR;
	} else if (c == '\n') {
		say(g, "a line ends without CR");
		head_ends(g);
	} else if (c == ' ' || c == '\t') {
		say(g, "a folded header line");
		g->at = GUARD_VALUE;
	} else {
		name_begins(g, c);
	}
}

static void line_begins(struct head_guard *g, unsigned char c)
{
	g->at = GUARD_LINE;
	g->first = (char)c;
}

static void step(struct head_guard *g, unsigned char c)
{
	switch (g->at) {
	case GUARD_START:
	case GUARD_LINE:
	case GUARD_VALUE:
		if (c == '\r' || c == '\n')
			line_end(g, c);
		else if (is_control(c))
			say(g, "a control byte");
		else if (g->at == GUARD_START)
			line_begins(g, c);
		break;
	case GUARD_NAME:
		name_or_end(g, c);
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
		head_ends(g);
		break;
	case GUARD_OUT:
		break;
	}
}

/* How many of the next bytes are ordinary ones of a line or a value: most are. */
static size_t ordinary(const struct head_guard *g, const char *p, size_t n)
{
	size_t i = 0;
	if (g->at != GUARD_LINE && g->at != GUARD_VALUE)
		return 0;
	while (i < n && !is_control((unsigned char)p[i]))
		i++;
	return i;
}

size_t guard_feed(struct head_guard *g, const char *p, size_t n)
{
	size_t i = 0;
	while (i < n && g->at != GUARD_OUT) {
		i += ordinary(g, p + i, n - i);
		if (i < n)
			step(g, (unsigned char)p[i++]);
	}
	g->bytes += i;
	return i;
}
