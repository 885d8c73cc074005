/* PEM: keys and certificates as Sigstore writes them. */
#ifndef SIGRELAY_SIGSTORE_PEM_H
#define SIGRELAY_SIGSTORE_PEM_H

#include <stdbool.h>
#include <stdint.h>

#include <sigrelay/base/bytes.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>

/* Blocks that are read of one text: rekor takes a chain of at most ten
 * (pkg/pki/x509/x509.go), and a text of many small blocks shall cost nothing. */
#define PEM_BLOCKS_MAX 10

struct pem_facts {
	struct digest der;             /* SHA-256 over the DER of all blocks, in order */
	int64_t not_before, not_after; /* of the first block; 0 when it is no certificate */
};

/* Reads a PEM text of "PUBLIC KEY" or "CERTIFICATE" blocks. The life is read
 * only where with_life is set: it costs a parse of the certificate, and only
 * the leaf's counts, which comes first. STATUS_INVALID when there is no such
 * block, or one of another kind. */
enum status pem_read(struct slice text, bool with_life, struct pem_facts *out) MUST_CHECK;

/* Is the text one or more certificates that parse, and nothing else? */
bool pem_is_certificates(struct slice text);
/* Is it a public key that parses? */
bool pem_is_public_key(struct slice text);

#endif
