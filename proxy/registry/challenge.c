#include <sigrelay/registry/challenge.h>

#include <string.h>

#include <sigrelay/base/mem.h>

enum parameter { REALM, SERVICE, SCOPE, ERROR, PARAMETERS };

/* One challenge as it stands in its header. */
struct offer {
	enum challenge_scheme scheme;
	struct slice value[PARAMETERS]; /* with their quotes; p NULL: not there */
};

/* From outside: any bytes. */
struct cursor {
	const char *p, *end;
};

static bool is_token(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static void skip_blanks(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
		c->p++;
}

static struct slice read_token(struct cursor *c)
{
	const char *from = c->p;
	while (c->p < c->end && is_token(*c->p))
		c->p++;
	return (struct slice){ from, (size_t)(c->p - from) };
}

/* With its quotes; p NULL: it has no end, and there is nothing behind it. */
static struct slice read_quoted(struct cursor *c)
{
	const char *from = c->p++;
	while (c->p < c->end && *c->p != '"')
		c->p += *c->p == '\\' && c->end - c->p > 1 ? 2 : 1;
	if (c->p == c->end)
		return (struct slice){ NULL, 0 };
	c->p++;
	return (struct slice){ from, (size_t)(c->p - from) };
}

/* Realms are URLs, and some do not quote them: a value goes on to the next blank
 * or comma. */
static struct slice read_value(struct cursor *c)
{
	if (c->p < c->end && *c->p == '"')
		return read_quoted(c);
	const char *from = c->p;
	while (c->p < c->end && !strchr(" \t,\"", *c->p))
		c->p++;
	return (struct slice){ from, (size_t)(c->p - from) };
}

/* A C string cannot hold a NUL, and no header may hold a control character. */
static bool is_clean(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	}
	return true;
}

static void take_parameter(struct offer *o, struct slice name, struct slice value)
{
	static const char *const names[PARAMETERS] = { "realm", "service", "scope", "error" };
	for (size_t i = 0; i < PARAMETERS; i++) {
		if (slice_eq_icase(name, names[i]) && !o->value[i].p && value.n && is_clean(value))
			o->value[i] = value;
	}
}

static enum challenge_scheme scheme_of(struct slice name)
{
	if (slice_eq_icase(name, "Bearer"))
		return CHALLENGE_BEARER;
	return slice_eq_icase(name, "Basic") ? CHALLENGE_BASIC : CHALLENGE_NONE;
}

static bool has_text(struct slice value)
{
	return value.n > 0 && !slice_eq_str(value, "\"\"");
}

static void keep_better(struct offer *best, const struct offer *o)
{
	if (o->scheme == CHALLENGE_BEARER && !has_text(o->value[REALM]))
		return;
	if (o->scheme > best->scheme)
		*best = *o;
}

/* What stands behind a scheme and is no NAME=VALUE: its one word (token68), such
 * as that of Negotiate. */
static void skip_word(struct cursor *c)
{
	while (c->p < c->end && *c->p != ',' && *c->p != ' ' && *c->p != '\t')
		c->p++;
}

/* NAME = VALUE at the cursor, which moves behind it; false, and it stays: there
 * is none. */
static bool read_parameter(struct cursor *c, struct offer *o)
{
	struct cursor at = *c;
	struct slice name = read_token(&at);
	skip_blanks(&at);
	if (!name.n || at.p == at.end || *at.p != '=')
		return false;
	at.p++;
	skip_blanks(&at);
	if (at.p == at.end || *at.p == '=' || *at.p == ',')
		return false;
	take_parameter(o, name, read_value(&at));
	*c = at;
	return true;
}

/* A scheme begins here, or there are bytes that mean nothing. */
static void read_scheme(struct cursor *c, struct offer *o, struct offer *best)
{
	struct slice name = read_token(c);
	if (!name.n) {
		if (*c->p == '"')
			read_quoted(c);
		else
			c->p++;
		return;
	}
	keep_better(best, o);
	*o = (struct offer){ .scheme = scheme_of(name) };
	const char *behind = c->p;
	skip_blanks(c);
	if (c->p > behind && c->p < c->end && *c->p != ',' && !read_parameter(c, o))
		skip_word(c);
}

static void read_header(struct slice header, struct offer *best)
{
	struct cursor c = { header.p, header.p + header.n };
	struct offer o = { .scheme = CHALLENGE_NONE };
	while (c.p < c.end) {
		skip_blanks(&c);
		if (c.p < c.end && *c.p == ',')
			c.p++;
		else if (c.p < c.end && !read_parameter(&c, &o))
			read_scheme(&c, &o, best);
	}
	keep_better(best, &o);
}

/* False: no memory. */
static bool unquote(struct slice value, char **out)
{
	if (!value.p)
		return true;
	bool quoted = *value.p == '"';
	char *text = mem_alloc(value.n + 1);
	if (!text)
		return false;
	size_t n = 0;
	for (size_t i = quoted; i + quoted < value.n; i++) {
		if (quoted && value.p[i] == '\\' && i + 2 < value.n)
			i++;
		text[n++] = value.p[i];
	}
	text[n] = '\0';
	*out = text;
	return true;
}

enum status challenge_choose(const struct slice *headers, size_t count, struct challenge *out)
{
	struct offer best = { .scheme = CHALLENGE_NONE };
	for (size_t i = 0; i < count; i++) {
		if (headers[i].n)
			read_header(headers[i], &best);
	}
	struct challenge made = { .scheme = best.scheme };
	if (!unquote(best.value[REALM], &made.realm) || !unquote(best.value[SERVICE], &made.service) ||
	    !unquote(best.value[SCOPE], &made.scope) || !unquote(best.value[ERROR], &made.error)) {
		challenge_release(&made);
		return STATUS_NO_MEMORY;
	}
	*out = made;
	return STATUS_OK;
}

void challenge_release(struct challenge *c)
{
	mem_free(c->realm);
	mem_free(c->service);
	mem_free(c->scope);
	mem_free(c->error);
	*c = (struct challenge){ .scheme = CHALLENGE_NONE };
}
