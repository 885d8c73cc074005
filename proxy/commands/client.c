#include <sigrelay/commands/client.h>

#include <stdio.h>
#include <string.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/commands/options.h>
#include <sigrelay/commands/signing_config.h>

/* Every variable that names a service to a client. */
static const struct {
	const char *name;
	enum client_family family;
	enum service service;
} variables[] = {
	{ "COSIGN_REKOR_URL", FAMILY_COSIGN, SERVICE_REKOR },
	{ "COSIGN_FULCIO_URL", FAMILY_COSIGN, SERVICE_FULCIO },
	{ "COSIGN_TIMESTAMP_SERVER_URL", FAMILY_COSIGN, SERVICE_TSA },
	{ "SIGSTORE_REKOR_URL", FAMILY_GITSIGN, SERVICE_REKOR },
	{ "SIGSTORE_FULCIO_URL", FAMILY_GITSIGN, SERVICE_FULCIO },
	{ "SIGSTORE_TIMESTAMP_SERVER_URL", FAMILY_GITSIGN, SERVICE_TSA },
	{ "GITSIGN_REKOR_URL", FAMILY_GITSIGN, SERVICE_REKOR },
	{ "GITSIGN_FULCIO_URL", FAMILY_GITSIGN, SERVICE_FULCIO },
	{ "GITSIGN_TIMESTAMP_SERVER_URL", FAMILY_GITSIGN, SERVICE_TSA },
};

static const struct {
	const char *setting;
	const char *public_url;
} services[SERVICE_COUNT] = {
	[SERVICE_REKOR] = { "rekor_url", "https://rekor.sigstore.dev" },
	[SERVICE_FULCIO] = { "fulcio_url", "https://fulcio.sigstore.dev" },
	[SERVICE_TSA] = { "tsa_url", "https://timestamp.sigstore.dev" },
};

const char *clients_public_url(enum service s)
{
	return services[s].public_url;
}

static const char *upstream(const struct settings *s, enum service service)
{
	switch (service) {
	case SERVICE_REKOR:
		return s->rekor_url;
	case SERVICE_FULCIO:
		return s->fulcio_url;
	case SERVICE_TSA:
		return s->tsa_url;
	case SERVICE_COUNT:
		break;
	}
	return NULL;
}

enum status clients_choice_read(const char *word, enum client_choice *out)
{
	static const char *const words[] = { "auto", "cosign2", "cosign3", "none" };
	if (!word || !*word)
		word = words[CLIENT_AUTO];
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i]) == 0) {
			*out = (enum client_choice)i;
			return STATUS_OK;
		}
	}
	return STATUS_INVALID;
}

enum status clients_base_url(enum service s, const char *url, char **out)
{
	static const struct slice path = { TSA_PATH, sizeof(TSA_PATH) - 1 };
	struct slice base = slice_str(url);
	while (slice_ends(base, "/"))
		base.n--;
	if (s == SERVICE_TSA && !slice_ends(base, TSA_PATH)) {
		*out = NULL;
		return STATUS_OK;
	}
	if (s == SERVICE_TSA)
		base.n -= path.n;
	char *copy = mem_strndup(base.p, base.n);
	if (!copy)
		return STATUS_NO_MEMORY;
	*out = copy;
	return STATUS_OK;
}

void clients_release(struct client *c)
{
	for (int f = 0; f < FAMILY_COUNT; f++) {
		for (int s = 0; s < SERVICE_COUNT; s++)
			mem_free(c->own[f][s]);
	}
	cJSON_Delete(c->signing_config);
	mem_free(c->private_mirror);
	*c = (struct client){ 0 };
}

/* What named this service to the client, for an error about it. */
static const char *where_from(const struct client *c, enum service service, const char *url)
{
	for (size_t i = sizeof(variables) / sizeof(variables[0]); i-- > 0;) {
		if (variables[i].family != c->first || variables[i].service != service)
			continue;
		const char *text = environment_get(c->env, variables[i].name);
		if (text && slice_starts(slice_str(text), url))
			return variables[i].name;
	}
	return c->first == FAMILY_COSIGN ? "cosign's signing config" : "git's settings for gitsign";
}

enum status clients_suggest(const struct client *c, struct settings_load *l)
{
	for (int s = 0; s < SERVICE_COUNT; s++) {
		const char *url = c->own[c->first][s];
		if (!url || !*url || strcmp(url, services[s].public_url) == 0)
			continue;
		enum status st = settings_set(l, services[s].setting, url, SOURCE_DEFAULT,
					      where_from(c, (enum service)s, url));
		if (st != STATUS_OK &&
		    st != STATUS_INVALID) /* invalid: the load tells it with its other errors */
			return st;
	}
	return STATUS_OK;
}

enum status clients_settle(struct client *c, const struct settings_load *l, struct buf *error)
{
	for (int s = 0; s < SERVICE_COUNT; s++)
		c->given[s] = setting_given(l, services[s].setting);
	if (!c->private_mirror || (c->given[SERVICE_REKOR] && c->given[SERVICE_FULCIO]))
		return STATUS_OK;
	enum status st = buf_addf(
	    error,
	    "cosign takes its services from the TUF mirror %s, and signing_config.v0.2.json of that "
	    "mirror is not in its cache: run `cosign initialize` for it first, or name the services in "
	    "COSIGN_SIGNING_CONFIG, or by --rekor-url and --fulcio-url",
	    c->private_mirror);
	return st == STATUS_OK ? STATUS_INVALID : st;
}

/* Would this family's own service be reached through the relay? */
static bool same_service(const struct client *c, const struct settings *s, enum client_family f,
			 enum service service)
{
	const char *own = c->own[f][service];
	const char *up = upstream(s, service);
	return own && up && strcmp(own, up) == 0;
}

/* The rule of client.h. */
static bool follows(const struct client *c, const struct settings *s, enum client_family f,
		    enum service service)
{
	if (service == SERVICE_REKOR && c->log_v2[f] && (f == FAMILY_GITSIGN || !c->given[SERVICE_REKOR]))
		return false;
	return c->given[service] || same_service(c, s, f, service);
}

/* Which services cosign's signing config names the relay for. A config at hand
 * says which services there are; without one a TSA goes with the log and the
 * authority that it belongs to. */
static bool through_config(const struct client *c, const struct settings *s, enum service service)
{
	if (!follows(c, s, FAMILY_COSIGN, service))
		return false;
	if (service != SERVICE_TSA)
		return true;
	if (c->signing_config) {
		const char *own = c->own[FAMILY_COSIGN][SERVICE_TSA];
		return !own || *own;
	}
	return c->given[SERVICE_TSA] || (same_service(c, s, FAMILY_COSIGN, SERVICE_REKOR) &&
					 same_service(c, s, FAMILY_COSIGN, SERVICE_FULCIO));
}

static enum status name_past(const char *name, struct buf *past)
{
	return buf_addf(past, "%s%s", past->n ? ", " : "", name);
}

/* Is it this variable's turn at all? */
static bool concerns(const struct client *c, size_t i)
{
	bool set = environment_get(c->env, variables[i].name) != NULL;
	if (variables[i].family == FAMILY_COSIGN) {
		if (c->style == STYLE_LEAVE)
			return false;
		/* Set, it makes cosign ask for a timestamp that it otherwise would not
		 * (and sign-blob then wants a place to put it). */
		return variables[i].service != SERVICE_TSA || set;
	}
	if (c->direct)
		return false;
	const char *own = c->own[FAMILY_GITSIGN][variables[i].service];
	return variables[i].service != SERVICE_TSA || set || (own && *own);
}

static enum status edit_service(const struct client *c, const struct settings *s, size_t i,
				const char *relay_url, struct environment_edits *out, struct buf *past)
{
	const char *now = environment_get(c->env, variables[i].name);
	struct buf url;
	if (variables[i].family == FAMILY_COSIGN && c->style == STYLE_SIGNING_CONFIG)
		return now ? environment_unset(out, variables[i].name) : STATUS_OK;
	if (!follows(c, s, variables[i].family, variables[i].service))
		return now ? name_past(variables[i].name, past) : STATUS_OK;
	buf_init(&url, 4096);
	enum status st =
	    buf_addf(&url, "%s%s", relay_url, variables[i].service == SERVICE_TSA ? TSA_PATH : "");
	if (st == STATUS_OK)
		st = environment_set(out, variables[i].name, url.p);
	buf_release(&url);
	return st;
}

/* What the generated signing config leaves as it was. */
static enum status name_config_past(const struct client *c, const struct settings *s, struct buf *past)
{
	enum status st = STATUS_OK;
	for (int i = 0; i < SERVICE_COUNT && st == STATUS_OK; i++) {
		const char *own = c->own[FAMILY_COSIGN][i];
		bool there = i != SERVICE_TSA || !own || *own;
		if (c->signing_config && there && !through_config(c, s, (enum service)i)) {
			st = buf_addf(past, "%s%s of cosign's signing config%s", past->n ? ", " : "",
				      service_name((enum service)i),
				      i == SERVICE_REKOR && c->log_v2[FAMILY_COSIGN] ? " (Rekor v2)" : "");
		}
	}
	return st;
}

/* The two variables that switch a signing config on, and cosign's own time-out. */
static enum status edit_cosign(const struct client *c, const struct settings *s, const char *config_path,
			       struct environment_edits *out)
{
	char timeout[32];
	enum status st;
	if (c->style == STYLE_LEAVE)
		return STATUS_OK;
	if (c->style == STYLE_SIGNING_CONFIG) {
		st = environment_set(out, "COSIGN_SIGNING_CONFIG", config_path);
		if (st == STATUS_OK && environment_get(c->env, "COSIGN_USE_SIGNING_CONFIG"))
			st = environment_unset(out, "COSIGN_USE_SIGNING_CONFIG");
	} else {
		st = environment_set(out, "COSIGN_USE_SIGNING_CONFIG", "false");
		if (st == STATUS_OK && environment_get(c->env, "COSIGN_SIGNING_CONFIG"))
			st = environment_unset(out, "COSIGN_SIGNING_CONFIG");
	}
	if (st != STATUS_OK || c->timeout)
		return st;
	snprintf(timeout, sizeof(timeout), "%llds", (long long)(clients_patience(c, s) / USEC_PER_SEC));
	return environment_set(out, "COSIGN_TIMEOUT", timeout);
}

static bool lists_host(struct slice list, const char *host)
{
	while (list.n) {
		const char *comma = memchr(list.p, ',', list.n);
		size_t n = comma ? (size_t)(comma - list.p) : list.n;
		struct slice item = slice_trim((struct slice){ list.p, n });
		if (slice_eq_str(item, host) || slice_eq_str(item, "*"))
			return true;
		n += comma != NULL;
		list.p += n;
		list.n -= n;
	}
	return false;
}

static enum status edit_no_proxy(const char *name, const char *own, struct environment_edits *out)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost" };
	struct buf list;
	buf_init(&list, 1 << 16);
	enum status st = buf_add_str(&list, own ? own : "");
	for (size_t i = 0; i < 2 && st == STATUS_OK; i++) {
		if (!lists_host(buf_slice(&list), hosts[i]))
			st = buf_addf(&list, "%s%s", list.n ? "," : "", hosts[i]);
	}
	if (st == STATUS_OK)
		st = environment_set(out, name, list.p);
	buf_release(&list);
	return st;
}

/* A client reads one spelling or the other, and the one that is set hides what
 * the other says: each is extended, from the other where it is not set. */
static enum status edit_proxies(char *const *env, struct environment_edits *out)
{
	const char *upper = environment_get(env, "NO_PROXY");
	const char *lower = environment_get(env, "no_proxy");
	enum status st = edit_no_proxy("NO_PROXY", upper ? upper : lower, out);
	return st == STATUS_OK ? edit_no_proxy("no_proxy", lower ? lower : upper, out) : st;
}

enum status clients_edits(const struct client *c, const struct settings *s, const char *relay_url,
			  const char *config_path, struct environment_edits *out, struct buf *past)
{
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		enum status st = concerns(c, i) ? edit_service(c, s, i, relay_url, out, past) : STATUS_OK;
		if (st != STATUS_OK)
			return st;
	}
	enum status st = edit_cosign(c, s, config_path, out);
	if (st == STATUS_OK && c->style == STYLE_SIGNING_CONFIG)
		st = name_config_past(c, s, past);
	return st == STATUS_OK ? edit_proxies(c->env, out) : st;
}

enum status clients_signing_config(struct client *c, const struct settings *s, const char *relay_url,
				   const char *now, struct buf *out)
{
	bool through[SERVICE_COUNT];
	for (int i = 0; i < SERVICE_COUNT; i++)
		through[i] = through_config(c, s, (enum service)i);
	return signing_config_write(c->signing_config, relay_url, through, now, out);
}

usec clients_patience(const struct client *c, const struct settings *s)
{
	const char *tsa = c->own[FAMILY_COSIGN][SERVICE_TSA];
	bool stamps = c->style == STYLE_SIGNING_CONFIG || (tsa && *tsa);
	usec sum = 180 * USEC_PER_SEC;
	for (int i = 0; i < (stamps ? 3 : 2); i++)
		sum = usec_add(sum, s->retry_for);
	return sum;
}
