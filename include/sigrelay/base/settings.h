/* Every setting of the program, in one table.
 *
 * The table (proxy/base/settings_table.h, an X-macro list) gives each setting
 * its name, type, field, default, minimum, maximum, whether SIGHUP may change
 * it, and its help text. The struct's defaults, the flags (--retry-for), the
 * variables (SIGRELAY_RETRY_FOR), the INI keys (retry_for), check-config,
 * --help, the man page's list and the check of conf/sigrelay.ini all come from
 * it. Precedence: flag, environment, file, default. An empty value means unset
 * and is reported once by the caller (settings_empty). */
#ifndef SIGRELAY_BASE_SETTINGS_H
#define SIGRELAY_BASE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/clock.h>
#include <sigrelay/base/log.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>

enum setting_type {
	SETTING_URL,      /* http:// or https://, no query, no userinfo; trailing slash cut */
	SETTING_ADDRESS,  /* 127.0.0.1:7080, [::1]:7080, unix:/run/sigrelay.sock */
	SETTING_DURATION, /* 500ms 10s 5m 2h; kept in usec */
	SETTING_COUNT,    /* a whole number */
	SETTING_PERCENT,  /* "50 %" or "50%" or "50"; kept as 0..100 */
	SETTING_SIZE,     /* 64KiB, 32MiB, 1GiB, plain bytes */
	SETTING_RATE,     /* 900/min, 16/s, 2/h, 0 = no limit; kept per minute */
	SETTING_BOOL,     /* yes no true false 1 0 */
	SETTING_CHOICE,   /* one of the words in `choices`, kept as its index */
	SETTING_TEXT,     /* anything printable */
	SETTING_REDIS,    /* as redis_url.h takes it; its password is never shown */
};

/* Where a value came from. */
enum setting_source { SOURCE_DEFAULT, SOURCE_FILE, SOURCE_ENVIRONMENT, SOURCE_FLAG };

/* Strings are owned by the struct; NULL = unset. */
struct settings {
	char *rekor_url, *fulcio_url, *tsa_url;
	char *listen, *admin_listen;
	bool allow_insecure_listen;
	char *allow_from; /* as cidr_list_parse takes it */
	char *tls_cert_file, *tls_key_file, *tls_client_ca_file;
	int64_t tls_min_version; /* 0: 1.2, 1: 1.3 */
	bool admin_tls;
	usec attempt_timeout, connect_timeout, retry_for;
	usec backoff_base, throttle_base, backoff_max;
	usec poll_interval, lookup_wait, hedge_after;
	int64_t breaker_failures, breaker_rate;
	usec breaker_window;
	int64_t breaker_min_requests;
	usec probe_interval, probe_max;
	int64_t retry_budget, retry_budget_floor;
	int64_t rate_limit, rate_burst; /* rate per minute; 0 = no limit */
	int64_t max_attempts_in_flight;
	usec notafter_margin;
	int64_t max_clients, max_parked;
	int64_t max_parked_memory, max_body; /* bytes */
	usec header_timeout;
	int64_t memory_entries;
	usec drain_timeout;
	int64_t log_level;  /* enum log_level */
	int64_t log_format; /* enum log_format */
	int64_t log_repeats;
	char *ledger, *run_id;
	char *dockerhub_url, *dockerhub_registry_url, *github_api_url;
	char *ca_file; /* PEM bundle for upstream TLS; NULL: the system's */
	char *upstream_cert_file, *upstream_key_file;
	int64_t upstream_tls_min_version; /* as tls_min_version */
	char *redis_url, *redis_password_file, *redis_prefix;
	usec redis_timeout;
};

/* Is a value of that type a string of the struct's own? */
bool setting_is_text(enum setting_type type);

/* What the table says of one setting; all strings are static. */
struct setting_info {
	const char *name; /* retry_for */
	enum setting_type type;
	size_t offset;
	const char *default_text; /* as a user would write it; "" = unset */
	int64_t min, max;
	const char *const *choices; /* NULL-terminated, for SETTING_CHOICE */
	bool reloadable;
	const char *help; /* one sentence */
};

extern const struct setting_info settings_table[];
extern const size_t settings_count;

/* Values with their sources while they are being gathered. Opaque. */
struct settings_load;

/* Starts a load with the defaults. NULL: no memory. */
struct settings_load *settings_load_new(void) MUST_CHECK;
void settings_load_free(struct settings_load *l);

/* Each of these adds what it finds and appends one line for every error
 * (file:line: what is wrong, what was expected, the nearest known name) to the
 * load's errors; STATUS_INVALID when it added any, so that a caller may go on
 * and show all errors at once. */
enum status settings_from_file(struct settings_load *l, const char *path) MUST_CHECK;
/* Reads SIGRELAY_<NAME> for every setting; an unknown SIGRELAY_ name is an
 * error too, save SIGRELAY_CONFIG, names the program's own tests use
 * (SIGRELAY_CACHE, _STACK_*, _TEST_*), and what Kubernetes sets beside a Service
 * called sigrelay (_PORT*, _SERVICE_*). GITHUB_API_URL takes the place of
 * github_api_url's default. environ-like list. */
enum status settings_from_environment(struct settings_load *l, char *const *env) MUST_CHECK;
/* Takes the flags off argv[1..]: --name VALUE, --name=VALUE, booleans also bare
 * --name and --no-name. An argument that begins with "--" is never a VALUE. `--config` is left to
 * settings_load_all. Stops at "--" or at the first argument that is not a setting's flag if stop_at_other,
 * else keeps others in place. *argc and argv are compacted; argv strings borrowed. */
enum status settings_from_flags(struct settings_load *l, int *argc, char **argv,
				bool stop_at_other) MUST_CHECK;
/* One value, as a caller's own override (source as given; where may be NULL). */
enum status settings_set(struct settings_load *l, const char *name, const char *value,
			 enum setting_source source, const char *where) MUST_CHECK;

/* The whole of it for a command: --config FILE or SIGRELAY_CONFIG or
 * /etc/sigrelay/sigrelay.ini where it exists; then environment; then flags; and at last
 * what contradicts each other, probe_interval above probe_max and the like. */
enum status settings_load_all(struct settings_load *l, int *argc, char **argv, bool stop_at_other,
			      char *const *env) MUST_CHECK;

/* All error lines so far, '\n' after each; "" when none. */
const char *settings_errors(const struct settings_load *l);
/* One line for each empty value that was taken as unset; "" when none. */
const char *settings_empty(const struct settings_load *l);
/* The config file in use, or NULL. */
const char *settings_file(const struct settings_load *l);

/* Where the value of that setting came from: whether a user gave it at all. */
enum setting_source settings_source(const struct settings_load *l, const char *name);
/* What only a process that listens minds: an address beyond loopback without
 * client certificates, allow_from or allow_insecure_listen, half of a pair of TLS
 * files, networks that are none, the same address twice. Adds errors as above. */
enum status settings_check_listen(struct settings_load *l) MUST_CHECK;

/* Copies the gathered values out. */
enum status settings_finish(const struct settings_load *l, struct settings *out) MUST_CHECK;
void settings_release(struct settings *s);

/* "name = value   # source" for every setting, in the table's order. */
enum status settings_print(const struct settings_load *l, struct buf *out) MUST_CHECK;
/* One setting's value as a user would write it. */
enum status settings_format(const struct setting_info *info, const struct settings *s,
			    struct buf *out) MUST_CHECK;

/* Reload: names of settings that differ between the two and may not change at
 * run time are appended to `refused` (comma-separated); STATUS_INVALID then. */
enum status settings_may_reload(const struct settings *now, const struct settings *next,
				struct buf *refused) MUST_CHECK;

/* A duration as settings are written (500ms, 10s, 5m, 2h), for what is no setting:
 * a flag of one command, a word of the built-in log. */
enum status duration_read(struct slice text, usec *out) MUST_CHECK;

/* The nearest known name to a mistyped one, or NULL if none is near. */
const char *settings_nearest(const char *name);

/* An address in the three forms above. */
struct address {
	enum { ADDRESS_TCP, ADDRESS_UNIX } kind;
	char host[256]; /* without brackets; the path for ADDRESS_UNIX */
	uint16_t port;
	bool loopback; /* true for 127.0.0.0/8, ::1, "localhost" and UNIX sockets */
};
enum status address_parse(const char *text, struct address *out) MUST_CHECK;
/* May a request to a listener there name it so in its Host? To loopback leads no name but
 * localhost: another is a stranger's, made to lead there (DNS rebinding). IP addresses
 * are nobody's to give. */
bool address_is_named(const struct address *a, struct slice host);

#endif
