#include <sigrelay/registry/hub_tags.h>

#include <stdio.h>
#include <string.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/base/utf8.h>

#include "registry_inside.h"

/* It is a remark, and not worth a wait. */
#define PATIENCE (5 * USEC_PER_SEC)
#define URL_MAX ((size_t)4096)
#define ANSWER_MAX ((size_t)256 << 10)

/* --- what a repository's settings say ------------------------------------------------ */

enum status hub_repository_path(const struct reference *ref, struct buf *out)
{
	const char *slash = strchr(ref->path, '/');
	if (!slash)
		return STATUS_INVALID;
	return buf_addf(out, "/v2/namespaces/%.*s/repositories/%s", (int)(slash - ref->path), ref->path,
			slash + 1);
}

/* immutable_tags_settings: {"enabled", "rules": [RE2]}; for all tags Hub shows ".*". */
bool hub_immutable(const cJSON *root, char rules[HUB_RULES_SIZE])
{
	const cJSON *settings = json_at(root, "immutable_tags_settings", NULL);
	const cJSON *rule;
	*rules = '\0';
	if (!cJSON_IsTrue(json_at(settings, "enabled", NULL)))
		return false;
	cJSON_ArrayForEach(rule, json_at(settings, "rules", NULL))
	{
		size_t n = strlen(rules);
		char text[128];
		if (!cJSON_IsString(rule))
			continue;
		utf8_plain(slice_str(rule->valuestring), text, sizeof(text));
		if (strcmp(text, ".*") == 0) {
			*rules = '\0';
			break;
		}
		snprintf(rules + n, HUB_RULES_SIZE - n, "%s%s", n ? ", " : "", text);
	}
	return true;
}

/* --- the remark ------------------------------------------------------------------------ */

struct asked {
	const struct reference *repository;
	char remark[sizeof(((struct tag_look *)NULL)->reason)];
};

static void on_settings(void *arg, const struct web_answer *a)
{
	struct asked *at = arg;
	char rules[HUB_RULES_SIZE];
	cJSON *root = a->status == 200 ? json_parse(buf_slice(&a->body)) : NULL;
	if (hub_immutable(root, rules))
		snprintf(at->remark, sizeof(at->remark), "%s of %s%s%s are immutable at Docker Hub",
			 *rules ? "tags" : "all tags", at->repository->path, *rules ? " that match " : "",
			 rules);
	cJSON_Delete(root);
}

static bool always(const struct web_answer *a)
{
	(void)a;
	return true;
}

/* STATUS_INVALID: a repository that cannot be asked for. */
static enum status start(struct web *w, const char *dockerhub_url, struct asked *at)
{
	static const char *const headers[] = { "Accept: application/json", NULL };
	struct buf url;
	buf_init(&url, URL_MAX);
	enum status st = buf_add_str(&url, dockerhub_url);
	if (st == STATUS_OK)
		st = hub_repository_path(at->repository, &url);
	const struct web_request q = { .method = "GET",
				       .url = url.p,
				       .headers = headers,
				       .max_answer = ANSWER_MAX,
				       .deadline = usec_add(web_now(w), PATIENCE),
				       .final = always };
	if (st == STATUS_OK)
		st = web_start(w, &q, on_settings, at);
	buf_release(&url);
	return st;
}

static bool is_asked(const struct preflight_image *i)
{
	return i->look.state == TAG_PRESENT && reference_is_dockerhub(&i->ref);
}

static struct asked *find(struct asked *v, size_t n, const struct reference *ref)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(v[i].repository->path, ref->path) == 0)
			return &v[i];
	}
	return NULL;
}

enum status hub_tags_remark(struct web *w, const char *dockerhub_url, struct preflight_image *v, size_t n)
{
	struct asked *asked = mem_calloc(n + 1, sizeof(*asked));
	size_t count = 0;
	enum status st = asked ? STATUS_OK : STATUS_NO_MEMORY;
	for (size_t i = 0; i < n && st == STATUS_OK; i++) {
		if (!is_asked(&v[i]) || find(asked, count, &v[i].ref))
			continue;
		asked[count].repository = &v[i].ref;
		st = start(w, dockerhub_url, &asked[count++]);
		st = st == STATUS_INVALID ? STATUS_OK : st;
	}
	web_run(w); /* what was begun points into asked */
	for (size_t i = 0; i < n && st == STATUS_OK; i++) {
		struct asked *at = is_asked(&v[i]) ? find(asked, count, &v[i].ref) : NULL;
		if (at)
			snprintf(v[i].look.reason, sizeof(v[i].look.reason), "%s", at->remark);
	}
	mem_free(asked);
	return st;
}
