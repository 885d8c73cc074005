/* Lists that come in pages: the next one is in a Link header (distribution-spec,
 * "Listing Tags" and "Listing Referrers"). */
#include <stdio.h>
#include <string.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/registry/web_url.h>

#include "remover_inside.h"

enum status page_next(const struct web_answer *a, const struct reference *repository, char *tail, size_t size)
{
	struct slice link = web_header(a, "Link", 0);
	const char *open = link.n ? memchr(link.p, '<', link.n) : NULL;
	const char *close = open ? memchr(open, '>', link.n - (size_t)(open - link.p)) : NULL;
	char base[2048], *url = NULL;
	if (strncmp(tail, "/v2/", 4) == 0)
		snprintf(base, sizeof(base), "https://registry%s", tail);
	else
		snprintf(base, sizeof(base), "https://registry/v2/%s/%s", repository->path, tail);
	*tail = '\0';
	if (a->status != 200 || !close || !slice_contains(link, "next"))
		return STATUS_OK;
	enum status st = url_follow(base, (struct slice){ open + 1, (size_t)(close - open - 1) }, &url);
	if (st != STATUS_OK)
		return st;
	/* Whichever host it names: the same registry is asked. */
	const char *from = strstr(url, "/v2/");
	st = from && strlen(from) < size ? STATUS_OK : STATUS_INVALID;
	if (st == STATUS_OK)
		snprintf(tail, size, "%s", from);
	mem_free(url);
	return st;
}
