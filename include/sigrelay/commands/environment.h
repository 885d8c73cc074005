/* An environment as a list of "NAME=value", and changes to it. */
#ifndef SIGRELAY_COMMANDS_ENVIRONMENT_H
#define SIGRELAY_COMMANDS_ENVIRONMENT_H

#include <stddef.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/status.h>
#include <sigrelay/base/variables.h>

#define ENVIRONMENT_EDITS_MAX 24

struct environment_edit {
	const char *name; /* static */
	char *value;      /* owned; NULL: the variable is taken out */
};

struct environment_edits {
	struct environment_edit v[ENVIRONMENT_EDITS_MAX];
	size_t n;
};

/* An edit replaces an earlier one of the same name. value is copied. */
enum status environment_set(struct environment_edits *e, const char *name, const char *value) MUST_CHECK;
enum status environment_unset(struct environment_edits *e, const char *name) MUST_CHECK;
void environment_edits_release(struct environment_edits *e);

/* A new list: env with the edits made. Free with environment_free. */
enum status environment_apply(char *const *env, const struct environment_edits *e, char ***out) MUST_CHECK;
void environment_free(char **env); /* NULL is fine */

/* The edits as lines for a POSIX shell: export NAME='value', unset NAME. */
enum status environment_print(const struct environment_edits *e, struct buf *out) MUST_CHECK;
/* One word, quoted so that a POSIX shell takes it literally. */
enum status shell_quote(const char *word, struct buf *out) MUST_CHECK;

#endif
