/* Argument lists and environments from literals: exec and environ want writable
 * strings, and -Wwrite-strings makes literals constant. */
#ifndef SIGRELAY_TESTS_UNIT_COMMANDS_WORDS_H
#define SIGRELAY_TESTS_UNIT_COMMANDS_WORDS_H

#define W(text) ((char[]){ text })

#endif
