#include <sigrelay/commands/run_record.h>

#include <string.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/commands/github.h>
#include <sigrelay/commands/run_ledger.h>
#include <sigrelay/registry/reference.h>

#define DIGEST_HEX 64

enum status run_record_open(struct run_record *r, const struct settings *s, char *const *command,
			    char *const *env)
{
	r->command = command;
	r->env = env;
	return run_ledger_open(&r->ledger, s, env);
}

void run_record_close(struct run_record *r)
{
	ledger_close(&r->ledger);
}

const char *image_digest(const char *arg)
{
	static const char mark[] = "@sha256:";
	const char *at = strstr(arg, mark);
	if (arg[0] == '-' || !at || at == arg)
		return NULL;
	if (strcspn(arg, " \t\r\n") != strlen(arg)) /* a shell's text that ends in an image */
		return NULL;
	const char *hex = at + sizeof(mark) - 1;
	if (strspn(hex, "0123456789abcdef") != DIGEST_HEX || hex[DIGEST_HEX] != '\0')
		return NULL;
	return at + 1;
}

/* Where the name is one that a registry knows, its parts are told too. */
static void add_image(struct run_record *r, struct ledger_line line, const char *arg, const char *digest)
{
	char *image = mem_strndup(arg, (size_t)(digest - 1 - arg));
	struct reference ref = { 0 };
	struct buf why;
	buf_init(&why, 4096);
	line.image = image;
	line.digest = digest;
	if (image && reference_parse(image, &ref, &why) == STATUS_OK) {
		line.registry = ref.domain;
		line.repository = ref.path;
		line.tag = ref.tag;
	}
	run_ledger_add(&r->ledger, "run", &line);
	reference_release(&ref);
	buf_release(&why);
	mem_free(image);
}

static void write_ledger(struct run_record *r, bool is_signed, const char *reason)
{
	struct ledger_line line = { .event = is_signed ? LEDGER_SIGNED : LEDGER_UNSIGNED, .reason = reason };
	bool any = false;
	for (char *const *arg = r->command + 1; *arg; arg++) {
		const char *digest = image_digest(*arg);
		if (digest)
			add_image(r, line, *arg, digest);
		any = any || digest;
	}
	if (!any)
		run_ledger_add(&r->ledger, "run", &line);
}

static void write_output(const struct run_record *r, bool is_signed)
{
	const struct github_output output = { "signed", is_signed ? "true" : "false" };
	struct buf text;
	buf_init(&text, 4096);
	github_add(r->env, "run", "GITHUB_OUTPUT", github_outputs_print(&output, 1, &text), &text);
	buf_release(&text);
}

void run_record_end(struct run_record *r, bool is_signed, const char *reason)
{
	if (r->ledger.fd >= 0)
		write_ledger(r, is_signed, reason);
	write_output(r, is_signed);
}
