/* Small files, whole. */
#ifndef SIGRELAY_BASE_FILE_H
#define SIGRELAY_BASE_FILE_H

#include <sigrelay/base/buf.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>

/* Appends the file to out. STATUS_IO: errno says why; STATUS_TOO_LARGE: more
 * than out takes. */
enum status file_read(const char *path, struct buf *out) MUST_CHECK;
/* Writes a file that only its owner can read, all of it or nothing: a reader
 * sees the old text or the new. STATUS_IO: errno says why. */
enum status file_write_private(const char *path, struct slice text) MUST_CHECK;
/* Makes the folder (0700) where it is not there yet; parents must be. */
enum status folder_make_private(const char *path) MUST_CHECK;

#endif
