#include "forge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <sigrelay/base/bytes.h>
#include <sigrelay/base/mem.h>

#define TREE "1193050959916656"

struct certificate {
	int64_t not_before;
	char *pem, *base64;
	UT_hash_handle hh;
};

struct forge {
	EVP_PKEY *key;
	struct certificate *certificates;
};

void must(enum status s)
{
	if (s == STATUS_OK)
		return;
	fprintf(stderr, "sim: %s\n", status_name(s));
	abort();
}

static void need(int good)
{
	must(good ? STATUS_OK : STATUS_NO_MEMORY);
}

/* Ed25519 signs the same bytes alike each time. */
struct forge *forge_new(void)
{
	static const unsigned char secret[32] = { 42 };
	struct forge *f = mem_calloc(1, sizeof(*f));
	need(f != NULL);
	f->key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, sizeof(secret));
	need(f->key != NULL);
	return f;
}

void forge_free(struct forge *f)
{
	struct certificate *c, *next;
	HASH_ITER(hh, f->certificates, c, next)
	{
		HASH_DEL(f->certificates, c);
		mem_free(c->pem);
		mem_free(c->base64);
		mem_free(c);
	}
	EVP_PKEY_free(f->key);
	mem_free(f);
}

static char *to_pem(X509 *x)
{
	char *p;
	BIO *out = BIO_new(BIO_s_mem());
	need(out && PEM_write_bio_X509(out, x) == 1);
	long n = BIO_get_mem_data(out, &p);
	char *pem = mem_strndup(p, (size_t)n);
	need(pem != NULL);
	BIO_free(out);
	return pem;
}

static char *make_pem(const struct forge *f, int64_t not_before)
{
	X509 *x = X509_new();
	need(x && X509_set_version(x, 2) == 1 &&
	     ASN1_INTEGER_set_int64(X509_get_serialNumber(x), not_before) &&
	     ASN1_TIME_set(X509_getm_notBefore(x), not_before) &&
	     ASN1_TIME_set(X509_getm_notAfter(x), not_before + CERTIFICATE_LIFE) &&
	     X509_set_pubkey(x, f->key) == 1 && X509_sign(x, f->key, NULL) > 0);
	char *pem = to_pem(x);
	X509_free(x);
	return pem;
}

static const struct certificate *certificate(struct forge *f, int64_t not_before)
{
	struct certificate *c = NULL;
	struct buf text;
	HASH_FIND(hh, f->certificates, &not_before, sizeof(not_before), c);
	if (c)
		return c;
	c = mem_calloc(1, sizeof(*c));
	need(c != NULL);
	c->not_before = not_before;
	c->pem = make_pem(f, not_before);
	buf_init(&text, 16384);
	must(base64_encode(slice_str(c->pem), &text));
	c->base64 = buf_take(&text);
	HASH_ADD(hh, f->certificates, not_before, sizeof(c->not_before), c);
	return c;
}

const char *forge_certificate(struct forge *f, int64_t not_before)
{
	return certificate(f, not_before)->pem;
}

/* In the order of JCS, as the log canonicalises it. */
void forge_create(struct forge *f, const struct leaf *l, struct buf *out)
{
	must(buf_addf(out,
		      "{\"apiVersion\":\"0.0.1\",\"kind\":\"hashedrekord\",\"spec\":{\"data\":{\"hash\":{"
		      "\"algorithm\":\"sha256\",\"value\":\"%064" PRIx32
		      "\"}},\"signature\":{\"content\":\"c2lnbmVk\",\"publicKey\":{\"content\":\"%s\"}}}}",
		      l->number, certificate(f, l->not_before)->base64));
}

void forge_name(struct forge *f, struct leaf *l)
{
	struct buf body;
	struct digest d;
	buf_init(&body, 65536);
	forge_create(f, l, &body);
	struct slice parts[] = { { "", 1 }, buf_slice(&body) };
	must(sha256(&d, parts, 2));
	hex_encode(d.b, sizeof(d.b), l->uuid);
	buf_release(&body);
}

void forge_id(const struct leaf *l, char out[81])
{
	snprintf(out, 81, "%s%s", TREE, l->uuid);
}

void forge_entry(struct forge *f, const struct leaf *l, int64_t integrated, struct buf *out)
{
	struct buf body;
	char id[81];
	buf_init(&body, 65536);
	forge_create(f, l, &body);
	forge_id(l, id);
	must(buf_addf(out, "{\"%s\":{\"body\":\"", id));
	must(base64_encode(buf_slice(&body), out));
	must(buf_addf(out,
		      "\",\"integratedTime\":%" PRId64 ",\"logID\":\"%064d\",\"logIndex\":%" PRIu32
		      ",\"verification\":{\"signedEntryTimestamp\":\"c2V0\"}}}",
		      integrated, 0, l->number));
	buf_release(&body);
}

void forge_token(int64_t exp, struct buf *out)
{
	char claims[64];
	int n = snprintf(claims, sizeof(claims), "{\"exp\":%" PRId64 "}", exp);
	must(buf_add_str(out, "Bearer e30."));
	must(base64_encode((struct slice){ claims, (size_t)n }, out));
	must(buf_add_str(out, ".c2ln"));
}
