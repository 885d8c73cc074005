/* Bytes that the production checks believe: certificates with a true life,
 * entries whose key is the hash of their body, tokens with an exp. Everything
 * follows from its arguments, so the same seed gives the same bytes. */
#ifndef SIGRELAY_SIM_FORGE_H
#define SIGRELAY_SIM_FORGE_H

#include <stddef.h>
#include <stdint.h>

#include <sigrelay/base/buf.h>

#include "model.h"

struct forge;
struct forge *forge_new(void); /* aborts without memory, as everything here does */
void forge_free(struct forge *f);

/* The certificate that begins at that second, in PEM; borrowed, kept. */
const char *forge_certificate(struct forge *f, int64_t not_before);
/* The hashedrekord that proposes the leaf; it is what the log stores, too. */
void forge_create(struct forge *f, const struct leaf *l, struct buf *out);
/* Sets l->uuid. */
void forge_name(struct forge *f, struct leaf *l);
/* One member of the log's answer: "<80 hex>":{…}, in braces. */
void forge_entry(struct forge *f, const struct leaf *l, int64_t integrated, struct buf *out);
/* The whole id, as the log writes it (81 bytes). */
void forge_id(const struct leaf *l, char out[81]);
/* "Bearer …" with that exp. */
void forge_token(int64_t exp, struct buf *out);

void must(enum status s); /* aborts on failure: the simulator has no other way out */

#endif
