#include <sigrelay/builtin/trust_files.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/builtin/inside.h>

#define TOKEN_LIFE (600 * USEC_PER_SEC)

/* Each file: its name, the key in trust_keys (NULL: a fresh token), and the
 * variables that name it. */
static const struct {
	const char *name, *key, *variable;
} files[] = {
	{ "rekor.pub", "rekor.pub", "SIGSTORE_REKOR_PUBLIC_KEY" },
	{ "ctfe.pub", "ctfe.pub", "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE" },
	{ "fulcio.pem", "fulcio.pem", "SIGSTORE_ROOT_FILE" },
	{ "tsa.pem", "tsa.pem", "SIGSTORE_TSA_CERTIFICATE_FILE" },
	{ "trusted-root.json", "trusted_root", "BUILTIN_LOG_TRUSTED_ROOT" },
	{ "signing-config.json", "signing_config", "BUILTIN_LOG_SIGNING_CONFIG" },
	{ "token", NULL, "BUILTIN_LOG_TOKEN" },
};
#define N_FILES (sizeof(files) / sizeof(files[0]))

struct trust_files {
	char folder[256];
};

const char *trust_files_parent(void)
{
	const char *parent = getenv("TMPDIR");
	return parent && *parent ? parent : "/tmp";
}

static void path_of(const struct trust_files *f, size_t i, char out[320])
{
	snprintf(out, 320, "%s/%s", f->folder, files[i].name);
}

static enum status text_of(const struct builtin_log *l, const cJSON *keys, size_t i, struct buf *out)
{
	if (!files[i].key)
		return token_mint(l, &(struct token_wish){ "signer@sigrelay.test", NULL, TOKEN_LIFE }, out);
	const cJSON *item = json_at(keys, files[i].key, NULL);
	if (cJSON_IsString(item))
		return buf_add_str(out, item->valuestring);
	char *text = cJSON_Print(item);
	enum status s = text ? buf_add_str(out, text) : STATUS_NO_MEMORY;
	cJSON_free(text);
	return s;
}

static enum status write_file(const char *path, struct slice text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return STATUS_IO;
	bool ok = write(fd, text.p, text.n) == (ssize_t)text.n;
	int saved = errno;
	close(fd);
	errno = saved;
	return ok ? STATUS_OK : STATUS_IO;
}

static enum status write_one(const struct trust_files *f, const struct builtin_log *l, const cJSON *keys,
			     size_t i, FILE *env)
{
	char path[320];
	struct buf text;
	buf_init(&text, 256 * 1024);
	path_of(f, i, path);
	enum status s = text_of(l, keys, i, &text);
	if (s == STATUS_OK)
		s = write_file(path, buf_slice(&text));
	if (s == STATUS_OK)
		fprintf(env, "export %s='%s'\n", files[i].variable, path);
	buf_wipe(&text);
	return s;
}

static enum status write_all(const struct trust_files *f, const struct builtin_log *l, FILE *env)
{
	cJSON *keys = trust_keys(l);
	enum status s = keys ? STATUS_OK : STATUS_NO_MEMORY;
	for (size_t i = 0; s == STATUS_OK && i < N_FILES; i++)
		s = write_one(f, l, keys, i, env);
	if (s == STATUS_OK)
		fprintf(env, "export COSIGN_REKOR_URL='%s' COSIGN_FULCIO_URL='%s'\n", l->url, l->url);
	cJSON_Delete(keys);
	return s;
}

enum status trust_files_new(struct trust_files **out, const struct builtin_log *l, FILE *env)
{
	struct trust_files *f = mem_calloc(1, sizeof(*f));
	if (!f)
		return STATUS_NO_MEMORY;
	int n = snprintf(f->folder, sizeof(f->folder), "%s/sigrelay-builtin-XXXXXX", trust_files_parent());
	if (n >= (int)sizeof(f->folder) || !mkdtemp(f->folder)) {
		mem_free(f);
		return STATUS_IO;
	}
	enum status s = write_all(f, l, env);
	if (s != STATUS_OK) {
		int saved = errno;
		trust_files_free(f);
		errno = saved;
		return s;
	}
	*out = f;
	return STATUS_OK;
}

void trust_files_free(struct trust_files *f)
{
	char path[320];
	if (!f)
		return;
	for (size_t i = 0; i < N_FILES; i++) {
		path_of(f, i, path);
		(void)unlink(path);
	}
	(void)rmdir(f->folder);
	mem_free(f);
}
