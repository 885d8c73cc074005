/* What an entry body says, whether as posted or as the log stores it. */
#ifndef SIGRELAY_SIGSTORE_REKOR_BODY_H
#define SIGRELAY_SIGSTORE_REKOR_BODY_H

#include <stdbool.h>

#include <sigrelay/base/status.h>
#include <sigrelay/sigstore/rekor.h>

/* A body that is not understood gives kind "". with_life: read the
 * certificates' life too; the stored side does without, it is the posted one
 * that sets the deadline. STATUS_NO_MEMORY only. */
enum status rekor_body_read(struct slice body, bool with_life, struct posted *out) MUST_CHECK;

#endif
