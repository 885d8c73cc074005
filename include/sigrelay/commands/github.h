/* What a step of a GitHub Actions job says to its runner: outputs, annotations, a
 * summary; and how text from elsewhere is kept from saying anything to it. */
#ifndef SIGRELAY_COMMANDS_GITHUB_H
#define SIGRELAY_COMMANDS_GITHUB_H

#include <stdbool.h>
#include <stddef.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>

bool github_is_runner(char *const *env); /* GITHUB_ACTIONS=true */

struct github_output {
	const char *name, *value;
};
/* "name=value", or for a value of several lines name<<DELIMITER, the value, and a
 * delimiter that nobody can know beforehand. */
enum status github_outputs_print(const struct github_output *v, size_t count, struct buf *out) MUST_CHECK;
/* Appends to one of the runner's files, in one write. STATUS_IO: errno. */
enum status github_file_add(const char *path, struct slice text) MUST_CHECK;
/* Appends to the file that the variable names (GITHUB_OUTPUT, GITHUB_STEP_SUMMARY);
 * nothing is done where env has none. made: what came of making the text. False: it
 * could not be done, and COMMAND's user is told why. */
bool github_add(char *const *env, const char *command, const char *variable, enum status made,
		const struct buf *text);

/* "::warning title=TITLE::TEXT" and a newline. kind: notice, warning or error. */
enum status github_annotation_print(const char *kind, const char *title, const char *text,
				    struct buf *out) MUST_CHECK;
/* That on stderr where env is a runner's, else "sigrelay: COMMAND: KIND: TEXT". */
void github_tell(char *const *env, const char *command, const char *kind, const char *title,
		 const char *text);
/* Text as a cell of a markdown table that shows it as it is: no markup, no HTML. */
enum status github_cell_print(const char *text, struct buf *out) MUST_CHECK;

/* As utf8_plain. Beyond that, the runner takes "##[" for the begin of a command
 * wherever in a line it stands (actions/runner ActionCommand.cs): it becomes "#?[". */
void github_plain(struct slice s, char *out, size_t size);

#endif
