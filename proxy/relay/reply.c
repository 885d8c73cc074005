#include <sigrelay/relay/reply.h>

#include <stdio.h>

#include <sigrelay/sigstore/answers.h>

#define MESSAGE_MAX 1024

static enum status add_created_headers(struct answer *a, const char *id)
{
	char location[128];
	int n = snprintf(location, sizeof(location), "/api/v1/log/entries/%s", id);
	enum status s = answer_add_header(a, "ETag", slice_str(id));
	if (s != STATUS_OK)
		return s;
	return answer_add_header(a, "Location", (struct slice){ location, (size_t)n });
}

static struct answer *copy_body(const struct answer *from, int status)
{
	struct answer *a = answer_new(status, from->body.max);
	if (!a)
		return NULL;
	if (buf_add(&a->body, from->body.p, from->body.n) != STATUS_OK) {
		answer_unref(a);
		return NULL;
	}
	return a;
}

struct answer *reply_entry(int status, const char *id, const struct answer *entry)
{
	struct answer *a = copy_body(entry, status);
	if (!a)
		return NULL;
	enum status s = answer_add_header(a, "Content-Type", SLICE_LIT("application/json"));
	if (s == STATUS_OK && status == 201)
		s = add_created_headers(a, id);
	if (s != STATUS_OK) {
		answer_unref(a);
		return NULL;
	}
	return a;
}

struct answer *reply_aged(const struct answer *from, usec age)
{
	char seconds[24];
	struct answer *a = copy_body(from, from->status);
	if (!a)
		return NULL;
	snprintf(seconds, sizeof(seconds), "%lld", (long long)(age / USEC_PER_SEC));
	enum status s = buf_add(&a->head, from->head.p, from->head.n);
	if (s == STATUS_OK)
		s = answer_add_header(a, "Age", slice_str(seconds));
	if (s != STATUS_OK) {
		answer_unref(a);
		return NULL;
	}
	return a;
}

struct answer *reply_created(struct answer *created, const char *id)
{
	if (created->status == 201 && slice_eq_str(answer_header(created, "ETag"), id) &&
	    slice_ends(answer_header(created, "Location"), id))
		return answer_ref(created);
	return reply_entry(201, id, created);
}

struct answer *reply_error(enum service s, int status, long retry_after, const char *message)
{
	char text[MESSAGE_MAX], seconds[24];
	const char *type = NULL;
	struct answer *a = answer_new(status, 4 * MESSAGE_MAX);
	if (!a)
		return NULL;
	snprintf(text, sizeof(text), "sigrelay: %s", message);
	enum status st = error_body(s, status, text, &a->body, &type);
	if (st == STATUS_OK)
		st = answer_add_header(a, "Content-Type", slice_str(type));
	if (st == STATUS_OK && retry_after >= 0) {
		snprintf(seconds, sizeof(seconds), "%ld", retry_after);
		st = answer_add_header(a, "Retry-After", slice_str(seconds));
	}
	if (st != STATUS_OK) {
		answer_unref(a);
		return NULL;
	}
	return a;
}
