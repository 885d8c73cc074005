/* sigrelay demo: the incident on a built-in log, without and with the relay. */
#include <sigrelay/commands/demo.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sigrelay/base/clock.h>
#include <sigrelay/base/file.h>
#include <sigrelay/commands/child.h>
#include <sigrelay/commands/commands.h>
#include <sigrelay/commands/cosign.h>
#include <sigrelay/commands/options.h>
#include <sigrelay/commands/screen.h>

/* The first POST is stored and its answer lost; the log's signer stands still
 * for a while, so that the entry is queued and not integrated. */
#define INCIDENT "create pause-log 4s\ncreate lose 502\n"
#define ARGV_MAX 32

/* Who signs, and the words for it. */
struct signer {
	const char *cosign;                  /* NULL: the stand-in */
	bool signing_config;                 /* cosign 3's way to name services */
	const char *sign_word, *verify_word; /* the stand-in's */
};

struct story {
	struct demo_world world;
	struct signer signer;
	char artifact[320], bundle[320];
	bool colour;
};

/* A command line that is built up, and shown as a user would type it. */
struct line {
	char *argv[ARGV_MAX];
	size_t n;
};

static void add(struct line *l, const char *word)
{
	if (l->n + 1 < ARGV_MAX)
		l->argv[l->n++] = (char *)(uintptr_t)word; /* exec's prototype, it changes nothing */
	l->argv[l->n] = NULL;
}

static void add_all(struct line *l, const char *const *words)
{
	while (*words)
		add(l, *words++);
}

/* ---- the screen ---- */

enum tone { TONE_PLAIN, TONE_TITLE, TONE_COMMAND, TONE_BAD, TONE_GOOD };

static void say(const struct story *s, enum tone tone, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void say(const struct story *s, enum tone tone, const char *fmt, ...)
{
	static const char *const codes[] = { "", "\033[1m", "\033[36m", "\033[31m", "\033[32m" };
	va_list ap;
	if (s->colour)
		fputs(codes[tone], stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	puts(s->colour && tone != TONE_PLAIN ? "\033[0m" : "");
	fflush(stdout);
}

/* The last path element stands for a path in the demo's own folders. */
static const char *short_word(const struct story *s, const char *word)
{
	const char *slash = strrchr(word, '/');
	if (strcmp(word, s->world.self) == 0)
		return "sigrelay";
	return word[0] == '/' && slash ? slash + 1 : word;
}

static void say_line(const struct story *s, const struct line *l)
{
	struct buf text;
	buf_init(&text, 8192);
	enum status st = STATUS_OK;
	for (size_t i = 0; st == STATUS_OK && i < l->n; i++)
		st = buf_addf(&text, " %s", short_word(s, l->argv[i]));
	say(s, TONE_COMMAND, "  $%s", text.p ? text.p : "");
	buf_release(&text);
}

/* The line of an output that starts with "Error:", else its last one. */
static void telling_line(const struct buf *output, char out[512])
{
	const char *text = output->p ? output->p : "";
	const char *at = strstr(text, "Error: ");
	if (!at) {
		size_t n = strlen(text);
		while (n && (text[n - 1] == '\n' || text[n - 1] == ' '))
			n--;
		while (n && text[n - 1] != '\n')
			n--;
		at = text + n;
	}
	snprintf(out, 512, "%.*s", (int)strcspn(at, "\n"), at);
	for (char *p = out; *p; p++)
		*p = (unsigned char)*p < ' ' ? ' ' : *p;
}

/* ---- command lines ---- */

static void sign_line(const struct story *s, struct line *l)
{
	const struct signer *who = &s->signer;
	if (!who->cosign) {
		add_all(l, (const char *const[]){ s->world.self, "demo", "--stand-in", who->sign_word,
						  s->artifact, s->bundle, NULL });
		return;
	}
	add_all(l, (const char *const[]){ who->cosign, "sign-blob", "--yes", "--identity-token",
					  getenv("BUILTIN_LOG_TOKEN"), "--bundle", s->bundle, NULL });
	if (who->signing_config)
		add_all(l,
			(const char *const[]){ "--trusted-root", getenv("BUILTIN_LOG_TRUSTED_ROOT"), NULL });
	add(l, s->artifact);
}

static void verify_line(const struct story *s, struct line *l)
{
	const struct signer *who = &s->signer;
	if (!who->cosign) {
		add_all(l, (const char *const[]){ s->world.self, "demo", "--stand-in", who->verify_word,
						  s->artifact, s->bundle, NULL });
		return;
	}
	add_all(l, (const char *const[]){ who->cosign, "verify-blob", "--bundle", s->bundle,
					  "--certificate-identity", DEMO_SIGNER, "--certificate-oidc-issuer",
					  s->world.url, NULL });
	if (who->signing_config)
		add_all(l, (const char *const[]){ "--trusted-root", getenv("BUILTIN_LOG_TRUSTED_ROOT"),
						  "--use-signed-timestamps", NULL });
	add(l, s->artifact);
}

/* cosign 3 takes its services from a signing config and refuses URLs beside it;
 * cosign 2 and the stand-in take the URLs that the log's environment has. */
static enum status point_signer(const struct signer *who)
{
	if (!who->signing_config)
		return STATUS_OK;
	const char *config = getenv("BUILTIN_LOG_SIGNING_CONFIG");
	bool ok = config && setenv("COSIGN_SIGNING_CONFIG", config, 1) == 0 &&
		  unsetenv("COSIGN_REKOR_URL") == 0 && unsetenv("COSIGN_FULCIO_URL") == 0;
	return ok ? STATUS_OK : STATUS_NO_MEMORY;
}

/* ---- the scenes ---- */

static enum status prepare(struct story *s)
{
	char text[64];
	/* Another file each time: the same one again would be another entry all the
	 * same (a fresh key signs it), but a bundle must not be a leftover. */
	(void)unlink(s->bundle);
	snprintf(text, sizeof(text), "release artifact %lld\n", (long long)clock_now().wall);
	enum status st = file_write_private(s->artifact, slice_str(text));
	if (st == STATUS_OK)
		st = demo_control(&s->world, "clear", "");
	if (st == STATUS_OK)
		st = demo_control(&s->world, "resume", "");
	return st == STATUS_OK ? demo_control(&s->world, "script", INCIDENT) : st;
}

static bool broken(const struct story *s, const char *what, enum status st)
{
	say(s, TONE_BAD, "sigrelay demo: cannot %s: %s", what,
	    st == STATUS_IO ? strerror(errno) : status_name(st));
	return false;
}

static bool without_relay(struct story *s)
{
	struct line l = { .n = 0 };
	struct demo_run r;
	char told[512];
	sign_line(s, &l);
	enum status st = prepare(s);
	if (st != STATUS_OK)
		return broken(s, "prepare the log", st);
	say_line(s, &l);
	st = demo_capture(l.argv, &r);
	if (st != STATUS_OK)
		return broken(s, "run the signer", st);
	telling_line(&r.output, told);
	bool as_users_see =
	    r.exit_code != 0 && (strstr(told, DEMO_ERROR_LOOKUP) || strstr(told, DEMO_ERROR_CONFLICT));
	buf_release(&r.output);
	say(s, TONE_BAD, "  %s", told);
	if (as_users_see)
		say(s, TONE_PLAIN, "  Exit %d. The entry is in the log's queue all the while.\n",
		    r.exit_code);
	else
		say(s, TONE_BAD, "  Exit %d: not the failure that was to be shown.\n", r.exit_code);
	return as_users_see;
}

static void relay_line(const struct story *s, struct line *l, char url[3][128])
{
	static const char *const flags[] = { "--rekor-url=", "--fulcio-url=", "--tsa-url=" };
	add_all(l, (const char *const[]){ s->world.self, "run", NULL });
	for (size_t i = 0; i < 3; i++) {
		snprintf(url[i], 128, "%s%s", flags[i], s->world.url);
		add(l, url[i]);
	}
	if (!s->signer.cosign)
		add(l, "--client=cosign2");
	add(l, "--");
	sign_line(s, l);
}

static bool with_relay(struct story *s)
{
	struct line l = { .n = 0 };
	struct demo_run r;
	char url[3][128], told[512];
	relay_line(s, &l, url);
	enum status st = prepare(s);
	if (st != STATUS_OK)
		return broken(s, "prepare the log", st);
	long before = demo_counter(&s->world, "create");
	say_line(s, &l);
	usec start = clock_now().mono;
	st = demo_capture(l.argv, &r);
	if (st != STATUS_OK)
		return broken(s, "run the relay", st);
	char took[32];
	usec_format(clock_now().mono - start, took);
	telling_line(&r.output, told);
	if (r.exit_code != 0)
		say(s, TONE_BAD, "  %s\n  Exit %d: the relay did not help.\n", told, r.exit_code);
	else
		say(s, TONE_GOOD,
		    "  Signed after %s, exit 0. The log saw %ld POSTs; the signer's one became a wait for "
		    "its entry.\n",
		    took, demo_counter(&s->world, "create") - before);
	if (r.exit_code != 0)
		fputs(r.output.p ? r.output.p : "", stdout);
	buf_release(&r.output);
	return r.exit_code == 0;
}

static bool verify(struct story *s)
{
	struct line l = { .n = 0 };
	struct demo_run r;
	char told[512];
	verify_line(s, &l);
	say_line(s, &l);
	enum status st = demo_capture(l.argv, &r);
	if (st != STATUS_OK)
		return broken(s, "verify", st);
	telling_line(&r.output, told);
	bool good = r.exit_code == 0 && strstr(told, "Verified OK");
	say(s, good ? TONE_GOOD : TONE_BAD, "  %s\n", told);
	buf_release(&r.output);
	return good;
}

static bool play(struct story *s)
{
	say(s, TONE_TITLE, "Without the relay");
	say(s, TONE_PLAIN,
	    "  The log queues the entry and its answer is lost (502). The client repeats itself.");
	if (!without_relay(s))
		return false;
	say(s, TONE_TITLE, "With the relay, the same again");
	if (!with_relay(s))
		return false;
	say(s, TONE_TITLE, "The signature and its entry");
	return verify(s);
}

/* ---- who signs ---- */

/* SIGRELAY_TEST_COSIGN, else cosign on PATH; NULL when neither runs. Asked
 * before the world forgets the user's settings. */
static const char *find_cosign(struct cosign_version *version)
{
	static char path[4096];
	const char *named = getenv("SIGRELAY_TEST_COSIGN");
	char word[] = "version", flag[] = "--json";
	struct buf json;
	snprintf(path, sizeof(path), "%s", named && *named ? named : "cosign");
	char *argv[] = { path, word, flag, NULL };
	buf_init(&json, 65536);
	bool runs = child_ask(argv, environ, 10 * USEC_PER_SEC, &json) == STATUS_OK;
	if (runs)
		*version = cosign_version_read(buf_slice(&json));
	buf_release(&json);
	return runs ? path : NULL;
}

static void introduce(const struct story *s, const struct cosign_version *v)
{
	say(s, TONE_PLAIN, "A slow log loses an answer. The built-in log plays it at %s.", s->world.url);
	if (s->signer.cosign)
		say(s, TONE_PLAIN, "Signer: %s, version %u.%u.\n", s->signer.cosign, v->major, v->minor);
	else
		say(s, TONE_PLAIN,
		    "Signer: no cosign on PATH; a small client with its retries stands in for it.\n");
}

static void say_how(const struct story *s)
{
	say(s, TONE_TITLE, "Your own cosign, through the relay");
	say(s, TONE_COMMAND, "  $ sigrelay run -- cosign sign --yes IMAGE@DIGEST");
	say(s, TONE_PLAIN, "or, with a relay that stays:");
	say(s, TONE_COMMAND,
	    "  $ sigrelay serve &\n  $ eval \"$(sigrelay env)\"; cosign sign --yes IMAGE@DIGEST");
}

static bool tell(struct story *s, const struct cosign_version *v)
{
	introduce(s, v);
	enum status st = point_signer(&s->signer);
	if (st != STATUS_OK)
		return broken(s, "name the services to the signer", st);
	bool good = play(s);
	if (good && !s->signer.cosign) {
		say(s, TONE_PLAIN, "The same with the retries of cosign 3.1:\n");
		s->signer.sign_word = "sign3";
		good = play(s);
	}
	if (good)
		say_how(s);
	return good;
}

int command_demo(int argc, char **argv)
{
	struct story s = { .colour = screen_has_colour(STDOUT_FILENO, environ),
			   .signer = { .sign_word = "sign2", .verify_word = "verify" } };
	struct cosign_version version = { 0, 0 };
	if (argc == 5 && strcmp(argv[1], "--stand-in") == 0)
		return demo_stand_in(argv[2], argv[3], argv[4]);
	int code = options_take(&argc, argv, NULL, 0, 0);
	if (code != 0)
		return code;
	s.signer.cosign = find_cosign(&version);
	s.signer.signing_config = version.major >= 3;
	enum status st = demo_world_init(&s.world);
	bool good = false;
	snprintf(s.artifact, sizeof(s.artifact), "%s/artifact", s.world.folder);
	snprintf(s.bundle, sizeof(s.bundle), "%s/bundle", s.world.folder);
	if (st == STATUS_OK)
		good = tell(&s, &version);
	else
		broken(&s, s.world.step, st);
	demo_world_release(&s.world);
	if (demo_interrupted())
		return 128 + demo_interrupted();
	return good ? 0 : 1;
}
