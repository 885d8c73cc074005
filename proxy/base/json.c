#include <sigrelay/base/json.h>
#include <sigrelay/base/mem.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <sigrelay/base/utf8.h>

/* cJSON hands out C strings: a NUL, raw or written as \u0000, would end one
 * early and make two different texts compare equal. */
static bool holds_nul(struct slice text)
{
	const char *p = text.p, *end = text.p + text.n;
	if (memchr(p, '\0', text.n))
		return true;
	while (p < end && (p = memchr(p, '\\', (size_t)(end - p)))) {
		if (slice_starts((struct slice){ p, (size_t)(end - p) }, "\\u0000"))
			return true;
		p += end - p > 1 ? 2 : 1; /* what a backslash escapes starts no escape of its own */
	}
	return false;
}

static bool only_blank(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
		p++;
	return p == end;
}

cJSON *json_parse(struct slice text)
{
	const char *end = NULL;
	if (text.n == 0 || holds_nul(text))
		return NULL;
	cJSON *root = cJSON_ParseWithLengthOpts(text.p, text.n, &end, false);
	if (root && !only_blank(end, text.p + text.n)) {
		cJSON_Delete(root);
		return NULL;
	}
	return root;
}

static const cJSON *walk(const cJSON *at, va_list keys)
{
	const char *key;
	while (at && (key = va_arg(keys, const char *)))
		at = cJSON_IsObject(at) ? cJSON_GetObjectItemCaseSensitive(at, key) : NULL;
	return at;
}

const cJSON *json_at(const cJSON *root, ...)
{
	va_list keys;
	va_start(keys, root);
	const cJSON *found = walk(root, keys);
	va_end(keys);
	return found;
}

struct slice json_str_at(const cJSON *root, ...)
{
	va_list keys;
	va_start(keys, root);
	const cJSON *found = walk(root, keys);
	va_end(keys);
	return cJSON_IsString(found) ? slice_str(found->valuestring) : (struct slice){ NULL, 0 };
}

enum status json_int(const cJSON *item, int64_t *out)
{
	if (!cJSON_IsNumber(item))
		return STATUS_INVALID;
	double v = item->valuedouble;
	if (!(v >= -9007199254740992.0 && v <= 9007199254740992.0) || (double)(int64_t)v != v)
		return STATUS_INVALID;
	*out = (int64_t)v;
	return STATUS_OK;
}

enum status json_quote(struct slice s, struct buf *out)
{
	enum status st = buf_add_str(out, "\"");
	while (s.n && st == STATUS_OK) {
		uint32_t code = 0;
		size_t n = utf8_next(s, &code);
		if (!n)
			st = buf_add_str(out, "\\ufffd");
		else if (code == '"' || code == '\\')
			st = buf_addf(out, "\\%c", (int)code);
		else if (code < 0x20 || code == 0x7f)
			st = buf_addf(out, "\\u%04" PRIx32, code);
		else
			st = buf_add(out, s.p, n);
		n = n ? n : 1;
		s = (struct slice){ s.p + n, s.n - n };
	}
	return st == STATUS_OK ? buf_add_str(out, "\"") : st;
}

enum status json_line(const cJSON *root, struct buf *out)
{
	char *text = root ? cJSON_PrintUnformatted(root) : NULL;
	enum status st = text ? buf_addf(out, "%s\n", text) : STATUS_NO_MEMORY;
	cJSON_free(text);
	return st;
}

void json_free_secret(cJSON *root)
{
	/* Depth is what json_is_container let pass. */
	for (cJSON *at = root; at; at = at->next) {
		if (at->valuestring)
			mem_wipe(at->valuestring, strlen(at->valuestring));
		if (at->child) {
			json_free_secret(at->child);
			at->child = NULL;
		}
	}
	cJSON_Delete(root);
}
