#include <sigrelay/commands/commands.h>

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sigrelay/commands/options.h>
#include <sigrelay/commands/screen.h>
#include <sigrelay/commands/status_table.h>

#define ANSWER_MAX ((size_t)4 << 20)

struct answer {
	struct buf body;
	long code;
	char error[CURL_ERROR_SIZE];
};

static size_t take_body(char *p, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;
	return buf_add(&a->body, p, size * n) == STATUS_OK ? size * n : 0;
}

static CURLcode set_tls(CURL *curl, const struct settings *s)
{
	CURLcode code = CURLE_OK;
	if (s->ca_file)
		code = curl_easy_setopt(curl, CURLOPT_CAINFO, s->ca_file);
	if (!code && s->upstream_cert_file)
		code = curl_easy_setopt(curl, CURLOPT_SSLCERT, s->upstream_cert_file);
	if (!code && s->upstream_key_file)
		code = curl_easy_setopt(curl, CURLOPT_SSLKEY, s->upstream_key_file);
	return code;
}

static CURLcode set_target(CURL *curl, const struct address *at, bool tls)
{
	char url[512];
	if (at->kind == ADDRESS_UNIX) {
		CURLcode code = curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, at->host);
		return code ? code
			    : curl_easy_setopt(curl, CURLOPT_URL,
					       tls ? "https://localhost/status" : "http://localhost/status");
	}
	bool v6 = strchr(at->host, ':') != NULL;
	snprintf(url, sizeof(url), "%s://%s%s%s:%u/status", tls ? "https" : "http", v6 ? "[" : "", at->host,
		 v6 ? "]" : "", at->port);
	return curl_easy_setopt(curl, CURLOPT_URL, url);
}

static CURLcode fetch(CURL *curl, const struct settings *s, const struct address *at, struct answer *a)
{
	CURLcode code = set_target(curl, at, s->admin_tls);
	if (!code)
		code = set_tls(curl, s);
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_PROXY, "");
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 5000L);
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, a->error);
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
	if (!code)
		code = curl_easy_perform(curl);
	return code ? code : curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a->code);
}

static int show(const struct answer *a, const char *where, bool json)
{
	struct buf table;
	if (json) {
		fwrite(a->body.p, 1, a->body.n, stdout);
		if (a->body.n && a->body.p[a->body.n - 1] != '\n')
			putchar('\n');
		return EXIT_SUCCESS;
	}
	buf_init(&table, ANSWER_MAX);
	cJSON *root = json_parse(buf_slice(&a->body));
	bool colour = screen_has_colour(STDOUT_FILENO, environ);
	enum status st = root ? status_table(root, colour, &table) : STATUS_INVALID;
	if (st == STATUS_OK)
		fwrite(table.p, 1, table.n, stdout);
	else
		complain("status: what answers on %s is no sigrelay: its /status cannot be read (%s)", where,
			 status_name(st));
	cJSON_Delete(root);
	buf_release(&table);
	return st == STATUS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int ask(const struct settings *s, bool json)
{
	const char *where = s->admin_listen;
	struct answer a = { 0 };
	struct address at;
	int rc = EXIT_FAILURE;
	buf_init(&a.body, ANSWER_MAX);
	CURL *curl = curl_easy_init();
	CURLcode code = CURLE_FAILED_INIT;
	if (curl && address_parse(where, &at) == STATUS_OK)
		code = fetch(curl, s, &at, &a);
	if (code)
		complain("status: no relay answers on %s: %s; is `sigrelay serve` running? (--admin-listen "
			 "names another address)",
			 where, *a.error ? a.error : curl_easy_strerror(code));
	else if (a.code != 200)
		complain("status: %s answers %ld to /status: that is no sigrelay's admin address", where,
			 a.code);
	else
		rc = show(&a, where, json);
	curl_easy_cleanup(curl);
	buf_release(&a.body);
	return rc;
}

int command_status(int argc, char **argv)
{
	bool json = false;
	const struct option options[] = { { .name = "--json", .flag = &json } };
	struct settings s;
	struct settings_load *l = settings_load_new();
	if (!l) {
		complain("status: no memory");
		return EXIT_FAILURE;
	}
	int rc = settings_prepare(l, &argc, argv, &s);
	if (rc == 0) {
		rc = options_take(&argc, argv, options, 1, 0);
		if (rc == 0)
			rc = ask(&s, json);
		settings_release(&s);
	}
	settings_load_free(l);
	return rc;
}
