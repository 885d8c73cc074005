#include <sigrelay/commands/demo.h>

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_MAX ((size_t)4 << 20)

static size_t take_body(char *p, size_t size, size_t n, void *arg)
{
	struct demo_answer *a = arg;
	return buf_add(&a->body, p, size * n) == STATUS_OK ? size * n : 0;
}

static size_t take_header(char *p, size_t size, size_t n, void *arg)
{
	static const char name[] = "location:";
	struct demo_answer *a = arg;
	struct slice line = { p, size * n };
	if (line.n > sizeof(name) && slice_eq_icase((struct slice){ p, sizeof(name) - 1 }, name)) {
		struct slice value =
		    slice_trim((struct slice){ p + sizeof(name) - 1, line.n - sizeof(name) + 1 });
		snprintf(a->location, sizeof(a->location), "%.*s", (int)strcspn(value.p, "\r\n"), value.p);
	}
	return line.n;
}

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
	struct buf line;
	if (!value)
		return true;
	buf_init(&line, 16384);
	struct curl_slist *longer =
	    buf_addf(&line, "%s: %s", name, value) == STATUS_OK ? curl_slist_append(*list, line.p) : NULL;
	buf_wipe(&line); /* it may be a token */
	if (longer)
		*list = longer;
	return longer != NULL;
}

#define SET(option, value) ok = ok && curl_easy_setopt(curl, option, value) == CURLE_OK

static bool prepare(CURL *curl, const struct demo_request *r, struct curl_slist *headers,
		    struct demo_answer *out)
{
	bool ok = true;
	SET(CURLOPT_URL, r->url);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_TIMEOUT, 60L);
	SET(CURLOPT_ERRORBUFFER, out->why);
	SET(CURLOPT_HTTPHEADER, headers);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, out);
	SET(CURLOPT_HEADERFUNCTION, take_header);
	SET(CURLOPT_HEADERDATA, out);
	if (r->body.p) {
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
		SET(CURLOPT_POSTFIELDS, r->body.p);
	}
	return ok;
}

void demo_http(const struct demo_request *r, struct demo_answer *out)
{
	struct curl_slist *headers = NULL;
	CURL *curl = curl_easy_init();
	memset(out, 0, sizeof(*out));
	buf_init(&out->body, ANSWER_MAX);
	snprintf(out->why, sizeof(out->why), "no memory");
	bool ok = curl && add_header(&headers, "Content-Type", r->content_type) &&
		  add_header(&headers, "Authorization", r->bearer) && prepare(curl, r, headers, out);
	if (ok && curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out->status);
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
}

void demo_answer_release(struct demo_answer *a)
{
	buf_release(&a->body);
}
