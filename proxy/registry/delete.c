/* Which way a tag or a digest goes. */
#include "remover_inside.h"

static bool is_hub(const struct remover *m, const struct reference *ref)
{
	return m->cfg.dockerhub_url && reference_is_dockerhub(ref);
}

enum status delete_ready(struct remover *m, const struct reference *ref)
{
	return is_hub(m, ref) ? hub_ready(m, ref) : STATUS_OK;
}

enum status delete_tag(struct remover *m, const struct reference *ref, struct verdict *v)
{
	enum status st;
	if (remover_stopped(m)) {
		verdict_left(v, OBSTACLE_STOPPED, "not asked: cleanup was stopped, or its time is over");
		return STATUS_OK;
	}
	if (is_hub(m, ref))
		st = hub_delete_tag(m, ref, v);
	else
		st = reference_is_ghcr(ref) ? ghcr_delete(m, ref, v) : oci_delete_tag(m, ref, v);
	if (st == STATUS_OK)
		scan_forget(m, ref, v);
	return st;
}

enum status delete_digest(struct remover *m, const struct reference *ref, struct verdict *v)
{
	if (remover_stopped(m)) {
		verdict_left(v, OBSTACLE_STOPPED, "not asked: cleanup was stopped, or its time is over");
		return STATUS_OK;
	}
	enum status st = reference_is_ghcr(ref) ? ghcr_delete(m, ref, v) : oci_delete_digest(m, ref, v);
	if (st == STATUS_OK)
		scan_forget(m, ref, v);
	return st;
}

enum status delete_may(struct remover *m, const struct reference *ref, struct verdict *v)
{
	if (is_hub(m, ref))
		return hub_may(m, ref, v);
	return reference_is_ghcr(ref) ? ghcr_may(m, ref, v) : STATUS_OK;
}

enum status delete_would(struct remover *m, const struct reference *ref, struct buf *out)
{
	if (is_hub(m, ref))
		return buf_addf(out, "would ask %s: DELETE /v2/repositories/%s/tags/%s/",
				m->cfg.dockerhub_url, ref->path, ref->tag);
	if (reference_is_ghcr(ref))
		return buf_addf(out, "would ask %s to delete the package version %s of %s",
				m->cfg.github_api_url, ref->digest, ref->path);
	return buf_addf(out, "would ask %s: DELETE /v2/%s/manifests/%s", ref->domain, ref->path, ref->tag);
}
