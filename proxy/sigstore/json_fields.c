#include <sigrelay/sigstore/json_fields.h>

#include <string.h>
#include <strings.h>

static bool too_many_values(struct slice text)
{
	size_t count = 0;
	if (text.n <= JSON_VALUES_FREE)
		return false; /* each takes a byte at least: nearly every answer ends here */
	/* Every value but the first follows one of these. In strings they count
	 * too; real strings (base64, PEM, checkpoints) hold next to none. */
	for (size_t i = 0; i < text.n; i++)
		count += text.p[i] == ',' || text.p[i] == '[' || text.p[i] == '{';
	return count > JSON_VALUES_FREE && count > text.n / 32;
}

cJSON *json_parse_bounded(struct slice text)
{
	return too_many_values(text) ? NULL : json_parse(text);
}

static bool take(struct json_field *field, const cJSON *member)
{
	if (field->value || strcmp(field->name, member->string) != 0)
		return false; /* twice, or the name in another case */
	field->value = member;
	return true;
}

bool json_fields(const cJSON *object, struct json_field *fields, size_t count)
{
	if (!cJSON_IsObject(object))
		return false;
	const cJSON *member;
	cJSON_ArrayForEach(member, object)
	{
		for (size_t i = 0; i < count; i++) {
			if (strcasecmp(fields[i].name, member->string) == 0 && !take(&fields[i], member))
				return false;
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (cJSON_IsNull(fields[i].value))
			fields[i].value = NULL;
	}
	return true;
}

struct slice json_str(const cJSON *value)
{
	return cJSON_IsString(value) ? slice_str(value->valuestring) : (struct slice){ NULL, 0 };
}

/* What is left of the text. Each step cuts what it has read off the front. */
static void skip_blank(struct slice *s)
{
	while (s->n > 0 && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r')) {
		s->p++;
		s->n--;
	}
}

static bool skip_byte(struct slice *s, char c)
{
	skip_blank(s);
	if (s->n == 0 || *s->p != c)
		return false;
	s->p++;
	s->n--;
	return true;
}

/* A string with its quotes. */
static bool cut_string(struct slice *s, struct slice *out)
{
	skip_blank(s);
	if (s->n == 0 || *s->p != '"')
		return false;
	size_t i = 1;
	while (i < s->n && s->p[i] != '"')
		i += s->p[i] == '\\' ? 2 : 1;
	if (i >= s->n)
		return false;
	*out = (struct slice){ s->p, i + 1 };
	*s = (struct slice){ s->p + i + 1, s->n - i - 1 };
	return true;
}

/* Any value: up to the ',' or '}' that ends it at its own depth. */
static bool cut_value(struct slice *s, struct slice *out)
{
	skip_blank(s);
	const char *from = s->p;
	size_t depth = 0;
	while (s->n > 0) {
		struct slice text;
		char c = *s->p;
		if (depth == 0 && (c == ',' || c == '}'))
			break;
		if (c == '"') {
			if (!cut_string(s, &text))
				return false;
			continue;
		}
		depth += c == '{' || c == '[';
		if ((c == '}' || c == ']') && depth-- == 0)
			return false;
		s->p++;
		s->n--;
	}
	*out = (struct slice){ from, (size_t)(s->p - from) };
	while (out->n > 0 && memchr(" \t\r\n", out->p[out->n - 1], 4))
		out->n--;
	return s->n > 0;
}

static bool is_quoted(struct slice string, const char *name)
{
	return slice_eq_str((struct slice){ string.p + 1, string.n - 2 }, name);
}

struct slice json_raw_member(struct slice text, const char *name)
{
	struct slice found = { NULL, 0 }, key, value;
	if (!skip_byte(&text, '{'))
		return found;
	while (cut_string(&text, &key) && skip_byte(&text, ':') && cut_value(&text, &value)) {
		if (is_quoted(key, name))
			found = value;
		if (!skip_byte(&text, ','))
			break;
	}
	return found;
}
