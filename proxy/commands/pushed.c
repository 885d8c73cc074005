/* `sigrelay pushed IMAGE:TAG@DIGEST...`: notes in the ledger what this run has just
 * pushed, so that it can be taken back. Each tag is looked at first: a line that is
 * wrong would let another's image be deleted. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sigrelay/commands/commands.h>
#include <sigrelay/commands/github.h>
#include <sigrelay/commands/images.h>
#include <sigrelay/commands/options.h>
#include <sigrelay/commands/run_ledger.h>
#include <sigrelay/commands/screen.h>

#define TEXT_MAX ((size_t)1 << 20)

struct pushed {
	struct settings settings;
	bool no_verify;
	struct option_list insecure;
	struct images images;
};

/* Why the tag is not the digest, in words; false: it is. */
static bool differs(const struct preflight_image *i, char *out, size_t size)
{
	const struct tag_look *look = &i->look;
	const char *digest = i->ref.digest;
	switch (look->state) {
	case TAG_PRESENT:
		if (strcmp(look->digest, digest) == 0)
			return false;
		snprintf(out, size,
			 "%s is %s in the registry, not %s: another push came later, or the digest is "
			 "of another build; it is not noted",
			 i->name, look->digest, digest);
		return true;
	case TAG_ABSENT:
		snprintf(out, size, "%s is not in the registry, so %s was not pushed there; it is not noted",
			 i->name, digest);
		return true;
	case TAG_UNKNOWN:
	case TAG_REFUSED:
		break;
	}
	snprintf(out, size, "cannot tell whether %s is %s: %s; it is not noted (--no-verify notes it unseen)",
		 i->name, digest, look->reason);
	return true;
}

/* noted: what is printed when all is done, for nobody may be reading any more. */
static bool note(const struct preflight_image *i, struct ledger *ledger, const char *state, struct buf *noted)
{
	struct ledger_line line = { .event = LEDGER_PUSHED, .digest = i->ref.digest, .state = state };
	images_ledger_line(i, &line);
	return run_ledger_add(ledger, "pushed", &line) &&
	       buf_addf(noted, "%s@%s\n", i->name, i->ref.digest) == STATUS_OK;
}

/* Notes what is as it should be. */
static int note_verified(const struct pushed *p, struct ledger *ledger, struct buf *noted)
{
	int rc = 0;
	for (size_t i = 0; i < p->images.n; i++) {
		char why[2048];
		if (differs(&p->images.v[i], why, sizeof(why))) {
			github_tell(environ, "pushed", "error", "Not noted as pushed", why);
			rc = 1;
		} else if (!note(&p->images.v[i], ledger, tag_state_name(TAG_PRESENT), noted)) {
			rc = 1;
		}
	}
	return rc;
}

static int verify(struct pushed *p, struct buf *noted)
{
	struct registry_setup setup;
	int rc = registry_setup_open(&setup, "pushed", &p->settings, REGISTRIES_TIMEOUT,
				     (const char *const *)p->insecure.v, p->insecure.n, environ);
	if (rc != 0)
		return rc;
	images_look(&p->images, &setup, REGISTRY_TIMEOUT, environ);
	run_ledger_check_name(&setup.ledger, "pushed", &p->settings, environ);
	rc = note_verified(p, &setup.ledger, noted);
	registry_setup_close(&setup);
	return rc;
}

/* Asks nobody: no credentials, no connection. */
static int note_unseen(const struct pushed *p, struct buf *noted)
{
	struct ledger ledger = { .fd = -1 };
	int rc = 0;
	enum status st = run_ledger_open(&ledger, &p->settings, environ);
	if (st != STATUS_OK) {
		complain("pushed: cannot open the ledger '%s': %s; nothing was noted", p->settings.ledger,
			 st == STATUS_IO ? strerror(errno) : status_name(st));
		return EXIT_CONFIG_ERROR;
	}
	run_ledger_check_name(&ledger, "pushed", &p->settings, environ);
	for (size_t i = 0; i < p->images.n; i++)
		rc = note(&p->images.v[i], &ledger, NULL, noted) ? rc : 1;
	ledger_close(&ledger);
	return rc;
}

/* What counts is in the ledger: that it cannot be printed is told, and no more. */
static int note_all(struct pushed *p)
{
	struct buf noted;
	buf_init(&noted, TEXT_MAX);
	signal(SIGPIPE, SIG_IGN);
	int rc = p->no_verify ? note_unseen(p, &noted) : verify(p, &noted);
	if (noted.n)
		(void)screen_print("pushed", STATUS_OK, &noted);
	buf_release(&noted);
	return rc;
}

static int read_flags(struct pushed *p, int *argc, char **argv)
{
	const struct option own[] = {
		{ .name = "--no-verify", .flag = &p->no_verify },
		{ .name = "--insecure-registry", .list = &p->insecure },
	};
	int rc = options_take(argc, argv, own, sizeof(own) / sizeof(own[0]), *argc);
	if (rc == 0)
		rc = images_read("pushed", IMAGES_PUSHED, argv + 1, (size_t)*argc - 1, &p->images);
	if (rc == 0 && !p->settings.ledger) {
		complain("pushed: there is no ledger to note it in: name a file with --ledger FILE or "
			 "SIGRELAY_LEDGER, the same for all steps of the run");
		return EXIT_USAGE_ERROR;
	}
	return rc;
}

int command_pushed(int argc, char **argv)
{
	struct pushed p = { 0 };
	struct settings_load *l = settings_load_new();
	if (!l) {
		complain("pushed: %s", status_name(STATUS_NO_MEMORY));
		return 1;
	}
	int rc = settings_prepare(l, &argc, argv, &p.settings);
	if (rc == 0)
		rc = read_flags(&p, &argc, argv);
	if (rc == 0)
		rc = note_all(&p);
	images_release(&p.images);
	option_list_release(&p.insecure);
	settings_release(&p.settings);
	settings_load_free(l);
	return rc;
}
