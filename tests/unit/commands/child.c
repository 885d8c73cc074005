#include "unit.h"
#include "words.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sigrelay/commands/child.h>

static char *const env[] = { W("PATH=/usr/bin:/bin"), NULL };

static void test_exit_codes(void)
{
	CU_ASSERT_EQUAL(child_exit_code(W_EXITCODE(0, 0)), 0);
	CU_ASSERT_EQUAL(child_exit_code(W_EXITCODE(7, 0)), 7);
	CU_ASSERT_EQUAL(child_exit_code(W_EXITCODE(255, 0)), 255);
	CU_ASSERT_EQUAL(child_exit_code(W_EXITCODE(0, SIGTERM)), 143);
	CU_ASSERT_EQUAL(child_exit_code(W_EXITCODE(0, SIGSEGV) | WCOREFLAG), 128 + SIGSEGV);
}

static void test_what_cannot_be_run(void)
{
	CU_ASSERT_EQUAL(child_cannot_run_code(ENOENT), 127);
	CU_ASSERT_EQUAL(child_cannot_run_code(EACCES), 126);
	CU_ASSERT_EQUAL(child_cannot_run_code(ENOEXEC), 126);
}

/* Starts argv as run does and gives its exit code, or -errno. */
static int started(char *const *argv)
{
	static const int list[] = { SIGTERM, SIGCHLD, 0 };
	struct signals signals;
	pid_t pid;
	int status, rc;
	CU_ASSERT_EQUAL_FATAL(signals_take(&signals, list), STATUS_OK);
	if (child_start(argv, env, &signals, &pid) == STATUS_OK) {
		CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
		rc = child_exit_code(status);
	} else {
		rc = -errno;
	}
	signals_release(&signals);
	return rc;
}

static void test_start_says_why_it_cannot(void)
{
	char *const none[] = { W("/no/such/program"), NULL };
	char *const folder[] = { W("/tmp"), NULL };
	CU_ASSERT_EQUAL(started(none), -ENOENT);
	CU_ASSERT_EQUAL(started(folder), -EACCES);
}

/* SIGTERM and SIGPIPE would not end it if the mask or the dispositions were
 * those of the relay. */
static void test_the_command_gets_its_signals_back(void)
{
	char *const term[] = { W("sh"), W("-c"), W("kill -TERM $$; exit 3"), NULL };
	char *const broken[] = { W("sh"), W("-c"), W("kill -PIPE $$; exit 3"), NULL };
	CU_ASSERT_EQUAL(started(term), 128 + SIGTERM);
	CU_ASSERT_EQUAL(started(broken), 128 + SIGPIPE);
}

static enum status asked(char *const *argv, usec limit, size_t max, char *got, size_t size)
{
	struct buf out;
	buf_init(&out, max);
	enum status st = child_ask(argv, env, limit, &out);
	snprintf(got, size, "%s", out.p ? out.p : "");
	buf_release(&out);
	return st;
}

static void test_ask_gives_what_was_said(void)
{
	char got[64];
	char *const argv[] = { W("sh"), W("-c"), W("cat; echo said; echo not >&2"), NULL };
	CU_ASSERT_EQUAL(asked(argv, 5 * USEC_PER_SEC, 1024, got, sizeof(got)), STATUS_OK);
	CU_ASSERT_STRING_EQUAL(got, "said\n");
}

static void test_ask_gives_up(void)
{
	char got[64];
	char *const none[] = { W("/no/such/program"), NULL };
	char *const fails[] = { W("sh"), W("-c"), W("echo x; exit 1"), NULL };
	char *const slow[] = { W("sleep"), W("60"), NULL };
	char *const closed[] = { W("sh"), W("-c"), W("exec >&-; exec sleep 60"), NULL };
	char *const endless[] = { W("yes"), NULL };
	usec began = clock_now().mono;
	CU_ASSERT_EQUAL(asked(none, USEC_PER_SEC, 1024, got, sizeof(got)), STATUS_NOT_FOUND);
	CU_ASSERT_EQUAL(asked(fails, 5 * USEC_PER_SEC, 1024, got, sizeof(got)), STATUS_NOT_FOUND);
	CU_ASSERT_EQUAL(asked(slow, 200 * USEC_PER_MSEC, 1024, got, sizeof(got)), STATUS_NOT_FOUND);
	CU_ASSERT_EQUAL(asked(closed, 200 * USEC_PER_MSEC, 1024, got, sizeof(got)), STATUS_NOT_FOUND);
	CU_ASSERT_EQUAL(asked(endless, 5 * USEC_PER_SEC, 1024, got, sizeof(got)), STATUS_NOT_FOUND);
	CU_ASSERT(clock_now().mono - began < 20 * USEC_PER_SEC);
}

TEST_SUITE(commands_child, TEST(test_exit_codes), TEST(test_what_cannot_be_run),
	   TEST(test_start_says_why_it_cannot), TEST(test_the_command_gets_its_signals_back),
	   TEST(test_ask_gives_what_was_said), TEST(test_ask_gives_up))
