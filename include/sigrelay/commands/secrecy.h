/* Tokens pass through this process: nothing of its memory is to reach a disk. */
#ifndef SIGRELAY_COMMANDS_SECRECY_H
#define SIGRELAY_COMMANDS_SECRECY_H

/* No core dump of this process, and no other process of the same user may read
 * its memory (not in a sanitizer's build, whose leak check has to). A program that
 * it execs is as it would have been. What libevent, libcurl and OpenSSL free is
 * wiped from now on: call before any of them is used. */
void secrecy_begin(void);

#endif
