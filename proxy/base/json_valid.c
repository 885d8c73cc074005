/* RFC 8259's grammar without a tree: an answer that is only passed on need not
 * be taken apart (what that is worth: docs/performance.md). */
#include <sigrelay/base/json.h>

#include <stdbool.h>
#include <string.h>

#define DEPTH_MAX 100 /* of nesting; the services' deepest answers have six */

/* What is left of the text. */
struct cursor {
	const char *p, *end;
};

static bool value(struct cursor *c, unsigned depth);

static void blank(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\r' || *c->p == '\t'))
		c->p++;
}

static bool byte(struct cursor *c, char b)
{
	if (c->p == c->end || *c->p != b)
		return false;
	c->p++;
	return true;
}

static bool word(struct cursor *c, const char *w)
{
	size_t n = strlen(w);
	if ((size_t)(c->end - c->p) < n || memcmp(c->p, w, n) != 0)
		return false;
	c->p += n;
	return true;
}

/* What stands behind a backslash. As json_parse: no NUL. */
static bool escape(struct cursor *c)
{
	char hex[4];
	if (!byte(c, 'u'))
		return c->p < c->end && *c->p && strchr("\"\\/bfnrt", *c->p++);
	if (c->end - c->p < 4)
		return false;
	memcpy(hex, c->p, 4);
	c->p += 4;
	for (size_t i = 0; i < 4; i++) {
		if (!memchr("0123456789abcdefABCDEF", hex[i], 22))
			return false;
	}
	return memcmp(hex, "0000", 4) != 0;
}

static bool string(struct cursor *c)
{
	if (!byte(c, '"'))
		return false;
	while (c->p < c->end) {
		/* Runs without quote or backslash, which are long, at memchr's speed. */
		const char *quote = memchr(c->p, '"', (size_t)(c->end - c->p));
		const char *slash = quote ? memchr(c->p, '\\', (size_t)(quote - c->p)) : NULL;
		if (!quote)
			return false;
		c->p = slash ? slash + 1 : quote + 1;
		if (!slash)
			return true;
		if (!escape(c))
			return false;
	}
	return false;
}

static bool digits(struct cursor *c)
{
	const char *from = c->p;
	while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
		c->p++;
	return c->p > from;
}

static bool number(struct cursor *c)
{
	(void)byte(c, '-');
	if (!byte(c, '0') && !digits(c))
		return false;
	if (byte(c, '.') && !digits(c))
		return false;
	if (!byte(c, 'e') && !byte(c, 'E'))
		return true;
	if (!byte(c, '+'))
		(void)byte(c, '-');
	return digits(c);
}

static bool member(struct cursor *c, unsigned depth)
{
	blank(c);
	if (!string(c))
		return false;
	blank(c);
	return byte(c, ':') && value(c, depth);
}

/* From behind the opening bracket to behind the closing one. */
static bool list(struct cursor *c, char close, bool (*item)(struct cursor *c, unsigned depth), unsigned depth)
{
	blank(c);
	if (byte(c, close))
		return true;
	do {
		if (!item(c, depth))
			return false;
	} while (byte(c, ','));
	return byte(c, close);
}

static bool value(struct cursor *c, unsigned depth)
{
	bool good;
	blank(c);
	if (depth > DEPTH_MAX || c->p == c->end)
		return false;
	switch (*c->p) {
	case '{':
		c->p++;
		good = list(c, '}', member, depth + 1);
		break;
	case '[':
		c->p++;
		good = list(c, ']', value, depth + 1);
		break;
	case '"':
		good = string(c);
		break;
	case 't':
		good = word(c, "true");
		break;
	case 'f':
		good = word(c, "false");
		break;
	case 'n':
		good = word(c, "null");
		break;
	default:
		good = number(c);
		break;
	}
	blank(c);
	return good;
}

bool json_is_container(struct slice text)
{
	struct cursor c = { text.p, text.p + text.n };
	if (text.n == 0 || memchr(text.p, '\0', text.n))
		return false;
	blank(&c);
	return c.p < c.end && (*c.p == '{' || *c.p == '[') && value(&c, 0) && c.p == c.end;
}
