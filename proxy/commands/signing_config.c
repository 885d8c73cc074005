#include <sigrelay/commands/signing_config.h>

#include <string.h>

#include <sigrelay/base/mem.h>

#define MEDIA_TYPE "application/vnd.dev.sigstore.signingconfig.v0.2+json"

/* What is written when nothing is known of the user's own config: who to ask
 * for a token when a person signs, and no service yet. */
static const char bare_config[] =
    "{\"mediaType\":\"" MEDIA_TYPE "\","
    "\"caUrls\":[],"
    "\"oidcUrls\":[{\"url\":\"https://oauth2.sigstore.dev/auth\",\"majorApiVersion\":1,"
    "\"validFor\":{\"start\":\"2021-01-01T00:00:00Z\"},\"operator\":\"sigstore.dev\"}],"
    "\"rekorTlogUrls\":[],\"tsaUrls\":[],"
    "\"rekorTlogConfig\":{\"selector\":\"ANY\"},\"tsaConfig\":{\"selector\":\"ANY\"}}";

static const struct {
	const char *list;
	const char *selector; /* NULL: one is used whatever the config says */
	int highest;          /* API version that cosign speaks */
} keys[SERVICE_COUNT] = {
	[SERVICE_REKOR] = { "rekorTlogUrls", "rekorTlogConfig", 2 },
	[SERVICE_FULCIO] = { "caUrls", NULL, 1 },
	[SERVICE_TSA] = { "tsaUrls", "tsaConfig", 1 },
};

cJSON *signing_config_parse(struct slice text)
{
	cJSON *root = json_parse(text);
	if (root && slice_eq_str(json_str_at(root, "mediaType", NULL), MEDIA_TYPE))
		return root;
	cJSON_Delete(root);
	return NULL;
}

/* Times are RFC 3339 in UTC, so the first 19 characters compare as text. */
static bool valid_at(const cJSON *service, const char *now)
{
	struct slice start = json_str_at(service, "validFor", "start", NULL);
	struct slice end = json_str_at(service, "validFor", "end", NULL);
	if (start.n >= 19 && strncmp(start.p, now, 19) > 0)
		return false;
	return end.n < 19 || strncmp(end.p, now, 19) >= 0;
}

static bool starts_later(const cJSON *a, const cJSON *b)
{
	struct slice sa = json_str_at(a, "validFor", "start", NULL);
	struct slice sb = json_str_at(b, "validFor", "start", NULL);
	size_t n = sa.n < sb.n ? sa.n : sb.n;
	int order = n ? memcmp(sa.p, sb.p, n) : 0;
	return order ? order > 0 : sa.n > sb.n;
}

static int version_of(const cJSON *service)
{
	int64_t v;
	return json_int(json_at(service, "majorApiVersion", NULL), &v) == STATUS_OK ? (int)v : 0;
}

/* SelectService of sigstore-go, up to the highest version given. */
static cJSON *choose(const cJSON *config, enum service s, const char *now, int highest)
{
	const cJSON *list = json_at(config, keys[s].list, NULL);
	for (int version = highest; version >= 1; version--) {
		cJSON *best = NULL;
		cJSON *at;
		cJSON_ArrayForEach(at, list)
		{
			if (version_of(at) == version && valid_at(at, now) &&
			    (!best || starts_later(at, best)))
				best = at;
		}
		if (best)
			return best;
	}
	return NULL;
}

const char *signing_config_service(const cJSON *config, enum service s, const char *now, int *version)
{
	const cJSON *chosen = choose(config, s, now, keys[s].highest);
	struct slice url = json_str_at(chosen, "url", NULL);
	if (!url.n)
		return NULL;
	*version = version_of(chosen);
	return url.p;
}

static cJSON *new_service(void)
{
	cJSON *service = cJSON_CreateObject();
	cJSON *valid = cJSON_AddObjectToObject(service, "validFor");
	if (cJSON_AddNumberToObject(service, "majorApiVersion", 1) &&
	    cJSON_AddStringToObject(valid, "start", "2021-01-01T00:00:00Z") &&
	    cJSON_AddStringToObject(service, "operator", "sigrelay"))
		return service;
	cJSON_Delete(service);
	return NULL;
}

/* Puts `item` under `key` of an object, in place of what is there. item is
 * owned by the object after, or deleted. */
static enum status put(cJSON *object, const char *key, cJSON *item)
{
	if (!item)
		return STATUS_NO_MEMORY;
	cJSON_DeleteItemFromObjectCaseSensitive(object, key);
	if (cJSON_AddItemToObject(object, key, item))
		return STATUS_OK;
	cJSON_Delete(item);
	return STATUS_NO_MEMORY;
}

/* Are several services used at a time (selector ALL or EXACT)? Then the others
 * stay in the list. */
static bool uses_several(const cJSON *config, enum service s)
{
	if (!keys[s].selector)
		return false;
	struct slice selector = json_str_at(config, keys[s].selector, "selector", NULL);
	return slice_eq_str(selector, "ALL") || slice_eq_str(selector, "EXACT");
}

static enum status only_service(cJSON *config, enum service s, cJSON *service)
{
	cJSON *list = cJSON_CreateArray();
	if (!service || !list || !cJSON_AddItemToArray(list, service)) {
		cJSON_Delete(service);
		cJSON_Delete(list);
		return STATUS_NO_MEMORY;
	}
	return put(config, keys[s].list, list);
}

static enum status point_service(cJSON *config, enum service s, const char *url, const char *now)
{
	cJSON *chosen = choose(config, s, now, 1);
	if (chosen && uses_several(config, s))
		return put(chosen, "url", cJSON_CreateString(url));
	cJSON *service = chosen ? cJSON_Duplicate(chosen, true) : new_service();
	if (!service)
		return STATUS_NO_MEMORY;
	enum status st = put(service, "url", cJSON_CreateString(url));
	if (st != STATUS_OK) {
		cJSON_Delete(service);
		return st;
	}
	st = only_service(config, s, service);
	if (st != STATUS_OK || !keys[s].selector || json_at(config, keys[s].selector, NULL))
		return st;
	cJSON *selector = cJSON_AddObjectToObject(config, keys[s].selector);
	return cJSON_AddStringToObject(selector, "selector", "ANY") ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status point_all(cJSON *config, const char *relay, const bool through[SERVICE_COUNT],
			     const char *now)
{
	for (int s = 0; s < SERVICE_COUNT; s++) {
		struct buf url;
		if (!through[s])
			continue;
		buf_init(&url, 4096);
		enum status st = buf_addf(&url, "%s%s", relay, s == SERVICE_TSA ? TSA_PATH : "");
		if (st == STATUS_OK)
			st = point_service(config, (enum service)s, url.p, now);
		buf_release(&url);
		if (st != STATUS_OK)
			return st;
	}
	return STATUS_OK;
}

enum status signing_config_write(cJSON *config, const char *relay, const bool through[SERVICE_COUNT],
				 const char *now, struct buf *out)
{
	cJSON *own = config ? NULL : json_parse(SLICE_LIT(bare_config));
	cJSON *root = config ? config : own;
	char *text = NULL;
	enum status st = root ? point_all(root, relay, through, now) : STATUS_NO_MEMORY;
	if (st == STATUS_OK) {
		text = cJSON_Print(root);
		st = text ? buf_addf(out, "%s\n", text) : STATUS_NO_MEMORY;
	}
	cJSON_free(text);
	cJSON_Delete(own);
	return st;
}
