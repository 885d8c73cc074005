/* Entry ids: 64 hex digits (the leaf hash) or 80 (tree id and leaf hash), in
 * either case. Source: rekor pkg/sharding/sharding.go. */
#ifndef SIGRELAY_SIGSTORE_HEX_ID_H
#define SIGRELAY_SIGSTORE_HEX_ID_H

#include <stdbool.h>

#include <sigrelay/base/slice.h>

bool hex_id_valid(struct slice id);
/* Writes a valid id to out in lower case, terminated (id.n + 1 bytes). */
void hex_id_lower(struct slice id, char *out);

#endif
