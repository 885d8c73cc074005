#include <sigrelay/commands/preflight_print.h>

#include <string.h>

#include <sigrelay/base/json.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/commands/github.h>

#define LIST_MAX ((size_t)1 << 20)

/* --- JSON ---------------------------------------------------------------- */

struct member {
	const char *key, *value;
};

static bool add_members(cJSON *object, const struct member *members, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!cJSON_AddStringToObject(object, members[i].key, members[i].value))
			return false;
	}
	return true;
}

static bool add_image(cJSON *images, const struct preflight_image *i)
{
	const struct member members[] = {
		{ "image", i->name },
		{ "registry", i->ref.domain },
		{ "repository", i->ref.path },
		{ "tag", i->ref.tag },
		{ "state", tag_state_name(i->look.state) },
		{ "digest", i->look.digest },
		{ "reason", i->look.reason },
	};
	cJSON *object = cJSON_CreateObject();
	if (!object)
		return false;
	/* First into the tree: then it is freed with it. */
	cJSON_AddItemToArray(images, object);
	return add_members(object, members, sizeof(members) / sizeof(members[0]));
}

static bool fill(cJSON *root, const struct preflight_result *r)
{
	const struct member members[] = {
		{ "decision", preflight_decision_name(r->verdict->decision) },
		{ "digest", r->verdict->digest },
	};
	if (!add_members(root, members, sizeof(members) / sizeof(members[0])))
		return false;
	cJSON *images = cJSON_AddArrayToObject(root, "images");
	bool good = images != NULL;
	for (size_t i = 0; i < r->n && good; i++)
		good = add_image(images, &r->v[i]);
	return good;
}

enum status preflight_json(const struct preflight_result *r, struct buf *out)
{
	cJSON *root = cJSON_CreateObject();
	enum status st = json_line(root && fill(root, r) ? root : NULL, out);
	cJSON_Delete(root);
	return st;
}

/* --- the table ------------------------------------------------------------- */

static const char *look_detail(const struct tag_look *look)
{
	return look->state == TAG_PRESENT ? look->digest : look->reason;
}

static const char *state_colour(enum tag_state state, bool colour)
{
	if (!colour)
		return "";
	return state == TAG_ABSENT ? "\033[32m" : "\033[33m";
}

static const char *decision_colour(enum preflight_decision d, bool colour)
{
	if (!colour)
		return "";
	return d == PREFLIGHT_FAIL ? "\033[31m" : "\033[32m";
}

/* The widest name, within reason. */
static int name_width(const struct preflight_result *r)
{
	size_t width = sizeof("IMAGE") - 1;
	for (size_t i = 0; i < r->n; i++) {
		size_t n = strlen(r->v[i].name);
		width = n > width && n <= 80 ? n : width;
	}
	return (int)width;
}

enum status preflight_table(const struct preflight_result *r, bool colour, struct buf *out)
{
	const char *end = colour ? "\033[0m" : "";
	int width = name_width(r);
	enum status st = buf_addf(out, "%-*s  %-7s  %s\n", width, "IMAGE", "STATE", "DIGEST OR REASON");
	for (size_t i = 0; i < r->n && st == STATUS_OK; i++) {
		const struct tag_look *look = &r->v[i].look;
		const char *detail = look_detail(look);
		st = buf_addf(out, "%-*s  %s%-*s%s%s%s\n", width, r->v[i].name,
			      state_colour(look->state, colour), *detail ? 7 : 0, tag_state_name(look->state),
			      end, *detail ? "  " : "", detail);
	}
	if (st != STATUS_OK)
		return st;
	const struct preflight_verdict *verdict = r->verdict;
	return buf_addf(out, "\ndecision: %s%s%s%s%s\n", decision_colour(verdict->decision, colour),
			preflight_decision_name(verdict->decision), end,
			verdict->digest[0] ? ", digest " : "", verdict->digest);
}

/* --- for GitHub's runner ----------------------------------------------------- */

static enum status add_row(const struct preflight_image *i, struct buf *out)
{
	const char *const cells[] = { i->name, tag_state_name(i->look.state), look_detail(&i->look) };
	enum status st = buf_add_str(out, "|");
	for (size_t c = 0; c < sizeof(cells) / sizeof(cells[0]) && st == STATUS_OK; c++) {
		st = buf_add_str(out, " ");
		if (st == STATUS_OK)
			st = github_cell_print(cells[c], out);
		if (st == STATUS_OK)
			st = buf_add_str(out, " |");
	}
	return st == STATUS_OK ? buf_add_str(out, "\n") : st;
}

enum status preflight_summary(const struct preflight_result *r, struct buf *out)
{
	const struct preflight_verdict *verdict = r->verdict;
	enum status st = buf_addf(out,
				  "### Preflight: %s%s%s\n\n| Image | State | Digest or reason |\n"
				  "| --- | --- | --- |\n",
				  preflight_decision_name(verdict->decision),
				  verdict->digest[0] ? ", digest " : "", verdict->digest);
	for (size_t i = 0; i < r->n && st == STATUS_OK; i++)
		st = add_row(&r->v[i], out);
	return st == STATUS_OK ? buf_add_str(out, "\n") : st;
}

/* "" and not NULL where there is none. */
static enum status add_names(const struct preflight_result *r, enum tag_state state, struct buf *out)
{
	enum status st = buf_add_str(out, "");
	for (size_t i = 0; i < r->n && st == STATUS_OK; i++) {
		if (r->v[i].look.state == state)
			st = buf_addf(out, "%s%s", out->n ? "," : "", r->v[i].name);
	}
	return st;
}

enum status preflight_outputs(const struct preflight_result *r, struct buf *out)
{
	struct buf existing, unknown;
	buf_init(&existing, LIST_MAX);
	buf_init(&unknown, LIST_MAX);
	enum status st = add_names(r, TAG_PRESENT, &existing);
	if (st == STATUS_OK)
		st = add_names(r, TAG_UNKNOWN, &unknown);
	const struct github_output outputs[] = {
		{ "decision", preflight_decision_name(r->verdict->decision) },
		{ "digest", r->verdict->digest },
		{ "existing", existing.p },
		{ "unknown", unknown.p },
	};
	if (st == STATUS_OK)
		st = github_outputs_print(outputs, sizeof(outputs) / sizeof(outputs[0]), out);
	buf_release(&existing);
	buf_release(&unknown);
	return st;
}
