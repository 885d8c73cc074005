/* What preflight found, in the forms it is told in. All append to out; nothing that
 * came from a registry is printed but what utf8_plain leaves of it. */
#ifndef SIGRELAY_COMMANDS_PREFLIGHT_PRINT_H
#define SIGRELAY_COMMANDS_PREFLIGHT_PRINT_H

#include <sigrelay/base/buf.h>
#include <sigrelay/registry/preflight.h>

struct preflight_result {
	const struct preflight_image *v;
	size_t n;
	const struct preflight_verdict *verdict;
};

/* One line: {"decision","digest","images":[{"image","registry","repository","tag",
 * "state","digest","reason"}]}; what does not apply is "". */
enum status preflight_json(const struct preflight_result *r, struct buf *out) MUST_CHECK;
/* For a terminal. */
enum status preflight_table(const struct preflight_result *r, bool colour, struct buf *out) MUST_CHECK;
/* For GITHUB_STEP_SUMMARY, in markdown. */
enum status preflight_summary(const struct preflight_result *r, struct buf *out) MUST_CHECK;
/* For GITHUB_OUTPUT: decision, digest, existing, unknown. */
enum status preflight_outputs(const struct preflight_result *r, struct buf *out) MUST_CHECK;

#endif
