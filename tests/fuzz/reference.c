#include <sigrelay/registry/reference.h>

#include "fuzz.h"

/* Two lines, the second a mark; nothing that does not print. */
static void check_words(const struct buf *why)
{
	size_t lines = 0;
	for (size_t i = 0; i < why->n; i++) {
		unsigned char c = (unsigned char)why->p[i];
		lines += c == '\n';
		HOLDS(c == '\n' || (c >= ' ' && c != 0x7f));
	}
	HOLDS(lines == 2 && why->p[why->n - 1] == '^');
}

static void check_again(const struct reference *r)
{
	struct reference again = { 0 };
	struct buf text;
	buf_init(&text, 4096);
	HOLDS(reference_print(r, r->tag, r->digest, &text) == STATUS_OK);
	HOLDS(reference_parse(text.p, &again, &text) == STATUS_OK);
	HOLDS(strcmp(r->domain, again.domain) == 0 && strcmp(r->path, again.path) == 0);
	HOLDS(strlen(r->domain) + 1 + strlen(r->path) <= 255);
	HOLDS(!r->tag || (tag_is_valid(r->tag) && strcmp(r->tag, again.tag) == 0));
	HOLDS(!r->digest || (digest_is_valid(r->digest) && strcmp(r->digest, again.digest) == 0));
	reference_release(&again);
	buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reference r = { 0 };
	struct buf why;
	char *text = mem_strndup(size ? (const char *)data : "", size);
	HOLDS(text);
	buf_init(&why, 4096);
	enum status st = reference_parse(text, &r, &why);
	HOLDS(st == STATUS_OK || st == STATUS_INVALID);
	if (st == STATUS_OK)
		check_again(&r);
	else
		check_words(&why);
	(void)reference_is_loopback(text);
	reference_release(&r);
	buf_release(&why);
	mem_free(text);
	return 0;
}
