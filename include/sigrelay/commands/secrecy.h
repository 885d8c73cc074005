/* Tokens pass through this process: nothing of its memory is to reach a disk. */
#ifndef SIGRELAY_COMMANDS_SECRECY_H
#define SIGRELAY_COMMANDS_SECRECY_H

/* No core dump of this process, and no other process of the same user may read
 * its memory. A program that it execs is as it would have been. Does nothing in
 * a sanitizer's build, whose leak check has to read it. */
void secrecy_begin(void);

#endif
