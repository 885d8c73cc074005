#include <stdio.h>
#include <string.h>

#include <sigrelay/base/bytes.h>
#include <sigrelay/base/json.h>
#include <sigrelay/base/utf8.h>
#include <sigrelay/registry/oci.h>

#include "registry_inside.h"

const char *tag_state_name(enum tag_state s)
{
	static const char *const names[] = { "absent", "present", "unknown", "refused" };
	return names[s];
}

__attribute__((format(printf, 3, 4))) static void decide(struct tag_look *out, enum tag_state s,
							 const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	out->state = s;
	vsnprintf(out->reason, sizeof(out->reason), fmt, args);
	va_end(args);
}

static bool named_digest(const struct web_answer *a, char out[DIGEST_TEXT])
{
	char text[DIGEST_TEXT];
	struct slice value = web_header(a, "Docker-Content-Digest", 0);
	if (value.n != DIGEST_TEXT - 1)
		return false;
	memcpy(text, value.p, value.n);
	text[value.n] = '\0';
	if (!digest_is_valid(text))
		return false;
	memcpy(out, text, sizeof(text));
	return true;
}

/* A page for people is no manifest, though it has a hash too. */
static bool hashed_digest(struct slice body, char out[DIGEST_TEXT])
{
	struct digest d;
	cJSON *root = json_parse(body);
	bool manifest = cJSON_IsNumber(json_at(root, "schemaVersion", NULL));
	cJSON_Delete(root);
	if (!manifest || sha256(&d, &body, 1) != STATUS_OK)
		return false;
	memcpy(out, "sha256:", 7);
	hex_encode(d.b, sizeof(d.b), out + 7);
	return true;
}

static void note_media_type(const struct web_answer *a, struct tag_look *out)
{
	struct slice type = web_header(a, "Content-Type", 0);
	const char *end = type.n ? memchr(type.p, ';', type.n) : NULL;
	if (end)
		type.n = (size_t)(end - type.p);
	utf8_plain(slice_trim(type), out->media_type, sizeof(out->media_type));
}

static void judge_200(const struct web_answer *a, bool has_body, struct tag_look *out)
{
	if (named_digest(a, out->digest) || (has_body && hashed_digest(buf_slice(&a->body), out->digest))) {
		decide(out, TAG_PRESENT, "%s", "");
		note_media_type(a, out);
	} else {
		decide(out, TAG_UNKNOWN, "%s", "it answered 200 with neither a digest nor a manifest");
	}
}

static bool is_any(const char *code, const char *const *codes)
{
	while (*codes && strcmp(code, *codes) != 0)
		codes++;
	return *codes != NULL;
}

/* NOT_FOUND: Harbor; TAG_EXPIRED: quay. */
static bool says_absent(const struct registry_error *e)
{
	static const char *const codes[] = { "MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND", "TAG_EXPIRED",
					     NULL };
	return is_any(e->code, codes);
}

static void judge_404(const struct registry_error *e, struct tag_look *out)
{
	/* A tag that is there, in a form that was not asked for. */
	bool form = strcasestr(e->message, "accept header") || strcasestr(e->message, "media type");
	if (form)
		decide(out, TAG_UNKNOWN, "there is something in a form that this program does not know: %s",
		       e->message);
	else if (says_absent(e) && !e->has_more)
		decide(out, TAG_ABSENT, "%s",
		       strcmp(e->code, "NAME_UNKNOWN") == 0 ? "the registry has no such repository" : "");
	else if (e->is_error)
		decide(out, TAG_UNKNOWN,
		       "it answered 404 %s%s%s%s, which does not say that the tag is absent", e->code,
		       e->message[0] ? ": " : "", e->message, e->has_more ? " and more errors" : "");
	else
		decide(out, TAG_UNKNOWN, "%s",
		       "it answered 404 without a registry's error: is this a registry, and the name right?");
}

/* A plain HTTP request at a TLS port: nginx and Go's server say so in a 400. */
static bool wants_tls(const struct web_answer *a)
{
	struct registry_error e;
	registry_error_read(buf_slice(&a->body), &e);
	return !e.is_error && slice_contains(buf_slice(&a->body), "HTTPS");
}

static void judge_400(const struct web_answer *a, const struct registry_error *e, struct tag_look *out)
{
	if (wants_tls(a))
		decide(out, TAG_UNKNOWN, "%s", "it speaks TLS, and was asked over plain HTTP");
	else if (says_absent(e) || strcmp(e->code, "UNSUPPORTED") == 0)
		decide(out, TAG_UNKNOWN, "it answered %d %s: %s", a->status, e->code, e->message);
	else
		decide(out, TAG_REFUSED, "the registry takes no such name: it answered %d%s%s%s%s", a->status,
		       e->code[0] ? " " : "", e->code, e->message[0] ? ": " : "", e->message);
}

static const char *status_words(int status)
{
	switch (status) {
	case 401:
	case 403:
		return "no access, or it does not exist: ";
	case 429:
		return "too many requests were made of it: ";
	case 405:
	case 501:
		return "it cannot be asked for a manifest: ";
	default:
		return status >= 500 ? "the registry fails: " : "";
	}
}

static void judge_other(const struct web_answer *a, const struct registry_error *e, struct tag_look *out)
{
	char wait[32] = "", tried[48] = "";
	if (a->retry_after > 0)
		usec_format(a->retry_after, wait);
	if (a->attempts > 1)
		snprintf(tried, sizeof(tried), " (tried %u times)", a->attempts);
	decide(out, TAG_UNKNOWN, "%sit answered %d%s%s%s%s%s%s%s", status_words(a->status), a->status,
	       e->code[0] ? " " : "", e->code, e->message[0] ? ": " : "", e->message,
	       wait[0] ? "; it wants to be left alone for " : "", wait, tried);
}

void tag_judge(const struct web_answer *head, const struct web_answer *get, const char *no_access,
	       struct tag_look *out)
{
	const struct web_answer *a = get ? get : head;
	struct registry_error e;
	*out = (struct tag_look){ .state = TAG_UNKNOWN };
	registry_error_read(buf_slice(&a->body), &e);
	if (no_access && no_access[0])
		decide(out, TAG_UNKNOWN, "%s", no_access);
	else if (a->status == 0)
		decide(out, TAG_UNKNOWN, "%s", a->error);
	else if (a->status == 200)
		judge_200(a, get != NULL, out);
	else if (a->status == 404 && get && head && head->status == 200)
		decide(out, TAG_UNKNOWN, "%s", "its two answers differ: HEAD 200, then GET 404");
	else if (a->status == 404)
		judge_404(&e, out);
	else if (a->status == 400 || (a->status < 500 && strcmp(e.code, "NAME_INVALID") == 0))
		judge_400(a, &e, out);
	else
		judge_other(a, &e, out);
}
