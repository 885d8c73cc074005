/* Strict reading of JSON from outside, on top of base/json.h. */
#ifndef SIGRELAY_SIGSTORE_JSON_FIELDS_H
#define SIGRELAY_SIGSTORE_JSON_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include <sigrelay/base/json.h>
#include <sigrelay/base/slice.h>

/* json_parse for texts that are not nearly all punctuation: a tree costs some 64
 * bytes a value, so a body of 32 MiB of "0,0,0,..." would cost gigabytes. Taken
 * are texts of up to JSON_VALUES_FREE values, or of one in 32 bytes (an answer
 * of /index/retrieve may list any number of ids). NULL otherwise, and as there. */
#define JSON_VALUES_FREE 20000
cJSON *json_parse_bounded(struct slice text) MUST_CHECK;

struct json_field {
	const char *name;
	const cJSON *value; /* NULL: missing */
};

/* Finds the named members of object. False when it is no object, or when a name
 * comes twice in whatever case: clients in Go match names without regard to
 * case and take the last, so the value that was checked here would not be the
 * one that they use (encoding/json, "preferring exact but accepting
 * case-insensitive matches"). JSON null counts as missing. */
bool json_fields(const cJSON *object, struct json_field *fields, size_t count);

/* The bytes of a string value; the empty slice for NULL or anything else. */
struct slice json_str(const cJSON *value);

/* The value of the last member `name` of the object in text, as the bytes that
 * stand there: nothing is copied, which is why it exists: a copy of a token
 * would have to be wiped, and cJSON does not. The empty slice when there is
 * none or the text is not an object up to there. No recursion, one pass. */
struct slice json_raw_member(struct slice text, const char *name);

#endif
