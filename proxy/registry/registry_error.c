#include <string.h>

#include <sigrelay/base/json.h>
#include <sigrelay/base/utf8.h>

#include "registry_inside.h"

void registry_error_read(struct slice body, struct registry_error *out)
{
	cJSON *root = json_parse(body);
	const cJSON *first = cJSON_GetArrayItem(json_at(root, "errors", NULL), 0);
	*out = (struct registry_error){ .is_error = cJSON_IsObject(first), .has_more = first && first->next };
	utf8_plain(json_str_at(first, "code", NULL), out->code, sizeof(out->code));
	utf8_plain(json_str_at(first, "message", NULL), out->message, sizeof(out->message));
	cJSON_Delete(root);
}

/* What token services say outside the registry's own form. */
static void other_error(struct slice body, char *out, size_t size)
{
	static const char *const names[] = { "details", "detail", "message", "error_description", "error" };
	cJSON *root = json_parse(body);
	out[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !out[0]; i++)
		utf8_plain(json_str_at(root, names[i], NULL), out, size);
	cJSON_Delete(root);
}

enum status error_print(const struct web_answer *a, struct buf *out)
{
	struct registry_error e;
	registry_error_read(buf_slice(&a->body), &e);
	if (!e.is_error)
		other_error(buf_slice(&a->body), e.message, sizeof(e.message));
	return buf_addf(out, " %d%s%s%s%s", a->status, e.code[0] ? " " : "", e.code, e.message[0] ? ": " : "",
			e.message);
}

static bool says(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcasestr(text, words[i]))
			return true;
	}
	return false;
}

bool registry_error_immutable(int status, const struct registry_error *e)
{
	/* quay, Azure */
	static const char *const codes[] = { "TAG_IMMUTABLE", "REGISTRY_DISALLOWED_OPERATION" };
	static const char *const words[] = { "immutab", "cannot be overwritten",
					     "already assigned to an image", "disallowed on this registry" };
	if (!e->is_error || status < 400 || status >= 500)
		return false;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (strcmp(e->code, codes[i]) == 0)
			return true;
	}
	return says(e->message, words, sizeof(words) / sizeof(words[0]));
}
