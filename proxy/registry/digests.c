#include "remover_inside.h"

#include <string.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/base/utf8.h>
#include <sigrelay/sigstore/json_fields.h>

bool digests_have(const struct digests *d, const char *digest)
{
	for (size_t i = 0; i < d->n; i++) {
		if (strcmp(d->v[i], digest) == 0)
			return true;
	}
	return false;
}

enum status digests_add(struct digests *d, struct slice digest)
{
	char text[DIGEST_TEXT];
	if (digest.n != DIGEST_TEXT - 1)
		return STATUS_OK;
	memcpy(text, digest.p, digest.n);
	text[digest.n] = '\0';
	if (!digest_is_valid(text) || digests_have(d, text))
		return STATUS_OK;
	char(*grown)[DIGEST_TEXT] = mem_realloc(d->v, (d->n + 1) * sizeof(*grown));
	if (!grown)
		return STATUS_NO_MEMORY;
	d->v = grown;
	memcpy(d->v[d->n++], text, sizeof(text));
	return STATUS_OK;
}

void digests_release(struct digests *d)
{
	mem_free(d->v);
	*d = (struct digests){ 0 };
}

bool media_type_is_index(const char *type)
{
	return strcmp(type, "application/vnd.oci.image.index.v1+json") == 0 ||
	       strcmp(type, "application/vnd.docker.distribution.manifest.list.v2+json") == 0;
}

static enum status add_manifest(const cJSON *manifest, struct digests *out, struct digests *indexes)
{
	char type[128];
	struct slice digest = json_str_at(manifest, "digest", NULL);
	enum status st = digests_add(out, digest);
	utf8_plain(json_str_at(manifest, "mediaType", NULL), type, sizeof(type));
	return st == STATUS_OK && indexes && media_type_is_index(type) ? digests_add(indexes, digest) : st;
}

enum status digests_of_index(struct slice body, struct digests *out, struct digests *indexes)
{
	enum status st = STATUS_OK;
	const cJSON *manifest;
	cJSON *root = json_parse_bounded(body);
	const cJSON *manifests = json_at(root, "manifests", NULL);
	cJSON_ArrayForEach(manifest, manifests)
	{
		if (st == STATUS_OK)
			st = add_manifest(manifest, out, indexes);
	}
	bool good = cJSON_IsArray(manifests);
	cJSON_Delete(root);
	if (st != STATUS_OK)
		return st;
	return good ? STATUS_OK : STATUS_INVALID;
}
