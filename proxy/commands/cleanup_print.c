#include <sigrelay/commands/cleanup_print.h>

#include <stdio.h>
#include <string.h>

#include <sigrelay/base/json.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/commands/github.h>

#define NAME_MAX_BYTES ((size_t)1024)

size_t cleanup_count(const struct cleanup_result *r, enum removal_result result)
{
	size_t found = 0;
	for (size_t i = 0; i < r->n; i++) {
		for (size_t j = 0; j < r->tags[i].n; j++)
			found += r->tags[i].v[j].result == result;
	}
	return found;
}

bool cleanup_unsigned(const struct cleanup_result *r)
{
	for (size_t i = 0; i < r->n; i++) {
		for (size_t j = 0; j < r->tags[i].n; j++) {
			const struct removal *at = &r->tags[i].v[j];
			if (at->what == REMOVAL_SIGNATURE && at->result == REMOVAL_DELETED)
				return true;
		}
	}
	return false;
}

/* "DOMAIN/PATH:TAG", "DOMAIN/PATH@DIGEST" */
static enum status add_name(const struct removal *r, struct buf *out)
{
	return reference_print(&r->ref, r->ref.tag, r->ref.tag ? NULL : r->ref.digest, out);
}

/* --- JSON ----------------------------------------------------------------- */

static bool add_text(cJSON *object, const char *key, const char *value)
{
	return cJSON_AddStringToObject(object, key, value ? value : "") != NULL;
}

static bool add_steps(cJSON *object, const char *steps)
{
	cJSON *list = cJSON_AddArrayToObject(object, "steps");
	bool good = list != NULL;
	for (; good && steps && *steps; steps += steps[strcspn(steps, "\n")] ? 1 : 0) {
		size_t n = strcspn(steps, "\n");
		char *line = mem_strndup(steps, n);
		cJSON *item = line ? cJSON_CreateString(line) : NULL;
		good = item && cJSON_AddItemToArray(list, item);
		mem_free(line);
		steps += n;
	}
	return good;
}

static bool add_outcome(cJSON *object, const struct removal *r)
{
	return add_text(object, "tag", r->ref.tag) && add_text(object, "digest", r->ref.digest) &&
	       add_text(object, "result", removal_result_name(r->result)) &&
	       add_text(object, "reason", r->reason) && add_steps(object, r->steps);
}

static bool add_image(cJSON *object, const struct removals *tag)
{
	const struct removal *first = &tag->v[0];
	struct buf name;
	buf_init(&name, NAME_MAX_BYTES);
	bool good = add_name(first, &name) == STATUS_OK && add_text(object, "image", name.p) &&
		    add_text(object, "registry", first->ref.domain) &&
		    add_text(object, "repository", first->ref.path) && add_outcome(object, first);
	buf_release(&name);
	cJSON *also = good ? cJSON_AddArrayToObject(object, "also") : NULL;
	good = also != NULL;
	for (size_t j = 1; j < tag->n && good; j++) {
		cJSON *one = cJSON_CreateObject();
		good = one && cJSON_AddItemToArray(also, one) &&
		       add_text(one, "what", removal_what_name(tag->v[j].what)) &&
		       add_outcome(one, &tag->v[j]);
	}
	return good;
}

static bool fill(cJSON *root, const struct cleanup_result *r)
{
	bool good = add_text(root, "run", r->run) && cJSON_AddBoolToObject(root, "dry_run", r->dry_run) &&
		    cJSON_AddNumberToObject(root, "left", (double)cleanup_count(r, REMOVAL_LEFT));
	cJSON *images = good ? cJSON_AddArrayToObject(root, "images") : NULL;
	good = images != NULL;
	for (size_t i = 0; i < r->n && good; i++) {
		cJSON *object = r->tags[i].n ? cJSON_CreateObject() : NULL;
		if (!r->tags[i].n)
			continue;
		good = object && cJSON_AddItemToArray(images, object) && add_image(object, &r->tags[i]);
	}
	return good;
}

enum status cleanup_json(const struct cleanup_result *r, struct buf *out)
{
	cJSON *root = cJSON_CreateObject();
	enum status st = json_line(root && fill(root, r) ? root : NULL, out);
	cJSON_Delete(root);
	return st;
}

/* --- the table --------------------------------------------------------------- */

static const char *result_colour(enum removal_result r, bool colour)
{
	if (!colour || r == REMOVAL_PLANNED)
		return "";
	if (r == REMOVAL_LEFT)
		return "\033[31m";
	return r == REMOVAL_KEPT ? "\033[33m" : "\033[32m";
}

/* A tag by its whole name; what belongs to it indented below, by its own. */
static enum status cell_name(const struct removal *r, bool below, struct buf *out)
{
	if (!below)
		return add_name(r, out);
	return buf_addf(out, "  %s %s", removal_what_name(r->what), r->ref.tag ? r->ref.tag : r->ref.digest);
}

static enum status row(const struct removal *r, bool below, int width, bool colour, struct buf *out)
{
	struct buf name;
	bool digest = !below && r->ref.digest;
	buf_init(&name, NAME_MAX_BYTES);
	enum status st = cell_name(r, below, &name);
	if (st == STATUS_OK)
		st = buf_addf(out, "%-*s  %s%-7s%s", width, name.p, result_colour(r->result, colour),
			      removal_result_name(r->result), colour ? "\033[0m" : "");
	buf_release(&name);
	if (st == STATUS_OK && digest)
		st = buf_addf(out, "  %s", r->ref.digest);
	if (st == STATUS_OK && *r->reason)
		st = buf_addf(out, "%s%s", digest ? ": " : "  ", r->reason);
	return st == STATUS_OK ? buf_add_str(out, "\n") : st;
}

/* The widest name of a tag, within reason. */
static int name_width(const struct cleanup_result *r)
{
	size_t width = sizeof("IMAGE") - 1;
	for (size_t i = 0; i < r->n; i++) {
		const struct reference *ref = r->tags[i].n ? &r->tags[i].v[0].ref : NULL;
		size_t n = ref ? strlen(ref->domain) + strlen(ref->path) + strlen(ref->tag) + 2 : 0;
		width = n > width && n <= 80 ? n : width;
	}
	return (int)width;
}

static enum status last_line(const struct cleanup_result *r, struct buf *out)
{
	size_t left = cleanup_count(r, REMOVAL_LEFT);
	if (r->dry_run)
		return buf_addf(out, "\ndry run: nothing was changed; %zu would go, %zu would be left\n",
				cleanup_count(r, REMOVAL_PLANNED), left);
	if (left)
		return buf_addf(out, "\nleft of run %s: %zu\n", r->run, left);
	return buf_addf(out, "\nnothing of run %s is left\n", r->run);
}

enum status cleanup_table(const struct cleanup_result *r, bool colour, struct buf *out)
{
	int width = name_width(r);
	enum status st = buf_addf(out, "%-*s  %-7s  %s\n", width, "IMAGE", "RESULT", "DIGEST AND REASON");
	for (size_t i = 0; i < r->n; i++) {
		for (size_t j = 0; j < r->tags[i].n && st == STATUS_OK; j++)
			st = row(&r->tags[i].v[j], j > 0, width, colour, out);
	}
	return st == STATUS_OK ? last_line(r, out) : st;
}

/* --- for GitHub's runner -------------------------------------------------------- */

static enum status add_cell(const char *text, struct buf *out)
{
	enum status st = buf_add_str(out, " ");
	if (st == STATUS_OK)
		st = github_cell_print(text ? text : "", out);
	return st == STATUS_OK ? buf_add_str(out, " |") : st;
}

static enum status summary_row(const struct removal *r, struct buf *out)
{
	struct buf name;
	buf_init(&name, NAME_MAX_BYTES);
	enum status st = add_name(r, &name);
	if (st == STATUS_OK)
		st = buf_add_str(out, "|");
	if (st == STATUS_OK)
		st = add_cell(name.p, out);
	buf_release(&name);
	const char *const cells[] = { removal_what_name(r->what), removal_result_name(r->result),
				      r->ref.digest, r->reason };
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]) && st == STATUS_OK; i++)
		st = add_cell(cells[i], out);
	return st == STATUS_OK ? buf_add_str(out, "\n") : st;
}

enum status cleanup_summary(const struct cleanup_result *r, struct buf *out)
{
	enum status st = buf_addf(out,
				  "### Cleanup%s: %zu left\n\n| Image | What | Result | Digest | Reason |\n"
				  "| --- | --- | --- | --- | --- |\n",
				  r->dry_run ? " (dry run)" : "", cleanup_count(r, REMOVAL_LEFT));
	for (size_t i = 0; i < r->n; i++) {
		for (size_t j = 0; j < r->tags[i].n && st == STATUS_OK; j++)
			st = summary_row(&r->tags[i].v[j], out);
	}
	return st == STATUS_OK ? buf_add_str(out, "\n") : st;
}

enum status cleanup_outputs(const struct cleanup_result *r, struct buf *out)
{
	char deleted[24], left[24];
	snprintf(deleted, sizeof(deleted), "%zu", cleanup_count(r, REMOVAL_DELETED));
	snprintf(left, sizeof(left), "%zu", cleanup_count(r, REMOVAL_LEFT));
	const struct github_output outputs[] = { { "deleted", deleted }, { "left", left } };
	return github_outputs_print(outputs, sizeof(outputs) / sizeof(outputs[0]), out);
}

enum status cleanup_warning(const struct removal *r, struct buf *out)
{
	enum status st = add_name(r, out);
	if (st == STATUS_OK && r->ref.tag && r->ref.digest)
		st = buf_addf(out, " (%s)", r->ref.digest);
	if (st == STATUS_OK)
		st = buf_addf(out, " is left: %s", r->reason);
	for (const char *at = r->steps; at && *at && st == STATUS_OK;) {
		size_t n = strcspn(at, "\n");
		st = buf_addf(out, "\n  - %.*s", (int)n, at);
		at += n + (at[n] == '\n');
	}
	return st;
}
