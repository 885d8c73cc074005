/* An OIDC issuer: discovery, keys, tokens (ES256), and a token endpoint that
 * answers as GitHub's does for ACTIONS_ID_TOKEN_REQUEST_URL. */
#include <stdio.h>
#include <string.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/builtin/inside.h>

#define KEY_ID "builtin"
#define TOKEN_MAX 8192
#define WORKFLOW "octo-org/octo-repo/.github/workflows/release.yml@refs/heads/main"

/* base64url without padding. */
static enum status base64url(struct slice in, struct buf *out)
{
	size_t from = out->n;
	enum status s = base64_encode(in, out);
	if (s != STATUS_OK)
		return s;
	for (size_t i = from; i < out->n; i++) {
		if (out->p[i] == '+')
			out->p[i] = '-';
		else if (out->p[i] == '/')
			out->p[i] = '_';
	}
	while (out->n > from && out->p[out->n - 1] == '=')
		out->p[--out->n] = '\0';
	return STATUS_OK;
}

static bool add_person(cJSON *claims, const char *email)
{
	return cJSON_AddStringToObject(claims, "sub", email) &&
	       cJSON_AddStringToObject(claims, "email", email) &&
	       cJSON_AddTrueToObject(claims, "email_verified");
}

static bool add_workflow(cJSON *claims)
{
	static const char *const fields[][2] = {
		{ "sub", "repo:octo-org/octo-repo:ref:refs/heads/main" },
		{ "repository", "octo-org/octo-repo" },
		{ "repository_owner", "octo-org" },
		{ "workflow", "release" },
		{ "job_workflow_ref", WORKFLOW },
		{ "workflow_ref", WORKFLOW },
		{ "ref", "refs/heads/main" },
		{ "sha", "0123456789abcdef0123456789abcdef01234567" },
		{ "event_name", "push" },
		{ "runner_environment", "github-hosted" },
		{ "run_id", "1" },
		{ "run_attempt", "1" },
	};
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!cJSON_AddStringToObject(claims, fields[i][0], fields[i][1]))
			return false;
	}
	return true;
}

static cJSON *claims_new(const struct builtin_log *l, const struct token_wish *wish)
{
	usec seconds = clock_now().wall / USEC_PER_SEC; /* whole ones, as claims are */
	usec lifetime = wish->lifetime / USEC_PER_SEC;
	double now = (double)seconds;
	cJSON *claims = cJSON_CreateObject();
	bool ok = cJSON_AddStringToObject(claims, "iss", l->url) &&
		  cJSON_AddStringToObject(claims, "aud", wish->audience ? wish->audience : "sigstore") &&
		  cJSON_AddNumberToObject(claims, "iat", now) &&
		  cJSON_AddNumberToObject(claims, "nbf", now - 5) &&
		  cJSON_AddNumberToObject(claims, "exp", now + (double)lifetime) &&
		  (wish->email ? add_person(claims, wish->email) : add_workflow(claims));
	if (ok)
		return claims;
	cJSON_Delete(claims);
	return NULL;
}

static enum status sign_claims(const struct builtin_log *l, const char *claims, struct buf *token)
{
	struct buf sig;
	buf_init(&sig, 256);
	enum status s =
	    base64url(SLICE_LIT("{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"" KEY_ID "\"}"), token);
	if (s == STATUS_OK)
		s = buf_add_str(token, ".");
	if (s == STATUS_OK)
		s = base64url(slice_str(claims), token);
	if (s == STATUS_OK)
		s = key_sign_jws(l->keys.issuer, buf_slice(token), &sig);
	if (s == STATUS_OK)
		s = buf_add_str(token, ".");
	if (s == STATUS_OK)
		s = base64url(buf_slice(&sig), token);
	buf_release(&sig);
	return s;
}

enum status token_mint(const struct builtin_log *l, const struct token_wish *wish, struct buf *out)
{
	cJSON *claims = claims_new(l, wish);
	char *text = claims ? cJSON_PrintUnformatted(claims) : NULL;
	struct buf token;
	buf_init(&token, TOKEN_MAX);
	enum status s = text ? sign_claims(l, text, &token) : STATUS_NO_MEMORY;
	if (s == STATUS_OK)
		s = buf_add_slice(out, buf_slice(&token));
	buf_wipe(&token);
	cJSON_free(text);
	cJSON_Delete(claims);
	return s;
}

/* ---- checking ---- */

static bool split_token(struct slice token, struct slice *message, struct slice *claims,
			struct slice *signature)
{
	const char *first = token.n ? memchr(token.p, '.', token.n) : NULL;
	const char *last = token.n ? memrchr(token.p, '.', token.n) : NULL;
	if (!first || first == last)
		return false;
	*message = (struct slice){ token.p, (size_t)(last - token.p) };
	*claims = (struct slice){ first + 1, (size_t)(last - first) - 1 };
	*signature = (struct slice){ last + 1, token.n - message->n - 1 };
	return true;
}

static enum status identity_of(const cJSON *claims, struct identity *out)
{
	struct slice email = json_str_at(claims, "email", NULL);
	struct slice workflow = json_str_at(claims, "job_workflow_ref", NULL);
	struct slice subject = email.n ? email : json_str_at(claims, "sub", NULL);
	if (!subject.n || subject.n >= sizeof(out->subject) || workflow.n > 400)
		return STATUS_INVALID;
	if (email.n && !cJSON_IsTrue(json_at(claims, "email_verified", NULL)))
		return STATUS_INVALID;
	if (!email.n && !workflow.n)
		return STATUS_INVALID;
	memcpy(out->subject, subject.p, subject.n);
	out->subject[subject.n] = '\0';
	if (email.n)
		snprintf(out->name, sizeof(out->name), "email:%s", out->subject);
	else
		snprintf(out->name, sizeof(out->name), "URI:https://github.com/%.*s", (int)workflow.n,
			 workflow.p);
	return STATUS_OK;
}

static enum status check_claims(const struct builtin_log *l, struct slice text, struct identity *out)
{
	int64_t expires = 0, now = clock_now().wall / USEC_PER_SEC;
	cJSON *claims = json_parse(text);
	bool ours = slice_eq_str(json_str_at(claims, "iss", NULL), l->url) &&
		    slice_eq_str(json_str_at(claims, "aud", NULL), "sigstore") &&
		    json_int(json_at(claims, "exp", NULL), &expires) == STATUS_OK && expires > now;
	enum status s = ours ? identity_of(claims, out) : STATUS_INVALID;
	cJSON_Delete(claims);
	return s;
}

enum status token_check(const struct builtin_log *l, struct slice token, struct identity *out)
{
	struct slice message, claims, signature;
	struct buf raw, text;
	if (!split_token(token, &message, &claims, &signature))
		return STATUS_INVALID;
	buf_init(&raw, 256);
	buf_init(&text, TOKEN_MAX);
	enum status s = base64_decode(signature, &raw);
	if (s == STATUS_OK && !key_verify_jws(l->keys.issuer, message, buf_slice(&raw)))
		s = STATUS_INVALID;
	if (s == STATUS_OK)
		s = base64_decode(claims, &text);
	if (s == STATUS_OK)
		s = check_claims(l, buf_slice(&text), out);
	buf_release(&raw);
	buf_wipe(&text);
	return s;
}

/* ---- HTTP ---- */

static bool add_strings(cJSON *root, const char *name, const char *value)
{
	cJSON *list = cJSON_AddArrayToObject(root, name);
	cJSON *item = list ? cJSON_CreateString(value) : NULL;
	if (item && cJSON_AddItemToArray(list, item))
		return true;
	cJSON_Delete(item);
	return false;
}

static void answer_tree(struct builtin_log *l, struct call *c, cJSON *root, bool whole)
{
	struct response a;
	response_init(&a, 200, "application/json");
	enum status s = response_json(&a, root);
	builtin_answer_or_reset(l, c, &a, whole ? s : STATUS_NO_MEMORY);
}

static bool add_url(const struct builtin_log *l, cJSON *root, const char *name, const char *path)
{
	char url[128];
	snprintf(url, sizeof(url), "%s%s", l->url, path);
	return cJSON_AddStringToObject(root, name, url) != NULL;
}

void oidc_api_discovery(struct builtin_log *l, struct call *c)
{
	cJSON *root = cJSON_CreateObject();
	bool ok = add_url(l, root, "issuer", "") && add_url(l, root, "jwks_uri", "/keys") &&
		  add_url(l, root, "authorization_endpoint", "/authorize") &&
		  add_url(l, root, "token_endpoint", "/token") &&
		  add_strings(root, "response_types_supported", "id_token") &&
		  add_strings(root, "subject_types_supported", "public") &&
		  add_strings(root, "id_token_signing_alg_values_supported", "ES256");
	answer_tree(l, c, root, ok);
}

static bool add_coordinate(cJSON *key, const char *name, const uint8_t v[32])
{
	struct buf text;
	buf_init(&text, 128);
	bool ok = base64url((struct slice){ (const char *)v, 32 }, &text) == STATUS_OK &&
		  cJSON_AddStringToObject(key, name, text.p);
	buf_release(&text);
	return ok;
}

static cJSON *public_jwk(const struct builtin_log *l)
{
	uint8_t x[32], y[32];
	cJSON *key = cJSON_CreateObject();
	bool ok = key_point(l->keys.issuer, x, y) == STATUS_OK && cJSON_AddStringToObject(key, "kty", "EC") &&
		  cJSON_AddStringToObject(key, "crv", "P-256") &&
		  cJSON_AddStringToObject(key, "alg", "ES256") &&
		  cJSON_AddStringToObject(key, "use", "sig") && cJSON_AddStringToObject(key, "kid", KEY_ID) &&
		  add_coordinate(key, "x", x) && add_coordinate(key, "y", y);
	if (ok)
		return key;
	cJSON_Delete(key);
	return NULL;
}

void oidc_api_keys(struct builtin_log *l, struct call *c)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(root, "keys");
	cJSON *key = list ? public_jwk(l) : NULL;
	bool ok = key && cJSON_AddItemToArray(list, key);
	if (!ok)
		cJSON_Delete(key);
	answer_tree(l, c, root, ok);
}

static bool has_request_token(const struct builtin_log *l, const struct call *c)
{
	struct slice given = call_header(c, "Authorization");
	if (given.n < 7 || !slice_eq_icase((struct slice){ given.p, 7 }, "bearer "))
		return false;
	return slice_eq_str((struct slice){ given.p + 7, given.n - 7 }, l->request_token);
}

void oidc_api_actions(struct builtin_log *l, struct call *c)
{
	char audience[256] = "https://github.com/octo-org";
	struct response a;
	struct buf token;
	response_init(&a, 401, "application/json; charset=utf-8");
	if (!has_request_token(l, c)) {
		builtin_answer_or_reset(l, c, &a, buf_add_str(&a.body, "{\"message\":\"Unauthorized\"}"));
		return;
	}
	a.status = 200;
	buf_init(&token, TOKEN_MAX);
	if (call_query(c, "audience", audience, sizeof(audience)) == STATUS_INVALID)
		audience[0] = '\0';
	enum status s = token_mint(l, &(struct token_wish){ NULL, audience, 300 * USEC_PER_SEC }, &token);
	if (s == STATUS_OK)
		s = buf_addf(&a.body, "{\"count\":%zu,\"value\":\"%s\"}", token.n, token.p);
	buf_wipe(&token);
	builtin_answer_or_reset(l, c, &a, s);
}
