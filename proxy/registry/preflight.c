#include <sigrelay/registry/preflight.h>

#include <string.h>

const char *preflight_decision_name(enum preflight_decision d)
{
	static const char *const names[] = { "build", "skip", "fail" };
	return names[d];
}

bool preflight_conflict(const struct preflight_image *a, const struct preflight_image *b)
{
	return a->look.state == TAG_PRESENT && b->look.state == TAG_PRESENT &&
	       strcmp(a->ref.tag, b->ref.tag) == 0 && strcmp(a->ref.domain, b->ref.domain) != 0 &&
	       strcmp(a->look.digest, b->look.digest) != 0;
}

static bool any_conflict(const struct preflight_image *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t j = i + 1; j < n; j++) {
			if (preflight_conflict(&v[i], &v[j]))
				return true;
		}
	}
	return false;
}

/* The digest of all that are present; "" where they differ. */
static void common_digest(const struct preflight_image *v, size_t n, char out[DIGEST_TEXT])
{
	const char *digest = "";
	for (size_t i = 0; i < n; i++) {
		if (v[i].look.state != TAG_PRESENT)
			continue;
		if (*digest && strcmp(digest, v[i].look.digest) != 0) {
			digest = "";
			break;
		}
		digest = v[i].look.digest;
	}
	memset(out, 0, DIGEST_TEXT);
	memcpy(out, digest, strlen(digest));
}

static size_t count(const struct preflight_image *v, size_t n, enum tag_state state)
{
	size_t found = 0;
	for (size_t i = 0; i < n; i++)
		found += v[i].look.state == state;
	return found;
}

static enum preflight_decision decide(const struct preflight_verdict *f, size_t n,
				      const struct preflight_policy *policy)
{
	if (f->conflict || (f->present && policy->on_existing == ON_EXISTING_FAIL) ||
	    (f->unknown && policy->on_unknown == ON_UNKNOWN_FAIL))
		return PREFLIGHT_FAIL;
	if (!n || f->present != n || policy->on_existing != ON_EXISTING_SKIP)
		return PREFLIGHT_BUILD;
	return f->digest[0] ? PREFLIGHT_SKIP : PREFLIGHT_FAIL;
}

void preflight_decide(const struct preflight_image *v, size_t n, const struct preflight_policy *policy,
		      struct preflight_verdict *out)
{
	struct preflight_verdict found = {
		.absent = count(v, n, TAG_ABSENT),
		.present = count(v, n, TAG_PRESENT),
		.unknown = count(v, n, TAG_UNKNOWN),
		.conflict = any_conflict(v, n),
	};
	common_digest(v, n, found.digest);
	found.decision = decide(&found, n, policy);
	*out = found;
}
