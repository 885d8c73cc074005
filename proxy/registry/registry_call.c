#include <stdio.h>
#include <string.h>

#include <sigrelay/base/mem.h>

#include "registry_inside.h"

const char MANIFEST_ACCEPT[] = "application/vnd.oci.image.index.v1+json, "
			       "application/vnd.oci.image.manifest.v1+json, "
			       "application/vnd.docker.distribution.manifest.list.v2+json, "
			       "application/vnd.docker.distribution.manifest.v2+json, "
			       "application/vnd.docker.distribution.manifest.v1+prettyjws, "
			       "application/vnd.docker.distribution.manifest.v1+json";

static bool is_plain(const struct registry *r, const char *domain)
{
	for (size_t i = 0; i < r->cfg.insecure_count; i++) {
		if (slice_eq_icase(slice_str(domain), r->cfg.insecure[i]))
			return true;
	}
	return reference_is_loopback(domain);
}

enum status registry_base(const struct registry *r, const struct reference *ref, struct buf *out)
{
	if (!reference_is_dockerhub(ref))
		return buf_addf(out, "%s://%s", is_plain(r, ref->domain) ? "http" : "https", ref->domain);
	struct slice hub = slice_str(r->cfg.dockerhub_registry_url);
	if (hub.n == 0)
		hub = SLICE_LIT("https://registry-1.docker.io");
	while (hub.n > 0 && hub.p[hub.n - 1] == '/')
		hub.n--;
	return buf_add_slice(out, hub);
}

void call_free(struct call *c)
{
	if (!c)
		return;
	reference_release(&c->repository);
	mem_free(c->url);
	mem_free(c->accept);
	mem_free(c->content_type);
	buf_wipe(&c->body);
	buf_release(&c->no_access);
	mem_free(c);
}

static enum status add_header(struct buf *b, const char **line, const char *name, const char *value)
{
	size_t n = strlen(name) + strlen(value) + 2;
	buf_init(b, n);
	enum status st = buf_reserve(b, n);
	if (st == STATUS_OK)
		st = buf_addf(b, "%s: %s", name, value);
	*line = b->p;
	return st;
}

enum status call_send(struct call *c, const struct grant *grant)
{
	struct buf accept, type, authorization;
	const char *headers[4] = { NULL };
	size_t n = 0;
	buf_init(&type, 0);
	buf_init(&authorization, 0);
	enum status st =
	    add_header(&accept, &headers[n++], "Accept", c->accept ? c->accept : MANIFEST_ACCEPT);
	if (st == STATUS_OK && c->content_type)
		st = add_header(&type, &headers[n++], "Content-Type", c->content_type);
	if (st == STATUS_OK && grant)
		st = add_header(&authorization, &headers[n++], "Authorization", grant->authorization.p);
	const struct web_request q = {
		.method = c->method,
		.url = c->url,
		.headers = headers,
		.body = buf_slice(&c->body),
		.deadline = c->deadline,
	};
	if (st == STATUS_OK)
		st = web_start(c->registry->cfg.web, &q, c->answered, c);
	buf_release(&accept);
	buf_release(&type);
	buf_wipe(&authorization);
	return st;
}

void call_finish(struct call *c, const struct web_answer *a)
{
	TAILQ_REMOVE(&c->registry->calls, c, link);
	c->done(c->arg, a, c->no_access.n ? c->no_access.p : "");
	call_free(c);
}

void call_finish_without(struct call *c, const char *why)
{
	struct web_answer a = { .retry_after = -1 };
	snprintf(a.error, sizeof(a.error), "%s: %s", c->repository.domain, why);
	call_finish(c, &a);
}

void call_go_on(struct call *c, struct grant *grant)
{
	if (grant) {
		grant->actions |= 1U << c->action;
		c->grant = grant;
	}
	if (call_send(c, grant) != STATUS_OK)
		call_finish_without(c, "no memory for the request");
}
