#include <sigrelay/registry/docker_config.h>

#include <string.h>

#include <sigrelay/base/bytes.h>
#include <sigrelay/base/json.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/base/utf8.h>

#define ENTRY_MAX ((size_t)1 << 20)

const char *credential_key(const char *domain)
{
	return strcmp(domain, "docker.io") == 0 ? DOCKERHUB_KEY : domain;
}

/* INVALID is the answer also where the words for it find no room. */
static enum status invalid(enum status st)
{
	return st == STATUS_NO_MEMORY ? st : STATUS_INVALID;
}

static enum status refuse(const char *name, const char *what, struct buf *why)
{
	return invalid(buf_addf(why, "the credentials in %s cannot be read: %s", name, what));
}

static const char *wrong_entry(const cJSON *entry)
{
	static const char *const texts[] = { "auth", "username", "password", "identitytoken",
					     "registrytoken" };
	if (cJSON_IsNull(entry))
		return NULL; /* names nobody */
	if (!cJSON_IsObject(entry))
		return "an entry of auths is no object";
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const cJSON *item = json_at(entry, texts[i], NULL);
		if (item && !cJSON_IsString(item) && !cJSON_IsNull(item))
			return "a field of an entry of auths is no string";
	}
	return NULL;
}

static bool is_object_or_none(const cJSON *item)
{
	return !item || cJSON_IsNull(item) || cJSON_IsObject(item);
}

/* What is not as docker writes it; NULL: nothing. */
static const char *wrong_form(const cJSON *root)
{
	const cJSON *at, *auths = json_at(root, "auths", NULL), *helpers = json_at(root, "credHelpers", NULL);
	const cJSON *store = json_at(root, "credsStore", NULL);
	const char *wrong = NULL;
	if (!cJSON_IsObject(root))
		return "it is no JSON object";
	if (!is_object_or_none(auths) || !is_object_or_none(helpers))
		return "auths and credHelpers are to be objects";
	if (store && !cJSON_IsString(store) && !cJSON_IsNull(store))
		return "credsStore is to be a string";
	for (at = auths ? auths->child : NULL; at && !wrong; at = at->next)
		wrong = wrong_entry(at);
	for (at = helpers ? helpers->child : NULL; at && !wrong; at = at->next)
		wrong = cJSON_IsString(at) ? NULL : "a value of credHelpers is no string";
	return wrong;
}

/* docker takes nothing else in the variable; with a helper in it, it would be
 * asking somebody else than docker does. */
static const char *wrong_variable(const cJSON *root)
{
	static const char expected[] = "expected {\"auths\":{\"HOST\":{\"auth\":\"…\"}}} and nothing else";
	for (const cJSON *at = root->child; at; at = at->next) {
		if (strcmp(at->string, "auths") != 0)
			return expected;
		for (const cJSON *entry = at->child; entry; entry = entry->next) {
			if (!entry->child || entry->child->next || strcmp(entry->child->string, "auth") != 0)
				return expected;
		}
	}
	return NULL;
}

static enum status check(const char *name, cJSON *root, struct buf *why)
{
	const char *wrong = wrong_form(root);
	if (!wrong && strcmp(name, DOCKER_AUTH_CONFIG) == 0)
		wrong = wrong_variable(root);
	return wrong ? refuse(name, wrong, why) : STATUS_OK;
}

static bool is_blank(struct slice text)
{
	size_t n = 0;
	while (n < text.n && strchr(" \t\r\n", text.p[n]) && text.p[n])
		n++;
	return n == text.n;
}

static enum status parse_text(const char *name, struct slice text, cJSON **out, struct buf *why)
{
	if (is_blank(text))
		return STATUS_OK;
	if (!json_is_container(text))
		return refuse(name, "it is not JSON", why);
	*out = json_parse(text);
	if (*out)
		return check(name, *out, why);
	return STATUS_NO_MEMORY; /* json_parse takes whatever json_is_container does */
}

enum status docker_config_parse(const char *name, struct slice text, struct docker_config *out,
				struct buf *why)
{
	struct docker_config made = { .name = mem_strdup(name) };
	enum status st = made.name ? parse_text(name, text, &made.root, why) : STATUS_NO_MEMORY;
	if (st == STATUS_OK)
		*out = made;
	else
		docker_config_release(&made);
	return st;
}

void docker_config_release(struct docker_config *c)
{
	json_free_secret(c->root);
	mem_free(c->name);
	*c = (struct docker_config){ 0 };
}

/* A key's host, and what is behind it. */
struct key {
	bool scheme;
	struct slice host, path; /* the path without slashes at its ends */
};

static struct key key_of(const char *text)
{
	struct key k = { .scheme = true };
	if (strncmp(text, "https://", 8) == 0)
		text += 8;
	else if (strncmp(text, "http://", 7) == 0)
		text += 7;
	else
		k.scheme = false;
	k.host = (struct slice){ text, strcspn(text, "/") };
	k.path = slice_str(text + k.host.n);
	while (k.path.n && *k.path.p == '/')
		k.path = (struct slice){ k.path.p + 1, k.path.n - 1 };
	while (k.path.n && k.path.p[k.path.n - 1] == '/')
		k.path.n--;
	return k;
}

static bool is_host(struct slice host, const char *domain)
{
	return slice_eq_str(host, domain) ||
	       (strcmp(domain, "docker.io") == 0 && slice_eq_str(host, "index.docker.io"));
}

/* A path of an API, as docker wrote them once, is no repository's. */
static bool is_api(struct slice path)
{
	return slice_eq_str(path, "v1") || slice_eq_str(path, "v2");
}

/* How well a key fits; 0: not at all. */
static size_t fitness(const char *text, const char *domain, const char *path)
{
	struct key k = key_of(text);
	if (!is_host(k.host, domain))
		return 0;
	if (k.path.n && !k.scheme && !is_api(k.path)) {
		bool below = strncmp(path, k.path.p, k.path.n) == 0 &&
			     (path[k.path.n] == '/' || path[k.path.n] == '\0');
		return below ? 3 + k.path.n : 0;
	}
	return strcmp(text, credential_key(domain)) == 0 || strcmp(text, domain) == 0 ? 2 : 1;
}

static const char *text_at(const cJSON *entry, const char *field)
{
	const cJSON *item = json_at(entry, field, NULL);
	return cJSON_IsString(item) ? item->valuestring : "";
}

static bool says_something(const cJSON *entry)
{
	return *text_at(entry, "auth") || *text_at(entry, "username") || *text_at(entry, "password") ||
	       *text_at(entry, "identitytoken") || *text_at(entry, "registrytoken");
}

/* With a helper docker leaves an entry that is empty: it names nobody. */
static const cJSON *best_entry(const struct docker_config *c, const char *domain, const char *path)
{
	const cJSON *auths = json_at(c->root, "auths", NULL), *best = NULL;
	size_t best_fit = 0;
	for (const cJSON *at = auths ? auths->child : NULL; at; at = at->next) {
		size_t fit = fitness(at->string, domain, path);
		if (fit > best_fit && says_something(at)) {
			best_fit = fit;
			best = at;
		}
	}
	return best;
}

const char *docker_config_helper(const struct docker_config *c, const char *domain, const char **field)
{
	const cJSON *helpers = json_at(c->root, "credHelpers", NULL), *best = NULL;
	size_t best_fit = 0;
	for (const cJSON *at = helpers ? helpers->child : NULL; at; at = at->next) {
		size_t fit = fitness(at->string, domain, "");
		if (fit > best_fit) {
			best_fit = fit;
			best = at;
		}
	}
	*field = best ? "credHelpers" : "credsStore";
	const char *name = best ? best->valuestring : text_at(c->root, "credsStore");
	return *name ? name : NULL;
}

/* Lines that are broken, as base64(1) breaks them, are one text. */
static enum status decode(const char *text, struct buf *out)
{
	struct buf whole;
	buf_init(&whole, ENTRY_MAX);
	enum status st = buf_reserve(&whole, strlen(text));
	for (; *text && st == STATUS_OK; text++) {
		if (*text != '\r' && *text != '\n')
			st = buf_add(&whole, text, 1);
	}
	if (st == STATUS_OK)
		st = base64_decode(buf_slice(&whole), out);
	buf_wipe(&whole);
	return st;
}

/* "USER:SECRET"; wrong says what it is not. */
static enum status split(struct slice pair, struct credentials *out, const char **wrong)
{
	while (pair.n && pair.p[pair.n - 1] == '\0')
		pair.n--;
	const char *colon = pair.n ? memchr(pair.p, ':', pair.n) : NULL;
	*wrong = !colon                         ? "its auth is no base64 of USER:SECRET: the ':' is missing"
		 : colon == pair.p              ? "its auth has no user name before the ':'"
		 : memchr(pair.p, '\0', pair.n) ? "its auth has a NUL character"
						: NULL;
	if (*wrong)
		return STATUS_INVALID;
	out->username = mem_strndup(pair.p, (size_t)(colon - pair.p));
	out->secret = mem_strndup(colon + 1, pair.n - (size_t)(colon + 1 - pair.p));
	return out->username && out->secret ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status take_auth(const char *auth, struct credentials *out, const char **wrong)
{
	struct buf pair;
	buf_init(&pair, ENTRY_MAX);
	*wrong = "its auth is no base64";
	enum status st = decode(auth, &pair);
	if (st == STATUS_OK)
		st = split(buf_slice(&pair), out, wrong);
	buf_wipe(&pair);
	return st;
}

static enum status take_pair(const cJSON *entry, struct credentials *out, const char **wrong)
{
	const char *auth = text_at(entry, "auth"), *user = text_at(entry, "username");
	const char *password = text_at(entry, "password");
	if (*auth)
		return take_auth(auth, out, wrong);
	if (!*user && *password) {
		*wrong = "it has a password and no username";
		return STATUS_INVALID;
	}
	if (!*user)
		return STATUS_OK;
	out->username = mem_strdup(user);
	out->secret = mem_strdup(password);
	return out->username && out->secret ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status take_entry(const cJSON *entry, struct credentials *out, const char **wrong)
{
	const char *token = text_at(entry, "registrytoken");
	if (*token && !credential_is_token(slice_str(token))) {
		*wrong = "its registrytoken has a blank, a line break or another character that no token has";
		return STATUS_INVALID;
	}
	enum status st = credential_text(token, &out->registry_token);
	if (st == STATUS_OK)
		st = credential_text(text_at(entry, "identitytoken"), &out->identity_token);
	if (st == STATUS_OK)
		st = take_pair(entry, out, wrong);
	if (out->identity_token && out->secret && !*out->secret) {
		mem_free(out->secret); /* docker writes "USER:" beside a token */
		out->secret = NULL;
	}
	return st;
}

enum status docker_config_find(const struct docker_config *c, const char *domain, const char *path,
			       struct credentials *out, struct buf *why)
{
	char key[128];
	struct credentials made = { 0 };
	const char *wrong = NULL;
	const cJSON *entry = best_entry(c, domain, path);
	if (!entry)
		return STATUS_NOT_FOUND;
	enum status st = take_entry(entry, &made, &wrong);
	if (st == STATUS_OK) {
		*out = made;
		return STATUS_OK;
	}
	credentials_release(&made);
	if (st == STATUS_NO_MEMORY)
		return st;
	utf8_plain(slice_str(entry->string), key, sizeof(key));
	return invalid(
	    buf_addf(why,
		     "the entry '%s' of auths in %s is no good: %s; run `docker login %s` again, or "
		     "take the entry out",
		     key, c->name, wrong, domain));
}
