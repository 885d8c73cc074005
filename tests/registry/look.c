/* The registry room by itself, for the tests of it:
 *
 *   look [OPTION…] look IMAGE…             all at once: "IMAGE STATE DIGEST TYPE REASON"
 *   look [OPTION…] ask IMAGE METHOD TAIL…  pairs, one after the other: "STATUS NO_ACCESS ERROR"
 *   look [OPTION…] together IMAGE METHOD TAIL…  the same, at once
 *   look [OPTION…] web METHOD URL [TRUSTED]  "STATUS ATTEMPTS RETRY_AFTER BYTES ERROR"; with TRUSTED
 *                                            ("-": nobody) the URL counts as named by an answer
 *
 * One line each, fields set apart by tabs. --attempts N, --deadline MS, --timeout MS,
 * --ca FILE, --hub URL, --insecure DOMAIN, --max BYTES, --anonymous. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/registry/oci.h>

#define PUT_BODY "{\"schemaVersion\":2}"

struct options {
	struct web_config web;
	struct registry_config registry;
	const char *insecure[8];
	size_t max;
	bool anonymous;
};

static struct web *web;
static struct registry *registry;

static void die(const char *what, const struct buf *why)
{
	fprintf(stderr, "look: %s: %s\n", what, why && why->n ? why->p : "");
	exit(2);
}

static usec milliseconds(const char *text)
{
	return (usec)atol(text) * USEC_PER_MSEC;
}

static int parse(struct options *o, int argc, char **argv)
{
	int i = 1;
	for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
		const char *name = argv[i] + 2, *value = argv[i + 1];
		if (strcmp(name, "attempts") == 0)
			o->web.attempts = (unsigned)atoi(value);
		else if (strcmp(name, "deadline") == 0)
			o->web.deadline = clock_now().mono + milliseconds(value);
		else if (strcmp(name, "timeout") == 0)
			o->web.attempt_timeout = milliseconds(value);
		else if (strcmp(name, "ca") == 0)
			o->web.ca_file = value;
		else if (strcmp(name, "hub") == 0)
			o->registry.dockerhub_registry_url = value;
		else if (strcmp(name, "insecure") == 0 && o->registry.insecure_count < 8)
			o->insecure[o->registry.insecure_count++] = value;
		else if (strcmp(name, "max") == 0)
			o->max = (size_t)atol(value);
		else if (strcmp(name, "anonymous") == 0)
			o->anonymous = atoi(value) != 0;
		else
			die(argv[i], NULL);
	}
	return i;
}

static void image(const char *text, struct reference *ref)
{
	struct buf why;
	buf_init(&why, 4096);
	if (reference_parse(text, ref, &why) != STATUS_OK)
		die(text, &why);
	buf_release(&why);
}

static void print_look(void *arg, const struct tag_look *l)
{
	const char *name = arg;
	printf("%s\t%s\t%s\t%s\t%s\n", name, tag_state_name(l->state), l->digest, l->media_type, l->reason);
}

static void look(char **images)
{
	for (; *images; images++) {
		struct reference ref = { .domain = NULL };
		image(*images, &ref);
		if (oci_look(registry, &ref, USEC_NEVER, print_look, *images) != STATUS_OK)
			die(*images, NULL);
		reference_release(&ref);
	}
	web_run(web);
}

static void print_answer(void *arg, const struct web_answer *a, const char *no_access)
{
	(void)arg;
	printf("%d\t%s\t%s\n", a->status, no_access, a->error);
}

static void ask(char **words, bool together)
{
	struct reference ref = { .domain = NULL };
	image(*words++, &ref);
	for (; words[0] && words[1]; words += 2) {
		const struct registry_request q = {
			.repository = &ref,
			.method = words[0],
			.tail = words[1],
			.content_type = strcmp(words[0], "PUT") == 0
					    ? "application/vnd.oci.image.manifest.v1+json"
					    : NULL,
			.body =
			    strcmp(words[0], "PUT") == 0 ? SLICE_LIT(PUT_BODY) : (struct slice){ NULL, 0 },
			.deadline = USEC_NEVER,
		};
		if (registry_start(registry, &q, print_answer, NULL) != STATUS_OK)
			die(words[1], NULL);
		if (!together)
			web_run(web);
	}
	web_run(web);
	reference_release(&ref);
}

static void ask_web(const struct options *o, char **words)
{
	struct web_answer a;
	const char *headers[] = { "Authorization: Bearer of-the-first-host", "X-Other: 1", NULL };
	const struct web_request q = {
		.method = words[0],
		.url = words[1],
		.headers = headers,
		.deadline = USEC_NEVER,
		.max_answer = o->max,
		.untrusted = words[2] != NULL,
		.trusted_host = words[2] && strcmp(words[2], "-") != 0 ? words[2] : NULL,
	};
	if (web_ask(web, &q, &a) != STATUS_OK)
		die(words[1], NULL);
	printf("%d\t%u\t%lld\t%zu\t%s\n", a.status, a.attempts,
	       (long long)(a.retry_after < 0 ? -1 : a.retry_after / USEC_PER_MSEC), a.body.n, a.error);
	web_answer_release(&a);
}

static void run(struct options *o, char **words)
{
	struct credential_store *store = NULL;
	struct buf why;
	buf_init(&why, 4096);
	if (!o->anonymous && credential_store_open(&store, environ, &why) != STATUS_OK)
		die("credentials", &why);
	buf_release(&why);
	o->registry.credentials = store;
	o->registry.insecure = o->insecure;
	if (web_new(&web, &o->web) != STATUS_OK)
		die("web", NULL);
	o->registry.web = web;
	if (registry_new(&registry, &o->registry) != STATUS_OK)
		die("registry", NULL);
	if (strcmp(words[0], "look") == 0)
		look(words + 1);
	else if (strcmp(words[0], "web") == 0)
		ask_web(o, words + 1);
	else
		ask(words + 1, strcmp(words[0], "together") == 0);
	registry_free(registry);
	web_free(web);
	credential_store_free(store);
}

int main(int argc, char **argv)
{
	struct options o = {
		.web = { .backoff = { .base = 5 * USEC_PER_MSEC,
				      .throttle_base = 5 * USEC_PER_MSEC,
				      .max = 20 * USEC_PER_MSEC },
			 .attempt_timeout = 10 * USEC_PER_SEC,
			 .connect_timeout = 5 * USEC_PER_SEC,
			 .deadline = clock_now().mono + 30 * USEC_PER_SEC,
			 .attempts = 4 },
	};
	mem_install_hooks();
	int first = parse(&o, argc, argv);
	if (argc - first < 2)
		die("what?", NULL);
	run(&o, argv + first);
	return 0;
}
