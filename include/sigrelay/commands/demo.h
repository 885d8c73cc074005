/* The parts of `sigrelay demo`: a world (the built-in log as a child, a folder,
 * an environment), a small client for where there is no cosign, and plain HTTP.
 *
 * The demo is made of processes, as a user's pipeline is: nothing in it can
 * reach into the relay or the log and help them. It blocks, and may: it is no
 * daemon. */
#ifndef SIGRELAY_COMMANDS_DEMO_H
#define SIGRELAY_COMMANDS_DEMO_H

#include <stdbool.h>
#include <sys/types.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>

/* What a user would see in such a failure, in cosign 2's words and in cosign 3's. */
#define DEMO_ERROR_LOOKUP "getLogEntryByUuidNotFound"
#define DEMO_ERROR_CONFLICT "createLogEntryConflict"
#define DEMO_SIGNER "signer@sigrelay.test" /* whom the built-in log's token names */

/* ---- demo_world.c ---- */
struct demo_world {
	const char *step; /* what demo_world_init was about to do */
	char self[4096];  /* this program */
	char folder[256]; /* private, removed at the end */
	char url[64];     /* the built-in log */
	pid_t log;        /* 0: not running */
	int log_output;   /* its stdout */
};

/* Starts the log, and makes this process's environment the one that the
 * children get: nothing of the user's own Sigstore settings, all of the log's.
 * STATUS_IO: errno. w is to be released whatever comes back. */
enum status demo_world_init(struct demo_world *w) MUST_CHECK;
void demo_world_release(struct demo_world *w);
int demo_interrupted(void); /* the signal that ended the demo's waits; 0: none */
/* POSTs to the log's control path. */
enum status demo_control(const struct demo_world *w, const char *path, const char *text) MUST_CHECK;
/* A counter of the log's; -1: not known. */
long demo_counter(const struct demo_world *w, const char *name);

/* How a command ended, and what it wrote to stdout and stderr. */
struct demo_run {
	struct buf output;
	int exit_code; /* as a shell has it; 124: killed after a minute */
};
/* out is to be released with buf_release(&out->output). */
enum status demo_capture(char *const *argv, struct demo_run *out) MUST_CHECK;

/* ---- demo_http.c ---- */
struct demo_answer {
	long status; /* 0: no answer; why says why */
	struct buf body;
	char location[256];
	char why[256];
};
struct demo_request {
	const char *url, *content_type, *bearer; /* the last two may be NULL */
	struct slice body;                       /* p NULL: GET */
};
void demo_http(const struct demo_request *r, struct demo_answer *out);
void demo_answer_release(struct demo_answer *a);

/* ---- demo_client.c ---- */
/* The client that stands in for cosign: argv is `demo --stand-in WHAT FILE
 * BUNDLE`, WHAT one of sign2, sign3 (with the retries of cosign 2, of cosign
 * 3.1) and verify. Finds its services and keys where cosign does: in the
 * environment. Returns an exit status. */
int demo_stand_in(const char *what, const char *file, const char *bundle);

#endif
