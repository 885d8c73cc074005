#include "base_url.h"

#include <stdio.h>
#include <string.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/base/settings.h>

static bool is_loopback(CURLU *url)
{
	char *host = NULL, text[300];
	struct address a;
	if (curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return false;
	int n = snprintf(text, sizeof(text), "%s:1", host);
	curl_free(host);
	return n < (int)sizeof(text) && address_parse(text, &a) == STATUS_OK && a.loopback;
}

/* Through a proxy https goes in a tunnel, plain HTTP does not. */
static enum status find_root(struct base_url *u)
{
	char *scheme = NULL, *text = NULL;
	enum status st = STATUS_OK;
	if (curl_url_get(u->url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(u->url, CURLUPART_URL, &text, 0) != CURLUE_OK) {
		st = STATUS_INVALID;
	} else if (strcmp(scheme, "http") == 0 && !u->loopback) {
		size_t n = strlen(text);
		u->root = mem_strndup(text, n - (text[n - 1] == '/'));
		st = u->root ? STATUS_OK : STATUS_NO_MEMORY;
	}
	curl_free(scheme);
	curl_free(text);
	return st;
}

enum status base_url_init(struct base_url *u, const char *text)
{
	char *path = NULL;
	u->url = curl_url();
	if (!u->url)
		return STATUS_NO_MEMORY;
	if (curl_url_set(u->url, CURLUPART_URL, text, 0) != CURLUE_OK ||
	    curl_url_get(u->url, CURLUPART_PATH, &path, 0) != CURLUE_OK)
		return STATUS_INVALID;
	u->loopback = is_loopback(u->url);
	u->prefix = mem_strdup(strcmp(path, "/") == 0 ? "" : path);
	curl_free(path);
	return u->prefix ? find_root(u) : STATUS_NO_MEMORY;
}

void base_url_release(struct base_url *u)
{
	curl_url_cleanup(u->url);
	mem_free(u->prefix);
	mem_free(u->root);
}

bool base_url_setup(const struct base_url *u, CURL *easy)
{
	bool ok = u->root ? curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK
			  : curl_easy_setopt(easy, CURLOPT_CURLU, u->url) == CURLE_OK;
	/* As Go's clients have it: what stands on this machine is behind no proxy. */
	return ok && (!u->loopback || curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK);
}

bool base_url_aim(const struct base_url *u, CURL *easy, const char *target, struct buf *room)
{
	const char *before = u->root ? u->root : u->prefix;
	if (*before) {
		buf_reset(room);
		if (buf_addf(room, "%s%s", before, target) != STATUS_OK)
			return false;
		target = room->p;
	}
	return curl_easy_setopt(easy, u->root ? CURLOPT_URL : CURLOPT_REQUEST_TARGET, target) == CURLE_OK;
}
