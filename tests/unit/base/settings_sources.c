#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/base/settings.h>

/* A config file of its own in the current test, gone after it. */
static char path[] = "/tmp/sigrelay-test-XXXXXX";

static void write_file(const void *text, size_t n)
{
	strcpy(path + sizeof(path) - 7, "XXXXXX");
	int fd = mkstemp(path);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, text, n), (ssize_t)n);
	close(fd);
}

static struct settings_load *load_file(const void *text, size_t n, enum status want)
{
	struct settings_load *l = settings_load_new();
	CU_ASSERT_PTR_NOT_NULL_FATAL(l);
	write_file(text, n);
	CU_ASSERT_EQUAL(settings_from_file(l, path), want);
	unlink(path);
	return l;
}

static size_t count_lines(const char *p)
{
	size_t n = 0;
	for (; *p; p++)
		n += *p == '\n';
	return n;
}

/* The line "PATH:line: text". */
static bool error_at(const struct settings_load *l, int line, const char *text)
{
	char want[512];
	snprintf(want, sizeof(want), "%s:%d: %s", path, line, text);
	bool found = strstr(settings_errors(l), want) != NULL;
	if (!found)
		fprintf(stderr, "expected \"%s\" in:\n%s", want, settings_errors(l));
	return found;
}

static void check_value(const struct settings_load *l, const char *line)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	CU_ASSERT_EQUAL(buf_add_str(&out, "\n"), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(settings_print(l, &out), STATUS_OK);
	bool found = strstr(out.p, line) != NULL;
	if (!found)
		fprintf(stderr, "expected \"%s\" in:%s", line, out.p);
	CU_ASSERT_TRUE(found);
	buf_release(&out);
}

#define LOAD(text, want) load_file((text), sizeof(text) - 1, (want))

static void test_file_with_all_its_liberties(void)
{
	char want[128];
	struct settings_load *l = LOAD("\xef\xbb\xbf# comment\r\n"
				       "\r\n"
				       " [sigrelay] ; ours\r\n"
				       "retry_for = 5m ; inline\r\n"
				       "\tlog_level=warn\r\n"
				       "  breaker_rate : 60 %\r\n"
				       "tsa_url =\r\n"
				       "ledger = /tmp/a;b c",
				       STATUS_OK);
	CU_ASSERT_STRING_EQUAL(settings_errors(l), "");
	snprintf(want, sizeof(want), "\nretry_for = 5m   # %s:4\n", path);
	check_value(l, want);
	snprintf(want, sizeof(want), "\nlog_level = warn   # %s:5\n", path);
	check_value(l, want);
	snprintf(want, sizeof(want), "\nbreaker_rate = 60 %%   # %s:6\n", path);
	check_value(l, want);
	snprintf(want, sizeof(want), "\nledger = /tmp/a;b c   # %s:8\n", path);
	check_value(l, want);
	check_value(l, "\ntsa_url = https://timestamp.sigstore.dev   # default\n");
	snprintf(want, sizeof(want), "%s:7: tsa_url is empty: taken as unset\n", path);
	CU_ASSERT_STRING_EQUAL(settings_empty(l), want);
	CU_ASSERT_STRING_EQUAL(settings_file(l), path);
	settings_load_free(l);
}

static void test_every_mistake_is_told_with_its_line(void)
{
	struct settings_load *l = LOAD("[sigrelay]\n"
				       "retry_for = 10\n"
				       "retyr_for = 10s\n"
				       "just words\n"
				       "= nothing\n"
				       "log_level = info\n"
				       "log_level = warn\n"
				       "    more words\n"
				       "[other]\n"
				       "[torn\n"
				       "[sigrelay] junk\n"
				       "probe_max = 30s # no comment\n"
				       "xyzzy_and_more = 1\n"
				       "last words",
				       STATUS_INVALID);
	CU_ASSERT_TRUE(
	    error_at(l, 2, "retry_for: expected a duration such as 500ms, 10s, 5m or 2h, not '10'\n"));
	CU_ASSERT_TRUE(error_at(l, 3, "unknown setting 'retyr_for'; did you mean retry_for?\n"));
	CU_ASSERT_TRUE(error_at(l, 4, "expected name = value"));
	CU_ASSERT_TRUE(error_at(l, 5, "expected name = value"));
	CU_ASSERT_TRUE(error_at(l, 7, "log_level is set twice, first on line 6"));
	CU_ASSERT_TRUE(error_at(l, 8, "expected name = value"));
	CU_ASSERT_TRUE(error_at(l, 9, "expected the header [sigrelay], not '[other]'"));
	CU_ASSERT_TRUE(error_at(l, 10, "expected the header [sigrelay], not '[torn'"));
	CU_ASSERT_TRUE(error_at(l, 11, "expected the header [sigrelay], not '[sigrelay] junk'"));
	CU_ASSERT_TRUE(error_at(l, 12, "probe_max: expected a duration"));
	CU_ASSERT_TRUE(error_at(l, 13, "unknown setting 'xyzzy_and_more'; `sigrelay check-config`"));
	CU_ASSERT_TRUE(error_at(l, 14, "expected name = value"));
	CU_ASSERT_EQUAL(count_lines(settings_errors(l)), 12);
	settings_load_free(l);
}

static void test_settings_before_the_section(void)
{
	struct settings_load *l = LOAD("retry_for = 10s\nlog_level = warn\n", STATUS_INVALID);
	CU_ASSERT_TRUE(error_at(l, 1, "expected the header [sigrelay] above the first setting"));
	CU_ASSERT_EQUAL(count_lines(settings_errors(l)), 1);
	settings_load_free(l);
}

/* A long line must not be cut to one that is valid by chance, and a long
 * comment is still a comment. */
static void test_long_lines(void)
{
	char text[3000] = "[sigrelay]\nledger = /", *p = text + strlen(text);
	memset(p, 'a', 1000);
	strcpy(p + 1000, "\n# ");
	memset(p + 1003, 'c', 1000);
	strcpy(p + 2003, "\nlog_level = warn\n");
	struct settings_load *l = load_file(text, strlen(text), STATUS_INVALID);
	CU_ASSERT_TRUE(error_at(l, 2, "line of 1010 bytes is too long"));
	CU_ASSERT_EQUAL(count_lines(settings_errors(l)), 1);
	check_value(l, "\nledger =    # default\n");
	check_value(l, "\nlog_level = warn   # ");
	settings_load_free(l);
}

static void test_files_that_are_no_files(void)
{
	struct settings_load *l = LOAD("[sigrelay]\nledger = a\0b\n", STATUS_INVALID);
	CU_ASSERT_TRUE(error_at(l, 2, "holds a NUL byte"));
	settings_load_free(l);
	l = settings_load_new();
	CU_ASSERT_EQUAL(settings_from_file(l, "/nonexistent/x.ini"), STATUS_INVALID);
	CU_ASSERT_EQUAL(settings_from_file(l, "/tmp"), STATUS_INVALID);
	CU_ASSERT_STRING_EQUAL(
	    settings_errors(l),
	    "cannot read the config file /nonexistent/x.ini: No such file or directory; name another with "
	    "--config\n"
	    "cannot read the config file /tmp: Is a directory; name another with --config\n");
	CU_ASSERT_PTR_NULL(settings_file(l));
	settings_load_free(l);
	static char big[300 << 10];
	memset(big, '\n', sizeof(big));
	l = load_file(big, sizeof(big), STATUS_INVALID);
	CU_ASSERT_PTR_NOT_NULL(strstr(settings_errors(l), "is larger than 256 KiB"));
	settings_load_free(l);
	l = LOAD("", STATUS_OK);
	settings_load_free(l);
}

static struct settings_load *load_env(char *const *env, enum status want)
{
	struct settings_load *l = settings_load_new();
	CU_ASSERT_EQUAL(settings_from_environment(l, env), want);
	return l;
}

#define ENV(...) ((char *const[]){ __VA_ARGS__, NULL })

static char v_retry[] = "SIGRELAY_RETRY_FOR=7m", v_github[] = "GITHUB_API_URL=https://ghe.example/api/v3/",
	    v_ours[] = "SIGRELAY_GITHUB_API_URL=https://ours.example", v_empty[] = "SIGRELAY_TSA_URL=",
	    v_blank[] = "SIGRELAY_LEDGER=  ", v_github_empty[] = "GITHUB_API_URL=", v_path[] = "PATH=/bin",
	    v_bare[] = "SIGRELAY_NOTHING", v_config[] = "SIGRELAY_CONFIG=/x", v_cache[] = "SIGRELAY_CACHE=/x",
	    v_stack[] = "SIGRELAY_STACK_DIR=/x", v_test[] = "SIGRELAY_TEST_X=1",
	    v_k8s[] = "SIGRELAY_PORT_7080_TCP_ADDR=10.0.0.1",
	    v_k8s_port[] = "SIGRELAY_PORT=tcp://10.0.0.1:7080",
	    v_k8s_host[] = "SIGRELAY_SERVICE_HOST=10.0.0.1", v_name[] = "SIGRELAY=1",
	    v_typo[] = "SIGRELAY_RETRYFOR=1m", v_lower[] = "SIGRELAY_retry_for=1m",
	    v_bad[] = "SIGRELAY_HEDGE_AFTER=2", v_far[] = "SIGRELAY_QWERTYUIOP=1";

static void test_environment(void)
{
	struct settings_load *l =
	    load_env(ENV(v_retry, v_path, v_bare, v_config, v_cache, v_stack, v_test, v_k8s, v_k8s_port,
			 v_k8s_host, v_name, v_empty, v_blank, v_github_empty),
		     STATUS_OK);
	CU_ASSERT_STRING_EQUAL(settings_errors(l), "");
	CU_ASSERT_STRING_EQUAL(settings_empty(l), "SIGRELAY_TSA_URL is empty: taken as unset\n"
						  "SIGRELAY_LEDGER is empty: taken as unset\n");
	check_value(l, "\nretry_for = 7m   # environment\n");
	check_value(l, "\ngithub_api_url = https://api.github.com   # default\n");
	settings_load_free(l);
}

static void test_environment_mistakes(void)
{
	struct settings_load *l = load_env(ENV(v_typo, v_lower, v_bad, v_far), STATUS_INVALID);
	CU_ASSERT_STRING_EQUAL(
	    settings_errors(l),
	    "environment: unknown setting 'SIGRELAY_RETRYFOR'; did you mean SIGRELAY_RETRY_FOR?\n"
	    "environment: unknown setting 'SIGRELAY_retry_for'; did you mean SIGRELAY_RETRY_FOR?\n"
	    "SIGRELAY_HEDGE_AFTER: expected a duration such as 500ms, 10s, 5m or 2h, not '2'\n"
	    "environment: unknown setting 'SIGRELAY_QWERTYUIOP'; `sigrelay check-config` lists them all\n");
	settings_load_free(l);
}

/* GitHub sets its variable in every job, so it is a better default, not a wish. */
static void test_github_api_url(void)
{
	struct settings_load *l = load_env(ENV(v_github), STATUS_OK);
	check_value(l, "\ngithub_api_url = https://ghe.example/api/v3   # environment\n");
	CU_ASSERT_EQUAL(settings_set(l, "github_api_url", "https://file.example", SOURCE_FILE, "x:1"),
			STATUS_OK);
	check_value(l, "\ngithub_api_url = https://file.example   # x:1\n");
	settings_load_free(l);
	l = load_env(ENV(v_ours, v_github), STATUS_OK);
	check_value(l, "\ngithub_api_url = https://ours.example   # environment\n");
	settings_load_free(l);
}

#define ARGS_MAX 16

struct args {
	char *v[ARGS_MAX];
	char text[ARGS_MAX][64];
	int n;
};

static void fill(struct args *a, const char *const *list)
{
	*a = (struct args){ 0 };
	for (; list[a->n]; a->n++) {
		strcpy(a->text[a->n], list[a->n]);
		a->v[a->n] = a->text[a->n];
	}
}

static void check_left(const struct args *a, const char *want)
{
	char got[512] = "";
	for (int i = 0; i < a->n; i++) {
		strcat(got, i ? " " : "");
		strcat(got, a->v[i]);
	}
	CU_ASSERT_STRING_EQUAL(got, want);
	CU_ASSERT_PTR_NULL(a->v[a->n]);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void test_flags_among_others(void)
{
	struct args a;
	struct settings_load *l = settings_load_new();
	fill(&a, LIST("serve", "--json", "--retry-for", "5m", "word", "--log-level=warn",
		      "--allow-insecure-listen", "--config", "x.ini", "--", "--retry-for", "1m"));
	CU_ASSERT_EQUAL(settings_from_flags(l, &a.n, a.v, false), STATUS_OK);
	check_left(&a, "serve --json word --config x.ini -- --retry-for 1m");
	check_value(l, "\nretry_for = 5m   # flag\n");
	check_value(l, "\nlog_level = warn   # flag\n");
	check_value(l, "\nallow_insecure_listen = yes   # flag\n");
	settings_load_free(l);
}

static void test_flags_stop_at_the_command(void)
{
	struct args a;
	struct settings_load *l = settings_load_new();
	fill(&a, LIST("run", "--retry-for=5m", "cosign", "--retry-for=1m"));
	CU_ASSERT_EQUAL(settings_from_flags(l, &a.n, a.v, true), STATUS_OK);
	check_left(&a, "run cosign --retry-for=1m");
	check_value(l, "\nretry_for = 5m   # flag\n");
	settings_load_free(l);
}

static void check_switch(const char *const *list, const char *left, const char *value)
{
	struct args a;
	struct settings_load *l = settings_load_new();
	fill(&a, list);
	CU_ASSERT_EQUAL(settings_from_flags(l, &a.n, a.v, false), STATUS_OK);
	check_left(&a, left);
	check_value(l, value);
	settings_load_free(l);
}

static void test_switches(void)
{
	static const char yes[] = "\nallow_insecure_listen = yes   # flag\n";
	static const char no[] = "\nallow_insecure_listen = no   # flag\n";
	check_switch(LIST("s", "--allow-insecure-listen"), "s", yes);
	check_switch(LIST("s", "--allow-insecure-listen", "yes"), "s", yes);
	check_switch(LIST("s", "--allow-insecure-listen", "word"), "s word", yes);
	check_switch(LIST("s", "--allow-insecure-listen=no"), "s", no);
	check_switch(LIST("s", "--no-allow-insecure-listen", "yes"), "s yes", no);
	check_switch(LIST("s", "--no-retry-for"), "s --no-retry-for", "\nretry_for = 10m   # default\n");
}

static void test_flag_mistakes(void)
{
	struct args a;
	struct settings_load *l = settings_load_new();
	fill(&a, LIST("run", "--retry-for", "10", "--hedge-after", "--", "cosign"));
	CU_ASSERT_EQUAL(settings_from_flags(l, &a.n, a.v, true), STATUS_INVALID);
	check_left(&a, "run -- cosign");
	CU_ASSERT_STRING_EQUAL(settings_errors(l),
			       "--retry-for: expected a duration such as 500ms, 10s, 5m or 2h, not '10'\n"
			       "--hedge-after needs a value: --hedge-after VALUE or --hedge-after=VALUE\n");
	settings_load_free(l);
	l = settings_load_new();
	fill(&a, LIST("run", "--retry-for=", "--listen"));
	CU_ASSERT_EQUAL(settings_from_flags(l, &a.n, a.v, true), STATUS_INVALID);
	CU_ASSERT_STRING_EQUAL(settings_empty(l), "--retry-for is empty: taken as unset\n");
	check_value(l, "\nretry_for = 10m   # default\n");
	settings_load_free(l);
}

static void test_load_all(void)
{
	static const char text[] = "[sigrelay]\nretry_for = 1m\nlog_level = warn\nhedge_after = 9s\n";
	struct args a;
	char config[64];
	struct settings_load *l = settings_load_new();
	write_file(text, sizeof(text) - 1);
	snprintf(config, sizeof(config), "--config=%s", path);
	fill(&a, LIST("run", "--hedge-after", "3s", config, "--json", "--config", "/not/seen"));
	CU_ASSERT_EQUAL(settings_load_all(l, &a.n, a.v, true, ENV(v_retry, v_config)), STATUS_OK);
	unlink(path);
	check_left(&a, "run --json --config /not/seen");
	check_value(l, "\nretry_for = 7m   # environment\n");
	check_value(l, "\nhedge_after = 3s   # flag\n");
	check_value(l, "\nlog_level = warn   # /tmp/sigrelay-test-");
	settings_load_free(l);
}

static void test_load_all_tells_all_mistakes(void)
{
	struct args a;
	struct settings_load *l = settings_load_new();
	fill(&a, LIST("serve", "--retry-for", "x", "--config"));
	CU_ASSERT_EQUAL(settings_load_all(l, &a.n, a.v, false, ENV(v_bad, v_config)), STATUS_INVALID);
	CU_ASSERT_EQUAL(count_lines(settings_errors(l)), 4);
	settings_load_free(l);
}

/* Loads the two flags' values by the environment too, so that the source shows. */
static void check_pair(const char *flag, const char *variable, const char *error)
{
	char text[128], own[128];
	char *environment[] = { own, NULL };
	struct args a;
	struct settings_load *l = settings_load_new();
	snprintf(text, sizeof(text), "%s", flag);
	snprintf(own, sizeof(own), "%s", variable);
	fill(&a, LIST("serve", text, "--config="));
	enum status st = settings_load_all(l, &a.n, a.v, false, environment);
	if (strcmp(settings_errors(l), error) != 0)
		fprintf(stderr, "expected \"%s\", got \"%s\"\n", error, settings_errors(l));
	CU_ASSERT_STRING_EQUAL(settings_errors(l), error);
	CU_ASSERT_EQUAL(st, *error ? STATUS_INVALID : STATUS_OK);
	settings_load_free(l);
}

static void test_values_that_contradict_each_other(void)
{
	check_pair("--probe-interval=10s", "SIGRELAY_PROBE_MAX=9s",
		   "probe_interval = 10s (flag) is more than probe_max = 9s (environment): the first wait "
		   "before a probe cannot be longer than the longest\n");
	check_pair("--probe-interval=9s", "SIGRELAY_PROBE_MAX=9s", "");
	check_pair("--backoff-base=3s", "SIGRELAY_BACKOFF_MAX=2s",
		   "backoff_base = 3s (flag) is more than backoff_max = 2s (environment): the first wait "
		   "cannot be longer than the longest\n");
	check_pair("--throttle-base=3s", "SIGRELAY_BACKOFF_MAX=2s",
		   "throttle_base = 3s (flag) is more than backoff_max = 2s (environment): the first wait "
		   "cannot be longer than the longest\n");
	check_pair("--max-body=2MiB", "SIGRELAY_MAX_PARKED_MEMORY=1MiB",
		   "max_body = 2MiB (flag) is more than max_parked_memory = 1MiB (environment): a body that "
		   "large could never be held\n");
	check_pair("--redis-password-file=/x", "SIGRELAY_RETRY_FOR=1m",
		   "redis_password_file is set and redis_url is not: there is no Redis to show the password "
		   "to\n");
	check_pair("--redis-password-file=/x", "SIGRELAY_REDIS_URL=redis://h", "");
}

/* Who sets one of the two means it: the other, a default, yields. */
static void check_yields(const char *flag, const char *name, const char *expected)
{
	char text[64];
	struct args a;
	char *environment[] = { NULL };
	struct buf out;
	struct settings_load *l = settings_load_new();
	CU_ASSERT_PTR_NOT_NULL_FATAL(l);
	snprintf(text, sizeof(text), "%s", flag);
	fill(&a, LIST("serve", text, "--config="));
	CU_ASSERT_EQUAL(settings_load_all(l, &a.n, a.v, false, environment), STATUS_OK);
	buf_init(&out, 1 << 16);
	CU_ASSERT_EQUAL(settings_print(l, &out), STATUS_OK);
	snprintf(text, sizeof(text), "%s = %s   # default\n", name, expected);
	CU_ASSERT(slice_contains(buf_slice(&out), text));
	buf_release(&out);
	settings_load_free(l);
}

static void test_a_default_yields(void)
{
	check_yields("--probe-max=1s", "probe_interval", "1s");
	check_yields("--probe-interval=2m", "probe_max", "2m");
	check_yields("--probe-max=2m", "probe_interval", "5s");
	check_yields("--backoff-max=100ms", "backoff_base", "100ms");
	check_yields("--backoff-max=100ms", "throttle_base", "100ms");
	check_yields("--throttle-base=31s", "backoff_max", "31s");
	check_yields("--max-parked-memory=1MiB", "max_body", "1MiB");
	check_yields("--max-body=1GiB", "max_parked_memory", "1GiB");
	check_pair("--attempt-timeout=10ms", "SIGRELAY_RETRY_FOR=1s", "");
	check_pair("--hedge-after=5s", "SIGRELAY_ATTEMPT_TIMEOUT=4s", "");
}

/* The sample names every setting once, commented out, with its default and
 * whether SIGHUP may change it; uncommented, it is a file that loads. */
static char *sample(void)
{
	static char text[64 << 10];
	FILE *f = fopen(SIGRELAY_SOURCE_DIR "/conf/sigrelay.ini", "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

static size_t times(const char *text, const char *part)
{
	size_t n = 0;
	for (const char *at = strstr(text, part); at; at = strstr(at + strlen(part), part))
		n++;
	return n;
}

static void check_sample_of(const char *text, const struct setting_info *info)
{
	char line[256];
	bool empty = *info->default_text == '\0';
	snprintf(line, sizeof(line), "\n#%s =%s%s\n", info->name, empty ? "" : " ", info->default_text);
	const char *at = strstr(text, line);
	if (!at)
		fprintf(stderr, "conf/sigrelay.ini lacks \"%s\"\n", line + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	CU_ASSERT_EQUAL(times(text, line), 1);
	const char *start = at; /* back to the blank line above its paragraph */
	while (start > text && strncmp(start, "\n\n", 2) != 0)
		start--;
	bool marked = strncmp(start, "\n\n# [reload] ", 13) == 0;
	if (marked != info->reloadable)
		fprintf(stderr, "conf/sigrelay.ini: [reload] is wrong for %s\n", info->name);
	CU_ASSERT_EQUAL(marked, info->reloadable);
	CU_ASSERT_TRUE(at - start > 60);
}

static void test_sample_file_is_complete(void)
{
	char *text = sample();
	size_t settings = 0;
	for (size_t i = 0; i < settings_count; i++)
		check_sample_of(text, &settings_table[i]);
	for (char *p = text; (p = strstr(p, "\n#")); p += 2) {
		if (p[2] != ' ' && p[2] != '\n' && p[2] != '#') {
			p[1] = ' '; /* uncommented */
			settings++;
		}
	}
	CU_ASSERT_EQUAL(settings, settings_count);
	struct settings_load *l = load_file(text, strlen(text), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(settings_errors(l), "");
	settings_load_free(l);
}

static void torture(void *arg)
{
	struct args a;
	struct settings s = { 0 };
	struct buf out;
	(void)arg;
	struct settings_load *l = settings_load_new();
	if (!l)
		return;
	fill(&a, LIST("serve", "--config", path, "--run-id=me", "--hedge-after=2"));
	buf_init(&out, 1 << 16);
	enum status st = settings_load_all(l, &a.n, a.v, false, ENV(v_typo, v_ours, v_empty));
	CU_ASSERT_TRUE(st == STATUS_INVALID || st == STATUS_NO_MEMORY);
	if (st == STATUS_INVALID)
		CU_ASSERT_EQUAL(count_lines(settings_errors(l)), 5);
	st = settings_print(l, &out);
	CU_ASSERT_TRUE(st == STATUS_OK || st == STATUS_NO_MEMORY);
	if (settings_finish(l, &s) == STATUS_OK)
		settings_release(&s);
	buf_release(&out);
	settings_load_free(l);
}

static void test_torture(void)
{
	static const char text[] =
	    "[sigrelay]\nretry_for = 1m\nledger = /x\ntypo_here = 9s\nlisten=\n[other]\nx\n";
	write_file(text, sizeof(text) - 1);
	unit_torture(torture, NULL);
	unlink(path);
}

TEST_SUITE(base_settings_sources, TEST(test_file_with_all_its_liberties),
	   TEST(test_every_mistake_is_told_with_its_line), TEST(test_settings_before_the_section),
	   TEST(test_long_lines), TEST(test_files_that_are_no_files), TEST(test_environment),
	   TEST(test_environment_mistakes), TEST(test_github_api_url), TEST(test_flags_among_others),
	   TEST(test_flags_stop_at_the_command), TEST(test_switches), TEST(test_flag_mistakes),
	   TEST(test_load_all), TEST(test_load_all_tells_all_mistakes),
	   TEST(test_values_that_contradict_each_other), TEST(test_a_default_yields),
	   TEST(test_sample_file_is_complete), TEST(test_torture))
