#include "unit.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <sigrelay/commands/notify.h>

/* Listens as systemd does and gives what notify_send has sent there. */
static void check_arrives(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char got[64] = "";
	size_t n = strlen(path);
	memcpy(at.sun_path, path, n);
	if (path[0] == '@')
		at.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(
	    bind(fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)), 0);
	CU_ASSERT_EQUAL(notify_send(path, "READY=1"), STATUS_OK);
	CU_ASSERT_EQUAL(recv(fd, got, sizeof(got) - 1, 0), 7);
	CU_ASSERT_STRING_EQUAL(got, "READY=1");
	close(fd);
}

static void test_a_path(void)
{
	char folder[] = "/tmp/sigrelay-notify.XXXXXX";
	char path[64];
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	check_arrives(path);
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(rmdir(folder), 0);
}

static void test_an_abstract_name(void)
{
	char name[64];
	snprintf(name, sizeof(name), "@sigrelay-notify-%d", (int)getpid());
	check_arrives(name);
}

static void test_without_systemd_nothing_is_done(void)
{
	CU_ASSERT_EQUAL(notify_send(NULL, "READY=1"), STATUS_OK);
	CU_ASSERT_EQUAL(notify_send("", "READY=1"), STATUS_OK);
}

static void test_what_is_no_socket(void)
{
	char endless[200];
	memset(endless, 'x', sizeof(endless) - 1);
	endless[0] = '/';
	endless[sizeof(endless) - 1] = '\0';
	CU_ASSERT_EQUAL(notify_send("vsock:2:1234", "READY=1"), STATUS_INVALID);
	CU_ASSERT_EQUAL(notify_send(endless, "READY=1"), STATUS_INVALID);
	CU_ASSERT_EQUAL(notify_send("/no/such/socket", "READY=1"), STATUS_IO);
}

TEST_SUITE(commands_notify, TEST(test_a_path), TEST(test_an_abstract_name),
	   TEST(test_without_systemd_nothing_is_done), TEST(test_what_is_no_socket))
