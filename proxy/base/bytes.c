#include <sigrelay/base/bytes.h>

#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

#include <sigrelay/base/mem.h>

/* Looked up once: EVP_sha256() is looked up in the providers for every digest,
 * which costs more than a proof's small digests themselves. */
static const EVP_MD *method(void)
{
	static EVP_MD *fetched;
	if (!fetched)
		fetched = EVP_MD_fetch(NULL, "SHA256", NULL);
	return fetched ? fetched : EVP_sha256();
}

static bool digest_parts(EVP_MD_CTX *ctx, struct digest *out, const struct slice *parts, size_t count)
{
	if (EVP_DigestInit_ex(ctx, method(), NULL) != 1)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].n > 0 && EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) != 1)
			return false;
	}
	return EVP_DigestFinal_ex(ctx, out->b, NULL) == 1;
}

enum status sha256(struct digest *out, const struct slice *parts, size_t count)
{
	struct digest made;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && digest_parts(ctx, &made, parts, count);
	EVP_MD_CTX_free(ctx);
	if (!ok) /* SHA-256 itself cannot fail: OpenSSL had no memory */
		return STATUS_NO_MEMORY;
	*out = made;
	return STATUS_OK;
}

void hex_encode(const uint8_t *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

enum status hex_decode(struct slice hex, uint8_t *out, size_t n)
{
	if (hex.n % 2 != 0 || hex.n / 2 != n)
		return STATUS_INVALID;
	for (size_t i = 0; i < hex.n; i++) {
		if (hex_value(hex.p[i]) < 0)
			return STATUS_INVALID;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(hex_value(hex.p[2 * i]) * 16 + hex_value(hex.p[2 * i + 1]));
	return STATUS_OK;
}

enum status base64_encode(struct slice in, struct buf *out)
{
	if (in.n > INT_MAX / 2)
		return STATUS_TOO_LARGE;
	size_t n = (in.n + 2) / 3 * 4;
	enum status st = buf_reserve(out, n);
	if (st != STATUS_OK || in.n == 0)
		return st;
	/* Writes n bytes and the NUL that buf_reserve left room for. */
	EVP_EncodeBlock((unsigned char *)out->p + out->n, (const unsigned char *)in.p, (int)in.n);
	out->n += n;
	return STATUS_OK;
}

/* The same digit in the standard alphabet; 0 for what is in neither. */
static char base64_digit(char c)
{
	if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
		return c;
	if (c == '+' || c == '-')
		return '+';
	return c == '/' || c == '_' ? '/' : '\0';
}

/* The digits without their padding; INVALID when the padding that is there is
 * not what the digits ask for. */
static enum status base64_strip(struct slice in, struct slice *digits)
{
	size_t n = in.n;
	while (n > 0 && in.n - n < 2 && in.p[n - 1] == '=')
		n--;
	if (n % 4 == 1 || (n != in.n && in.n % 4 != 0))
		return STATUS_INVALID;
	*digits = (struct slice){ in.p, n };
	return STATUS_OK;
}

enum status base64_decode(struct slice in, struct buf *out)
{
	struct slice digits;
	if (in.n > INT_MAX / 2)
		return STATUS_TOO_LARGE;
	enum status st = base64_strip(in, &digits);
	if (st != STATUS_OK)
		return st;
	size_t padded = (digits.n + 3) / 4 * 4;
	size_t n = digits.n * 3 / 4;
	/* Two halves: OpenSSL reads padded digits and writes whole groups of
	 * three, more than out may have room for. */
	char *text = mem_alloc(padded * 2);
	if (!text)
		return STATUS_NO_MEMORY;
	char *raw = text + padded;
	memset(text, '=', padded);
	for (size_t i = 0; i < digits.n && st == STATUS_OK; i++) {
		text[i] = base64_digit(digits.p[i]);
		if (text[i] == '\0')
			st = STATUS_INVALID;
	}
	if (st == STATUS_OK && n > 0)
		EVP_DecodeBlock((unsigned char *)raw, (const unsigned char *)text, (int)padded);
	if (st == STATUS_OK)
		st = buf_add(out, raw, n);
	mem_wipe(text, padded * 2); /* it may have been a token */
	mem_free(text);
	return st;
}
