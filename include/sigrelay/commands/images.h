/* Images on a command line, and a look at each of their tags. */
#ifndef SIGRELAY_COMMANDS_IMAGES_H
#define SIGRELAY_COMMANDS_IMAGES_H

#include <sigrelay/commands/registry_setup.h>
#include <sigrelay/registry/preflight.h>

#define IMAGES_MAX 100
#define REGISTRY_TIMEOUT (30 * USEC_PER_SEC)
#define REGISTRIES_TIMEOUT (120 * USEC_PER_SEC)

struct images {
	struct preflight_image *v;
	size_t n;
	char **names; /* what v[i].name is */
};

enum images_form { IMAGES_TAGGED, IMAGES_PUSHED }; /* IMAGE:TAG, IMAGE:TAG@DIGEST */

/* Reads the words. The name is the word, without the digest. One that means the same
 * tag as an earlier one is told and left out; with another digest it is an error. 0,
 * or EXIT_USAGE_ERROR after saying what is wrong with each. */
int images_read(const char *command, enum images_form form, char *const *words, size_t count,
		struct images *out);
void images_release(struct images *i); /* fine on a zeroed one */

/* Looks at all of them side by side, each for timeout at most; what could not be
 * asked is unknown, with a reason. Tells on a terminal what it waits for. Reasons
 * hold no command of GitHub's runner afterwards. */
void images_look(struct images *i, struct registry_setup *setup, usec timeout, char *const *env);
/* Takes such commands out of reasons that were written since. */
void images_plain(struct images *i);

/* The line's image, registry, repository and tag; borrowed. */
void images_ledger_line(const struct preflight_image *i, struct ledger_line *line);

#endif
