/* Sigstore's signing config, v0.2: the file that names the services to cosign 3.
 *
 * Sources: protobuf-specs sigstore_trustroot.proto (SigningConfig, Service);
 * sigstore-go 1.2.2 pkg/root/signing_config.go (SelectService: of the services
 * valid now, the highest API version that the client speaks, the newest start
 * first) and pkg/sign (Fulcio 1; TSA 1; Rekor 1 and 2). */
#ifndef SIGRELAY_COMMANDS_SIGNING_CONFIG_H
#define SIGRELAY_COMMANDS_SIGNING_CONFIG_H

#include <stdbool.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/json.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>
#include <sigrelay/sigstore/operation.h>

#define TSA_PATH "/api/v1/timestamp"

/* Parses and checks the media type. NULL: it is no signing config of v0.2, or
 * there is no memory. Free with cJSON_Delete. */
cJSON *signing_config_parse(struct slice text) MUST_CHECK;

/* The service that cosign would choose at `now` ("2026-11-24T06:40:01Z"), as
 * the config writes its URL; NULL when there is none. Borrowed from config.
 * *version: its API version. */
const char *signing_config_service(const cJSON *config, enum service s, const char *now, int *version);

/* Writes a config that names `relay` for the services in `through` and keeps
 * the rest of `config` (NULL: the public-good instances' operator and OIDC
 * issuer, and no service that is not in `through`). config is changed by this;
 * it may not be used after, only deleted. */
enum status signing_config_write(cJSON *config, const char *relay, const bool through[SERVICE_COUNT],
				 const char *now, struct buf *out) MUST_CHECK;

#endif
