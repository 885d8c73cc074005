/* Every setting: SETTING(field, TYPE, default, min, max, choices, reloadable, help).
 *
 * No include guard: define SETTING, include, undefine. min and max are in the
 * unit the value is kept in (usec, bytes, per minute, percent). What a listener
 * or a table was sized by at the start, and where the upstreams are, does not
 * change at run time. conf/sigrelay.ini explains each at length; a test holds
 * the two together. */
#define DURATION(field, def, min, max, reload, text)                                                         \
	SETTING(field, SETTING_DURATION, def, min, max, NULL, reload, text)

SETTING(rekor_url, SETTING_URL, "https://rekor.sigstore.dev", 0, 0, NULL, false,
	"Base URL of the transparency log (Rekor v1).")
SETTING(fulcio_url, SETTING_URL, "https://fulcio.sigstore.dev", 0, 0, NULL, false,
	"Base URL of the certificate authority (Fulcio).")
SETTING(tsa_url, SETTING_URL, "https://timestamp.sigstore.dev", 0, 0, NULL, false,
	"Base URL of the timestamp authority; a trailing /api/v1/timestamp is cut off.")
SETTING(listen, SETTING_ADDRESS, "127.0.0.1:7080", 0, 0, NULL, false,
	"Address that Sigstore clients connect to: HOST:PORT, [IPV6]:PORT or unix:/PATH.")
SETTING(admin_listen, SETTING_ADDRESS, "127.0.0.1:7081", 0, 0, NULL, false,
	"Address of metrics, status and health checks.")
SETTING(allow_insecure_listen, SETTING_BOOL, "no", 0, 1, NULL, false,
	"Whether to listen beyond loopback without client certificates and without allow_from.")
SETTING(allow_from, SETTING_TEXT, "", 0, 0, NULL, true,
	"Networks that clients may come from: 10.0.0.0/8, fd00::/8; unset = all.")
SETTING(tls_cert_file, SETTING_TEXT, "", 0, 0, NULL, true,
	"PEM certificate with its chain: listen speaks TLS.")
SETTING(tls_key_file, SETTING_TEXT, "", 0, 0, NULL, true, "PEM key of tls_cert_file, without a password.")
SETTING(tls_client_ca_file, SETTING_TEXT, "", 0, 0, NULL, true,
	"PEM file of the authorities that clients need a certificate of.")
SETTING(tls_min_version, SETTING_CHOICE, "1.2", 0, 1, tls_versions, true,
	"Oldest TLS version that the listeners speak.")
SETTING(admin_tls, SETTING_BOOL, "no", 0, 1, NULL, false, "Whether admin_listen speaks TLS as listen does.")
DURATION(attempt_timeout, "30s", 10 * USEC_PER_MSEC, 3600 * USEC_PER_SEC, true,
	 "How long one attempt may take, from connect to the last byte.")
DURATION(connect_timeout, "5s", 10 * USEC_PER_MSEC, 3600 * USEC_PER_SEC, true,
	 "How long one attempt may take to connect, TLS included.")
DURATION(retry_for, "10m", 10 * USEC_PER_MSEC, 24 * 3600 * USEC_PER_SEC, true,
	 "How long one exchange may go on, over all its attempts and waits.")
DURATION(backoff_base, "250ms", USEC_PER_MSEC, 600 * USEC_PER_SEC, true,
	 "Upper bound of the first wait after a fault; it doubles with each attempt, with full jitter.")
DURATION(throttle_base, "1s", USEC_PER_MSEC, 600 * USEC_PER_SEC, true,
	 "Upper bound of the first wait after a 429 without Retry-After.")
DURATION(backoff_max, "30s", USEC_PER_MSEC, 3600 * USEC_PER_SEC, true,
	 "The longest wait between two attempts.")
DURATION(poll_interval, "250ms", USEC_PER_MSEC, 60 * USEC_PER_SEC, true,
	 "Wait before an entry that is queued is asked for; grows gently to 2s.")
DURATION(lookup_wait, "10s", 0, 3600 * USEC_PER_SEC, true,
	 "How long a 404 for an entry unknown to this relay is waited on; 0 = not at all.")
DURATION(hedge_after, "2s", 0, 600 * USEC_PER_SEC, true,
	 "When a create that hangs is followed by polling for its entry; 0 = never.")
SETTING(breaker_failures, SETTING_COUNT, "5", 1, 10000, NULL, true,
	"Consecutive failures that open a circuit breaker.")
SETTING(breaker_rate, SETTING_PERCENT, "50 %", 1, 100, NULL, true,
	"Share of failures over breaker_window that opens a circuit breaker.")
DURATION(breaker_window, "30s", 100 * USEC_PER_MSEC, 3600 * USEC_PER_SEC, true,
	 "The window over which breaker_rate is taken.")
SETTING(breaker_min_requests, SETTING_COUNT, "10", 1, 100000, NULL, true,
	"Attempts that the window must hold before breaker_rate counts.")
DURATION(probe_interval, "5s", 10 * USEC_PER_MSEC, 3600 * USEC_PER_SEC, true,
	 "Wait before the first probe of an open breaker.")
DURATION(probe_max, "60s", 10 * USEC_PER_MSEC, 3600 * USEC_PER_SEC, true,
	 "The longest wait between two probes.")
SETTING(retry_budget, SETTING_PERCENT, "20 %", 0, 100, NULL, true,
	"Retries allowed as a share of first attempts.")
SETTING(retry_budget_floor, SETTING_COUNT, "10", 0, 100000, NULL, true,
	"Retries allowed however few first attempts there were.")
SETTING(rate_limit, SETTING_RATE, "900/min", 0, 60000000, NULL, true,
	"Requests sent to one upstream host per time; 0 = no limit.")
SETTING(rate_burst, SETTING_COUNT, "60", 1, 1000000, NULL, true,
	"Requests that may go to one upstream host at once before rate_limit holds them back.")
SETTING(max_attempts_in_flight, SETTING_COUNT, "128", 1, 100000, NULL, true,
	"Attempts in flight to one upstream; the rest wait in line.")
DURATION(notafter_margin, "5s", 0, 540 * USEC_PER_SEC, true,
	 "How long before a certificate's notAfter its entry must be in the log.")
SETTING(max_clients, SETTING_COUNT, "10000", 1, 1000000, NULL, false, "Client connections open at once.")
SETTING(max_parked, SETTING_COUNT, "10000", 0, 1000000, NULL, true,
	"Exchanges that may wait without an upstream connection.")
SETTING(max_parked_memory, SETTING_SIZE, "256MiB", 1048576, 1099511627776, NULL, true,
	"Bytes of requests, head and body, that may be held until they are answered, parked or not.")
SETTING(max_body, SETTING_SIZE, "32MiB", 1024, 1073741824, NULL, false,
	"The largest request and answer body taken.")
DURATION(header_timeout, "10s", 10 * USEC_PER_MSEC, 600 * USEC_PER_SEC, false,
	 "How long a client may take to send its request's header.")
SETTING(memory_entries, SETTING_COUNT, "10000", 0, 10000000, NULL, false, "Log entries remembered; 0 = none.")
DURATION(drain_timeout, "30s", 0, 3600 * USEC_PER_SEC, true,
	 "How long exchanges in flight may take to end after a SIGTERM.")
SETTING(log_level, SETTING_CHOICE, "info", 0, 3, log_levels, true, "Least important line that is logged.")
SETTING(log_format, SETTING_CHOICE, "text", 0, 1, log_formats, true, "Form of the lines on stderr.")
SETTING(log_repeats, SETTING_COUNT, "100", 0, 1000000, NULL, true,
	"Lines of one event logged in 10 s; the rest is counted; 0 = no limit.")
SETTING(ledger, SETTING_TEXT, "", 0, 0, NULL, false, "File that the run's ledger is appended to.")
SETTING(run_id, SETTING_TEXT, "", 0, 0, NULL, false, "Name of this run on every ledger line.")
SETTING(dockerhub_url, SETTING_URL, "https://hub.docker.com", 0, 0, NULL, false,
	"Base URL of Docker Hub's own API.")
SETTING(dockerhub_registry_url, SETTING_URL, "", 0, 0, NULL, false,
	"Base URL of docker.io's registry, when it is not the public one.")
SETTING(github_api_url, SETTING_URL, "https://api.github.com", 0, 0, NULL, false,
	"Base URL of GitHub's API; GITHUB_API_URL takes the default's place.")
SETTING(ca_file, SETTING_TEXT, "", 0, 0, NULL, false,
	"PEM file of the authorities that upstreams' TLS certificates are checked against.")
SETTING(upstream_cert_file, SETTING_TEXT, "", 0, 0, NULL, false,
	"PEM client certificate shown to upstreams that ask for one.")
SETTING(upstream_key_file, SETTING_TEXT, "", 0, 0, NULL, false, "PEM key of upstream_cert_file.")
SETTING(upstream_tls_min_version, SETTING_CHOICE, "1.2", 0, 1, tls_versions, false,
	"Oldest TLS version spoken with upstreams.")
SETTING(redis_url, SETTING_REDIS, "", 0, 0, NULL, false,
	"Redis that relays share what they know through; unset = each works alone.")
SETTING(redis_password_file, SETTING_TEXT, "", 0, 0, NULL, false,
	"File with the password for redis_url, in place of one in the URL.")
DURATION(redis_timeout, "50ms", USEC_PER_MSEC, 5 * USEC_PER_SEC, false,
	 "The longest that a request waits for Redis before the relay goes on alone.")
SETTING(redis_prefix, SETTING_TEXT, "sigrelay", 0, 0, NULL, false,
	"Beginning of every key in Redis: one for each fleet.")

#undef DURATION
