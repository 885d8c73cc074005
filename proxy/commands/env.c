#include <sigrelay/commands/commands.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sigrelay/base/file.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/commands/client.h>
#include <sigrelay/commands/clock_text.h>
#include <sigrelay/commands/options.h>

#define TEXT_MAX ((size_t)1 << 20)

/* Where clients of this machine reach a relay that listens there. */
static enum status url_of(const char *listen, bool tls, struct buf *out)
{
	struct address at;
	enum status st = address_parse(listen, &at);
	if (st != STATUS_OK)
		return st;
	if (at.kind == ADDRESS_UNIX)
		return STATUS_INVALID;
	const char *host = at.host;
	if (strcmp(host, "0.0.0.0") == 0)
		host = "127.0.0.1";
	if (strcmp(host, "::") == 0)
		host = "::1";
	bool v6 = strchr(host, ':') != NULL;
	return buf_addf(out, "%s://%s%s%s:%u", tls ? "https" : "http", v6 ? "[" : "", host, v6 ? "]" : "",
			at.port);
}

/* A stable place for the signing config, which has to outlive this process: one
 * a relay, so that asking again writes over it. */
static enum status config_path(const char *relay_url, struct buf *out)
{
	const char *folder = environment_get(environ, "XDG_RUNTIME_DIR");
	if (!folder)
		folder = environment_get(environ, "XDG_CACHE_HOME");
	const char *home = environment_get(environ, "HOME");
	if (!folder && !home)
		return STATUS_NOT_FOUND;
	enum status st = folder ? buf_add_str(out, folder) : buf_addf(out, "%s/.cache", home);
	if (st == STATUS_OK)
		st = folder_make_private(out->p);
	if (st == STATUS_OK)
		st = buf_add_str(out, "/sigrelay");
	if (st == STATUS_OK)
		st = folder_make_private(out->p);
	const char *host = strstr(relay_url, "://");
	if (st == STATUS_OK)
		st = buf_add_str(out, "/signing-config-");
	for (const char *p = host ? host + 3 : relay_url; *p && st == STATUS_OK; p++)
		st = buf_add(out, strchr(":[]", *p) ? "-" : p, 1);
	return st == STATUS_OK ? buf_add_str(out, ".json") : st;
}

static int write_config(struct client *c, const struct settings *s, const char *relay_url, struct buf *path)
{
	char now[32];
	struct buf text;
	buf_init(&text, TEXT_MAX);
	clock_text(clock_now().wall, now);
	enum status st = config_path(relay_url, path);
	if (st == STATUS_OK)
		st = clients_signing_config(c, s, relay_url, now, &text);
	if (st == STATUS_OK)
		st = file_write_private(path->p, buf_slice(&text));
	buf_release(&text);
	if (st == STATUS_OK)
		return 0;
	complain("env: cannot write a signing config to '%s': %s; XDG_RUNTIME_DIR names another folder",
		 path->n ? path->p : "", st == STATUS_IO ? strerror(errno) : status_name(st));
	return EXIT_FAILURE;
}

static int print_edits(struct client *c, const struct settings *s, const char *relay_url, const char *path)
{
	struct environment_edits edits = { 0 };
	struct buf text, past;
	buf_init(&text, TEXT_MAX);
	buf_init(&past, 4096);
	enum status st = clients_edits(c, s, relay_url, path, &edits, &past);
	if (st == STATUS_OK)
		st = environment_print(&edits, &text);
	if (st == STATUS_OK)
		fwrite(text.p, 1, text.n, stdout);
	else
		complain("env: %s", status_name(st));
	if (past.n)
		complain("env: not sent through the relay: %s", past.p);
	environment_edits_release(&edits);
	buf_release(&text);
	buf_release(&past);
	return st == STATUS_OK ? 0 : EXIT_FAILURE;
}

/* The upstreams of a running relay are what they are: whoever runs `env` wants
 * to go there. A TSA belongs to it if it was named, or if all is public. */
static void all_given(struct client *c, const struct settings_load *l)
{
	bool named = setting_given(l, "rekor_url") || setting_given(l, "fulcio_url");
	c->given[SERVICE_REKOR] = true;
	c->given[SERVICE_FULCIO] = true;
	c->given[SERVICE_TSA] = setting_given(l, "tsa_url") || !named;
}

static int env_with(struct client *c, const struct settings *s)
{
	struct buf url, path;
	buf_init(&url, 1024);
	buf_init(&path, 8192);
	int rc = 0;
	if (s->tls_client_ca_file) {
		complain(
		    "env: clients cannot be pointed at %s: it asks for client certificates, and Sigstore "
		    "clients have none to show; run a relay beside them, with upstream_cert_file and this "
		    "one as its rekor_url and fulcio_url",
		    s->listen);
		rc = EXIT_CONFIG_ERROR;
	} else if (url_of(s->listen, s->tls_cert_file != NULL, &url) != STATUS_OK) {
		complain("env: clients cannot be pointed at '%s': Sigstore clients speak to HOST:PORT only",
			 s->listen);
		rc = EXIT_CONFIG_ERROR;
	}
	if (rc == 0 && c->style == STYLE_SIGNING_CONFIG)
		rc = write_config(c, s, url.p, &path);
	if (rc == 0)
		rc = print_edits(c, s, url.p, path.p);
	buf_release(&url);
	buf_release(&path);
	return rc;
}

static int env_from(struct settings_load *l, int argc, char **argv)
{
	const char *word = NULL;
	const struct option options[] = { { .name = "--client", .value = &word } };
	enum client_choice choice;
	struct client c = { 0 };
	struct settings s;
	struct buf error;
	int rc = settings_prepare(l, &argc, argv, &s);
	if (rc != 0)
		return rc;
	buf_init(&error, 8192);
	rc = options_take(&argc, argv, options, 1, 0);
	if (rc == 0 && clients_choice_read(word, &choice) != STATUS_OK) {
		complain("env: --client=%s: expected auto, cosign2, cosign3 or none", word);
		rc = EXIT_USAGE_ERROR;
	}
	if (rc == 0) {
		enum status st = clients_find(&c, choice, NULL, environ, &error);
		if (st == STATUS_OK) {
			all_given(&c, l);
			rc = env_with(&c, &s);
		} else {
			complain("env: %s", error.n ? error.p : status_name(st));
			rc = EXIT_CONFIG_ERROR;
		}
	}
	clients_release(&c);
	buf_release(&error);
	settings_release(&s);
	return rc;
}

int command_env(int argc, char **argv)
{
	struct settings_load *l = settings_load_new();
	if (!l) {
		complain("env: no memory");
		return EXIT_FAILURE;
	}
	int rc = env_from(l, argc, argv);
	settings_load_free(l);
	return rc;
}
