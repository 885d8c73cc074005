/* `sigrelay cleanup`: takes back what this run pushed and could not finish, by the run's
 * ledger alone. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sigrelay/base/file.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/commands/cleanup_print.h>
#include <sigrelay/commands/commands.h>
#include <sigrelay/commands/environment.h>
#include <sigrelay/commands/github.h>
#include <sigrelay/commands/options.h>
#include <sigrelay/commands/registry_setup.h>
#include <sigrelay/commands/run_ledger.h>
#include <sigrelay/commands/screen.h>
#include <sigrelay/registry/ledger_read.h>

#define TIMEOUT (5 * 60 * USEC_PER_SEC)
#define TEXT_MAX ((size_t)16 << 20)

struct cleanup {
	struct settings settings;
	bool dry_run, json;
	usec timeout;
	struct option_list insecure;
	struct registry_setup setup;
	struct ledger_list ledger;
	struct plan plan;
	struct removals *tags; /* of each item of the plan */
};

/* --- signals ------------------------------------------------------------------ */

static volatile sig_atomic_t stop_signal;

static void on_signal(int number)
{
	stop_signal = number;
}

/* The first one lets the command end by itself, a second one ends it. */
static void take_signals(void)
{
	struct sigaction once = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
	sigaction(SIGINT, &once, NULL);
	sigaction(SIGTERM, &once, NULL);
}

/* --- what is told ---------------------------------------------------------------- */

static struct cleanup_result result_of(const struct cleanup *c)
{
	return (struct cleanup_result){
		.run = c->setup.run, .dry_run = c->dry_run, .tags = c->tags, .n = c->plan.n
	};
}

typedef enum status print_fn(const struct cleanup_result *r, struct buf *out);

static bool add_to_file(const char *variable, print_fn *print, const struct cleanup_result *r)
{
	struct buf text;
	buf_init(&text, TEXT_MAX);
	bool good = github_add(environ, "cleanup", variable, print(r, &text), &text);
	buf_release(&text);
	return good;
}

static bool print_result(const struct cleanup *c, const struct cleanup_result *r)
{
	struct buf text;
	buf_init(&text, TEXT_MAX);
	enum status st = c->json ? cleanup_json(r, &text)
				 : cleanup_table(r, screen_has_colour(STDOUT_FILENO, environ), &text);
	bool good = screen_print("cleanup", st, &text);
	buf_release(&text);
	return good;
}

static void warn(const struct removal *r)
{
	struct buf text;
	buf_init(&text, TEXT_MAX);
	if (cleanup_warning(r, &text) == STATUS_OK)
		github_tell(environ, "cleanup", "warning", "Left over", text.p);
	buf_release(&text);
}

static void tell(const struct cleanup *c, const struct cleanup_result *r)
{
	for (size_t i = 0; i < r->n; i++) {
		for (size_t j = 0; j < r->tags[i].n; j++) {
			if (r->tags[i].v[j].result == REMOVAL_LEFT)
				warn(&r->tags[i].v[j]);
		}
	}
	if (cleanup_unsigned(r))
		complain("cleanup: signatures are deleted from the registry; their entries in the "
			 "transparency log stay for ever");
	if (stop_signal)
		complain("cleanup: stopped by signal %d; run it again to go on: sigrelay cleanup --ledger=%s "
			 "--run-id=%s",
			 (int)stop_signal, c->settings.ledger, c->setup.run);
}

static int report(const struct cleanup *c)
{
	const struct cleanup_result r = result_of(c);
	bool printed = print_result(c, &r);
	bool written = add_to_file("GITHUB_OUTPUT", cleanup_outputs, &r);
	(void)add_to_file("GITHUB_STEP_SUMMARY", cleanup_summary, &r); /* told; nobody decides by it */
	tell(c, &r);
	if (cleanup_count(&r, REMOVAL_LEFT))
		return stop_signal ? 128 + (int)stop_signal : EXIT_LEFT_OVER;
	return printed && written ? 0 : 1;
}

/* --- the ledger's lines --------------------------------------------------------- */

static bool is_left(const struct removals *tag, size_t from)
{
	for (size_t i = from; i < tag->n; i++) {
		if (tag->v[i].result == REMOVAL_LEFT)
			return true;
	}
	return false;
}

static void write_line(struct cleanup *c, const struct removal *r, bool deleted, const char *reason)
{
	struct buf image;
	buf_init(&image, 2048);
	struct ledger_line line = {
		.event = deleted ? LEDGER_DELETED : LEDGER_KEPT,
		.registry = r->ref.domain,
		.repository = r->ref.path,
		.tag = r->ref.tag,
		.digest = r->ref.digest,
		.state = r->result == REMOVAL_LEFT ? PLAN_STATE_LEFT : NULL,
		.reason = *reason ? reason : NULL,
	};
	if (reference_print(&r->ref, r->ref.tag, r->ref.tag ? NULL : r->ref.digest, &image) == STATUS_OK)
		line.image = image.p;
	(void)run_ledger_add(&c->setup.ledger, "cleanup", &line); /* told; what is gone is gone */
	buf_release(&image);
}

/* Should this be killed now, the next cleanup takes it by this line. */
static void on_orphaned(void *arg, const struct reference *ref)
{
	const struct removal r = { .what = REMOVAL_CHILD, .result = REMOVAL_LEFT, .ref = *ref };
	write_line(arg, &r, false, "the index that names it has gone, and it goes next");
}

/* The tag's own line comes last: with it the tag is done for the next cleanup, so it is
 * `deleted` only when nothing below it is left. */
static void write_lines(struct cleanup *c, const struct removals *tag)
{
	for (size_t i = tag->n; i-- > 0;) {
		const struct removal *r = &tag->v[i];
		bool deleted = r->result == REMOVAL_DELETED || r->result == REMOVAL_GONE;
		if (i == 0 && deleted && is_left(tag, 1))
			write_line(c, r, false, "the tag is gone, but something that belongs to it is left");
		else
			write_line(c, r, deleted, r->reason);
	}
}

/* --- the work -------------------------------------------------------------------- */

static void plain_reasons(struct removals *tag)
{
	for (size_t i = 0; i < tag->n; i++) {
		char plain[REMOVAL_REASON];
		github_plain(slice_str(tag->v[i].reason), plain, sizeof(plain));
		memcpy(tag->v[i].reason, plain, sizeof(plain));
	}
}

static enum status take_all(struct cleanup *c, struct remover *m)
{
	enum status st = STATUS_OK;
	for (size_t i = 0; i < c->plan.n && st == STATUS_OK; i++) {
		bool begun = !stop_signal && c->plan.v[i].fate != PLAN_DONE;
		st = remover_take(m, i, &c->tags[i]);
		plain_reasons(&c->tags[i]);
		if (begun && !c->dry_run)
			write_lines(c, &c->tags[i]);
	}
	return st;
}

static const char *github_token(void)
{
	const char *token = environment_get(environ, "GH_TOKEN");
	return token && *token ? token : environment_get(environ, "GITHUB_TOKEN");
}

static int take_back(struct cleanup *c)
{
	const struct remover_config cfg = {
		.web = c->setup.web,
		.registry = c->setup.registry,
		.plan = &c->plan,
		.dockerhub_url = registry_setup_hub_url(&c->settings),
		.github_api_url = c->settings.github_api_url,
		.github_token = github_token(),
		.cosign_repository = environment_get(environ, "COSIGN_REPOSITORY"),
		.deadline = c->setup.deadline,
		.dry_run = c->dry_run,
		.stop = &stop_signal,
		.orphaned = on_orphaned,
		.orphaned_arg = c,
	};
	struct remover *m = NULL;
	struct buf why;
	buf_init(&why, 8192);
	c->tags = mem_calloc(c->plan.n + 1, sizeof(*c->tags));
	enum status st = c->tags ? remover_new(&m, &cfg, &why) : STATUS_NO_MEMORY;
	int rc = 0;
	if (st == STATUS_INVALID) {
		complain("cleanup: COSIGN_REPOSITORY: %s", why.p);
		rc = EXIT_CONFIG_ERROR;
	}
	buf_release(&why);
	if (rc != 0)
		return rc;
	if (st == STATUS_OK) {
		take_signals();
		web_stop_on(c->setup.web, &stop_signal);
		st = take_all(c, m);
	}
	remover_free(m);
	if (st != STATUS_OK)
		complain("cleanup: cannot go on: %s; run it again", status_name(st));
	rc = c->tags ? report(c) : EXIT_LEFT_OVER;
	return st == STATUS_OK ? rc : EXIT_LEFT_OVER;
}

/* Nothing is an answer too, and is told with what may be wrong with the question. */
static int nothing_of_this_run(const struct cleanup *c)
{
	if (c->ledger.n == 0 && c->ledger.other_runs)
		complain("cleanup: the ledger %s has no line of run %s and %zu of other runs (the last is of "
			 "%s), which are not touched; to take another run back, name it: --run-id=RUN",
			 c->settings.ledger, c->setup.run, c->ledger.other_runs,
			 c->ledger.other_run ? c->ledger.other_run : "?");
	else
		complain("cleanup: the ledger %s names nothing that run %s has pushed", c->settings.ledger,
			 c->setup.run);
	return report(c);
}

static int read_ledger(struct cleanup *c)
{
	const char *path = c->settings.ledger;
	enum status st = ledger_read(path, c->setup.run, &c->ledger);
	if (st == STATUS_OK)
		st = plan_make(&c->ledger, &c->plan);
	if (st != STATUS_OK) {
		complain("cleanup: cannot read the ledger %s: %s; nothing was done", path,
			 st == STATUS_IO          ? strerror(errno)
			 : st == STATUS_TOO_LARGE ? "it has more than 64 MiB: give each run one of its own"
						  : status_name(st));
		return EXIT_CONFIG_ERROR;
	}
	if (c->ledger.torn)
		complain("cleanup: the last line of the ledger %s is cut off: its writer was stopped, or the "
			 "disk was full; what it says is not known",
			 path);
	if (c->ledger.unreadable)
		complain("cleanup: lines of the ledger %s that are none: %zu; they are passed over", path,
			 c->ledger.unreadable);
	if (c->plan.unusable)
		complain("cleanup: pushed lines of the ledger %s that name no image and tag: %zu; they are "
			 "passed over",
			 path, c->plan.unusable);
	return 0;
}

static int open_and_clean(struct cleanup *c)
{
	struct settings settings = c->settings;
	if (c->dry_run)
		settings.ledger = NULL; /* nothing is written: it may be a file that cannot be */
	int rc = registry_setup_open(&c->setup, "cleanup", &settings, c->timeout,
				     (const char *const *)c->insecure.v, c->insecure.n, environ);
	if (rc != 0)
		return rc;
	rc = read_ledger(c);
	if (rc == 0)
		rc = c->plan.n ? take_back(c) : nothing_of_this_run(c);
	registry_setup_close(&c->setup);
	return rc;
}

/* 0: go on. A run without a ledger has pushed nothing that it noted; a folder that is
 * not there is a path that was mistyped. */
static int check_ledger(const struct cleanup *c, bool *missing)
{
	const char *path = c->settings.ledger;
	const char *run = environment_get(environ, "GITHUB_RUN_ID");
	if (!path || !*path) {
		complain("cleanup: no ledger is set: name the file that preflight and pushed wrote, with "
			 "--ledger=FILE or SIGRELAY_LEDGER");
		return EXIT_USAGE_ERROR;
	}
	if ((!c->settings.run_id || !*c->settings.run_id) && (!run || !*run)) {
		complain("cleanup: which run is to be taken back? Name it as preflight and pushed did, with "
			 "--run-id=RUN or SIGRELAY_RUN_ID (in GitHub Actions it is known)");
		return EXIT_USAGE_ERROR;
	}
	struct stat st;
	if (stat(path, &st) == 0) {
		if (S_ISREG(st.st_mode))
			return 0;
		complain(
		    "cleanup: the ledger %s is no file that can be read back (a folder, a pipe or a device); "
		    "nothing was done: name the file that preflight and pushed wrote",
		    path);
		return EXIT_CONFIG_ERROR;
	}
	int error = errno;
	const char *slash = strrchr(path, '/');
	char *folder = slash && slash != path ? mem_strndup(path, (size_t)(slash - path)) : NULL;
	*missing = error == ENOENT && (!folder || access(folder, F_OK) == 0);
	mem_free(folder);
	if (*missing)
		complain("cleanup: there is no ledger %s: no push was noted there, so there is nothing to "
			 "take back",
			 path);
	else
		complain("cleanup: cannot read the ledger %s: %s; nothing was done", path, strerror(error));
	return *missing ? 0 : EXIT_CONFIG_ERROR;
}

static int read_flags(struct cleanup *c, int *argc, char **argv)
{
	const char *timeout = NULL;
	const struct option own[] = {
		{ .name = "--dry-run", .flag = &c->dry_run },
		{ .name = "--json", .flag = &c->json },
		{ .name = "--timeout", .value = &timeout },
		{ .name = "--insecure-registry", .list = &c->insecure },
	};
	int rc = options_take(argc, argv, own, sizeof(own) / sizeof(own[0]), 0);
	if (rc == 0)
		rc = option_duration("cleanup", "--timeout", timeout, &c->timeout);
	if (rc == 0 && c->timeout <= 0) {
		complain("cleanup: --timeout=%s: expected more than 0", timeout);
		rc = EXIT_USAGE_ERROR;
	}
	return rc;
}

/* Where there is no ledger nothing is set up, and none is made. */
static int report_no_ledger(struct cleanup *c)
{
	struct settings without = c->settings;
	without.ledger = NULL;
	enum status st = run_ledger_open(&c->setup.ledger, &without, environ);
	if (st != STATUS_OK) {
		complain("cleanup: %s", status_name(st));
		return EXIT_CONFIG_ERROR;
	}
	c->setup.run = c->setup.ledger.run;
	int rc = report(c);
	ledger_close(&c->setup.ledger);
	return rc;
}

static int cleanup(struct cleanup *c, struct settings_load *l, int argc, char **argv)
{
	bool missing = false;
	int rc = settings_prepare(l, &argc, argv, &c->settings);
	if (rc == 0)
		rc = read_flags(c, &argc, argv);
	if (rc == 0)
		rc = check_ledger(c, &missing);
	if (rc != 0 || !missing)
		return rc == 0 ? open_and_clean(c) : rc;
	return report_no_ledger(c);
}

int command_cleanup(int argc, char **argv)
{
	struct cleanup c = { .timeout = TIMEOUT };
	struct settings_load *l = settings_load_new();
	if (!l) {
		complain("cleanup: %s", status_name(STATUS_NO_MEMORY));
		return 1;
	}
	int rc = cleanup(&c, l, argc, argv);
	for (size_t i = 0; c.tags && i < c.plan.n; i++)
		removals_release(&c.tags[i]);
	mem_free(c.tags);
	plan_release(&c.plan);
	ledger_list_release(&c.ledger);
	option_list_release(&c.insecure);
	settings_release(&c.settings);
	settings_load_free(l);
	return rc;
}
