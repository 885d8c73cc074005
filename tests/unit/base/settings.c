#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/base/settings.h>

static bool errors_have(const struct settings_load *l, const char *text)
{
	bool found = strstr(settings_errors(l), text) != NULL;
	if (!found)
		fprintf(stderr, "expected \"%s\" in:\n%s", text, settings_errors(l));
	return found;
}

static size_t error_lines(const struct settings_load *l)
{
	size_t n = 0;
	for (const char *p = settings_errors(l); *p; p++)
		n += *p == '\n';
	return n;
}

static const struct setting_info *find(const char *name)
{
	for (size_t i = 0; i < settings_count; i++) {
		if (strcmp(settings_table[i].name, name) == 0)
			return &settings_table[i];
	}
	return NULL;
}

/* The value as it would be printed after setting it to text. */
static void check_shown(const char *name, const char *text, const char *want)
{
	struct settings_load *l = settings_load_new();
	struct settings s = { 0 };
	struct buf out;
	buf_init(&out, 4096);
	CU_ASSERT_EQUAL(settings_set(l, name, text, SOURCE_FLAG, "--test"), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(settings_finish(l, &s), STATUS_OK);
	CU_ASSERT_EQUAL(settings_format(find(name), &s, &out), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(out.p, want);
	CU_ASSERT_STRING_EQUAL(settings_errors(l), "");
	buf_release(&out);
	settings_release(&s);
	settings_load_free(l);
}

static void check_refused(const char *name, const char *text, const char *why)
{
	struct settings_load *l = settings_load_new();
	CU_ASSERT_EQUAL(settings_set(l, name, text, SOURCE_FLAG, "--test"), STATUS_INVALID);
	CU_ASSERT_TRUE(errors_have(l, why));
	CU_ASSERT_EQUAL(strncmp(settings_errors(l), "--test: ", 8), 0);
	CU_ASSERT_EQUAL(error_lines(l), 1);
	settings_load_free(l);
}

/* A row that was typed wrong shows here: every default is within its own range
 * and reads back as it was written, names are unique and flag-like. */
static void check_row(const struct setting_info *info, const struct settings *defaults)
{
	struct buf out;
	buf_init(&out, 4096);
	CU_ASSERT_TRUE(strlen(info->name) > 2 && strlen(info->name) < 32);
	CU_ASSERT_EQUAL(strspn(info->name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(info->name));
	CU_ASSERT_TRUE(strlen(info->help) > 15 && info->help[strlen(info->help) - 1] == '.');
	CU_ASSERT_TRUE(info->min <= info->max);
	CU_ASSERT_EQUAL(info->choices != NULL, info->type == SETTING_CHOICE);
	CU_ASSERT_TRUE(info->type != SETTING_URL || !info->reloadable);
	CU_ASSERT_EQUAL(settings_format(info, defaults, &out), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(out.p, info->default_text);
	CU_ASSERT_PTR_EQUAL(find(info->name), info);
	CU_ASSERT_STRING_EQUAL(settings_nearest(info->name), info->name);
	buf_release(&out);
}

static void test_table_is_sane(void)
{
	struct settings_load *l = settings_load_new();
	struct settings s = { 0 };
	CU_ASSERT_PTR_NOT_NULL_FATAL(l);
	CU_ASSERT_EQUAL_FATAL(settings_finish(l, &s), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(settings_errors(l), "");
	CU_ASSERT_STRING_EQUAL(settings_empty(l), "");
	for (size_t i = 0; i < settings_count; i++)
		check_row(&settings_table[i], &s);
	settings_release(&s);
	settings_load_free(l);
}

/* Fields of the struct that the table forgot stay zero, rows with the wrong
 * field would collide: the rows' fields cover the whole struct without overlap. */
static void test_table_covers_the_struct(void)
{
	static unsigned char used[sizeof(struct settings)];
	memset(used, 0, sizeof(used));
	size_t total = 0;
	for (size_t i = 0; i < settings_count; i++) {
		size_t n = settings_table[i].type == SETTING_BOOL ? sizeof(bool) : sizeof(int64_t);
		for (size_t b = 0; b < n; b++)
			CU_ASSERT_EQUAL(used[settings_table[i].offset + b]++, 0);
		total += settings_table[i].type == SETTING_BOOL ? sizeof(int64_t) : n;
	}
	CU_ASSERT_EQUAL(total, sizeof(struct settings));
}

static void test_values_of_every_type(void)
{
	check_shown("retry_for", "500ms", "500ms");
	check_shown("retry_for", " 10s ", "10s");
	check_shown("retry_for", "120s", "2m");
	check_shown("retry_for", "60s", "60s");
	check_shown("retry_for", "1m", "60s");
	check_shown("retry_for", "60m", "1h");
	check_shown("retry_for", "90m", "90m");
	check_shown("retry_for", "1000ms", "1s");
	check_shown("hedge_after", "0", "0s");
	check_shown("hedge_after", "0s", "0s");
	check_shown("breaker_rate", "50", "50 %");
	check_shown("breaker_rate", "75%", "75 %");
	check_shown("breaker_rate", "75 %", "75 %");
	check_shown("max_body", "64KiB", "64KiB");
	check_shown("max_body", "2048", "2KiB");
	check_shown("max_body", "1500", "1500");
	check_shown("max_body", "1GiB", "1GiB");
	check_shown("rate_limit", "16/s", "960/min");
	check_shown("rate_limit", "120/h", "2/min");
	check_shown("rate_limit", "0", "0");
	check_shown("log_level", "DEBUG", "debug");
	check_shown("allow_insecure_listen", "1", "yes");
	check_shown("allow_insecure_listen", "False", "no");
	check_shown("ledger", "/tmp/über ledger.jsonl", "/tmp/über ledger.jsonl");
	check_shown("listen", "[::1]:7080", "[::1]:7080");
	check_shown("listen", "unix:/run/sigrelay.sock", "unix:/run/sigrelay.sock");
}

static void test_urls(void)
{
	check_shown("rekor_url", "https://rekor.example.com/", "https://rekor.example.com");
	check_shown("rekor_url", "http://127.0.0.1:3000//", "http://127.0.0.1:3000");
	check_shown("rekor_url", "HTTP://[::1]:3000/base/", "HTTP://[::1]:3000/base");
	check_shown("rekor_url", "http://[::1]", "http://[::1]");
	check_shown("tsa_url", "https://t.example/api/v1/timestamp", "https://t.example");
	check_shown("tsa_url", "https://t.example/x/api/v1/timestamp/", "https://t.example/x");
	check_shown("rekor_url", "https://t.example/api/v1/timestamp", "https://t.example/api/v1/timestamp");
	static const char *const bad[] = { "rekor.example.com", "ftp://x",        "https://",
					   "https:///path",     "http://:80",     "http://a:0",
					   "http://a:b",        "http://a b",     "http://a/b c",
					   "http://a:99999",    "http://unix:/x", "http://[zz]",
					   "http://ä.example" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_refused("rekor_url", bad[i], "expected a URL such as https://rekor.example.com, not '");
	check_refused("rekor_url", "http://a?x=1", "without a query");
	check_refused("rekor_url", "http://a/#x", "without a fragment");
}

static void test_credentials_in_a_url_are_not_echoed(void)
{
	static const char *const bad[] = { "https://user:hunter2@host", "htp://user:hunter2@host",
					   "https://user:hunter2@host?\x01" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct settings_load *l = settings_load_new();
		CU_ASSERT_EQUAL(settings_set(l, "rekor_url", bad[i], SOURCE_FLAG, "--test"), STATUS_INVALID);
		CU_ASSERT_TRUE(errors_have(l, "without user name or password"));
		CU_ASSERT_PTR_NULL(strstr(settings_errors(l), "hunter2"));
		settings_load_free(l);
	}
}

static void test_errors_name_what_was_expected(void)
{
	static const char duration[] = "expected a duration such as 500ms, 10s, 5m or 2h, not '";
	static const char *const bad[] = { "10",
					   "ten",
					   "10 s",
					   "-1s",
					   "1.5s",
					   "10S",
					   "s",
					   "9223372036854775807h",
					   "99999999999999999999s",
					   "10s;" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_refused("retry_for", bad[i], duration);
	check_refused("retry_for", "25h", "expected a value from 10ms to 24h, not '25h'");
	check_refused("retry_for", "0", "expected a value from 10ms to 24h, not '0'");
	check_refused("breaker_failures", "0", "from 1 to 10000");
	check_refused("breaker_rate", "101 %", "from 1 % to 100 %");
	check_refused("breaker_rate", "50 %%", "a percentage such as 50 %");
	check_refused("max_body", "2GiB", "from 1KiB to 1GiB");
	check_refused("max_body", "32MB", "a size such as 64KiB");
	check_refused("rate_limit", "900", "a rate such as 900/min");
	check_refused("rate_limit", "90/h", "a rate such as 900/min");
	check_refused("log_level", "loud", "expected one of error, warn, info or debug, not 'loud'");
	check_refused("allow_insecure_listen", "maybe",
		      "expected yes or no (true, false, 1, 0), not 'maybe'");
	check_refused("listen", "7080", "an address such as 127.0.0.1:7080");
	check_refused("ledger", "a\x1b[1m", "printable text, not 'a\\x1b[1m'");
}

static void test_precedence_is_by_source(void)
{
	struct settings_load *l = settings_load_new();
	struct settings s = { 0 };
	CU_ASSERT_EQUAL(settings_set(l, "retry_for", "3m", SOURCE_FLAG, "--retry-for"), STATUS_OK);
	CU_ASSERT_EQUAL(settings_set(l, "retry_for", "2m", SOURCE_ENVIRONMENT, NULL), STATUS_OK);
	CU_ASSERT_EQUAL(settings_set(l, "retry_for", "1m", SOURCE_FILE, "x.ini:1"), STATUS_OK);
	CU_ASSERT_EQUAL(settings_set(l, "retry_for", "bad", SOURCE_FILE, "x.ini:2"), STATUS_INVALID);
	CU_ASSERT_TRUE(errors_have(l, "x.ini:2: retry_for: expected a duration"));
	CU_ASSERT_EQUAL(settings_set(l, "retry_for", "", SOURCE_FLAG, "--retry-for"), STATUS_OK);
	CU_ASSERT_EQUAL(settings_source(l, "retry_for"), SOURCE_FLAG);
	CU_ASSERT_EQUAL(settings_source(l, "listen"), SOURCE_DEFAULT);
	CU_ASSERT_EQUAL_FATAL(settings_finish(l, &s), STATUS_OK);
	CU_ASSERT_EQUAL(s.retry_for, 180 * USEC_PER_SEC);
	CU_ASSERT_STRING_EQUAL(settings_empty(l), "--retry-for is empty: taken as unset\n");
	settings_release(&s);
	settings_load_free(l);
}

static void test_print_names_every_source(void)
{
	struct settings_load *l = settings_load_new();
	struct buf out;
	buf_init(&out, 1 << 16);
	CU_ASSERT_EQUAL(settings_set(l, "retry_for", "3m", SOURCE_FLAG, "--retry-for"), STATUS_OK);
	CU_ASSERT_EQUAL(settings_set(l, "hedge_after", "0", SOURCE_ENVIRONMENT, NULL), STATUS_OK);
	CU_ASSERT_EQUAL(settings_set(l, "log_level", "warn", SOURCE_FILE, "x.ini:7"), STATUS_OK);
	CU_ASSERT_EQUAL(settings_print(l, &out), STATUS_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(out.p, "\nretry_for = 3m   # flag\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out.p, "\nhedge_after = 0s   # environment\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out.p, "\nlog_level = warn   # x.ini:7\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out.p, "\nprobe_max = 60s   # default\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out.p, "\nledger =    # default\n"));
	size_t lines = 0;
	for (const char *p = out.p; *p; p++)
		lines += *p == '\n';
	CU_ASSERT_EQUAL(lines, settings_count);
	buf_release(&out);
	settings_load_free(l);
}

static void test_reload_refuses_what_cannot_change(void)
{
	struct settings_load *l = settings_load_new();
	struct settings now = { 0 }, next = { 0 };
	struct buf refused;
	buf_init(&refused, 4096);
	CU_ASSERT_EQUAL_FATAL(settings_finish(l, &now), STATUS_OK);
	CU_ASSERT_EQUAL(settings_set(l, "retry_for", "3m", SOURCE_FLAG, NULL), STATUS_OK);
	CU_ASSERT_EQUAL(settings_set(l, "log_level", "debug", SOURCE_FLAG, NULL), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(settings_finish(l, &next), STATUS_OK);
	CU_ASSERT_EQUAL(settings_may_reload(&now, &next, &refused), STATUS_OK);
	settings_release(&next);
	CU_ASSERT_EQUAL(settings_set(l, "listen", "127.0.0.1:1", SOURCE_FLAG, NULL), STATUS_OK);
	CU_ASSERT_EQUAL(settings_set(l, "ca_file", "/x", SOURCE_FLAG, NULL), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(settings_finish(l, &next), STATUS_OK);
	CU_ASSERT_EQUAL(settings_may_reload(&now, &next, &refused), STATUS_INVALID);
	CU_ASSERT_STRING_EQUAL(refused.p, "listen, ca_file");
	buf_release(&refused);
	settings_release(&now);
	settings_release(&next);
	settings_load_free(l);
}

static void test_nearest(void)
{
	CU_ASSERT_STRING_EQUAL(settings_nearest("retry-fro"), "retry_for");
	CU_ASSERT_STRING_EQUAL(settings_nearest("RETRYFOR"), "retry_for");
	CU_ASSERT_STRING_EQUAL(settings_nearest("admin_lisen"), "admin_listen");
	CU_ASSERT_STRING_EQUAL(settings_nearest("rekor_uri"), "rekor_url");
	CU_ASSERT_PTR_NULL(settings_nearest("zzzzzzzz"));
	CU_ASSERT_PTR_NULL(settings_nearest(""));
	CU_ASSERT_PTR_NULL(settings_nearest("a_name_that_is_longer_than_any_setting_could_ever_get_to_be"));
}

static void set(struct settings_load *l, const char *name, const char *value)
{
	CU_ASSERT_EQUAL(settings_set(l, name, value, SOURCE_FLAG, NULL), STATUS_OK);
}

static void test_listen_beyond_loopback_for_those_who_are_known(void)
{
	struct settings_load *l = settings_load_new();
	set(l, "listen", "0.0.0.0:7080");
	set(l, "tls_cert_file", "c.pem");
	set(l, "tls_key_file", "k.pem");
	CU_ASSERT_EQUAL(settings_check_listen(l), STATUS_INVALID); /* anyone may come, over TLS */
	set(l, "tls_client_ca_file", "ca.pem");
	CU_ASSERT_EQUAL(settings_check_listen(l), STATUS_OK);
	set(l, "admin_listen", "0.0.0.0:7081");
	CU_ASSERT_EQUAL(settings_check_listen(l), STATUS_INVALID);
	CU_ASSERT_TRUE(errors_have(l, "admin_tls = yes, tls_cert_file"));
	set(l, "admin_tls", "yes");
	CU_ASSERT_EQUAL(settings_check_listen(l), STATUS_OK);
	set(l, "tls_client_ca_file", "");
	set(l, "admin_tls", "no");
	settings_load_free(l);
	l = settings_load_new();
	set(l, "listen", "0.0.0.0:7080");
	set(l, "admin_listen", "0.0.0.0:7081");
	set(l, "allow_from", "10.0.0.0/8");
	CU_ASSERT_EQUAL(settings_check_listen(l), STATUS_OK);
	settings_load_free(l);
}

static void check_listen_refused(const char *name, const char *value, const char *why)
{
	struct settings_load *l = settings_load_new();
	set(l, name, value);
	CU_ASSERT_EQUAL(settings_check_listen(l), STATUS_INVALID);
	CU_ASSERT_TRUE(errors_have(l, why));
	settings_load_free(l);
}

static void test_half_of_a_pair_and_networks_that_are_none(void)
{
	check_listen_refused("tls_cert_file", "c.pem", "tls_cert_file is set and tls_key_file is not");
	check_listen_refused("tls_key_file", "k.pem", "tls_key_file is set and tls_cert_file is not");
	check_listen_refused("upstream_key_file", "k.pem",
			     "upstream_key_file is set and upstream_cert_file is not");
	check_listen_refused("tls_client_ca_file", "ca.pem", "only over TLS");
	check_listen_refused("admin_tls", "yes", "admin_tls = yes needs tls_cert_file");
	check_listen_refused("allow_from", "10.0.0.0/8, ten/8", "'ten/8' is no network");
	check_listen_refused("allow_from", "10.0.0.1/8", "no bit set behind the prefix");
}

static void test_listen_beyond_loopback(void)
{
	struct settings_load *l = settings_load_new();
	CU_ASSERT_EQUAL(settings_check_listen(l), STATUS_OK);
	CU_ASSERT_EQUAL(settings_set(l, "listen", "0.0.0.0:7080", SOURCE_FLAG, NULL), STATUS_OK);
	CU_ASSERT_EQUAL(settings_check_listen(l), STATUS_INVALID);
	CU_ASSERT_EQUAL(settings_set(l, "admin_listen", "[::]:1", SOURCE_FILE, "x.ini:4"), STATUS_OK);
	CU_ASSERT_EQUAL(settings_check_listen(l), STATUS_INVALID);
	CU_ASSERT_TRUE(errors_have(l, "x.ini:4: admin_listen = [::]:1 can be reached"));
	CU_ASSERT_TRUE(errors_have(l, "listen = 0.0.0.0:7080 can be reached from other machines"));
	CU_ASSERT_EQUAL(settings_set(l, "allow_insecure_listen", "yes", SOURCE_FLAG, NULL), STATUS_OK);
	CU_ASSERT_EQUAL(settings_check_listen(l), STATUS_OK);
	CU_ASSERT_EQUAL(settings_set(l, "admin_listen", "0.0.0.0:7080", SOURCE_FLAG, NULL), STATUS_OK);
	CU_ASSERT_EQUAL(settings_check_listen(l), STATUS_INVALID);
	CU_ASSERT_TRUE(errors_have(l, "listen and admin_listen are both 0.0.0.0:7080"));
	CU_ASSERT_EQUAL(settings_set(l, "listen", "127.0.0.1:0", SOURCE_FLAG, NULL), STATUS_OK);
	CU_ASSERT_EQUAL(settings_set(l, "admin_listen", "127.0.0.1:0", SOURCE_FLAG, NULL), STATUS_OK);
	CU_ASSERT_EQUAL(settings_check_listen(l), STATUS_OK);
	settings_load_free(l);
}

struct address_case {
	const char *text, *host;
	int kind;
	unsigned port;
	bool loopback;
};

static void test_addresses(void)
{
	static const struct address_case good[] = {
		{ "127.0.0.1:7080", "127.0.0.1", ADDRESS_TCP, 7080, true },
		{ "127.8.8.8:0", "127.8.8.8", ADDRESS_TCP, 0, true },
		{ "[::1]:7080", "::1", ADDRESS_TCP, 7080, true },
		{ "[::ffff:127.0.0.1]:1", "::ffff:127.0.0.1", ADDRESS_TCP, 1, true },
		{ "[::]:7080", "::", ADDRESS_TCP, 7080, false },
		{ "localhost:65535", "localhost", ADDRESS_TCP, 65535, true },
		{ "127.evil.example:80", "127.evil.example", ADDRESS_TCP, 80, false },
		{ "10.0.0.1:80", "10.0.0.1", ADDRESS_TCP, 80, false },
		{ "unix:/run/s.sock", "/run/s.sock", ADDRESS_UNIX, 0, true },
	};
	static const char *const bad[] = { "",        ":",
					   ":80",     "a",
					   "a:",      "a:65536",
					   "a:-1",    "a:1x",
					   "::1:80",  "[::1]",
					   "[]:80",   "[::1:80",
					   "::1]:80", "[a.example]:80",
					   "unix:",   "unix:relative",
					   "a b:80",  "a/b:80",
					   "a:000080" };
	struct address a;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CU_ASSERT_EQUAL_FATAL(address_parse(good[i].text, &a), STATUS_OK);
		CU_ASSERT_STRING_EQUAL(a.host, good[i].host);
		CU_ASSERT_TRUE((int)a.kind == good[i].kind && a.port == good[i].port);
		CU_ASSERT_EQUAL(a.loopback, good[i].loopback);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_EQUAL(address_parse(bad[i], &a), STATUS_INVALID);
	char long_path[200] = "unix:/";
	memset(long_path + 6, 'a', 180);
	CU_ASSERT_EQUAL(address_parse(long_path, &a), STATUS_INVALID);
}

static void test_a_listener_on_loopback_is_named_so(void)
{
	static const char *const names[] = {
		"localhost", "LocalHost:7081", "127.0.0.1", "127.0.0.1:7081",
		"192.0.2.7", "[::1]",          "[::1]:80",  "[fd00::1]:7081",
	};
	static const char *const others[] = { "",
					      "evil.test",
					      "evil.test:7081",
					      "localhost.evil.test",
					      "127.0.0.1.evil.test",
					      "::1",
					      "[::1",
					      "[evil.test]",
					      "unix:/run/x",
					      "localhost:x",
					      "localhost:",
					      ":7081",
					      "a b",
					      "2130706433" };
	struct address a;
	CU_ASSERT_EQUAL_FATAL(address_parse("localhost:7081", &a), STATUS_OK);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		CU_ASSERT_TRUE(address_is_named(&a, slice_str(names[i])));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		CU_ASSERT_FALSE(address_is_named(&a, slice_str(others[i])));
	char long_name[600];
	memset(long_name, 'a', sizeof(long_name));
	CU_ASSERT_FALSE(address_is_named(&a, (struct slice){ long_name, sizeof(long_name) }));
	/* Beyond loopback, and on a UNIX socket, any name will do. */
	CU_ASSERT_EQUAL_FATAL(address_parse("0.0.0.0:7081", &a), STATUS_OK);
	CU_ASSERT_TRUE(address_is_named(&a, SLICE_LIT("fleet.ci.svc:7081")));
	CU_ASSERT_EQUAL_FATAL(address_parse("unix:/run/a.sock", &a), STATUS_OK);
	CU_ASSERT_TRUE(address_is_named(&a, SLICE_LIT("fleet")));
}

TEST_SUITE(base_settings, TEST(test_table_is_sane), TEST(test_table_covers_the_struct),
	   TEST(test_values_of_every_type), TEST(test_urls), TEST(test_credentials_in_a_url_are_not_echoed),
	   TEST(test_errors_name_what_was_expected), TEST(test_precedence_is_by_source),
	   TEST(test_print_names_every_source), TEST(test_reload_refuses_what_cannot_change),
	   TEST(test_nearest), TEST(test_listen_beyond_loopback),
	   TEST(test_listen_beyond_loopback_for_those_who_are_known),
	   TEST(test_half_of_a_pair_and_networks_that_are_none), TEST(test_addresses),
	   TEST(test_a_listener_on_loopback_is_named_so))
