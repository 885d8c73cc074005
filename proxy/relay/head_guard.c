#include <sigrelay/relay/head_guard.h>

#include <string.h>
#include <strings.h>

#define DIGITS_MAX 19 /* a length never overflows */

enum { HEADER_OTHER, HEADER_LENGTH, HEADER_CODING, HEADER_HOST, HEADER_EXPECT };

static const struct {
	const char *name;
	unsigned header;
} HEADERS[] = {
	{ "content-length", HEADER_LENGTH },
	{ "transfer-encoding", HEADER_CODING },
	{ "host", HEADER_HOST },
	{ "expect", HEADER_EXPECT },
};

void guard_begin(struct head_guard *g, uint64_t body_max)
{
	*g = (struct head_guard){ .at = GUARD_METHOD, .body_max = body_max };
}

static void say_status(struct head_guard *g, int status, const char *bad)
{
	if (g->bad)
		return;
	g->bad = bad;
	g->status = status;
}

static void say(struct head_guard *g, const char *bad)
{
	say_status(g, 400, bad);
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

/* --- the present word ---------------------------------------------------- */

static void word_begins(struct head_guard *g)
{
	g->word_n = 0;
}

static void word_bytes(struct head_guard *g, const char *p, size_t n)
{
	if (g->word_n < sizeof(g->word)) {
		size_t fits = sizeof(g->word) - g->word_n;
		memcpy(g->word + g->word_n, p, n < fits ? n : fits);
	}
	g->word_n += n;
}

static bool word_is(const struct head_guard *g, const char *text)
{
	return g->word_n == strlen(text) && g->word_n <= sizeof(g->word) &&
	       memcmp(g->word, text, g->word_n) == 0;
}

static bool word_is_any_case(const struct head_guard *g, const char *text)
{
	return g->word_n == strlen(text) && g->word_n <= sizeof(g->word) &&
	       strncasecmp(g->word, text, g->word_n) == 0;
}

/* --- the request line ---------------------------------------------------- */

static void method_ends(struct head_guard *g)
{
	if (g->word_n == 0)
		say(g, "a request line that does not begin with a method");
	if (word_is(g, "CONNECT"))
		say_status(g, 405, "CONNECT: this is a relay with fixed upstreams, not a forward proxy");
	g->posts = word_is(g, "POST");
	g->wants_body = g->posts || word_is(g, "PUT") || word_is(g, "PATCH");
	g->is_head = word_is(g, "HEAD");
	g->at = GUARD_TARGET;
	word_begins(g);
}

static void target_ends(struct head_guard *g)
{
	if (g->word_n == 0)
		say(g, "a request line without a target");
	g->at = GUARD_VERSION;
	word_begins(g);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void version_ends(struct head_guard *g)
{
	g->old = word_is(g, "HTTP/1.0");
	if (g->old || word_is(g, "HTTP/1.1"))
		return;
	if (g->word_n > 7 && memcmp(g->word, "HTTP/", 5) == 0 && is_digit(g->word[5]) && g->word[6] == '.' &&
	    is_digit(g->word[7]))
		say_status(g, 505, "an HTTP version other than 1.1 and 1.0");
	else
		say(g, "a request line that is not METHOD TARGET HTTP/1.1");
}

/* --- header lines -------------------------------------------------------- */

static void name_byte(struct head_guard *g, unsigned char c)
{
	char byte = (char)c;
	word_bytes(g, &byte, 1);
	if (!is_token(c))
		say(g, "a header name with a byte that is none");
}

static void name_begins(struct head_guard *g, unsigned char c)
{
	g->at = GUARD_NAME;
	if (++g->lines > GUARD_LINES_MAX)
		say_status(g, 431, "more than 256 header lines");
	word_begins(g);
	name_byte(g, c);
}

static void name_ends(struct head_guard *g)
{
	g->at = GUARD_VALUE;
	g->header = HEADER_OTHER;
	for (size_t i = 0; i < sizeof(HEADERS) / sizeof(HEADERS[0]); i++) {
		if (word_is_any_case(g, HEADERS[i].name))
			g->header = HEADERS[i].header;
	}
	word_begins(g);
}

static void length_is(struct head_guard *g)
{
	if (g->has_length)
		say(g, "two Content-Length headers");
	g->has_length = true;
	g->length = 0;
	for (size_t i = 0; i < g->word_n; i++) {
		if (i < sizeof(g->word) && !is_digit(g->word[i])) {
			say(g, "a Content-Length that is no number");
			return;
		}
		if (i < DIGITS_MAX)
			g->length = g->length * 10 + (uint64_t)(g->word[i] - '0');
		else
			g->length = UINT64_MAX;
	}
	if (g->word_n == 0)
		say(g, "a Content-Length that is no number");
}

static void coding_is(struct head_guard *g)
{
	if (g->has_coding || !word_is_any_case(g, "chunked"))
		say(g, "a Transfer-Encoding other than chunked");
	g->has_coding = true;
}

/* Spaces around a value are not its own. Another blank in front of it is: so evhttp
 * has it. */
static void value_bytes(struct head_guard *g, const char *p, size_t n)
{
	if (g->header == HEADER_OTHER)
		return;
	while (n && g->word_n == 0 && *p == ' ') {
		p++;
		n--;
	}
	word_bytes(g, p, n);
}

static void trim_end(struct head_guard *g)
{
	while (g->word_n > 0 && g->word_n <= sizeof(g->word) &&
	       (g->word[g->word_n - 1] == ' ' || g->word[g->word_n - 1] == '\t'))
		g->word_n--;
}

static void value_ends(struct head_guard *g)
{
	trim_end(g);
	if (g->header == HEADER_LENGTH)
		length_is(g);
	else if (g->header == HEADER_CODING)
		coding_is(g);
	else if (g->header == HEADER_HOST)
		g->hosts++;
	else if (g->header == HEADER_EXPECT)
		g->expects = g->expects || !word_is_any_case(g, "100-continue");
	g->header = HEADER_OTHER;
}

/* --- the head as a whole ------------------------------------------------- */

static void head_ends(struct head_guard *g)
{
	bool has_body = g->has_coding || g->length > 0;
	g->at = GUARD_OUT;
	if (g->has_length && g->has_coding)
		say(g, "Content-Length together with Transfer-Encoding");
	else if (g->has_coding && g->old) /* RFC 9112 6.1: its framing is faulty */
		say(g, "Transfer-Encoding in HTTP/1.0, which knows none");
	else if (g->wants_body && !g->has_length && !g->has_coding)
		say(g, "a method that takes a body, without Content-Length or Transfer-Encoding");
	else if (has_body &&
		 !g->posts) /* evhttp reads none of most other methods: it would be the next request */
		say(g, "a body with a method that takes none");
	else if (g->hosts > 1 || (g->hosts == 0 && !g->old))
		say(g, "exactly one Host header is needed");
	else if (g->length > g->body_max)
		say_status(g, 413, "a body that is too large");
	else if (g->expects && has_body)
		say_status(g, 417, "an Expect other than 100-continue");
}

static void line_end(struct head_guard *g, unsigned char c)
{
	if (g->at == GUARD_VERSION)
		version_ends(g);
	else if (g->at == GUARD_VALUE)
		value_ends(g);
	else
		say(g, g->at == GUARD_NAME ? "a header line without a colon"
					   : "a request line that is not METHOD TARGET HTTP/1.1");
	if (c == '\r') {
		g->at = GUARD_CR;
	} else {
		say(g, "a line ends without CR");
		g->at = GUARD_LINE_START;
	}
}

static void method_byte(struct head_guard *g, unsigned char c)
{
	char byte = (char)c;
	if (c == ' ') {
		method_ends(g);
		return;
	}
	if (g->word_n == 0 && c == 0x16)
		say(g, "these bytes begin a TLS handshake, and this listener speaks plain HTTP");
	else if (!is_token(c))
		say(g, "a request line that does not begin with a method");
	word_bytes(g, &byte, 1);
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

/* A byte of a line that is no end of it. */
static void line_byte(struct head_guard *g, unsigned char c)
{
	if (g->at == GUARD_METHOD)
		method_byte(g, c);
	else if (g->at == GUARD_NAME && c == ':')
		name_ends(g);
	else if (g->at == GUARD_NAME)
		name_byte(g, c);
	else if (g->at == GUARD_TARGET && c == ' ')
		target_ends(g);
	else /* an ordinary one is none of ours */
		say(g, "a control byte");
}

static void step(struct head_guard *g, unsigned char c)
{
	switch (g->at) {
	case GUARD_METHOD:
	case GUARD_TARGET:
	case GUARD_VERSION:
	case GUARD_NAME:
	case GUARD_VALUE:
		if (c == '\r' || c == '\n')
			line_end(g, c);
		else
			line_byte(g, c);
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

/* Takes the ordinary bytes of a target, a version or a value: most are. */
static size_t ordinary(struct head_guard *g, const char *p, size_t n)
{
	size_t i = 0;
	if (g->at != GUARD_TARGET && g->at != GUARD_VERSION && g->at != GUARD_VALUE)
		return 0;
	while (i < n && !is_control((unsigned char)p[i]) && (g->at != GUARD_TARGET || p[i] != ' '))
		i++;
	if (g->at == GUARD_VALUE)
		value_bytes(g, p, i);
	else
		word_bytes(g, p, i);
	return i;
}

static void too_large(struct head_guard *g)
{
	if (g->at == GUARD_METHOD || g->at == GUARD_TARGET || g->at == GUARD_VERSION)
		say_status(g, 414, "a request line of more than 32 KiB");
	else
		say_status(g, 431, "a head of more than 32 KiB");
}

size_t guard_feed(struct head_guard *g, const char *p, size_t n)
{
	size_t i = 0, left = GUARD_HEAD_MAX - g->bytes, most = n < left ? n : left;
	while (i < most && g->at != GUARD_OUT) {
		i += ordinary(g, p + i, most - i);
		if (i < most)
			step(g, (unsigned char)p[i++]);
	}
	g->bytes += i;
	if (i < n && g->at != GUARD_OUT)
		too_large(g);
	return i;
}
