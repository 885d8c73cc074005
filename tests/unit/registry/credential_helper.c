#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sigrelay/base/file.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/registry/credential_helper.h>

/* A folder that is the PATH of the helpers, beside what their scripts need. */
struct folder {
	char path[64], variable[128], told[160];
	char *env[3];
};

static void folder_make(struct folder *f)
{
	strcpy(f->path, "/tmp/helper.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(f->path));
	snprintf(f->variable, sizeof(f->variable), "PATH=relative::%s:/usr/bin:/bin", f->path);
	snprintf(f->told, sizeof(f->told), "TOLD=%s/told", f->path);
	f->env[0] = f->variable;
	f->env[1] = f->told;
	f->env[2] = NULL;
}

static void folder_remove(const struct folder *f)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -rf '%s'", f->path);
	CU_ASSERT_EQUAL(system(command), 0);
}

/* The helper "test", a script. */
static void script(const struct folder *f, const char *body, mode_t mode)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/docker-credential-test", f->path);
	CU_ASSERT_EQUAL_FATAL(file_write_private(path, slice_str(body)), STATUS_OK);
	CU_ASSERT_EQUAL_FATAL(chmod(path, mode), 0);
}

static struct helper_call call_of(const struct folder *f)
{
	return (struct helper_call){ .name = "test",
				     .key = "g.io",
				     .file = "/h/config.json",
				     .field = "credHelpers",
				     .env = f->env,
				     .limit = 20 * USEC_PER_SEC };
}

static enum status ask(const struct helper_call *call, struct credentials *out, struct buf *why)
{
	buf_init(why, 4096);
	*out = (struct credentials){ 0 };
	return credential_helper_get(call, out, why);
}

static void test_it_is_asked_with_the_key_alone(void)
{
	struct folder f;
	struct credentials c;
	struct buf why, told;
	folder_make(&f);
	script(&f,
	       "#!/bin/sh\n{ echo \"$# $1\"; cat; } > \"$TOLD\"\n"
	       "echo '{\"ServerURL\":\"g.io\",\"Username\":\"user\",\"Secret\":\"s\\u0065cret\"}'\n",
	       0700);
	struct helper_call call = call_of(&f);
	CU_ASSERT_EQUAL(ask(&call, &c, &why), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(c.username, "user");
	CU_ASSERT_STRING_EQUAL(c.secret, "secret");
	CU_ASSERT_PTR_NULL(c.identity_token);
	CU_ASSERT_EQUAL(why.n, 0);
	buf_init(&told, 4096);
	CU_ASSERT_EQUAL(file_read(f.told + 5, &told), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(told.p, "1 get\ng.io");
	buf_release(&told);
	credentials_release(&c);
	buf_release(&why);
	folder_remove(&f);
}

/* What a script makes of the call; "" for words: none. */
static void ends(const char *body, mode_t mode, enum status st, const char *words)
{
	struct folder f;
	struct credentials c;
	struct buf why;
	folder_make(&f);
	script(&f, body, mode);
	struct helper_call call = call_of(&f);
	CU_ASSERT_EQUAL(ask(&call, &c, &why), st);
	CU_ASSERT_PTR_NULL(c.secret);
	CU_ASSERT_PTR_NULL(c.identity_token);
	if (*words) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(why.p);
		CU_ASSERT_PTR_NOT_NULL(
		    strstr(why.p, "docker-credential-test, which credHelpers of /h/config.json names"));
		if (!strstr(why.p, words))
			printf("\n%s\n", why.p);
		CU_ASSERT_PTR_NOT_NULL(strstr(why.p, words));
		CU_ASSERT_PTR_NULL(strstr(why.p, "pw77"));
	} else {
		CU_ASSERT_EQUAL(why.n, 0);
	}
	buf_release(&why);
	folder_remove(&f);
}

static void test_it_knows_nobody(void)
{
	ends("#!/bin/sh\necho 'credentials not found in native keychain'\nexit 1\n", 0700, STATUS_NOT_FOUND,
	     "");
	ends("#!/bin/sh\necho '{\"ServerURL\":\"\",\"Username\":\"\",\"Secret\":\"\"}'\n", 0700,
	     STATUS_NOT_FOUND, "");
}

static void test_it_fails(void)
{
	ends("#!/bin/sh\nprintf 'no \\033[1mkeychain\\n'\nexit 3\n", 0700, STATUS_IO,
	     "failed (exit code 3): no ?[1mkeychain; `printf %s g.io | docker-credential-test get` shows it");
	ends("#!/bin/sh\nexit 1\n", 0700, STATUS_IO, "failed (exit code 1); ");
	ends("#!/bin/sh\nkill -9 $$\n", 0700, STATUS_IO, "failed (killed by signal 9)");
	ends("#!/bin/sh\necho '{\"Username\":\"u\",\"Secret\":\"pw77\"}'\nexit 1\n", 0700, STATUS_IO,
	     "exit code 1");
}

static void test_its_answer_is_no_good(void)
{
	ends("#!/bin/sh\necho pw77\n", 0700, STATUS_INVALID, "something else than JSON");
	ends("#!/bin/sh\n:\n", 0700, STATUS_INVALID, "something else than JSON");
	ends("#!/bin/sh\necho '{\"Username\":\"u\"}'\n", 0700, STATUS_INVALID, "something else than JSON");
	ends("#!/bin/sh\necho '{\"Username\":\"\",\"Secret\":\"pw77\"}'\n", 0700, STATUS_INVALID,
	     "something else");
	ends("#!/bin/sh\necho '{\"Username\":7,\"Secret\":\"pw77\"}'\n", 0700, STATUS_INVALID,
	     "something else");
	ends("#!/bin/sh\necho '[\"pw77\"]'\n", 0700, STATUS_INVALID, "something else");
}

static void test_it_says_too_much(void)
{
	ends("#!/bin/sh\nwhile echo pw77pw77pw77pw77pw77; do :; done\n", 0700, STATUS_IO, "more than 64 KiB");
	ends("#!/bin/sh\nexec yes pw77\n", 0700, STATUS_IO, "more than 64 KiB");
}

/* valgrind takes the exec for done, and the child ends with its own word for it. */
static const char *or_by_valgrind(const char *words)
{
	const char *preload = getenv("LD_PRELOAD");
	return preload && strstr(preload, "vgpreload") ? "failed (exit code 1" : words;
}

static void test_it_cannot_be_run(void)
{
	ends("#!/no/such/shell\n", 0700, STATUS_IO,
	     or_by_valgrind("cannot be run: No such file or directory"));
	ends("no program\n", 0700, STATUS_IO, or_by_valgrind("cannot be run: Exec format error"));
	ends("#!/bin/sh\n", 0600, STATUS_IO, "is not in PATH; install it");
}

/* It does not read what it is asked: that must not end the one who asks. */
static void test_it_does_not_read(void)
{
	struct folder f;
	struct credentials c;
	struct buf why;
	folder_make(&f);
	script(&f, "#!/bin/sh\nexec <&-\necho '{\"Username\":\"<token>\",\"Secret\":\"it\"}'\n", 0700);
	struct helper_call call = call_of(&f);
	CU_ASSERT_EQUAL(ask(&call, &c, &why), STATUS_OK);
	CU_ASSERT_PTR_NULL(c.username);
	CU_ASSERT_PTR_NULL(c.secret);
	CU_ASSERT_STRING_EQUAL(c.identity_token, "it");
	credentials_release(&c);
	buf_release(&why);
	folder_remove(&f);
}

/* True when no process of that number is left but, for a moment, its remains. */
static bool is_gone(pid_t pid)
{
	char path[64], state[512] = "";
	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return true;
	bool read = fgets(state, sizeof(state), file) != NULL;
	fclose(file);
	return !read || strstr(state, ") Z ") != NULL;
}

/* Neither it nor what it has started goes on. */
static void test_it_hangs(void)
{
	static const char *const bodies[] = {
		"#!/bin/sh\nsleep 1000 &\necho $! > \"$TOLD\"\nwait\n",
		/* Its stdout ends, and it does not. */
		"#!/bin/sh\nexec >&-\nsleep 1000 &\necho $! > \"$TOLD\"\nwait\n",
	};
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct folder f;
		struct credentials c;
		struct buf why, told;
		folder_make(&f);
		script(&f, bodies[i], 0700);
		struct helper_call call = call_of(&f);
		call.limit = 2 * USEC_PER_SEC;
		CU_ASSERT_EQUAL(ask(&call, &c, &why), STATUS_IO);
		CU_ASSERT_PTR_NOT_NULL_FATAL(why.p);
		CU_ASSERT_PTR_NOT_NULL(strstr(why.p, "did not end within 2s and was stopped"));
		buf_init(&told, 4096);
		CU_ASSERT_EQUAL_FATAL(file_read(f.told + 5, &told), STATUS_OK);
		pid_t child = (pid_t)strtol(told.p, NULL, 10);
		CU_ASSERT_FATAL(child > 1);
		for (int tries = 0; tries < 5000 && !is_gone(child); tries++)
			usleep(1000);
		CU_ASSERT(is_gone(child));
		buf_release(&told);
		buf_release(&why);
		folder_remove(&f);
	}
}

static void test_names_and_paths_that_are_none(void)
{
	struct folder f;
	struct credentials c;
	struct buf why;
	folder_make(&f);
	struct helper_call call = call_of(&f);
	call.name = "../test";
	CU_ASSERT_EQUAL(ask(&call, &c, &why), STATUS_IO);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.p, "docker-credential-../test"));
	CU_ASSERT_PTR_NOT_NULL(strstr(why.p, "it has a '/'"));
	buf_release(&why);
	call.name = "a\x1b]0;b";
	CU_ASSERT_EQUAL(ask(&call, &c, &why), STATUS_IO);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.p, "docker-credential-a?]0;b"));
	CU_ASSERT_PTR_NOT_NULL(strstr(why.p, "is not in PATH"));
	buf_release(&why);
	call.env = f.env + 1;
	CU_ASSERT_EQUAL(ask(&call, &c, &why), STATUS_IO);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.p, "is not in PATH"));
	buf_release(&why);
	folder_remove(&f);
}

/* A relative folder of PATH is not looked into. */
static void test_what_lies_in_the_folder_one_is_in(void)
{
	struct folder f;
	struct credentials c;
	struct buf why;
	char before[4096], path[] = "PATH=.:", *env[] = { path, NULL };
	folder_make(&f);
	script(&f, "#!/bin/sh\necho '{\"Username\":\"u\",\"Secret\":\"s\"}'\n", 0700);
	CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(before, sizeof(before)));
	CU_ASSERT_EQUAL_FATAL(chdir(f.path), 0);
	struct helper_call call = call_of(&f);
	call.env = env;
	CU_ASSERT_EQUAL(ask(&call, &c, &why), STATUS_IO);
	CU_ASSERT_EQUAL_FATAL(chdir(before), 0);
	credentials_release(&c);
	buf_release(&why);
	folder_remove(&f);
}

/* Where SIGCHLD is ignored there is no exit code to be had. */
static void test_children_that_nobody_waits_for(void)
{
	struct folder f;
	struct credentials c;
	struct buf why;
	struct sigaction ignored = { .sa_handler = SIG_IGN }, before;
	folder_make(&f);
	script(&f, "#!/bin/sh\necho '{\"Username\":\"u\",\"Secret\":\"s\"}'\n", 0700);
	CU_ASSERT_EQUAL_FATAL(sigaction(SIGCHLD, &ignored, &before), 0);
	struct helper_call call = call_of(&f);
	CU_ASSERT_EQUAL(ask(&call, &c, &why), STATUS_OK);
	CU_ASSERT_EQUAL(sigaction(SIGCHLD, &before, NULL), 0);
	credentials_release(&c);
	buf_release(&why);
	folder_remove(&f);
}

static void torture_parse(void *arg)
{
	struct credentials c = { 0 };
	enum status st = credential_helper_parse(slice_str(arg), &c);
	CU_ASSERT(st == STATUS_OK || st == STATUS_NO_MEMORY);
	CU_ASSERT(st == STATUS_OK || (!c.username && !c.secret && !c.identity_token));
	credentials_release(&c);
}

static void torture_get(void *arg)
{
	struct credentials c;
	struct buf why;
	enum status st = ask(arg, &c, &why);
	CU_ASSERT(st == STATUS_OK || st == STATUS_NO_MEMORY);
	credentials_release(&c);
	buf_release(&why);
}

static void test_without_memory(void)
{
	struct folder f;
	char user[] = "{\"Username\":\"u\",\"Secret\":\"s\"}",
	     token[] = "{\"Username\":\"<token>\",\"Secret\":\"s\"}";
	unit_torture(torture_parse, user);
	unit_torture(torture_parse, token);
	folder_make(&f);
	script(&f, "#!/bin/sh\necho '{\"Username\":\"u\",\"Secret\":\"s\"}'\n", 0700);
	struct helper_call call = call_of(&f);
	unit_torture(torture_get, &call);
	folder_remove(&f);
}

TEST_SUITE(registry_credential_helper, TEST(test_it_is_asked_with_the_key_alone), TEST(test_it_knows_nobody),
	   TEST(test_it_fails), TEST(test_its_answer_is_no_good), TEST(test_it_says_too_much),
	   TEST(test_it_cannot_be_run), TEST(test_it_does_not_read), TEST(test_it_hangs),
	   TEST(test_names_and_paths_that_are_none), TEST(test_what_lies_in_the_folder_one_is_in),
	   TEST(test_children_that_nobody_waits_for), TEST(test_without_memory))
