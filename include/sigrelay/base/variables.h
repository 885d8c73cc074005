/* Variables of an environment that is handed in. */
#ifndef SIGRELAY_BASE_VARIABLES_H
#define SIGRELAY_BASE_VARIABLES_H

/* A variable's value in an environ-like list; NULL when it is unset or empty: no client
 * of Sigstore or of a registry tells the two apart. env NULL: there are none. Borrowed
 * from env. */
const char *environment_get(char *const *env, const char *name);

#endif
