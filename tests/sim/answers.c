/* What the services say, in bytes that the production checks believe. */
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "relay_inside.h"

#define ANSWER_MAX (1u << 20)

/* RFC 3161 2.4.2: granted, with a token that nobody signed. */
static const unsigned char timestamp[] = {
	0x30, 0x81, 0x80, 0x30, 0x03, 0x02, 0x01, 0x00, 0x30, 0x79, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
	0x0d, 0x01, 0x07, 0x02, 0xa0, 0x6c, 0x30, 0x6a, 0x02, 0x01, 0x03, 0x31, 0x00, 0x30, 0x61, 0x06, 0x0b,
	0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04, 0xa0, 0x52, 0x04, 0x50, 0x30, 0x4e,
	0x02, 0x01, 0x01, 0x06, 0x02, 0x2a, 0x03, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
	0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x01, 0x01, 0x18, 0x0f, 0x32, 0x30, 0x32, 0x36, 0x31,
	0x31, 0x32, 0x34, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x5a, 0x31, 0x00,
};

struct leaf *leaf_of_id(const struct world *w, const char *id)
{
	struct leaf *l = NULL;
	size_t n = strlen(id);
	if (n >= 64)
		HASH_FIND(hh, w->by_uuid, id + n - 64, 64, l);
	return l;
}

static void add_entry_headers(struct answer *a, const struct leaf *l)
{
	char id[81], location[128];
	forge_id(l, id);
	snprintf(location, sizeof(location), ENTRIES "/%s", id);
	if (a->status == 201)
		must(answer_add_header(a, "ETag", slice_str(id)));
	must(answer_add_header(a, "Location", slice_str(location)));
}

static void write_entry(struct world *w, const struct leaf *l, struct buf *out)
{
	forge_entry(w->forge, l, leaf_time(l, &w->now), out);
}

static void write_create(struct world *w, struct answer *a, const struct leaf *l)
{
	add_entry_headers(a, l);
	if (a->status == 201)
		write_entry(w, l, &a->body);
	else
		must(buf_add_str(&a->body,
				 "{\"code\":409,\"message\":\"an equivalent entry already exists\"}"));
}

static void write_certificate(struct world *w, struct answer *a, int64_t not_before)
{
	char text[24];
	snprintf(text, sizeof(text), "%lld", (long long)not_before);
	must(answer_add_header(a, "X-Sim-Not-Before", slice_str(text)));
	must(buf_add_str(&a->body, forge_certificate(w->forge, not_before)));
}

static void write_timestamp(struct answer *a)
{
	must(answer_add_header(a, "Content-Type", SLICE_LIT("application/timestamp-reply")));
	must(buf_add(&a->body, timestamp, sizeof(timestamp)));
}

/* [{…},…] for those of entryUUIDs that are integrated. */
static void write_retrieve(struct world *w, struct answer *a, const struct request *q)
{
	cJSON *root = cJSON_ParseWithLength(q->body, q->body_size);
	const cJSON *id;
	unsigned n = 0;
	must(buf_add_str(&a->body, "["));
	cJSON_ArrayForEach(id, cJSON_GetObjectItem(root, "entryUUIDs"))
	{
		struct leaf *leaf = cJSON_IsString(id) ? leaf_of_id(w, id->valuestring) : NULL;
		if (!leaf_is_integrated(leaf, w->now.mono))
			continue;
		must(buf_add_str(&a->body, n++ ? "," : ""));
		write_entry(w, leaf, &a->body);
	}
	must(buf_add_str(&a->body, "]"));
	cJSON_Delete(root);
}

static void write_read(struct world *w, struct answer *a, const struct attempt *at)
{
	if (strcmp(at->target, ENTRIES "/retrieve") == 0)
		write_retrieve(w, a, at->request);
	else
		must(buf_addf(&a->body,
			      "{\"treeSize\":%u,\"rootHash\":\"%064d\",\"treeID\":\"1193050959916656\"}",
			      model_tree_size(&w->model), 0));
}

static void write_good(const struct line *l, struct answer *a)
{
	struct world *w = l->path->world;
	switch (l->call.rpc) {
	case RPC_CREATE:
		write_create(w, a, l->call.leaf);
		break;
	case RPC_SIGN:
		write_certificate(w, a, l->call.result.not_before);
		break;
	case RPC_STAMP:
		write_timestamp(a);
		break;
	case RPC_GET:
		write_entry(w, l->call.leaf, &a->body);
		break;
	case RPC_READ:
		write_read(w, a, l->attempt);
		break;
	case RPC_COUNT:
		break;
	}
}

struct answer *write_answer(const struct line *l, const struct result *r)
{
	struct answer *a = answer_new(r->status, ANSWER_MAX);
	char seconds[16];
	if (!a)
		abort();
	if (r->retry_after >= 0) {
		snprintf(seconds, sizeof(seconds), "%d", r->retry_after);
		must(answer_add_header(a, "Retry-After", slice_str(seconds)));
	}
	if (r->junk || r->status >= 500 || r->status == 429)
		must(buf_add_str(&a->body, "<html><body>an error page</body></html>"));
	else if (r->status < 300 || r->status == 409)
		write_good(l, a);
	return a;
}
