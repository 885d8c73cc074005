/* UTF-8 from outside: what is well formed, and what may be shown to a person. */
#ifndef SIGRELAY_BASE_UTF8_H
#define SIGRELAY_BASE_UTF8_H

#include <stdbool.h>
#include <stdint.h>

#include <sigrelay/base/slice.h>

/* The length of the code point that s begins with, and the code point; 0 when
 * s is empty or begins with bytes that are not well-formed UTF-8. */
size_t utf8_next(struct slice s, uint32_t *code);
/* False for control characters, line separators, marks that change the reading
 * direction, other invisible format characters, and noncharacters: a line that
 * holds one does not read as what it is. */
bool utf8_printable(uint32_t code);
/* Copies what may be shown on one line, with a blank for a tab or a line's end and a ?
 * for each other code point or byte that may not, cut to size between two code
 * points, NUL included. size > 0. */
void utf8_plain(struct slice s, char *out, size_t size);

#endif
