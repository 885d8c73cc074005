#include <sigrelay/base/slice.h>

#include <string.h>

struct slice slice_str(const char *s)
{
	return (struct slice){ s, s ? strlen(s) : 0 };
}

bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool slice_eq_str(struct slice a, const char *s)
{
	return slice_eq(a, slice_str(s));
}

/* Not tolower(3): the locale has no say in what a header's name is. */
static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool slice_eq_icase(struct slice a, const char *s)
{
	if (a.n != strlen(s))
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (lower(a.p[i]) != lower(s[i]))
			return false;
	}
	return true;
}

bool slice_starts(struct slice a, const char *prefix)
{
	size_t n = strlen(prefix);
	return a.n >= n && slice_eq_str((struct slice){ a.p, n }, prefix);
}

bool slice_ends(struct slice a, const char *suffix)
{
	size_t n = strlen(suffix);
	return n == 0 || (a.n >= n && slice_eq_str((struct slice){ a.p + (a.n - n), n }, suffix));
}

bool slice_contains(struct slice a, const char *needle)
{
	size_t n = strlen(needle);
	return n == 0 || (a.n >= n && memmem(a.p, a.n, needle, n) != NULL);
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

struct slice slice_trim(struct slice a)
{
	while (a.n > 0 && blank(a.p[0])) {
		a.p++;
		a.n--;
	}
	while (a.n > 0 && blank(a.p[a.n - 1]))
		a.n--;
	return a;
}

enum status slice_u64(struct slice a, uint64_t *out)
{
	uint64_t v = 0;
	if (a.n == 0)
		return STATUS_INVALID;
	for (size_t i = 0; i < a.n; i++) {
		if (a.p[i] < '0' || a.p[i] > '9')
			return STATUS_INVALID;
		if (__builtin_mul_overflow(v, 10U, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(a.p[i] - '0'), &v))
			return STATUS_INVALID;
	}
	*out = v;
	return STATUS_OK;
}
