#include <sigrelay/registry/credential_store.h>

#include <errno.h>
#include <string.h>

#include <sigrelay/base/file.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/base/variables.h>
#include <sigrelay/registry/credential_helper.h>
#include <sigrelay/registry/docker_config.h>

#define FILE_MAX ((size_t)1 << 20)
#define PATH_LENGTH_MAX ((size_t)4096)
#define SOURCES 5

/* What a helper said when it was asked for a key. */
struct told {
	struct told *next;
	char *name, *key;
	enum status st;
	struct credentials c;
	char *why;
};

struct helpers {
	struct told *first;
	usec limit;
};

struct credential_store {
	char *const *env;
	struct docker_config v[SOURCES]; /* in the order in which they are asked */
	size_t n;
	struct helpers *helpers; /* changes while the store does not */
};

static enum status add(struct credential_store *s, const char *name, struct slice text, struct buf *why)
{
	enum status st = docker_config_parse(name, text, &s->v[s->n], why);
	s->n += st == STATUS_OK;
	return st;
}

static enum status cannot_read(const char *path, enum status st, struct buf *why)
{
	const char *what = st == STATUS_TOO_LARGE ? "it has more than 1 MiB" : strerror(errno);
	if (st == STATUS_NO_MEMORY)
		return st;
	st = buf_addf(why, "the credentials in %s cannot be read: %s", path, what);
	return st == STATUS_NO_MEMORY ? st : STATUS_IO;
}

/* A file that is not there names nobody. */
static enum status add_file(struct credential_store *s, const char *path, struct buf *why)
{
	struct buf text;
	buf_init(&text, FILE_MAX);
	enum status st = file_read(path, &text);
	if (st == STATUS_OK)
		st = add(s, path, buf_slice(&text), why);
	else if (st == STATUS_IO && (errno == ENOENT || errno == ENOTDIR))
		st = STATUS_OK;
	else
		st = cannot_read(path, st, why);
	buf_wipe(&text);
	return st;
}

/* The file below the folder that a variable names; nothing where it is not set. */
static enum status add_below(struct credential_store *s, const char *variable, const char *rest,
			     struct buf *why)
{
	struct buf path;
	const char *folder = environment_get(s->env, variable);
	if (!folder)
		return STATUS_OK;
	buf_init(&path, PATH_LENGTH_MAX);
	enum status st = buf_addf(&path, "%s%s", folder, rest);
	if (st == STATUS_OK)
		st = add_file(s, path.p, why);
	else
		st = st == STATUS_TOO_LARGE ? STATUS_INVALID : st;
	buf_release(&path);
	return st;
}

static enum status add_variable(struct credential_store *s, struct buf *why)
{
	const char *text = environment_get(s->env, DOCKER_AUTH_CONFIG);
	return text ? add(s, DOCKER_AUTH_CONFIG, slice_str(text), why) : STATUS_OK;
}

static enum status add_docker(struct credential_store *s, struct buf *why)
{
	if (environment_get(s->env, "DOCKER_CONFIG"))
		return add_below(s, "DOCKER_CONFIG", "/config.json", why);
	return add_below(s, "HOME", "/.docker/config.json", why);
}

static enum status add_podman(struct credential_store *s, struct buf *why)
{
	enum status st = add_below(s, "REGISTRY_AUTH_FILE", "", why);
	if (st == STATUS_OK)
		st = add_below(s, "XDG_RUNTIME_DIR", "/containers/auth.json", why);
	if (st != STATUS_OK)
		return st;
	if (environment_get(s->env, "XDG_CONFIG_HOME"))
		return add_below(s, "XDG_CONFIG_HOME", "/containers/auth.json", why);
	return add_below(s, "HOME", "/.config/containers/auth.json", why);
}

enum status credential_store_open(struct credential_store **out, char *const *env, struct buf *why)
{
	struct credential_store *s = mem_calloc(1, sizeof(*s));
	if (!s)
		return STATUS_NO_MEMORY;
	s->env = env;
	s->helpers = mem_calloc(1, sizeof(*s->helpers));
	enum status st = s->helpers ? STATUS_OK : STATUS_NO_MEMORY;
	credential_store_limit(s, CREDENTIAL_HELPER_TIMEOUT);
	if (st == STATUS_OK)
		st = add_variable(s, why);
	if (st == STATUS_OK)
		st = add_docker(s, why);
	if (st == STATUS_OK)
		st = add_podman(s, why);
	if (st == STATUS_OK)
		*out = s;
	else
		credential_store_free(s);
	return st;
}

static void told_free(struct told *t)
{
	if (!t)
		return;
	credentials_release(&t->c);
	mem_free(t->name);
	mem_free(t->key);
	mem_free(t->why);
	mem_free(t);
}

void credential_store_limit(struct credential_store *s, usec limit)
{
	if (s->helpers)
		s->helpers->limit = usec_min(limit, CREDENTIAL_HELPER_TIMEOUT);
}

void credential_store_free(struct credential_store *s)
{
	if (!s)
		return;
	for (struct told *t = s->helpers ? s->helpers->first : NULL, *next; t; t = next) {
		next = t->next;
		told_free(t);
	}
	mem_free(s->helpers);
	for (size_t i = 0; i < s->n; i++)
		docker_config_release(&s->v[i]);
	mem_free(s);
}

static const struct told *told_find(const struct helpers *h, const struct helper_call *call)
{
	const struct told *t = h->first;
	while (t && (strcmp(t->name, call->name) != 0 || strcmp(t->key, call->key) != 0))
		t = t->next;
	return t;
}

/* STATUS_NO_MEMORY: there is none for it, and nothing was kept. */
static enum status told_make(struct helpers *h, const struct helper_call *call, const struct told **out)
{
	struct buf why;
	struct told *t = mem_calloc(1, sizeof(*t));
	if (!t)
		return STATUS_NO_MEMORY;
	buf_init(&why, 4096);
	t->name = mem_strdup(call->name);
	t->key = mem_strdup(call->key);
	t->st = credential_helper_get(call, &t->c, &why);
	t->why = why.n ? buf_take(&why) : mem_strdup("");
	buf_release(&why);
	if (!t->name || !t->key || !t->why || t->st == STATUS_NO_MEMORY) {
		told_free(t);
		return STATUS_NO_MEMORY;
	}
	t->next = h->first;
	h->first = t;
	*out = t;
	return STATUS_OK;
}

static enum status ask_helper(struct helpers *h, const struct helper_call *call, struct credentials *out,
			      struct buf *why)
{
	const struct told *t = told_find(h, call);
	enum status st = t ? STATUS_OK : told_make(h, call, &t);
	if (st != STATUS_OK)
		return st;
	if (t->st == STATUS_OK)
		return credentials_copy(&t->c, out);
	return buf_add_str(why, t->why) == STATUS_NO_MEMORY ? STATUS_NO_MEMORY : t->st;
}

static enum status ask_source(const struct credential_store *s, const struct docker_config *c,
			      const char *domain, const char *path, struct credentials *out, struct buf *why)
{
	struct helper_call call = {
		.key = credential_key(domain), .file = c->name, .env = s->env, .limit = s->helpers->limit
	};
	call.name = docker_config_helper(c, domain, &call.field);
	enum status st = call.name ? ask_helper(s->helpers, &call, out, why) : STATUS_NOT_FOUND;
	return st == STATUS_NOT_FOUND ? docker_config_find(c, domain, path, out, why) : st;
}

enum status credentials_find(const struct credential_store *s, const char *domain, const char *path,
			     struct credentials *out, struct buf *why)
{
	enum status st = STATUS_NOT_FOUND;
	for (size_t i = 0; i < s->n && st == STATUS_NOT_FOUND; i++)
		st = ask_source(s, &s->v[i], domain, path, out, why);
	return st;
}
