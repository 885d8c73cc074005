#include <sigrelay/base/utf8.h>

#include <string.h>

/* The length that a first byte announces; 0 for one that cannot be first. */
static size_t announced(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c < 0xe0)
		return 2;
	if (c >= 0xe0 && c < 0xf0)
		return 3;
	return c >= 0xf0 && c < 0xf5 ? 4 : 0;
}

size_t utf8_next(struct slice s, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	static const unsigned char first_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	if (s.n == 0)
		return 0;
	size_t n = announced((unsigned char)s.p[0]);
	if (n == 0 || n > s.n)
		return 0;
	uint32_t v = (unsigned char)s.p[0] & first_bits[n];
	for (size_t i = 1; i < n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if ((c & 0xc0) != 0x80)
			return 0;
		v = (v << 6) | (c & 0x3f);
	}
	if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*code = v;
	return n;
}

bool utf8_printable(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{ 0, 0x1f },        { 0x7f, 0x9f },     { 0xad, 0xad },     { 0x61c, 0x61c },
		{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xfdd0, 0xfdef },
		{ 0xfeff, 0xfeff }, { 0xfff0, 0xfffb },
	};
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		if (code >= hidden[i].first && code <= hidden[i].last)
			return false;
	}
	return (code & 0xfffe) != 0xfffe && !(code >= 0xe0000 && code <= 0xe0fff);
}

static bool is_space(char c)
{
	return c == '\t' || c == '\n' || c == '\r';
}

void utf8_plain(struct slice s, char *out, size_t size)
{
	size_t n = 0;
	while (s.n) {
		uint32_t code;
		size_t length = utf8_next(s, &code);
		bool show = length && utf8_printable(code);
		size_t used = length ? length : 1, room = show ? length : 1;
		if (n + room >= size)
			break;
		memcpy(out + n, show ? s.p : is_space(*s.p) ? " " : "?", room);
		n += room;
		s = (struct slice){ s.p + used, s.n - used };
	}
	out[n] = '\0';
}
