/* Hashes and encodings, thin over OpenSSL. */
#ifndef SIGRELAY_BASE_BYTES_H
#define SIGRELAY_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>

#define SHA256_SIZE 32

struct digest {
	uint8_t b[SHA256_SIZE];
};

/* SHA-256 over the concatenation of the parts. */
enum status sha256(struct digest *out, const struct slice *parts, size_t count) MUST_CHECK;
void hex_encode(const uint8_t *p, size_t n, char *out);                      /* 2n+1 bytes, lower case */
enum status hex_decode(struct slice hex, uint8_t *out, size_t n) MUST_CHECK; /* exactly 2n digits */
/* Standard alphabet with padding; decode also takes missing padding and, for
 * JWTs, the URL alphabet. White space is refused. out is appended to. */
enum status base64_encode(struct slice in, struct buf *out) MUST_CHECK;
enum status base64_decode(struct slice in, struct buf *out) MUST_CHECK;

#endif
