#include <sigrelay/registry/ledger_read.h>

#include <string.h>

#include <sigrelay/base/file.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/sigstore/json_fields.h>

/* What a line may hold, by the place of its field in `line_fields`. */
enum { RUN, EVENT, IMAGE, REGISTRY, REPOSITORY, TAG, DIGEST, STATE, REASON, FIELD_COUNT };

enum kind { OURS, OTHER_RUN, UNREADABLE };

static bool all_text(const struct json_field *fields)
{
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (fields[i].value && !cJSON_IsString(fields[i].value))
			return false;
	}
	return true;
}

static bool event_of(struct slice name, enum ledger_event *out)
{
	for (enum ledger_event e = 0; e < LEDGER_EVENT_COUNT; e++) {
		if (slice_eq_str(name, ledger_event_name(e))) {
			*out = e;
			return true;
		}
	}
	return false;
}

static enum kind judge(const struct json_field *fields, const char *run, enum ledger_event *event)
{
	if (!all_text(fields) || !fields[RUN].value || !fields[EVENT].value)
		return UNREADABLE;
	if (!slice_eq_str(json_str(fields[RUN].value), run))
		return OTHER_RUN;
	return event_of(json_str(fields[EVENT].value), event) ? OURS : UNREADABLE;
}

static void record_release(struct ledger_record *r)
{
	mem_free(r->image);
	mem_free(r->registry);
	mem_free(r->repository);
	mem_free(r->tag);
	mem_free(r->digest);
	mem_free(r->state);
	mem_free(r->reason);
}

/* False: no memory. */
static bool copy(const struct json_field *field, char **out)
{
	*out = field->value ? mem_strdup(field->value->valuestring) : NULL;
	return *out || !field->value;
}

static enum status record_fill(struct ledger_record *r, const struct json_field *fields)
{
	bool good = copy(&fields[IMAGE], &r->image) && copy(&fields[REGISTRY], &r->registry) &&
		    copy(&fields[REPOSITORY], &r->repository) && copy(&fields[TAG], &r->tag) &&
		    copy(&fields[DIGEST], &r->digest) && copy(&fields[STATE], &r->state) &&
		    copy(&fields[REASON], &r->reason);
	if (!good)
		record_release(r);
	return good ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status list_add(struct ledger_list *l, enum ledger_event event, const struct json_field *fields)
{
	struct ledger_record r = { .event = event };
	if ((l->n & (l->n - 1)) == 0) { /* a power of two: the block is full */
		void *v = mem_realloc(l->v, (l->n ? l->n * 2 : 1) * sizeof(*l->v));
		if (!v)
			return STATUS_NO_MEMORY;
		l->v = v;
	}
	enum status st = record_fill(&r, fields);
	if (st == STATUS_OK)
		l->v[l->n++] = r;
	return st;
}

static enum status note_other(struct ledger_list *l, const struct json_field *run)
{
	char *name;
	if (!copy(run, &name))
		return STATUS_NO_MEMORY;
	mem_free(l->other_run);
	l->other_run = name;
	l->other_runs++;
	return STATUS_OK;
}

static enum status read_object(const cJSON *root, const char *run, struct ledger_list *l)
{
	struct json_field fields[FIELD_COUNT] = {
		[RUN] = { "run", NULL },
		[EVENT] = { "event", NULL },
		[IMAGE] = { "image", NULL },
		[REGISTRY] = { "registry", NULL },
		[REPOSITORY] = { "repository", NULL },
		[TAG] = { "tag", NULL },
		[DIGEST] = { "digest", NULL },
		[STATE] = { "state", NULL },
		[REASON] = { "reason", NULL },
	};
	enum ledger_event event = LEDGER_PREFLIGHT;
	enum kind kind = UNREADABLE;
	if (json_fields(root, fields, FIELD_COUNT))
		kind = judge(fields, run, &event);
	l->unreadable += kind == UNREADABLE;
	if (kind == OTHER_RUN)
		return note_other(l, &fields[RUN]);
	return kind == OURS ? list_add(l, event, fields) : STATUS_OK;
}

/* whole: a newline ended it. */
static enum status read_line(struct slice line, bool whole, const char *run, struct ledger_list *l)
{
	cJSON *root = line.n < LEDGER_LINE_MAX ? json_parse(line) : NULL;
	if (!root && !whole) {
		l->torn = true;
		return STATUS_OK;
	}
	enum status st = read_object(root, run, l);
	cJSON_Delete(root);
	return st;
}

static bool blank(struct slice line)
{
	return slice_trim(line).n == 0 || slice_eq_str(slice_trim(line), "\r");
}

enum status ledger_parse(struct slice text, const char *run, struct ledger_list *out)
{
	struct ledger_list l = { 0 };
	enum status st = STATUS_OK;
	while (text.n && st == STATUS_OK) {
		const char *end = memchr(text.p, '\n', text.n);
		struct slice line = { text.p, end ? (size_t)(end - text.p) : text.n };
		if (!blank(line))
			st = read_line(line, end != NULL, run, &l);
		size_t used = line.n + (end != NULL);
		text = (struct slice){ text.p + used, text.n - used };
	}
	if (st != STATUS_OK)
		ledger_list_release(&l);
	else
		*out = l;
	return st;
}

enum status ledger_read(const char *path, const char *run, struct ledger_list *out)
{
	struct buf text;
	buf_init(&text, LEDGER_READ_MAX);
	enum status st = file_read(path, &text);
	if (st == STATUS_OK)
		st = ledger_parse(buf_slice(&text), run, out);
	buf_release(&text);
	return st;
}

void ledger_list_release(struct ledger_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		record_release(&l->v[i]);
	mem_free(l->v);
	mem_free(l->other_run);
	*l = (struct ledger_list){ 0 };
}
