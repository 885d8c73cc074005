#include <sigrelay/registry/credentials.h>

#include <string.h>

#include <sigrelay/base/mem.h>

static void free_secret(char *text)
{
	if (text)
		mem_wipe(text, strlen(text));
	mem_free(text);
}

void credentials_release(struct credentials *c)
{
	free_secret(c->username);
	free_secret(c->secret);
	free_secret(c->identity_token);
	free_secret(c->registry_token);
	*c = (struct credentials){ 0 };
}

static bool copy_text(const char *from, char **to)
{
	*to = from ? mem_strdup(from) : NULL;
	return *to || !from;
}

enum status credentials_copy(const struct credentials *from, struct credentials *out)
{
	struct credentials c = { 0 };
	if (copy_text(from->username, &c.username) && copy_text(from->secret, &c.secret) &&
	    copy_text(from->identity_token, &c.identity_token) &&
	    copy_text(from->registry_token, &c.registry_token)) {
		*out = c;
		return STATUS_OK;
	}
	credentials_release(&c);
	return STATUS_NO_MEMORY;
}

enum status credential_text(const char *text, char **out)
{
	char *made = text && *text ? mem_strdup(text) : NULL;
	if (text && *text && !made)
		return STATUS_NO_MEMORY;
	*out = made;
	return STATUS_OK;
}

bool credential_is_token(struct slice text)
{
	size_t i = 0;
	while (i < text.n && text.p[i] > ' ' && text.p[i] < 0x7f)
		i++;
	return text.n > 0 && i == text.n;
}
