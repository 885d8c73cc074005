/* Docker's reference grammar: [DOMAIN/]PATH[:TAG][@DIGEST] (distribution/reference
 * regexp.go and normalize.go are the source of the rules). Pure.
 *
 * The first component is a domain when it has a "." or a ":", or is "localhost",
 * or has an upper-case letter; without one the domain is docker.io, whose
 * one-part paths live below "library/". index.docker.io is docker.io. */
#ifndef SIGRELAY_REGISTRY_REFERENCE_H
#define SIGRELAY_REGISTRY_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/status.h>

/* All strings are owned by the struct. */
struct reference {
	char *domain; /* docker.io, ghcr.io, localhost:5000, [::1]:5000 */
	char *path;   /* library/alpine */
	char *tag;    /* NULL: none was written */
	char *digest; /* sha256:…; NULL: none was written */
};

/* STATUS_INVALID: appends to why what is wrong, showing the text with a mark
 * below the offending place (two lines), without a newline at the end. */
enum status reference_parse(const char *text, struct reference *out, struct buf *why) MUST_CHECK;
enum status reference_copy(const struct reference *r, struct reference *out) MUST_CHECK;
void reference_release(struct reference *r); /* fine on a zeroed one */

/* "DOMAIN/PATH[:TAG]", "DOMAIN/PATH@DIGEST": as a person may copy it into another
 * tool. tag or digest NULL: left out. */
enum status reference_print(const struct reference *r, const char *tag, const char *digest,
			    struct buf *out) MUST_CHECK;

bool reference_is_dockerhub(const struct reference *r);
bool reference_is_ghcr(const struct reference *r);
/* 127.0.0.0/8, [::1] or localhost, with or without a port: spoken to over plain
 * HTTP. */
bool reference_is_loopback(const char *domain);
bool digest_is_valid(const char *digest); /* sha256: and 64 lower-case hex digits */
bool tag_is_valid(const char *tag);       /* [A-Za-z0-9_][A-Za-z0-9._-]{0,127} */

#endif
