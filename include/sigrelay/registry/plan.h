/* What a run may take back: each tag that it pushed, judged by the run's ledger. Pure.
 *
 * Only a tag that preflight saw absent before its first push goes: an overwritten one
 * does not come back by a delete, and what was never looked at may be anybody's. Of
 * several pushes of one tag the last one's digest counts. A `deleted` line ends a tag;
 * a push after it begins it anew.
 *
 * Once an index has gone nothing leads to its images any more: those that a cleanup had
 * to leave then are known by their lines alone. */
#ifndef SIGRELAY_REGISTRY_PLAN_H
#define SIGRELAY_REGISTRY_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include <sigrelay/base/status.h>
#include <sigrelay/registry/ledger_read.h>
#include <sigrelay/registry/reference.h>

enum plan_fate {
	PLAN_GOES,
	PLAN_DONE,      /* an earlier cleanup of this run has taken it back */
	PLAN_AS_BEFORE, /* preflight saw this very digest there: the push changed nothing */
	PLAN_REPLACED,  /* preflight saw another digest there */
	PLAN_UNKNOWN,   /* preflight could not tell whether it was there */
	PLAN_UNSEEN,    /* no preflight line before the push */
	PLAN_NO_DIGEST, /* the pushed line names no digest */
	PLAN_FATE_COUNT,
};
/* Why it stays, for a person; "" for PLAN_GOES. */
const char *plan_fate_reason(enum plan_fate f);

struct plan_item {
	struct reference ref; /* domain, path, tag; no digest */
	char *digest;         /* the last one pushed; NULL: PLAN_NO_DIGEST */
	char *before;         /* the digest that preflight saw; NULL: none */
	enum plan_fate fate;
	bool is_signed; /* a line of this run says that the digest was signed */
};

/* In the order of taking back: the last pushed first, so that an index goes before
 * the images that it names. */
struct plan {
	struct plan_item *v;
	size_t n;
	struct reference *rest; /* digests without a tag that an earlier cleanup left */
	size_t rest_n;
	size_t unusable; /* pushed lines that name no image and tag */
};

/* The state on a `kept` line: it is this run's, and was to go. */
#define PLAN_STATE_LEFT "left"

enum status plan_make(const struct ledger_list *list, struct plan *out) MUST_CHECK;
void plan_release(struct plan *p); /* fine on a zeroed one */

#endif
