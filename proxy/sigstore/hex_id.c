#include <sigrelay/sigstore/hex_id.h>

#include <sigrelay/sigstore/rekor.h>

static int lower(char c)
{
	if (c >= '0' && c <= '9')
		return c;
	if (c >= 'a' && c <= 'f')
		return c;
	return c >= 'A' && c <= 'F' ? c + ('a' - 'A') : 0;
}

bool hex_id_valid(struct slice id)
{
	if (id.n != REKOR_UUID_HEX && id.n != REKOR_ENTRY_ID_HEX)
		return false;
	for (size_t i = 0; i < id.n; i++) {
		if (!lower(id.p[i]))
			return false;
	}
	return true;
}

void hex_id_lower(struct slice id, char *out)
{
	for (size_t i = 0; i < id.n; i++)
		out[i] = (char)lower(id.p[i]);
	out[id.n] = '\0';
}

bool rekor_same_id(struct slice a, struct slice b)
{
	if (!hex_id_valid(a) || !hex_id_valid(b))
		return false;
	/* A 64-digit id names the leaf in whatever tree holds it. */
	size_t n = a.n < b.n ? a.n : b.n;
	const char *x = a.p + (a.n - n), *y = b.p + (b.n - n);
	for (size_t i = 0; i < n; i++) {
		if (lower(x[i]) != lower(y[i]))
			return false;
	}
	return true;
}
