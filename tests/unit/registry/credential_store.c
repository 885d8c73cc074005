#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <sigrelay/base/file.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/registry/credential_store.h>

#define VARIABLES_MAX 9

/* A home, and an environment that lies in it. */
struct home {
	char path[64];
	char text[VARIABLES_MAX][256];
	char *env[VARIABLES_MAX + 1];
	size_t n;
};

static void set(struct home *h, const char *name, const char *folder, const char *value)
{
	char text[sizeof(h->text[0])]; /* folder is in *h as a rule */
	CU_ASSERT_FATAL(h->n < VARIABLES_MAX);
	snprintf(text, sizeof(text), "%s=%s%s", name, folder, value);
	memcpy(h->text[h->n], text, sizeof(text));
	h->env[h->n] = h->text[h->n];
	h->n++;
}

static void home_make(struct home *h)
{
	*h = (struct home){ 0 };
	strcpy(h->path, "/tmp/home.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(h->path));
	set(h, "HOME", h->path, "");
	set(h, "PATH", h->path, ":/usr/bin:/bin");
}

static void home_write(const struct home *h, const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", h->path, name);
	for (char *p = path + strlen(h->path) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		CU_ASSERT_EQUAL(folder_make_private(path), STATUS_OK);
	}
	CU_ASSERT_EQUAL_FATAL(file_write_private(path, slice_str(text)), STATUS_OK);
}

static void home_remove(const struct home *h)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -rf '%s'", h->path);
	CU_ASSERT_EQUAL(system(command), 0);
}

/* user NULL: nobody. */
static void finds(const struct home *h, const char *domain, const char *user)
{
	struct credential_store *s = NULL;
	struct credentials c = { 0 };
	struct buf why;
	buf_init(&why, 4096);
	CU_ASSERT_EQUAL_FATAL(credential_store_open(&s, h->env, &why), STATUS_OK);
	CU_ASSERT_EQUAL(credentials_find(s, domain, "a/b", &c, &why), user ? STATUS_OK : STATUS_NOT_FOUND);
	CU_ASSERT_EQUAL(c.username == NULL, user == NULL);
	if (user && c.username)
		CU_ASSERT_STRING_EQUAL(c.username, user);
	CU_ASSERT_EQUAL(why.n, 0);
	credentials_release(&c);
	credential_store_free(s);
	buf_release(&why);
}

static void is_refused(const struct home *h, enum status st, const char *file, const char *what)
{
	struct credential_store *s = NULL;
	struct buf why;
	buf_init(&why, 4096);
	CU_ASSERT_EQUAL(credential_store_open(&s, h->env, &why), st);
	CU_ASSERT_PTR_NULL(s);
	CU_ASSERT_PTR_NOT_NULL_FATAL(why.p);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.p, file));
	CU_ASSERT_PTR_NOT_NULL(strstr(why.p, what));
	buf_release(&why);
}

/* u1:s … u7:s in base64 */
#define AUTHS(host, user) "{\"auths\":{\"" host "\":{\"auth\":\"" user "\"}}}"
#define U1 "dTE6cw=="
#define U2 "dTI6cw=="
#define U3 "dTM6cw=="
#define U4 "dTQ6cw=="
#define U5 "dTU6cw=="
#define U6 "dTY6cw=="
#define U7 "dTc6cw=="

static void test_where_files_are_looked_for(void)
{
	struct home h;
	home_make(&h);
	finds(&h, "g.io", NULL);
	home_write(&h, ".config/containers/auth.json", AUTHS("g.io", U6));
	finds(&h, "g.io", "u6");
	set(&h, "XDG_CONFIG_HOME", h.path, "/config");
	finds(&h, "g.io", NULL);
	home_write(&h, "config/containers/auth.json", AUTHS("g.io", U7));
	finds(&h, "g.io", "u7");
	set(&h, "XDG_RUNTIME_DIR", h.path, "/run");
	home_write(&h, "run/containers/auth.json", AUTHS("g.io", U5));
	finds(&h, "g.io", "u5");
	set(&h, "REGISTRY_AUTH_FILE", h.path, "/file");
	finds(&h, "g.io", "u5");
	home_write(&h, "file", AUTHS("g.io", U4));
	finds(&h, "g.io", "u4");
	home_write(&h, ".docker/config.json", AUTHS("g.io", U3));
	finds(&h, "g.io", "u3");
	set(&h, "DOCKER_CONFIG", h.path, "/own");
	finds(&h, "g.io", "u4"); /* ~/.docker is not docker's folder any more */
	home_write(&h, "own/config.json", AUTHS("g.io", U2));
	finds(&h, "g.io", "u2");
	set(&h, "DOCKER_AUTH_CONFIG", "", AUTHS("g.io", U1));
	finds(&h, "g.io", "u1");
	finds(&h, "other.io", NULL);
	home_remove(&h);
}

static void test_a_file_that_does_not_name_the_registry(void)
{
	struct home h;
	home_make(&h);
	home_write(&h, ".docker/config.json", AUTHS("g.io", U2));
	home_write(&h, ".config/containers/auth.json", AUTHS("h.io", U3));
	set(&h, "DOCKER_AUTH_CONFIG", "", AUTHS("i.io", U1));
	finds(&h, "i.io", "u1");
	finds(&h, "g.io", "u2");
	finds(&h, "h.io", "u3");
	home_remove(&h);
}

static void helper(const struct home *h, const char *name, const char *body)
{
	char path[256], file[128];
	snprintf(file, sizeof(file), "docker-credential-%s", name);
	snprintf(path, sizeof(path), "%s/%s", h->path, file);
	home_write(h, file, body);
	CU_ASSERT_EQUAL(chmod(path, 0700), 0);
}

static void test_helpers_go_before_auths(void)
{
	struct home h;
	home_make(&h);
	home_write(&h, ".docker/config.json",
		   "{\"credsStore\":\"store\",\"credHelpers\":{\"g.io\":\"own\",\"no.io\":\"nobody\",\"off."
		   "io\":\"\"},"
		   "\"auths\":{\"g.io\":{\"auth\":\"" U2 "\"},\"no.io\":{\"auth\":\"" U3 "\"},"
		   "\"off.io\":{\"auth\":\"" U4 "\"}}}");
	helper(&h, "own", "#!/bin/sh\necho '{\"Username\":\"own\",\"Secret\":\"s\"}'\n");
	/* answers with the key that it was asked for */
	helper(&h, "store",
	       "#!/bin/sh\nread -r key\necho \"{\\\"Username\\\":\\\"$key\\\",\\\"Secret\\\":\\\"s\\\"}\"\n");
	helper(&h, "nobody", "#!/bin/sh\necho 'credentials not found in native keychain'\nexit 1\n");
	finds(&h, "g.io", "own");
	finds(&h, "no.io", "u3");
	finds(&h, "off.io", "u4");
	finds(&h, "i.io:5000", "i.io:5000");
	finds(&h, "docker.io", "https://index.docker.io/v1/");
	home_remove(&h);
}

/* One may take seconds, or hang: for a domain it is asked once. */
static void test_a_helper_is_asked_once(void)
{
	struct home h;
	struct credential_store *s = NULL;
	struct buf why;
	home_make(&h);
	home_write(&h, ".docker/config.json", "{\"credHelpers\":{\"g.io\":\"one\",\"bad.io\":\"bad\"}}");
	helper(&h, "one",
	       "#!/bin/sh\n[ -e \"$HOME/asked\" ] && exit 9\n: >\"$HOME/asked\"\n"
	       "echo '{\"Username\":\"own\",\"Secret\":\"s\"}'\n");
	helper(&h, "bad",
	       "#!/bin/sh\n[ -e \"$HOME/bad\" ] && exec echo '{\"Username\":\"u\",\"Secret\":\"s\"}'\n"
	       ": >\"$HOME/bad\"\necho locked\nexit 1\n");
	buf_init(&why, 4096);
	CU_ASSERT_EQUAL_FATAL(credential_store_open(&s, h.env, &why), STATUS_OK);
	for (int i = 0; i < 2; i++) {
		struct credentials c = { 0 };
		CU_ASSERT_EQUAL(credentials_find(s, "g.io", i ? "a" : "b", &c, &why), STATUS_OK);
		CU_ASSERT_STRING_EQUAL(c.username, "own");
		CU_ASSERT_STRING_EQUAL(c.secret, "s");
		credentials_release(&c);
		CU_ASSERT_EQUAL(why.n, 0);
		CU_ASSERT_EQUAL(credentials_find(s, "bad.io", "a", &c, &why), STATUS_IO);
		CU_ASSERT_PTR_NOT_NULL(strstr(why.p, "locked"));
		buf_reset(&why);
	}
	credential_store_free(s);
	buf_release(&why);
	home_remove(&h);
}

static void test_a_helper_that_hangs(void)
{
	struct home h;
	struct credential_store *s = NULL;
	struct credentials c = { 0 };
	struct buf why;
	home_make(&h);
	home_write(&h, ".docker/config.json", "{\"credsStore\":\"hang\"}");
	helper(&h, "hang", "#!/bin/sh\nexec sleep 60\n");
	buf_init(&why, 4096);
	CU_ASSERT_EQUAL_FATAL(credential_store_open(&s, h.env, &why), STATUS_OK);
	credential_store_limit(s, 100 * USEC_PER_MSEC);
	usec begun = clock_now().mono;
	CU_ASSERT_EQUAL(credentials_find(s, "g.io", "a", &c, &why), STATUS_IO);
	CU_ASSERT_EQUAL(credentials_find(s, "g.io", "b", &c, &why), STATUS_IO);
	CU_ASSERT(clock_now().mono - begun < CREDENTIAL_HELPER_TIMEOUT / 2);
	credential_store_free(s);
	buf_release(&why);
	home_remove(&h);
}

/* Not passed over: the next file may name somebody else. */
static void test_a_helper_that_is_not_there(void)
{
	struct home h;
	struct credential_store *s = NULL;
	struct credentials c = { 0 };
	struct buf why;
	home_make(&h);
	home_write(&h, ".docker/config.json",
		   "{\"credsStore\":\"missing\",\"auths\":{\"g.io\":{\"auth\":\"" U2 "\"}}}");
	home_write(&h, ".config/containers/auth.json", AUTHS("g.io", U3));
	buf_init(&why, 4096);
	CU_ASSERT_EQUAL_FATAL(credential_store_open(&s, h.env, &why), STATUS_OK);
	CU_ASSERT_EQUAL(credentials_find(s, "g.io", "a", &c, &why), STATUS_IO);
	CU_ASSERT_PTR_NOT_NULL_FATAL(why.p);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.p, "docker-credential-missing, which credsStore of "));
	CU_ASSERT_PTR_NOT_NULL(strstr(why.p, "/.docker/config.json names for g.io, is not in PATH"));
	CU_ASSERT_PTR_NULL(c.username);
	credential_store_free(s);
	buf_release(&why);
	home_remove(&h);
}

static void test_files_that_cannot_be_read(void)
{
	struct home h;
	char *large = mem_alloc(((size_t)1 << 20) + 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(large);
	memset(large, ' ', ((size_t)1 << 20) + 1);
	large[((size_t)1 << 20) + 1] = '\0';
	home_make(&h);
	home_write(&h, ".docker/config.json", "{");
	is_refused(&h, STATUS_INVALID, "/.docker/config.json", "not JSON");
	home_write(&h, ".docker/config.json", large);
	is_refused(&h, STATUS_IO, "/.docker/config.json", "more than 1 MiB");
	home_write(&h, ".docker/config.json", "");
	home_write(&h, ".config/containers/auth.json/file", "");
	is_refused(&h, STATUS_IO, "/.config/containers/auth.json", "Is a directory");
	mem_free(large);
	home_remove(&h);
	home_make(&h);
	home_write(&h, ".docker", "a file"); /* ENOTDIR: there is none */
	finds(&h, "g.io", NULL);
	set(&h, "DOCKER_AUTH_CONFIG", "", "{");
	is_refused(&h, STATUS_INVALID, "DOCKER_AUTH_CONFIG", "not JSON");
	home_remove(&h);
}

static void test_no_environment(void)
{
	struct home h = { 0 };
	finds(&h, "g.io", NULL);
	credential_store_free(NULL);
}

static void torture_store(void *arg)
{
	const struct home *h = arg;
	struct credential_store *s = NULL;
	struct credentials c = { 0 };
	struct buf why;
	buf_init(&why, 4096);
	enum status st = credential_store_open(&s, h->env, &why);
	if (st == STATUS_OK)
		st = credentials_find(s, "g.io", "a", &c, &why);
	CU_ASSERT(st == STATUS_OK || st == STATUS_NO_MEMORY);
	CU_ASSERT_EQUAL(c.username != NULL, st == STATUS_OK);
	credentials_release(&c);
	credential_store_free(s);
	buf_release(&why);
}

static void test_without_memory(void)
{
	struct home h;
	home_make(&h);
	home_write(&h, ".docker/config.json", AUTHS("other.io", U1));
	home_write(&h, ".config/containers/auth.json", AUTHS("g.io", U2));
	unit_torture(torture_store, &h);
	home_remove(&h);
}

TEST_SUITE(registry_credentials, TEST(test_where_files_are_looked_for),
	   TEST(test_a_file_that_does_not_name_the_registry), TEST(test_helpers_go_before_auths),
	   TEST(test_a_helper_is_asked_once), TEST(test_a_helper_that_hangs),
	   TEST(test_a_helper_that_is_not_there), TEST(test_files_that_cannot_be_read),
	   TEST(test_no_environment), TEST(test_without_memory))
