/* Small helpers over cJSON, for text that comes from outside. */
#ifndef SIGRELAY_BASE_JSON_H
#define SIGRELAY_BASE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>

/* Parses the whole text (trailing white space allowed, trailing bytes not).
 * NULL when it is not JSON or there is no memory. Free with cJSON_Delete. */
cJSON *json_parse(struct slice text) MUST_CHECK;
/* Is the whole text a JSON object or array? What json_parse takes, without making
 * a tree; stricter in numbers and escapes, and bounded in nesting. */
bool json_is_container(struct slice text);
/* Follows keys "a", "b", … (a NULL-terminated list) through objects; NULL when
 * one is missing. Case-sensitive. Borrowed from root. */
const cJSON *json_at(const cJSON *root, ...) __attribute__((sentinel));
/* The string at that path; the empty slice when missing or not a string.
 * Borrowed from root. */
struct slice json_str_at(const cJSON *root, ...) __attribute__((sentinel));
/* The document on one line, newline included. root NULL: there was no memory for it. */
enum status json_line(const cJSON *root, struct buf *out) MUST_CHECK;
/* A whole number that a double holds exactly. */
enum status json_int(const cJSON *item, int64_t *out) MUST_CHECK;
/* Adds s as a JSON string, quotes included, with U+FFFD for each byte that is no
 * UTF-8. For what cJSON must not have: it keeps copies that are not wiped. */
enum status json_quote(struct slice s, struct buf *out) MUST_CHECK;
/* As cJSON_Delete, where strings may be secrets. */
void json_free_secret(cJSON *root);

#endif
