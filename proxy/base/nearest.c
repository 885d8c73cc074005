#include <sigrelay/base/nearest.h>

#include <string.h>

#define WORD_MAX_BYTES 48

/* One row of the edit distance with swaps of neighbours (optimal string
 * alignment): rows[0] is this one's, rows[1] the last one's, rows[2] the one
 * before that. */
static void distance_row(const char *a, size_t i, const char *b, size_t bn, size_t *rows[3])
{
	rows[0][0] = i;
	for (size_t j = 1; j <= bn; j++) {
		size_t best = rows[1][j - 1] + (a[i - 1] != b[j - 1]);
		if (rows[1][j] + 1 < best)
			best = rows[1][j] + 1;
		if (rows[0][j - 1] + 1 < best)
			best = rows[0][j - 1] + 1;
		if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
		    rows[2][j - 2] + 1 < best)
			best = rows[2][j - 2] + 1;
		rows[0][j] = best;
	}
}

static size_t distance(const char *a, const char *b)
{
	size_t store[3][WORD_MAX_BYTES + 1];
	size_t *rows[3] = { store[0], store[1], store[2] };
	size_t an = strlen(a), bn = strlen(b);
	for (size_t j = 0; j <= bn; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= an; i++) {
		size_t *oldest = rows[2];
		rows[2] = rows[1];
		rows[1] = rows[0];
		rows[0] = oldest;
		distance_row(a, i, b, bn, rows);
	}
	return rows[0][bn];
}

void nearest_begin(struct nearest *n, const char *wanted)
{
	size_t length = strlen(wanted);
	*n = (struct nearest){ .wanted = length && length <= WORD_MAX_BYTES ? wanted : NULL };
	n->best = length / 3 > 2 ? length / 3 : 2; /* further away is another word, not a typo */
}

void nearest_offer(struct nearest *n, const char *word)
{
	if (!n->wanted || strlen(word) > WORD_MAX_BYTES)
		return;
	size_t d = distance(n->wanted, word);
	if (d < n->best || (d == n->best && !n->word)) {
		n->word = word;
		n->best = d;
	}
}
