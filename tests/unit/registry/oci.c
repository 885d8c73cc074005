#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sigrelay/registry/oci.h>

/* A registry that wants a token, and has no such tag. Its thread allocates
 * nothing: every allocation that fails is the program's. */
struct server {
	bool basic; /* or a name and a password */
	int fd;
	pthread_t thread;
	char host[64];
};

static const char *answer_to(const struct server *s, const char *request, char *out, size_t size)
{
	static const char unknown[] = "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"x\"}]}";
	static const char token[] = "{\"token\":\"abc\"}";
	if (strncmp(request, "GET /token", 10) == 0)
		snprintf(out, size, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", sizeof(token) - 1,
			 token);
	else if (!strstr(request,
			 s->basic ? "Authorization: Basic dTpw\r\n" : "Authorization: Bearer abc\r\n"))
		snprintf(out, size,
			 "HTTP/1.1 401 No\r\nContent-Length: 0\r\nWWW-Authenticate: %s "
			 "realm=\"http://%s/token\",service=\"s\",scope=\"repository:a/b:pull\"\r\n\r\n",
			 s->basic ? "Basic" : "Bearer", s->host);
	else
		snprintf(out, size, "HTTP/1.1 404 No\r\nContent-Length: %zu\r\n\r\n%s", sizeof(unknown) - 1,
			 strncmp(request, "HEAD", 4) == 0 ? "" : unknown);
	return out;
}

static void serve(const struct server *s, int fd)
{
	char request[8192], out[1024];
	size_t n = 0;
	ssize_t got;
	while ((got = read(fd, request + n, sizeof(request) - 1 - n)) > 0) {
		n += (size_t)got;
		request[n] = '\0';
		if (!strstr(request, "\r\n\r\n"))
			continue;
		const char *text = answer_to(s, request, out, sizeof(out));
		if (write(fd, text, strlen(text)) < 0)
			break;
		n = 0;
	}
	close(fd);
}

/* One connection after the other: the client has one at a time. */
static void *run(void *arg)
{
	const struct server *s = arg;
	int fd;
	while ((fd = accept(s->fd, NULL, NULL)) >= 0)
		serve(s, fd);
	return NULL;
}

static void begin(struct server *s)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr sa;
	socklen_t n = sizeof(sa);
	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	memcpy(&sa, &a, sizeof(sa));
	CU_ASSERT_EQUAL_FATAL(bind(s->fd, &sa, sizeof(sa)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(s->fd, 16), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(s->fd, &sa, &n), 0);
	memcpy(&a, &sa, sizeof(a));
	snprintf(s->host, sizeof(s->host), "127.0.0.1:%u", ntohs(a.sin_port));
	CU_ASSERT_EQUAL_FATAL(pthread_create(&s->thread, NULL, run, s), 0);
}

static void end(struct server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
}

struct seen {
	int calls;
	enum tag_state state;
};

static void on_look(void *arg, const struct tag_look *look)
{
	struct seen *s = arg;
	s->calls++;
	s->state = look->state;
	CU_ASSERT_TRUE(look->state == TAG_ABSENT || look->reason[0]);
}

static struct seen look_with(const struct credential_store *store, char *host)
{
	char path[] = "a/b", tag[] = "v1";
	const struct reference ref = { .domain = host, .path = path, .tag = tag };
	struct seen seen = { 0, TAG_UNKNOWN };
	struct web *w = NULL;
	struct registry *r = NULL;
	const struct web_config cfg = { .attempt_timeout = 10 * USEC_PER_SEC,
					.connect_timeout = 10 * USEC_PER_SEC,
					.deadline = clock_now().mono + 60 * USEC_PER_SEC,
					.attempts = 1 };
	if (web_new(&w, &cfg) != STATUS_OK)
		return seen;
	const struct registry_config rc = { .web = w, .credentials = store };
	if (registry_new(&r, &rc) == STATUS_OK) {
		bool started = oci_look(r, &ref, USEC_NEVER, on_look, &seen) == STATUS_OK;
		web_run(w);
		CU_ASSERT_EQUAL(seen.calls, started ? 1 : 0);
	}
	registry_free(r);
	web_free(w);
	return seen;
}

/* The whole way: challenge, whose name, token, HEAD, GET. */
static enum tag_state look(char *host)
{
	char variable[256];
	char *env[] = { variable, NULL };
	struct credential_store *store = NULL;
	struct buf why;
	enum tag_state state = TAG_UNKNOWN;
	snprintf(variable, sizeof(variable), "DOCKER_AUTH_CONFIG={\"auths\":{\"%s\":{\"auth\":\"dTpw\"}}}",
		 host);
	buf_init(&why, 1024);
	if (credential_store_open(&store, env, &why) == STATUS_OK)
		state = look_with(store, host).state;
	credential_store_free(store);
	buf_release(&why);
	return state;
}

static void torture(void *arg)
{
	struct server *s = arg;
	CU_ASSERT_NOT_EQUAL(look(s->host), TAG_PRESENT);
}

static void check_look(bool basic)
{
	struct server s = { .basic = basic };
	begin(&s);
	CU_ASSERT_EQUAL(look(s.host), TAG_ABSENT);
	unit_torture(torture, &s);
	end(&s);
}

static void test_a_look_with_a_token(void)
{
	check_look(false);
}

static void test_a_look_with_a_password(void)
{
	check_look(true);
}

static void test_a_reference_to_nothing_is_not_asked_for(void)
{
	char host[] = "127.0.0.1:1", path[] = "a/b";
	const struct reference ref = { .domain = host, .path = path };
	struct tag_look out;
	struct web *w = NULL;
	struct registry *r = NULL;
	const struct web_config cfg = { .attempts = 1 };
	CU_ASSERT_EQUAL_FATAL(web_new(&w, &cfg), STATUS_OK);
	const struct registry_config rc = { .web = w };
	CU_ASSERT_EQUAL_FATAL(registry_new(&r, &rc), STATUS_OK);
	CU_ASSERT_EQUAL(oci_look_now(r, w, &ref, USEC_NEVER, &out), STATUS_INVALID);
	registry_free(r);
	web_free(w);
}

TEST_SUITE(registry_oci, TEST(test_a_look_with_a_token), TEST(test_a_look_with_a_password),
	   TEST(test_a_reference_to_nothing_is_not_asked_for))
