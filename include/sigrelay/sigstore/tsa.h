/* The timestamp authority (RFC 3161 over HTTP): what a good answer is. */
#ifndef SIGRELAY_SIGSTORE_TSA_H
#define SIGRELAY_SIGSTORE_TSA_H

#include <stdbool.h>

#include <sigrelay/base/slice.h>

/* Is a 2xx to tsa.timestamp a granted TimeStampResp in DER? */
bool tsa_timestamp_believed(struct slice body, const char **why);
/* Is a 2xx to GET certchain PEM certificates? */
bool tsa_query_believed(struct slice body, const char **why);

#endif
