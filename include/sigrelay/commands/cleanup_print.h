/* What cleanup did, in the forms it is told in. All append to out; reasons hold nothing
 * but what github_plain leaves of them. */
#ifndef SIGRELAY_COMMANDS_CLEANUP_PRINT_H
#define SIGRELAY_COMMANDS_CLEANUP_PRINT_H

#include <stdbool.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/registry/remover.h>

struct cleanup_result {
	const char *run;
	bool dry_run;
	const struct removals *tags; /* one for each tag of the plan: the tag itself first */
	size_t n;
};

size_t cleanup_count(const struct cleanup_result *r, enum removal_result result);
/* Were any signatures taken back? Their log entries stay. */
bool cleanup_unsigned(const struct cleanup_result *r);

/* One line: {"run","dry_run","left","images":[{"image","registry","repository","tag",
 * "digest","result","reason","steps":[],"also":[{"what","tag","digest","result",
 * "reason","steps":[]}]}]}; what does not apply is "". */
enum status cleanup_json(const struct cleanup_result *r, struct buf *out) MUST_CHECK;
/* For a terminal. */
enum status cleanup_table(const struct cleanup_result *r, bool colour, struct buf *out) MUST_CHECK;
/* For GITHUB_STEP_SUMMARY, in markdown. */
enum status cleanup_summary(const struct cleanup_result *r, struct buf *out) MUST_CHECK;
/* For GITHUB_OUTPUT: deleted, left. */
enum status cleanup_outputs(const struct cleanup_result *r, struct buf *out) MUST_CHECK;
/* That something stays, why, and what a person can do: several lines. */
enum status cleanup_warning(const struct removal *r, struct buf *out) MUST_CHECK;

#endif
