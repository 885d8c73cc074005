#include <sigrelay/registry/reference.h>

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/base/utf8.h>

#define NAME_MAX_LENGTH ((size_t)255)
#define TAG_MAX_LENGTH ((size_t)128)
#define DIGEST_HEX_LENGTH ((size_t)64)
#define DEFAULT_DOMAIN "docker.io"
#define LEGACY_DOMAIN "index.docker.io"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define LOWER_HEX DIGITS "abcdef"
#define PATH_WORD LOWER DIGITS
#define DOMAIN_WORD LOWER UPPER DIGITS
#define TAG_CHARACTERS LOWER UPPER DIGITS "_.-"

/* What of the text is shown on either side of the offending place. */
#define SHOWN_BEFORE ((size_t)60)
#define SHOWN_AFTER ((size_t)60)

/* The parts of the text, and where it is wrong. */
struct reading {
	struct slice domain; /* n 0: none was written */
	struct slice path, tag, digest;
	const char *at, *wrong; /* wrong NULL: nothing is */
};

static bool is_in(char c, const char *set)
{
	return c && strchr(set, c);
}

/* False, for the caller to return. */
static bool refuse(struct reading *r, const char *at, const char *wrong)
{
	r->at = at;
	r->wrong = wrong;
	return false;
}

static struct slice between(const char *from, const char *to)
{
	return (struct slice){ from, (size_t)(to - from) };
}

static bool read_port(struct reading *r, const char *p, const char *end)
{
	size_t n = strspn(p, DIGITS);
	if (p + n != end || n == 0)
		return refuse(r, p + n, "a port is a number");
	long port = n > 5 ? 0 : strtol(p, NULL, 10);
	return (port > 0 && port <= UINT16_MAX) || refuse(r, p, "a port is a number from 1 to 65535");
}

static bool is_ipv6(struct slice text)
{
	char name[INET6_ADDRSTRLEN];
	struct in6_addr address;
	if (text.n >= sizeof(name))
		return false;
	memcpy(name, text.p, text.n);
	name[text.n] = '\0';
	return inet_pton(AF_INET6, name, &address) == 1;
}

/* The end of "[ADDRESS]"; NULL: refused. */
static const char *read_ipv6(struct reading *r, const char *p)
{
	const char *end = p + 1 + strspn(p + 1, LOWER_HEX "ABCDEF:");
	if (*end != ']') {
		refuse(r, end, "expected an IPv6 address in brackets, such as [::1]");
		return NULL;
	}
	if (!is_ipv6(between(p + 1, end))) {
		refuse(r, p + 1, "this is no IPv6 address; expected one such as [::1]");
		return NULL;
	}
	return end + 1;
}

/* The end of "WORD.WORD…", words of letters and digits with dashes inside; NULL:
 * refused. */
static const char *read_host(struct reading *r, const char *p)
{
	for (;; p++) {
		const char *word = p;
		p += strspn(p, DOMAIN_WORD "-");
		if (p == word || *word == '-') {
			refuse(r, word, "expected a registry's name, such as ghcr.io or localhost:5000");
			return NULL;
		}
		if (p[-1] == '-') {
			refuse(r, p - 1, "a part of a registry's name ends in a letter or a digit");
			return NULL;
		}
		if (*p != '.')
			return p;
	}
}

static bool read_domain(struct reading *r)
{
	const char *end = r->domain.p + r->domain.n;
	const char *p = *r->domain.p == '[' ? read_ipv6(r, r->domain.p) : read_host(r, r->domain.p);
	if (!p)
		return false;
	if (*p == ':')
		return read_port(r, p + 1, end);
	return p == end || refuse(r, p, "this may not stand in a registry's name");
}

/* Why no word of a path goes on, or begins, at p. */
static bool refuse_path(struct reading *r, const char *p)
{
	if (is_in(*p, UPPER))
		return refuse(r, p, "repository names are lower-case");
	if (!*p || is_in(*p, "/:@"))
		return refuse(r, p, "expected a repository's name here");
	if (is_in(*p, "._-"))
		return refuse(
		    r, p, "between letters and digits of a repository's name stands one of . _ __ or dashes");
	return refuse(r, p,
		      "this may not stand in a repository's name; expected lower-case letters, digits, "
		      ". _ - and /");
}

/* The length of the separator at p: ".", "_", "__" or dashes. */
static size_t separator(const char *p)
{
	if (*p == '-')
		return strspn(p, "-");
	if (*p == '_')
		return p[1] == '_' ? 2 : 1;
	return *p == '.';
}

static bool read_path(struct reading *r, const char *p)
{
	r->path.p = p;
	for (;;) {
		size_t n = strspn(p, PATH_WORD);
		if (n == 0)
			return refuse_path(r, p);
		p += n;
		r->path.n = (size_t)(p - r->path.p);
		if (!*p || *p == ':' || *p == '@')
			return true;
		n = *p == '/' ? 1 : separator(p);
		if (n == 0)
			return refuse_path(r, p);
		p += n;
	}
}

static bool read_tag(struct reading *r, const char *p)
{
	r->tag = (struct slice){ p, strspn(p, TAG_CHARACTERS) };
	const char *end = p + r->tag.n;
	if (r->tag.n == 0 && (!*p || *p == '@'))
		return refuse(r, p, "expected a tag after the ':'");
	if (is_in(*p, ".-"))
		return refuse(r, p, "a tag begins with a letter, a digit or _");
	if (*end && *end != '@')
		return refuse(r, end, "this may not stand in a tag; expected letters, digits, . _ and -");
	return r->tag.n <= TAG_MAX_LENGTH ||
	       refuse(r, p + TAG_MAX_LENGTH, "a tag has at most 128 characters");
}

/* The end of WORD ([-_+.] WORD)*, a word being letters and digits and beginning
 * with a letter; NULL: refused. */
static const char *read_algorithm(struct reading *r, const char *p)
{
	for (;; p++) {
		if (!is_in(*p, LOWER UPPER)) {
			refuse(r, p, "expected a digest, sha256: and 64 hex digits");
			return NULL;
		}
		p += strspn(p, LOWER UPPER DIGITS);
		if (!is_in(*p, "-_+."))
			return p;
	}
}

static bool read_digest(struct reading *r, const char *p)
{
	const char *colon = read_algorithm(r, p);
	if (!colon)
		return false;
	if (*colon != ':')
		return refuse(r, colon, "expected a digest, sha256: and 64 hex digits");
	if (!slice_eq_str(between(p, colon), "sha256"))
		return refuse(r, p, "only digests of sha256 are supported");
	const char *end = colon + 1 + strspn(colon + 1, LOWER_HEX);
	if (*end)
		return refuse(r, end, "a sha256 digest has lower-case hex digits only");
	r->digest = between(p, end);
	if (r->digest.n < sizeof("sha256:") - 1 + DIGEST_HEX_LENGTH)
		return refuse(r, end, "a sha256 digest has 64 hex digits; here are fewer");
	return r->digest.n == sizeof("sha256:") - 1 + DIGEST_HEX_LENGTH ||
	       refuse(r, colon + 1 + DIGEST_HEX_LENGTH, "a sha256 digest has 64 hex digits; here are more");
}

/* The first part is a registry when it cannot be a part of a path. */
static struct slice find_domain(const char *text)
{
	size_t n = strcspn(text, "/");
	struct slice first = { text, n };
	if (!text[n])
		return (struct slice){ text, 0 };
	if (slice_eq_str(first, "localhost") || strcspn(text, ".:" UPPER) < n)
		return first;
	return (struct slice){ text, 0 };
}

static bool is_hex_only(const char *text)
{
	return strspn(text, LOWER_HEX) == DIGEST_HEX_LENGTH && !text[DIGEST_HEX_LENGTH];
}

static bool read_name(struct reading *r, const char *text)
{
	size_t scheme = strspn(text, LOWER UPPER DIGITS "+-.");
	if (!*text)
		return refuse(r, text, "it is empty; expected one such as ghcr.io/owner/app:1.0");
	if (strncmp(text + scheme, "://", 3) == 0)
		return refuse(r, text, "an image has no scheme; leave out what ends in ://");
	if (is_hex_only(text))
		return refuse(r, text, "64 hex digits are an image's id; a repository's name is needed");
	r->domain = find_domain(text);
	if (r->domain.n && !read_domain(r))
		return false;
	return read_path(r, r->domain.n ? text + r->domain.n + 1 : text);
}

static bool read_all(struct reading *r, const char *text)
{
	if (!read_name(r, text))
		return false;
	const char *p = r->path.p + r->path.n;
	if (*p == ':') {
		if (!read_tag(r, p + 1))
			return false;
		p = r->tag.p + r->tag.n;
	}
	return *p != '@' || read_digest(r, p + 1);
}

/* One code point, or the bytes that may not be shown as \xNN; moves *s on and
 * counts its columns. */
static enum status show_next(struct slice *s, struct buf *out, size_t *columns)
{
	uint32_t code = 0;
	size_t n = utf8_next(*s, &code);
	bool plain = n > 0 && utf8_printable(code);
	enum status st = plain ? buf_add(out, s->p, n) : buf_addf(out, "\\x%02x", (unsigned char)s->p[0]);
	n = plain ? n : 1;
	*columns += plain ? 1 : sizeof("\\xNN") - 1;
	*s = (struct slice){ s->p + n, s->n - n };
	return st;
}

static enum status show_text(const char *text, const char *at, struct buf *why)
{
	size_t before = (size_t)(at - text), column = 0, ignored = 0;
	const char *from = before > SHOWN_BEFORE ? at - SHOWN_BEFORE : text;
	struct slice left = { from, strnlen(from, (size_t)(at - from) + SHOWN_AFTER) };
	bool cut = left.p[left.n] != '\0';
	enum status st = buf_add_str(why, from == text ? "\n  " : "\n  …");
	column = from != text;
	while (left.n && st == STATUS_OK)
		st = show_next(&left, why, left.p < at ? &column : &ignored);
	if (st == STATUS_OK)
		st = buf_addf(why, "%s\n  %*s^", cut ? "…" : "", (int)column, "");
	return st;
}

static enum status explain(const struct reading *r, const char *text, struct buf *why)
{
	enum status st = buf_addf(why, "not an image reference: %s", r->wrong);
	if (st == STATUS_OK)
		st = show_text(text, r->at, why);
	return st == STATUS_NO_MEMORY ? st : STATUS_INVALID;
}

static enum status fill(const struct reading *r, struct reference *out)
{
	struct slice domain = r->domain.n ? r->domain : slice_str(DEFAULT_DOMAIN);
	if (slice_eq_str(domain, LEGACY_DOMAIN))
		domain = slice_str(DEFAULT_DOMAIN);
	bool official = slice_eq_str(domain, DEFAULT_DOMAIN) && !memchr(r->path.p, '/', r->path.n);
	struct buf path;
	buf_init(&path, 2 * NAME_MAX_LENGTH);
	enum status st = official ? buf_add_str(&path, "library/") : STATUS_OK;
	if (st == STATUS_OK)
		st = buf_add_slice(&path, r->path);
	if (st == STATUS_OK && domain.n + 1 + path.n > NAME_MAX_LENGTH)
		st = STATUS_TOO_LARGE;
	if (st != STATUS_OK) {
		buf_release(&path);
		return st;
	}
	struct reference made = { .path = buf_take(&path), .domain = mem_strndup(domain.p, domain.n) };
	made.tag = r->tag.n ? mem_strndup(r->tag.p, r->tag.n) : NULL;
	made.digest = r->digest.n ? mem_strndup(r->digest.p, r->digest.n) : NULL;
	if (!made.domain || (r->tag.n && !made.tag) || (r->digest.n && !made.digest)) {
		reference_release(&made);
		return STATUS_NO_MEMORY;
	}
	*out = made;
	return STATUS_OK;
}

enum status reference_parse(const char *text, struct reference *out, struct buf *why)
{
	struct reading r = { 0 };
	enum status st = read_all(&r, text) ? fill(&r, out) : STATUS_INVALID;
	if (st == STATUS_TOO_LARGE)
		refuse(&r, text, "registry and repository together have at most 255 characters");
	return r.wrong ? explain(&r, text, why) : st;
}

static bool copy_text(const char *text, char **out)
{
	*out = text ? mem_strdup(text) : NULL;
	return *out || !text;
}

enum status reference_copy(const struct reference *r, struct reference *out)
{
	struct reference made = { 0 };
	if (!copy_text(r->domain, &made.domain) || !copy_text(r->path, &made.path) ||
	    !copy_text(r->tag, &made.tag) || !copy_text(r->digest, &made.digest)) {
		reference_release(&made);
		return STATUS_NO_MEMORY;
	}
	*out = made;
	return STATUS_OK;
}

void reference_release(struct reference *r)
{
	mem_free(r->domain);
	mem_free(r->path);
	mem_free(r->tag);
	mem_free(r->digest);
	*r = (struct reference){ 0 };
}

enum status reference_print(const struct reference *r, const char *tag, const char *digest, struct buf *out)
{
	return buf_addf(out, "%s/%s%s%s%s%s", r->domain, r->path, tag ? ":" : "", tag ? tag : "",
			digest ? "@" : "", digest ? digest : "");
}

bool reference_is_dockerhub(const struct reference *r)
{
	return strcmp(r->domain, DEFAULT_DOMAIN) == 0;
}

bool reference_is_ghcr(const struct reference *r)
{
	return strcmp(r->domain, "ghcr.io") == 0;
}

bool reference_is_loopback(const char *domain)
{
	char host[INET6_ADDRSTRLEN];
	struct in_addr v4;
	struct in6_addr v6;
	bool bracket = *domain == '[';
	const char *from = domain + bracket;
	size_t n = strcspn(from, bracket ? "]" : ":");
	if (n >= sizeof(host))
		return false;
	memcpy(host, from, n);
	host[n] = '\0';
	if (bracket)
		return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
	return strcasecmp(host, "localhost") == 0 ||
	       (inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127);
}

bool digest_is_valid(const char *digest)
{
	return strncmp(digest, "sha256:", 7) == 0 && is_hex_only(digest + 7);
}

bool tag_is_valid(const char *tag)
{
	size_t n = strspn(tag, TAG_CHARACTERS);
	return n > 0 && n <= TAG_MAX_LENGTH && !tag[n] && !is_in(*tag, ".-");
}
