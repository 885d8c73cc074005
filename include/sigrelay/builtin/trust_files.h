/* The built-in log's keys as files, and the environment that names them, for
 * cosign and for people. In a private folder of its own, removed at the end. */
#ifndef SIGRELAY_BUILTIN_TRUST_FILES_H
#define SIGRELAY_BUILTIN_TRUST_FILES_H

#include <stdio.h>

#include <sigrelay/base/status.h>

struct builtin_log;
struct trust_files;

/* Writes the files, and shell lines (export NAME='value') to env. STATUS_IO: errno. */
enum status trust_files_new(struct trust_files **out, const struct builtin_log *l, FILE *env) MUST_CHECK;
void trust_files_free(struct trust_files *f); /* removes files and folder; NULL is fine */
const char *trust_files_parent(void);         /* TMPDIR or /tmp */

#endif
