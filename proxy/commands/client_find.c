#include <sigrelay/commands/client.h>

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <sigrelay/base/file.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/commands/child.h>
#include <sigrelay/commands/clock_text.h>
#include <sigrelay/commands/signing_config.h>

#define ASK_LIMIT (5 * USEC_PER_SEC)
#define FILE_MAX ((size_t)1 << 20)
#define PUBLIC_MIRROR "https://tuf-repo-cdn.sigstore.dev"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static enum status copy_text(const char *text, char **out)
{
	*out = mem_strdup(text);
	return *out ? STATUS_OK : STATUS_NO_MEMORY;
}

/* The version of the cosign at hand: the command itself, or the one on PATH. */
static enum status ask_version(char *program, char *const *env, struct cosign_version *out)
{
	char version[] = "version", json[] = "--json";
	char *argv[] = { program, version, json, NULL };
	struct buf said;
	*out = (struct cosign_version){ 0 };
	buf_init(&said, 65536);
	enum status st = child_ask(argv, env, ASK_LIMIT, &said);
	if (st == STATUS_OK)
		*out = cosign_version_read(buf_slice(&said));
	buf_release(&said);
	return st == STATUS_NO_MEMORY ? st : STATUS_OK; /* no cosign at hand: nothing is known */
}

/* --- cosign ------------------------------------------------------------- */

static const char *const cosign_variables[SERVICE_COUNT] = {
	[SERVICE_REKOR] = "COSIGN_REKOR_URL",
	[SERVICE_FULCIO] = "COSIGN_FULCIO_URL",
	[SERVICE_TSA] = "COSIGN_TIMESTAMP_SERVER_URL",
};

static enum status own_from_variables(struct client *c, bool stamps_anyway)
{
	for (int s = 0; s < SERVICE_COUNT; s++) {
		const char *url = environment_get(c->env, cosign_variables[s]);
		char **own = &c->own[FAMILY_COSIGN][s];
		enum status st;
		if (url)
			st = clients_base_url((enum service)s, url, own);
		else if (s == SERVICE_TSA && !stamps_anyway)
			st = copy_text("", own);
		else
			st = copy_text(clients_public_url((enum service)s), own);
		if (st != STATUS_OK)
			return st;
	}
	return STATUS_OK;
}

static enum status own_from_config(struct client *c)
{
	char now[32];
	clock_text(clock_now().wall, now);
	for (int s = 0; s < SERVICE_COUNT; s++) {
		int version = 1;
		char **own = &c->own[FAMILY_COSIGN][s];
		const char *url = signing_config_service(c->signing_config, (enum service)s, now, &version);
		if (s == SERVICE_REKOR && version == 2) {
			c->log_v2[FAMILY_COSIGN] = true;
			continue;
		}
		enum status st = url ? clients_base_url((enum service)s, url, own) : copy_text("", own);
		if (st != STATUS_OK)
			return st;
	}
	return STATUS_OK;
}

/* The config that the user put in COSIGN_SIGNING_CONFIG. */
static enum status read_config(struct client *c, const char *path, struct buf *error)
{
	struct buf text;
	buf_init(&text, FILE_MAX);
	enum status st = file_read(path, &text);
	if (st == STATUS_IO) {
		st = buf_addf(error, "COSIGN_SIGNING_CONFIG=%s cannot be read: %s", path, strerror(errno));
		st = st == STATUS_OK ? STATUS_INVALID : st;
	}
	if (st == STATUS_OK) {
		c->signing_config = signing_config_parse(buf_slice(&text));
		if (!c->signing_config) {
			st = buf_addf(
			    error, "COSIGN_SIGNING_CONFIG=%s is not a signing config of version 0.2", path);
			st = st == STATUS_OK ? STATUS_INVALID : st;
		}
	}
	buf_release(&text);
	return st;
}

/* The mirror of the TUF cache in `root`, as cosign finds it (pkg/cosign/tuf.go). */
static enum status find_mirror(char *const *env, const char *root, char **out)
{
	struct buf path, text;
	const char *mirror = environment_get(env, "TUF_MIRROR");
	if (mirror)
		return copy_text(mirror, out);
	buf_init(&path, 8192);
	buf_init(&text, FILE_MAX);
	enum status st = buf_addf(&path, "%s/remote.json", root);
	if (st == STATUS_OK && file_read(path.p, &text) == STATUS_OK) {
		cJSON *remote = json_parse(buf_slice(&text));
		struct slice url = json_str_at(remote, "mirror", NULL);
		*out = url.n ? mem_strndup(url.p, url.n) : NULL;
		cJSON_Delete(remote);
	}
	if (st == STATUS_OK && !*out)
		st = copy_text(PUBLIC_MIRROR, out);
	buf_release(&path);
	buf_release(&text);
	return st;
}

/* Where sigstore-go keeps the mirror's signing config (pkg/tuf/client.go, URLToPath). */
static enum status cached_config_path(const char *root, const char *mirror, struct buf *out)
{
	static const char *const schemes[] = { "https://", "http://" };
	for (size_t i = 0; i < 2; i++) {
		if (strncmp(mirror, schemes[i], strlen(schemes[i])) == 0)
			mirror += strlen(schemes[i]);
	}
	enum status st = buf_addf(out, "%s/", root);
	for (; *mirror && st == STATUS_OK; mirror++) {
		char ch = *mirror == '/' || *mirror == ':' ? '-' : (char)tolower((unsigned char)*mirror);
		st = buf_add(out, &ch, 1);
	}
	return st == STATUS_OK ? buf_add_str(out, "/targets/signing_config.v0.2.json") : st;
}

/* The config that cosign 3 takes when nothing else is said: from its TUF cache. */
static enum status read_cached_config(struct client *c, const char *root)
{
	char *mirror = NULL;
	struct buf path, text;
	buf_init(&path, 8192);
	buf_init(&text, FILE_MAX);
	enum status st = find_mirror(c->env, root, &mirror);
	if (st == STATUS_OK)
		st = cached_config_path(root, mirror, &path);
	if (st == STATUS_OK && file_read(path.p, &text) == STATUS_OK)
		c->signing_config = signing_config_parse(buf_slice(&text));
	if (st == STATUS_OK && !c->signing_config && strcmp(mirror, PUBLIC_MIRROR) != 0) {
		c->private_mirror = mirror;
		mirror = NULL;
	}
	mem_free(mirror);
	buf_release(&path);
	buf_release(&text);
	return st;
}

static enum status find_cached_config(struct client *c)
{
	const char *root = environment_get(c->env, "TUF_ROOT");
	const char *home = environment_get(c->env, "HOME");
	struct buf path;
	buf_init(&path, 8192);
	enum status st =
	    root ? buf_add_str(&path, root) : buf_addf(&path, "%s/.sigstore/root", home ? home : "");
	if (st == STATUS_OK)
		st = read_cached_config(c, path.p);
	buf_release(&path);
	return st;
}

static enum status find_config(struct client *c, struct buf *error)
{
	const char *path = environment_get(c->env, "COSIGN_SIGNING_CONFIG");
	if (path)
		return read_config(c, path, error);
	if (environment_get(c->env, "COSIGN_REKOR_URL") || environment_get(c->env, "COSIGN_FULCIO_URL"))
		return STATUS_OK;
	return find_cached_config(c);
}

static enum status find_cosign_services(struct client *c, struct buf *error)
{
	if (c->style != STYLE_SIGNING_CONFIG)
		return own_from_variables(c, false);
	enum status st = find_config(c, error);
	if (st != STATUS_OK)
		return st;
	if (c->signing_config)
		return own_from_config(c);
	return c->private_mirror ? STATUS_OK : own_from_variables(c, true);
}

static enum status find_style(struct client *c, enum client_choice choice, char *program,
			      const struct cosign_flags *flags, bool *at_hand)
{
	struct cosign_version version = { 0 };
	*at_hand = true;
	switch (choice) {
	case CLIENT_NONE:
		c->style = STYLE_LEAVE;
		return STATUS_OK;
	case CLIENT_COSIGN2:
		c->style = STYLE_URLS;
		return STATUS_OK;
	case CLIENT_COSIGN3:
		c->style = STYLE_SIGNING_CONFIG;
		return STATUS_OK;
	case CLIENT_AUTO:
		break;
	}
	enum status st = ask_version(program, c->env, &version);
	*at_hand = version.major > 0;
	c->style = cosign_style(version, flags, c->env, &c->leave_why);
	return st;
}

static void find_timeout(struct client *c, const struct cosign_flags *flags)
{
	const char *text = flags->timeout ? flags->timeout : environment_get(c->env, "COSIGN_TIMEOUT");
	if (text && go_duration_read(text, &c->timeout) != STATUS_OK)
		c->timeout = 0; /* cosign itself will say what is wrong with it */
}

/* --- gitsign ------------------------------------------------------------ */

/* One line of `git config --get-regexp`: "gitsign.rekor https://…". Gitsign
 * takes git's settings below its variables (internal/config/config.go). */
static enum status take_git_setting(struct client *c, struct slice line)
{
	static const struct {
		const char *key;
		enum service service;
	} keys[] = { { "gitsign.rekor ", SERVICE_REKOR },
		     { "gitsign.fulcio ", SERVICE_FULCIO },
		     { "gitsign.timestampserverurl ", SERVICE_TSA } };
	if (slice_eq_str(line, "gitsign.rekorversion 2"))
		c->log_v2[FAMILY_GITSIGN] = true;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t n = strlen(keys[i].key);
		char **own = &c->own[FAMILY_GITSIGN][keys[i].service];
		if (!slice_starts(line, keys[i].key) || line.n == n)
			continue;
		char *url = mem_strndup(line.p + n, line.n - n);
		if (!url)
			return STATUS_NO_MEMORY;
		mem_free(*own);
		*own = NULL;
		enum status st = clients_base_url(keys[i].service, url, own);
		mem_free(url);
		return st;
	}
	return STATUS_OK;
}

static enum status ask_git(struct client *c)
{
	char git[] = "git", config[] = "config", get[] = "--get-regexp";
	char pattern[] = "^gitsign\\.(rekor|fulcio|timestampserverurl|rekorversion)$";
	char *argv[] = { git, config, get, pattern, NULL };
	struct buf said;
	buf_init(&said, 65536);
	enum status st = child_ask(argv, c->env, ASK_LIMIT, &said);
	if (st == STATUS_NO_MEMORY) {
		buf_release(&said);
		return st;
	}
	struct slice rest = st == STATUS_OK ? buf_slice(&said) : slice_str(NULL);
	st = STATUS_OK; /* no git at hand, or nothing set */
	while (rest.n && st == STATUS_OK) {
		const char *end = memchr(rest.p, '\n', rest.n);
		size_t n = end ? (size_t)(end - rest.p) : rest.n;
		st = take_git_setting(c, (struct slice){ rest.p, n });
		n += end != NULL;
		rest = (struct slice){ rest.p + n, rest.n - n };
	}
	buf_release(&said);
	return st;
}

/* GITSIGN_ before SIGSTORE_ before git's settings before the public instance. */
static enum status find_gitsign_services(struct client *c)
{
	static const char *const names[SERVICE_COUNT][2] = {
		[SERVICE_REKOR] = { "GITSIGN_REKOR_URL", "SIGSTORE_REKOR_URL" },
		[SERVICE_FULCIO] = { "GITSIGN_FULCIO_URL", "SIGSTORE_FULCIO_URL" },
		[SERVICE_TSA] = { "GITSIGN_TIMESTAMP_SERVER_URL", "SIGSTORE_TIMESTAMP_SERVER_URL" },
	};
	for (int s = 0; s < SERVICE_COUNT; s++) {
		enum status st = copy_text(s == SERVICE_TSA ? "" : clients_public_url((enum service)s),
					   &c->own[FAMILY_GITSIGN][s]);
		if (st != STATUS_OK)
			return st;
	}
	enum status st = ask_git(c);
	for (int s = 0; s < SERVICE_COUNT && st == STATUS_OK; s++) {
		const char *url = environment_get(c->env, names[s][0]);
		if (!url)
			url = environment_get(c->env, names[s][1]);
		if (!url)
			continue;
		mem_free(c->own[FAMILY_GITSIGN][s]);
		c->own[FAMILY_GITSIGN][s] = NULL;
		st = clients_base_url((enum service)s, url, &c->own[FAMILY_GITSIGN][s]);
	}
	const char *version = environment_get(c->env, "GITSIGN_REKOR_VERSION");
	if (!version)
		version = environment_get(c->env, "SIGSTORE_REKOR_VERSION");
	if (version)
		c->log_v2[FAMILY_GITSIGN] = strcmp(version, "2") == 0;
	return st;
}

/* --- both --------------------------------------------------------------- */

static bool names_cosign_services(char *const *env)
{
	return environment_get(env, "COSIGN_REKOR_URL") || environment_get(env, "COSIGN_FULCIO_URL") ||
	       environment_get(env, "COSIGN_TIMESTAMP_SERVER_URL") ||
	       environment_get(env, "COSIGN_SIGNING_CONFIG");
}

static enum client_family first_family(const struct client *c, const char *command, bool cosign_at_hand)
{
	if (c->direct)
		return FAMILY_COSIGN;
	if (command &&
	    (strcmp(base_name(command), "git") == 0 || strncmp(base_name(command), "gitsign", 7) == 0))
		return FAMILY_GITSIGN;
	return cosign_at_hand || names_cosign_services(c->env) ? FAMILY_COSIGN : FAMILY_GITSIGN;
}

enum status clients_find(struct client *c, enum client_choice choice, char *const *argv, char *const *env,
			 struct buf *error)
{
	struct cosign_flags flags = { 0 };
	bool at_hand;
	char on_path[] = "cosign";
	*c = (struct client){ .env = env, .direct = argv && cosign_named(argv[0]) };
	if (c->direct)
		cosign_flags_read(argv, &flags);
	c->service_flag = flags.service_flag;
	find_timeout(c, &flags);
	enum status st = find_style(c, choice, c->direct && argv ? argv[0] : on_path, &flags, &at_hand);
	if (st != STATUS_OK)
		return st;
	c->first = first_family(c, argv ? argv[0] : NULL, at_hand);
	st = find_cosign_services(c, error);
	if (st == STATUS_OK && !c->direct)
		st = find_gitsign_services(c);
	return st;
}
