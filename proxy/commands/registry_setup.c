#include <sigrelay/commands/registry_setup.h>

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <sigrelay/commands/commands.h>
#include <sigrelay/commands/options.h>
#include <sigrelay/commands/run_ledger.h>
#include <sigrelay/commands/secrecy.h>
#include <sigrelay/relay/tls.h>

static int cannot(const char *command, const char *what, enum status st)
{
	complain("%s: cannot %s: %s", command, what, st == STATUS_IO ? strerror(errno) : status_name(st));
	return EXIT_CONFIG_ERROR;
}

/* A word without a dot or a port is a part of docker.io's paths, never a registry. */
static bool is_domain(const char *word)
{
	struct reference r = { 0 };
	struct buf text, why;
	buf_init(&text, 1024);
	buf_init(&why, 4096);
	bool good = !strchr(word, '/') && buf_addf(&text, "%s/x", word) == STATUS_OK &&
		    reference_parse(text.p, &r, &why) == STATUS_OK && strcmp(r.path, "x") == 0;
	reference_release(&r);
	buf_release(&text);
	buf_release(&why);
	return good;
}

static int check_insecure(const char *command, const char *const *insecure, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (is_domain(insecure[i]))
			continue;
		if (strcmp(insecure[i], "docker.io") == 0 || strcmp(insecure[i], "index.docker.io") == 0) {
			complain("%s: --insecure-registry=%s: that is Docker Hub, which speaks TLS; where "
				 "docker.io is another registry, say so with dockerhub_registry_url",
				 command, insecure[i]);
			return EXIT_USAGE_ERROR;
		}
		complain(
		    "%s: --insecure-registry=%s: expected a registry as images name it: HOST or HOST:PORT, "
		    "without http:// and without a path",
		    command, insecure[i]);
		return EXIT_USAGE_ERROR;
	}
	return 0;
}

static int check_authorities(const char *command, const struct settings *s)
{
	const struct settings only = { .ca_file = s->ca_file };
	struct buf why;
	buf_init(&why, 8192);
	enum status st = tls_check_upstream(&only, &why);
	if (st != STATUS_OK)
		complain("%s: %s", command, why.n ? why.p : status_name(st));
	buf_release(&why);
	return st == STATUS_OK ? 0 : EXIT_CONFIG_ERROR;
}

static int open_ledger(struct registry_setup *r, const char *command, const struct settings *s,
		       char *const *env)
{
	enum status st = run_ledger_open(&r->ledger, s, env);
	if (st == STATUS_OK) {
		r->run = r->ledger.run;
		return 0;
	}
	complain("%s: cannot open the ledger '%s': %s; nothing was done", command, s->ledger ? s->ledger : "",
		 st == STATUS_IO ? strerror(errno) : status_name(st));
	return EXIT_CONFIG_ERROR;
}

static int open_credentials(struct registry_setup *r, const char *command, char *const *env)
{
	struct buf why;
	buf_init(&why, 8192);
	enum status st = credential_store_open(&r->credentials, env, &why);
	if (st != STATUS_OK)
		complain("%s: %s", command, why.n ? why.p : status_name(st));
	buf_release(&why);
	return st == STATUS_OK ? 0 : EXIT_CONFIG_ERROR;
}

static int open_registries(struct registry_setup *r, const char *command, const struct settings *s,
			   const char *const *insecure, size_t insecure_count)
{
	const struct web_config web = {
		.backoff = { .base = s->backoff_base,
			     .throttle_base = s->throttle_base,
			     .max = s->backoff_max },
		.attempt_timeout = s->attempt_timeout,
		.connect_timeout = s->connect_timeout,
		.deadline = r->deadline,
		.ca_file = s->ca_file,
	};
	enum status st = web_new(&r->web, &web);
	const struct registry_config cfg = {
		.web = r->web,
		.credentials = r->credentials,
		.dockerhub_registry_url = s->dockerhub_registry_url,
		.insecure = insecure,
		.insecure_count = insecure_count,
	};
	if (st == STATUS_OK)
		st = registry_new(&r->registry, &cfg);
	return st == STATUS_OK ? 0 : cannot(command, "set up its connections", st);
}

const char *registry_setup_hub_url(const struct settings *s)
{
	for (size_t i = 0; i < settings_count && s->dockerhub_registry_url; i++) {
		if (strcmp(settings_table[i].name, "dockerhub_url") == 0 &&
		    strcmp(settings_table[i].default_text, s->dockerhub_url) == 0)
			return NULL;
	}
	return s->dockerhub_url;
}

int registry_setup_open(struct registry_setup *r, const char *command, const struct settings *s, usec timeout,
			const char *const *insecure, size_t insecure_count, char *const *env)
{
	secrecy_begin();
	signal(SIGPIPE, SIG_IGN); /* libcurl is told to leave signals alone, and OpenSSL writes */
	*r = (struct registry_setup){ .ledger = { .fd = -1 },
				      .deadline = usec_add(clock_now().mono, timeout) };
	int rc = check_insecure(command, insecure, insecure_count);
	if (rc == 0)
		rc = check_authorities(command, s);
	if (rc == 0)
		rc = open_ledger(r, command, s, env);
	if (rc == 0)
		rc = open_credentials(r, command, env);
	if (rc == 0)
		rc = open_registries(r, command, s, insecure, insecure_count);
	if (rc != 0)
		registry_setup_close(r);
	return rc;
}

void registry_setup_close(struct registry_setup *r)
{
	if (r->registry)
		registry_free(r->registry);
	if (r->web)
		web_free(r->web);
	credential_store_free(r->credentials);
	ledger_close(&r->ledger);
	*r = (struct registry_setup){ .ledger = { .fd = -1 } };
}
