/* The built-in log from the inside: its state, and what its services share.
 * Only proxy/builtin includes this.
 *
 * builtin_log.c is on top: it knows the routes, and gives each call its service.
 * Services (rekor_api.c, fulcio_api.c, tsa_api.c, oidc.c, control.c) call what is below
 * them: calls.c, leaves.c, trust.c and the rest. */
#ifndef SIGRELAY_BUILTIN_INSIDE_H
#define SIGRELAY_BUILTIN_INSIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* uthash: the keys are SHA-256 hashes already; our allocator; an element that
 * there was no memory for has hh.tbl == NULL. */
#define HASH_FUNCTION(key, n, out) memcpy(&(out), (key), sizeof(out))
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/bytes.h>
#include <sigrelay/base/clock.h>
#include <sigrelay/base/json.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/base/status.h>
#include <sigrelay/builtin/builtin_log.h>
#include <sigrelay/builtin/faults.h>
#include <sigrelay/builtin/keys.h>
#include <sigrelay/builtin/tree.h>
#include <sigrelay/builtin/wire.h>

#undef uthash_malloc
#undef uthash_free
#define uthash_malloc(n) mem_alloc(n)
#define uthash_free(p, n) mem_free(p)

#define BUILTIN_HOST "builtin-log" /* the log's name in its checkpoints */
#define ENTRY_ID_HEX 80

struct leaf {
	UT_hash_handle hh; /* by hash */
	struct digest hash;
	char id[ENTRY_ID_HEX + 1]; /* tree id and leaf hash */
	struct buf body;           /* canonical */
	int64_t index;             /* -1: queued, not integrated */
	int64_t integrated_time;
	struct leaf *queued_next;
};

/* Counters that tests can see and wait for (GET /_control/state, /_control/wait). */
struct counters {
	int64_t requests[PLACES]; /* read whole, or refused */
	int64_t refused, gone;
	int64_t queued;     /* leaves so far, integrated ones included */
	int64_t integrated; /* the tree's size */
	int64_t hanging;    /* creates that wait for their leaf now */
	int64_t held, delayed, stalled;
	int64_t rules; /* requests that the script still waits for */
};

struct builtin_log {
	struct event_base *base;
	struct wire *wire;
	char url[64];
	struct keys keys;
	struct faults faults;
	struct counters n;
	struct call *parked;

	/* The log. */
	uint64_t tree_id;
	struct leaf *leaves; /* uthash */
	struct leaf *queue, **queue_end;
	struct leaf **by_index;
	size_t by_index_cap;
	struct tree tree;
	bool paused;
	struct event *resume; /* ends a pause that has a duration */
	usec late;            /* for the next leaf's integratedTime */
	int64_t absent;       /* lookups that still get 404 */
	usec down_until;

	char request_token[33]; /* what the CI's token endpoint wants */
};

/* ---- calls.c ---- */
/* Answers as the call's fault says, and ends the call. a stays the caller's. */
void builtin_answer(struct builtin_log *l, struct call *c, struct response *a);
/* An answer that could not be made (no memory): the connection is reset. */
void builtin_answer_or_reset(struct builtin_log *l, struct call *c, struct response *a, enum status made);
/* An error that the fault asks for; retry_after -1: none is named. */
void builtin_answer_status(struct builtin_log *l, struct call *c, int status, int64_t retry_after);
/* The call's fault says that its answer is lost: loses it, now. */
bool builtin_lost(struct builtin_log *l, struct call *c);
void builtin_park(struct builtin_log *l, struct call *c, enum parked why);
void builtin_unpark(struct builtin_log *l, struct call *c);
typedef void park_fn(int fd, short what, void *call);
/* Calls fn(call) after a wait. */
void builtin_after(struct builtin_log *l, struct call *c, usec wait, park_fn *fn);
struct builtin_log *builtin_of(const struct call *c);
/* A counter may have changed: a barrier that is due is answered, by its service. */
void builtin_changed(struct builtin_log *l);
park_fn builtin_run_parked; /* a held or delayed call, now */

/* Adds a header line. */
enum status response_header(struct response *a, const char *name, const char *value) MUST_CHECK;
/* Prints JSON and a newline, as Go's encoder does; frees root. NULL root: no memory. */
enum status response_json(struct response *a, cJSON *root) MUST_CHECK;
/* An error in the service's own shape; HTML for what a load balancer says. */
enum status service_error(enum place at, int status, const char *message, struct response *a) MUST_CHECK;

/* ---- leaves.c ---- */
struct leaf *leaf_find(const struct builtin_log *l, const struct digest *hash); /* NULL: unknown */
/* Queues a new leaf (and integrates it unless the log is paused). body is taken. */
enum status leaf_queue(struct builtin_log *l, const struct digest *hash, struct buf *body,
		       struct leaf **out) MUST_CHECK;
/* An integrated leaf that is not this one; made if there is none. */
enum status leaf_other(struct builtin_log *l, const struct leaf *than, const struct leaf **out) MUST_CHECK;
enum status leaves_integrate(struct builtin_log *l) MUST_CHECK; /* all that are queued */
/* The signer, as "pause-log" and "resume-log" have it; USEC_NEVER: until resumed. */
void builtin_pause(struct builtin_log *l, usec duration);
void builtin_resume(struct builtin_log *l);
void leaves_release(struct builtin_log *l);
enum status log_checkpoint(const struct builtin_log *l, struct buf *out) MUST_CHECK;

/* ---- services: each ends the call, or parks it ---- */
typedef void service_fn(struct builtin_log *l, struct call *c);
service_fn rekor_api_create, rekor_api_get, rekor_api_by_index, rekor_api_retrieve, rekor_api_info,
    rekor_api_public_key, rekor_api_proof, rekor_api_index, rekor_api_ping;
service_fn fulcio_api_v1, fulcio_api_v2, fulcio_api_root, fulcio_api_bundle, fulcio_api_configuration;
service_fn tsa_api_timestamp, tsa_api_chain;
service_fn oidc_api_discovery, oidc_api_keys, oidc_api_actions;
service_fn control_script, control_clear, control_release, control_pause, control_resume, control_state,
    control_wait, control_keys, control_token;
/* A parked create whose turn it is to look for its leaf. */
park_fn rekor_api_look;

/* ---- oidc.c ---- */
struct identity {
	char subject[256]; /* what the proof of possession signs */
	char name[512];    /* "email:…" or "URI:…", OpenSSL's words for a SAN */
};
struct token_wish {
	const char *email;    /* NULL: a GitHub Actions token */
	const char *audience; /* NULL: sigstore */
	usec lifetime;
};
enum status token_mint(const struct builtin_log *l, const struct token_wish *wish,
		       struct buf *out) MUST_CHECK;
/* STATUS_INVALID: not one of ours, expired, for another audience. */
enum status token_check(const struct builtin_log *l, struct slice token, struct identity *out) MUST_CHECK;

/* ---- certificate.c ---- */
/* A Fulcio certificate with an embedded SCT. */
enum status certificate_issue(const struct builtin_log *l, EVP_PKEY *key, const struct identity *who,
			      X509 **out) MUST_CHECK;

/* ---- trust.c ---- */
/* What a client needs to trust this log; NULL: no memory. */
cJSON *trust_keys(const struct builtin_log *l) MUST_CHECK;

#endif
