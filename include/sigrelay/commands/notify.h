/* Telling systemd how a service is doing: sd_notify(3) is one datagram. */
#ifndef SIGRELAY_COMMANDS_NOTIFY_H
#define SIGRELAY_COMMANDS_NOTIFY_H

#include <sigrelay/base/status.h>

/* Sends state ("READY=1") to the socket at `path`, as NOTIFY_SOCKET names it: a
 * path, or an abstract name after '@'. NULL or "": not run by systemd, nothing
 * is done. */
enum status notify_send(const char *path, const char *state) MUST_CHECK;

#endif
