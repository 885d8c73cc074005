/* What /status says, as a table for people. */
#ifndef SIGRELAY_COMMANDS_STATUS_TABLE_H
#define SIGRELAY_COMMANDS_STATUS_TABLE_H

#include <stdbool.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/json.h>
#include <sigrelay/base/status.h>

/* STATUS_INVALID: this is not a relay's status. */
enum status status_table(const cJSON *root, bool colour, struct buf *out) MUST_CHECK;

#endif
