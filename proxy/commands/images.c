#include <sigrelay/commands/images.h>

#include <stdio.h>
#include <string.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/commands/commands.h>
#include <sigrelay/commands/github.h>
#include <sigrelay/commands/options.h>
#include <sigrelay/commands/progress.h>

#define QUIET_FOR (3 * USEC_PER_SEC)
#define REDRAW_EVERY (USEC_PER_SEC / 2)

/* --- the words --------------------------------------------------------------- */

/* What is wrong with a reference for that form; NULL: nothing. */
static const char *wrong_form(const struct reference *r, enum images_form form)
{
	if (!r->tag)
		return form == IMAGES_TAGGED
			   ? "no tag: write IMAGE:TAG (none is taken for granted, not even latest)"
			   : "no tag: write IMAGE:TAG@sha256:…, as it was pushed";
	if (form == IMAGES_TAGGED && r->digest)
		return "a digest: write IMAGE:TAG alone, for what is asked is whether the tag is there";
	if (form == IMAGES_PUSHED && !r->digest)
		return "no digest: write IMAGE:TAG@sha256:…, with the digest that the push printed";
	if (r->digest && !digest_is_valid(r->digest))
		return "a digest that is not sha256: and 64 digits in lower case";
	return NULL;
}

static bool same_tag(const struct reference *a, const struct reference *b)
{
	return strcmp(a->domain, b->domain) == 0 && strcmp(a->path, b->path) == 0 &&
	       strcmp(a->tag, b->tag) == 0;
}

static const struct preflight_image *find_same(const struct images *i, const struct reference *ref)
{
	for (size_t k = 0; k < i->n; k++) {
		if (same_tag(&i->v[k].ref, ref))
			return &i->v[k];
	}
	return NULL;
}

/* It is there already: left out, or an error. */
static int refuse_twice(const char *command, const char *word, const struct reference *ref,
			const struct preflight_image *same)
{
	if (ref->digest && strcmp(ref->digest, same->ref.digest) != 0) {
		complain("%s: '%s': the same tag is given before with another digest, %s", command, word,
			 same->ref.digest);
		return EXIT_USAGE_ERROR;
	}
	complain("%s: '%s' is given twice; it is taken once", command, word);
	return 0;
}

/* Takes ref over. */
static int add(const char *command, const char *word, struct reference *ref, struct images *out)
{
	const struct preflight_image *same = find_same(out, ref);
	int rc = same ? refuse_twice(command, word, ref, same) : 0;
	if (same) {
		reference_release(ref);
		return rc;
	}
	char *name = mem_strndup(word, strcspn(word, "@"));
	if (!name) {
		complain("%s: %s", command, status_name(STATUS_NO_MEMORY));
		reference_release(ref);
		return EXIT_USAGE_ERROR;
	}
	out->names[out->n] = name;
	out->v[out->n++] = (struct preflight_image){
		.name = name,
		.ref = *ref,
		.look = { .state = TAG_UNKNOWN, .reason = "it was not asked" },
	};
	return 0;
}

static void complain_reference(const char *command, const char *why)
{
	char plain[1024];
	struct buf text;
	buf_init(&text, 8192);
	/* Each of its lines is shown as one: the second marks a place in the first. */
	for (const char *p = why; *p;) {
		size_t n = strcspn(p, "\n");
		github_plain((struct slice){ p, n }, plain, sizeof(plain));
		if (buf_addf(&text, "%s: %s\n", command, plain) != STATUS_OK)
			break;
		p += n + (p[n] == '\n');
	}
	if (text.n)
		complain_lines(text.p);
	buf_release(&text);
}

static int read_one(const char *command, enum images_form form, const char *word, struct images *out)
{
	struct reference ref = { 0 };
	struct buf why;
	buf_init(&why, 8192);
	enum status st = reference_parse(word, &ref, &why);
	if (st != STATUS_OK)
		complain_reference(command, why.n ? why.p : status_name(st));
	buf_release(&why);
	if (st != STATUS_OK)
		return EXIT_USAGE_ERROR;
	const char *wrong = wrong_form(&ref, form);
	if (!wrong)
		return add(command, word, &ref, out);
	complain("%s: '%s' has %s", command, word, wrong);
	reference_release(&ref);
	return EXIT_USAGE_ERROR;
}

static int check_count(const char *command, enum images_form form, size_t count)
{
	const char *wanted = form == IMAGES_TAGGED ? "IMAGE:TAG..." : "IMAGE:TAG@DIGEST...";
	if (count == 0)
		complain("%s: no image: sigrelay %s %s", command, command, wanted);
	else if (count > IMAGES_MAX)
		complain("%s: %zu images: at most %d are taken at once", command, count, IMAGES_MAX);
	return count == 0 || count > IMAGES_MAX ? EXIT_USAGE_ERROR : 0;
}

int images_read(const char *command, enum images_form form, char *const *words, size_t count,
		struct images *out)
{
	int rc = check_count(command, form, count);
	if (rc != 0)
		return rc;
	struct images read = { .v = mem_calloc(count, sizeof(*read.v)),
			       .names = mem_calloc(count, sizeof(*read.names)) };
	if (!read.v || !read.names) {
		complain("%s: %s", command, status_name(STATUS_NO_MEMORY));
		rc = EXIT_USAGE_ERROR;
	}
	for (size_t i = 0; i < count && read.v && read.names; i++) {
		int wrong = read_one(command, form, words[i], &read);
		rc = rc ? rc : wrong;
	}
	if (rc == 0)
		*out = read;
	else
		images_release(&read);
	return rc;
}

void images_release(struct images *i)
{
	for (size_t k = 0; k < i->n; k++) {
		reference_release(&i->v[k].ref);
		mem_free(i->names[k]);
	}
	mem_free(i->v);
	mem_free(i->names);
	*i = (struct images){ 0 };
}

void images_ledger_line(const struct preflight_image *i, struct ledger_line *line)
{
	line->image = i->name;
	line->registry = i->ref.domain;
	line->repository = i->ref.path;
	line->tag = i->ref.tag;
}

/* --- the look ---------------------------------------------------------------- */

struct asked {
	struct preflight_image *image;
	bool done;
};

struct looking {
	struct asked *asked;
	size_t n;
	struct progress progress;
	usec told, give_up;
};

static void on_looked(void *arg, const struct tag_look *look)
{
	struct asked *a = arg;
	struct tag_look *own = &a->image->look;
	*own = *look;
	a->done = true;
}

/* "ghcr.io, quay.io": each registry once. */
static enum status add_awaited(const struct looking *l, struct buf *out)
{
	enum status st = STATUS_OK;
	for (size_t i = 0; i < l->n && st == STATUS_OK; i++) {
		const char *domain = l->asked[i].image->ref.domain;
		bool told = l->asked[i].done;
		for (size_t j = 0; j < i && !told; j++)
			told = !l->asked[j].done && strcmp(l->asked[j].image->ref.domain, domain) == 0;
		if (!told)
			st = buf_addf(out, "%s%s", out->n ? ", " : "", domain);
	}
	return st;
}

static void on_wait(void *arg)
{
	struct looking *l = arg;
	usec now = clock_now().mono;
	if (now - l->progress.begun < QUIET_FOR || now - l->told < REDRAW_EVERY)
		return;
	struct buf what;
	buf_init(&what, (size_t)1 << 20);
	if (add_awaited(l, &what) == STATUS_OK && what.n) {
		const struct progress_moment m = {
			.what = what.p, .now = now, .next = USEC_NEVER, .give_up = l->give_up
		};
		progress_tell(&l->progress, &m);
		l->told = now;
	}
	buf_release(&what);
}

static void start(struct asked *a, struct registry_setup *setup, usec deadline)
{
	enum status st = oci_look(setup->registry, &a->image->ref, deadline, on_looked, a);
	if (st != STATUS_OK)
		snprintf(a->image->look.reason, sizeof(a->image->look.reason), "it could not be asked: %s",
			 status_name(st));
}

static void look_at_all(struct looking *l, struct registry_setup *setup, char *const *env)
{
	/* Nobody else is heard while a helper is waited for. */
	credential_store_limit(setup->credentials, (l->give_up - clock_now().mono) / 2);
	for (size_t i = 0; i < l->n; i++)
		start(&l->asked[i], setup, l->give_up);
	progress_begin(&l->progress, env, clock_now().mono);
	if (l->progress.terminal)
		web_on_wait(setup->web, on_wait, l);
	web_run(setup->web);
	web_on_wait(setup->web, NULL, NULL);
	progress_end(&l->progress);
}

void images_look(struct images *i, struct registry_setup *setup, usec timeout, char *const *env)
{
	struct looking l = {
		.asked = mem_calloc(i->n, sizeof(*l.asked)),
		.n = i->n,
		.give_up = usec_min(usec_add(clock_now().mono, timeout), setup->deadline),
	};
	for (size_t k = 0; k < i->n && l.asked; k++)
		l.asked[k].image = &i->v[k];
	if (l.asked)
		look_at_all(&l, setup, env);
	mem_free(l.asked);
	images_plain(i);
}

void images_plain(struct images *i)
{
	for (size_t k = 0; k < i->n; k++) {
		struct tag_look *look = &i->v[k].look;
		char plain[sizeof(look->reason)];
		github_plain(slice_str(look->reason), plain, sizeof(plain));
		memcpy(look->reason, plain, sizeof(plain));
	}
}
