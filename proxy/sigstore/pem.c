#include <sigrelay/sigstore/pem.h>

#include <limits.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

struct block {
	char *name, *header;
	unsigned char *der;
	long n;
};

static bool block_next(BIO *in, struct block *b)
{
	return PEM_read_bio(in, &b->name, &b->header, &b->der, &b->n) == 1;
}

static void block_free(struct block *b)
{
	OPENSSL_free(b->name);
	OPENSSL_free(b->header);
	OPENSSL_free(b->der);
}

static bool is_certificate(const struct block *b)
{
	return strcmp(b->name, "CERTIFICATE") == 0;
}

static bool is_public_key(const struct block *b)
{
	return strcmp(b->name, "PUBLIC KEY") == 0;
}

/* NULL also when the bytes go on after the certificate. */
static X509 *certificate(const struct block *b)
{
	const unsigned char *p = b->der;
	X509 *cert = d2i_X509(NULL, &p, b->n);
	if (cert && p != b->der + b->n) {
		X509_free(cert);
		return NULL;
	}
	return cert;
}

static int64_t seconds(const ASN1_TIME *t)
{
	struct tm tm;
	if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
		return 0;
	int64_t s = timegm(&tm);
	return s > 0 ? s : 0;
}

static void read_life(const struct block *b, struct pem_facts *out)
{
	X509 *cert = certificate(b);
	if (!cert)
		return;
	out->not_before = seconds(X509_get0_notBefore(cert));
	out->not_after = seconds(X509_get0_notAfter(cert));
	X509_free(cert);
}

static BIO *reader(struct slice text)
{
	return text.n > 0 && text.n <= INT_MAX ? BIO_new_mem_buf(text.p, (int)text.n) : NULL;
}

/* What failed is told by a status; the thread's error queue belongs to TLS. */
static void reader_free(BIO *in)
{
	BIO_free(in);
	ERR_clear_error();
}

static bool read_blocks(BIO *in, EVP_MD_CTX *ctx, bool with_life, struct pem_facts *out)
{
	struct block b;
	size_t count = 0;
	bool good = EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
	while (good && count < PEM_BLOCKS_MAX && block_next(in, &b)) {
		good = (is_certificate(&b) || is_public_key(&b)) && b.n > 0 &&
		       EVP_DigestUpdate(ctx, b.der, (size_t)b.n) == 1;
		if (good && count == 0 && with_life && is_certificate(&b))
			read_life(&b, out);
		block_free(&b);
		count++;
	}
	return good && count > 0 && EVP_DigestFinal_ex(ctx, out->der.b, NULL) == 1;
}

enum status pem_read(struct slice text, bool with_life, struct pem_facts *out)
{
	struct pem_facts facts = { .not_before = 0 };
	BIO *in = reader(text);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = in && ctx && read_blocks(in, ctx, with_life, &facts);
	EVP_MD_CTX_free(ctx);
	reader_free(in);
	if (!good)
		return STATUS_INVALID;
	*out = facts;
	return STATUS_OK;
}

static bool certificate_parses(const struct block *b)
{
	X509 *cert = is_certificate(b) ? certificate(b) : NULL;
	X509_free(cert);
	return cert != NULL;
}

static bool public_key_parses(const struct block *b)
{
	const unsigned char *p = b->der;
	EVP_PKEY *key = is_public_key(b) ? d2i_PUBKEY(NULL, &p, b->n) : NULL;
	EVP_PKEY_free(key);
	return key && p == b->der + b->n;
}

static bool each_block(struct slice text, bool (*judge)(const struct block *))
{
	BIO *in = reader(text);
	struct block b;
	size_t count = 0;
	bool good = in != NULL;
	while (good && count < PEM_BLOCKS_MAX && block_next(in, &b)) {
		good = judge(&b);
		block_free(&b);
		count++;
	}
	/* "No start line" is how the last block ends well; anything else is a block
	 * that was cut off or spoilt. */
	good = good && count > 0 &&
	       (count == PEM_BLOCKS_MAX || ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE);
	reader_free(in);
	return good;
}

/* Nothing but PEM: OpenSSL skips what stands around the blocks. */
static bool framed_as_pem(struct slice text)
{
	static const char blank[] = " \t\r\n";
	while (text.n > 0 && memchr(blank, text.p[0], 4)) {
		text.p++;
		text.n--;
	}
	while (text.n > 0 && memchr(blank, text.p[text.n - 1], 4))
		text.n--;
	const char *line = text.n > 0 ? memrchr(text.p, '\n', text.n) : NULL;
	if (!line)
		return false;
	struct slice last = { line + 1, (size_t)(text.p + text.n - (line + 1)) };
	return slice_starts(text, "-----BEGIN ") && slice_starts(last, "-----END ");
}

bool pem_is_certificates(struct slice text)
{
	return framed_as_pem(text) && each_block(text, certificate_parses);
}

bool pem_is_public_key(struct slice text)
{
	return framed_as_pem(text) && each_block(text, public_key_parses);
}
