/* `sigrelay preflight IMAGE:TAG...`: is the tag there already? Asked before the build,
 * when the answer is still cheap. */
#include <stdio.h>
#include <unistd.h>

#include <sigrelay/commands/commands.h>
#include <sigrelay/commands/github.h>
#include <sigrelay/commands/images.h>
#include <sigrelay/commands/options.h>
#include <sigrelay/commands/preflight_print.h>
#include <sigrelay/commands/run_ledger.h>
#include <sigrelay/commands/screen.h>
#include <sigrelay/registry/hub_tags.h>

#define TEXT_MAX ((size_t)4 << 20)

struct preflight {
	struct settings settings;
	struct preflight_policy policy;
	bool json;
	usec registry_timeout, timeout;
	struct option_list insecure;
	struct images images;
	struct registry_setup setup;
	struct preflight_verdict verdict;
};

/* --- what is told --------------------------------------------------------------- */

static void tell_notes(const struct preflight *p)
{
	static const char *const kinds[] = { "notice", "warning", "error" };
	struct preflight_notes notes = { 0 };
	enum status st = preflight_explain(p->images.v, p->images.n, &p->policy, &p->verdict, &notes);
	if (st != STATUS_OK)
		complain("preflight: cannot explain the decision: %s", status_name(st));
	for (size_t i = 0; i < notes.n; i++)
		github_tell(environ, "preflight", kinds[notes.v[i].level], notes.v[i].title, notes.v[i].text);
	preflight_notes_release(&notes);
}

static void write_ledger(struct preflight *p)
{
	run_ledger_check_name(&p->setup.ledger, "preflight", &p->settings, environ);
	for (size_t i = 0; i < p->images.n; i++) {
		const struct tag_look *look = &p->images.v[i].look;
		struct ledger_line line = {
			.event = LEDGER_PREFLIGHT,
			.state = tag_state_name(look->state),
			.digest = look->digest[0] ? look->digest : NULL,
			.reason = look->reason[0] ? look->reason : NULL,
		};
		images_ledger_line(&p->images.v[i], &line);
		/* Nothing is deleted later that no line says was absent. */
		if (!run_ledger_add(&p->setup.ledger, "preflight", &line))
			return;
	}
}

typedef enum status print_fn(const struct preflight_result *r, struct buf *out);

static bool add_to_file(const char *variable, print_fn *print, const struct preflight_result *r)
{
	struct buf text;
	buf_init(&text, TEXT_MAX);
	bool good = github_add(environ, "preflight", variable, print(r, &text), &text);
	buf_release(&text);
	return good;
}

static bool print_result(const struct preflight *p, const struct preflight_result *r)
{
	struct buf text;
	buf_init(&text, TEXT_MAX);
	enum status st = p->json ? preflight_json(r, &text)
				 : preflight_table(r, screen_has_colour(STDOUT_FILENO, environ), &text);
	bool good = screen_print("preflight", st, &text);
	buf_release(&text);
	return good;
}

/* --- the command ------------------------------------------------------------------ */

static int check_refused(const struct preflight *p)
{
	int rc = 0;
	for (size_t i = 0; i < p->images.n; i++) {
		const struct preflight_image *image = &p->images.v[i];
		char why[2048];
		if (image->look.state != TAG_REFUSED)
			continue;
		snprintf(why, sizeof(why), "%s: %s; nothing else was done", image->name, image->look.reason);
		github_tell(environ, "preflight", "error", "No name for an image", why);
		rc = EXIT_USAGE_ERROR;
	}
	return rc;
}

/* What the next step is to read has to be there, or it would read nothing as a yes. */
static int report(struct preflight *p)
{
	const struct preflight_result r = { p->images.v, p->images.n, &p->verdict };
	write_ledger(p);
	bool written = add_to_file("GITHUB_OUTPUT", preflight_outputs, &r);
	(void)add_to_file("GITHUB_STEP_SUMMARY", preflight_summary, &r); /* told; nobody decides by it */
	bool printed = print_result(p, &r);
	tell_notes(p);
	if (p->verdict.decision == PREFLIGHT_FAIL)
		return EXIT_PREFLIGHT;
	return written && printed ? 0 : 1;
}

static void remark_immutable(struct preflight *p)
{
	const char *hub = registry_setup_hub_url(&p->settings);
	if (!hub)
		return;
	enum status st = hub_tags_remark(p->setup.web, hub, p->images.v, p->images.n);
	if (st != STATUS_OK)
		complain("preflight: cannot ask whether tags are immutable: %s", status_name(st));
	images_plain(&p->images);
}

static int look(struct preflight *p)
{
	images_look(&p->images, &p->setup, p->registry_timeout, environ);
	int rc = check_refused(p);
	if (rc != 0)
		return rc;
	remark_immutable(p);
	preflight_decide(p->images.v, p->images.n, &p->policy, &p->verdict);
	return report(p);
}

static int open_and_look(struct preflight *p)
{
	int rc = registry_setup_open(&p->setup, "preflight", &p->settings, p->timeout,
				     (const char *const *)p->insecure.v, p->insecure.n, environ);
	if (rc != 0)
		return rc;
	rc = look(p);
	registry_setup_close(&p->setup);
	return rc;
}

static int read_timeout(const char *flag, const char *value, usec *out)
{
	int rc = option_duration("preflight", flag, value, out);
	if (rc == 0 && *out <= 0) {
		complain("preflight: %s=%s: expected more than 0", flag, value);
		return EXIT_USAGE_ERROR;
	}
	return rc;
}

static int read_policy(struct preflight *p, const char *existing, const char *unknown)
{
	static const char *const on_existing[] = { "fail", "skip", "warn", NULL };
	static const char *const on_unknown[] = { "warn", "fail", NULL };
	int existing_choice = 0, unknown_choice = 0;
	int rc = option_choice("preflight", "--on-existing-tag", existing, on_existing, &existing_choice);
	if (rc == 0)
		rc = option_choice("preflight", "--on-unknown", unknown, on_unknown, &unknown_choice);
	p->policy.on_existing = (__typeof__(p->policy.on_existing))existing_choice;
	p->policy.on_unknown = (__typeof__(p->policy.on_unknown))unknown_choice;
	return rc;
}

static int read_flags(struct preflight *p, int *argc, char **argv)
{
	const char *existing = NULL, *unknown = NULL, *registry_timeout = NULL, *timeout = NULL;
	const struct option own[] = {
		{ .name = "--on-existing-tag", .value = &existing },
		{ .name = "--on-unknown", .value = &unknown },
		{ .name = "--registry-timeout", .value = &registry_timeout },
		{ .name = "--timeout", .value = &timeout },
		{ .name = "--insecure-registry", .list = &p->insecure },
		{ .name = "--json", .flag = &p->json },
	};
	int rc = options_take(argc, argv, own, sizeof(own) / sizeof(own[0]), *argc);
	if (rc == 0)
		rc = read_policy(p, existing, unknown);
	if (rc == 0)
		rc = read_timeout("--registry-timeout", registry_timeout, &p->registry_timeout);
	return rc == 0 ? read_timeout("--timeout", timeout, &p->timeout) : rc;
}

static int preflight(struct preflight *p, struct settings_load *l, int argc, char **argv)
{
	int rc = settings_prepare(l, &argc, argv, &p->settings);
	if (rc == 0)
		rc = read_flags(p, &argc, argv);
	if (rc == 0)
		rc = images_read("preflight", IMAGES_TAGGED, argv + 1, (size_t)argc - 1, &p->images);
	return rc == 0 ? open_and_look(p) : rc;
}

int command_preflight(int argc, char **argv)
{
	struct preflight p = { .registry_timeout = REGISTRY_TIMEOUT, .timeout = REGISTRIES_TIMEOUT };
	struct settings_load *l = settings_load_new();
	if (!l) {
		complain("preflight: %s", status_name(STATUS_NO_MEMORY));
		return 1;
	}
	int rc = preflight(&p, l, argc, argv);
	images_release(&p.images);
	option_list_release(&p.insecure);
	settings_release(&p.settings);
	settings_load_free(l);
	return rc;
}
