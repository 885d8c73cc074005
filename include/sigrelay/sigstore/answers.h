/* Judging an answer and making one: the operation's own knowledge behind one
 * call, so that relay/ knows no service by name. */
#ifndef SIGRELAY_SIGSTORE_ANSWERS_H
#define SIGRELAY_SIGSTORE_ANSWERS_H

#include <stdbool.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/clock.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>
#include <sigrelay/policy/outcome.h>
#include <sigrelay/sigstore/operation.h>

/* Seconds since 1970 of any of the three forms of RFC 9110 5.6.7; -1 when it is none. */
int64_t http_date(struct slice value);

/* Retry-After in either form (RFC 9110 10.2.3): seconds, or an HTTP date judged
 * against wall. Negative results become 0; more than a day is cut to a day.
 * -1 when it is missing or is neither. */
usec retry_after_parse(struct slice value, usec wall);

/* 400s that are transient although they do not look it: rekor's IEEE_P1363 on
 * /entries/retrieve (facts: "Faults seen in the wild"). */
bool answer_400_is_transient(enum operation op, struct slice path, struct slice body);

/* A 2xx to anything but an entry (rekor.create and rekor.get are judged by
 * rekor_entry_check; they are judged here too, by shape, hash and proof alone): is
 * it what it says? why: static, for logs. Not for answers to HEAD. */
bool answer_believed(enum operation op, struct slice path, struct slice query, struct slice content_type,
		     struct slice body, const char **why);

/* An error in the service's own shape: rekor {"code":503,"message":…}, fulcio
 * {"code":14,"message":…,"details":[]} (gRPC code), tsa {"code":503,"message":…}.
 * The message is escaped. Appends to out; *content_type is static. */
enum status error_body(enum service s, int http_status, const char *message, struct buf *out,
		       const char **content_type) MUST_CHECK;

#endif
