#include <sigrelay/relay/listen.h>

#include <errno.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <sigrelay/base/log.h>
#include <sigrelay/base/settings.h>

#define BACKLOG 1024
#define ACCEPT_PAUSE_S 1

union any_address {
	struct sockaddr sa;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

static enum status fail(struct buf *error, const char *setting, const char *address, const char *why)
{
	if (buf_addf(error, "cannot listen on %s (%s): %s; choose another address with --%s", address,
		     setting, why, strcmp(setting, "listen") == 0 ? "listen" : "admin-listen") != STATUS_OK)
		return STATUS_NO_MEMORY;
	return STATUS_IO;
}

static enum status resolve(const struct address *a, union any_address *out, socklen_t *n, const char **why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *found = NULL;
	char port[8];
	snprintf(port, sizeof(port), "%u", a->port);
	int e = getaddrinfo(a->host, port, &hints, &found);
	if (e) {
		*why = gai_strerror(e);
		return STATUS_IO;
	}
	*n = found->ai_addrlen;
	memcpy(out, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return STATUS_OK;
}

static bool stat_socket(const char *path, struct stat *st)
{
	return lstat(path, st) == 0 && S_ISSOCK(st->st_mode);
}

/* A socket file that nobody listens on is left over from a killed relay. */
static void remove_stale(const struct sockaddr_un *un)
{
	struct stat st;
	if (!stat_socket(un->sun_path, &st))
		return;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)un, sizeof(*un)) != 0 && errno == ECONNREFUSED)
		unlink(un->sun_path);
	close(fd);
}

static void remember_file(struct listen_file *file, const char *path)
{
	struct stat st;
	if (!stat_socket(path, &st))
		return;
	snprintf(file->path, sizeof(file->path), "%s", path);
	file->device = st.st_dev;
	file->inode = st.st_ino;
}

void listen_remove(struct listen_file *file)
{
	struct stat st;
	bool ours = file->path[0] && stat_socket(file->path, &st) && st.st_dev == file->device &&
		    st.st_ino == file->inode;
	if (ours && unlink(file->path) != 0)
		log_event(LOG_WARN, "socket_left", LOG_S("file", file->path), LOG_S("cause", strerror(errno)),
			  LOG_S("next", "the next start on it removes it, or cannot either"));
	*file = (struct listen_file){ .inode = 0 };
}

static enum status unix_address(const struct address *a, union any_address *out, socklen_t *n,
				const char **why)
{
	if (strlen(a->host) >= sizeof(out->un.sun_path)) {
		*why = "the path is too long for a UNIX socket (107 bytes)";
		return STATUS_IO;
	}
	out->un.sun_family = AF_UNIX;
	memcpy(out->un.sun_path, a->host, strlen(a->host) + 1);
	*n = (socklen_t)sizeof(out->un);
	return STATUS_OK;
}

/* The n-th of the colon-separated names; false: there are not so many. */
static bool is_named(const char *names, size_t n, const char *wanted)
{
	while (n && *names) {
		size_t used = strcspn(names, ":");
		names += used + (names[used] == ':');
		n--;
	}
	size_t length = strcspn(names, ":");
	return n == 0 && strlen(wanted) == length && strncmp(names, wanted, length) == 0;
}

/* Nobody chose a name: a unit without FileDescriptorName= passes its own. */
static bool is_unnamed(const char *names)
{
	static const char unit[] = ".socket";
	size_t n = strlen(names), m = sizeof(unit) - 1;
	return n == 0 || strcmp(names, "unknown") == 0 || (n > m && strcmp(names + n - m, unit) == 0);
}

/* sd_listen_fds_with_names(3): the descriptors from 3 on are ours if LISTEN_PID says so. */
static int inherited(const char *name)
{
	enum { FIRST = 3, MOST = 64 };
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS"),
		   *names = getenv("LISTEN_FDNAMES");
	uint64_t number;
	if (!pid || !count || slice_u64(slice_str(pid), &number) != STATUS_OK ||
	    number != (uint64_t)getpid() || slice_u64(slice_str(count), &number) != STATUS_OK)
		return -1;
	if (!names)
		names = "";
	if (number == 1 && is_unnamed(names) && strcmp(name, "listen") == 0)
		return FIRST;
	for (size_t i = 0; i < number && i < MOST; i++) {
		if (is_named(names, i, name))
			return FIRST + (int)i;
	}
	return -1;
}

/* It must be what the setting says: that is what was checked. */
static enum status adopt(int fd, const union any_address *wanted, socklen_t n, const char **why)
{
	union any_address bound = { .sa = { 0 } };
	socklen_t bound_n = sizeof(bound);
	int listens = 0;
	socklen_t listens_n = sizeof(listens);
	if (getsockname(fd, &bound.sa, &bound_n) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_n) != 0 || !listens) {
		*why = "the descriptor that systemd passed for it is no listening socket";
		return STATUS_IO;
	}
	bool same = bound.sa.sa_family == wanted->sa.sa_family;
	if (same && bound.sa.sa_family == AF_INET)
		same = bound.in4.sin_port == wanted->in4.sin_port &&
		       bound.in4.sin_addr.s_addr == wanted->in4.sin_addr.s_addr;
	else if (same && bound.sa.sa_family == AF_INET6)
		same = bound.in6.sin6_port == wanted->in6.sin6_port &&
		       memcmp(&bound.in6.sin6_addr, &wanted->in6.sin6_addr, sizeof(struct in6_addr)) == 0;
	else if (same)
		same = n >= bound_n && strcmp(bound.un.sun_path, wanted->un.sun_path) == 0;
	if (!same) {
		*why = "the socket that systemd passed for it has another address; make ListenStream= of the "
		       "socket unit and this setting agree";
		return STATUS_IO;
	}
	return evutil_make_socket_nonblocking(fd) == 0 && evutil_make_socket_closeonexec(fd) == 0 ? STATUS_OK
												  : STATUS_IO;
}

static enum status name_url(struct evconnlistener *l, const struct address *a, bool tls, struct buf *url)
{
	union any_address bound = { .sa = { 0 } };
	socklen_t n = sizeof(bound);
	if (a->kind == ADDRESS_UNIX)
		return buf_addf(url, "unix:%s", a->host);
	if (getsockname(evconnlistener_get_fd(l), &bound.sa, &n) != 0)
		return STATUS_IO;
	unsigned port = ntohs(bound.sa.sa_family == AF_INET6 ? bound.in6.sin6_port : bound.in4.sin_port);
	bool v6 = strchr(a->host, ':') != NULL;
	return buf_addf(url, "%s://%s%s%s:%u", tls ? "https" : "http", v6 ? "[" : "", a->host, v6 ? "]" : "",
			port);
}

static void pause_one(struct evhttp_bound_socket *s, void *arg)
{
	(void)arg;
	evconnlistener_disable(evhttp_bound_socket_get_listener(s));
}

static void resume_one(struct evhttp_bound_socket *s, void *arg)
{
	(void)arg;
	evconnlistener_enable(evhttp_bound_socket_get_listener(s));
}

void listen_pause(struct evhttp *http)
{
	evhttp_foreach_bound_socket(http, pause_one, NULL);
}

void listen_resume(struct evhttp *http)
{
	evhttp_foreach_bound_socket(http, resume_one, NULL);
}

static void accept_again(evutil_socket_t fd, short what, void *http)
{
	(void)fd;
	(void)what;
	listen_resume(http);
}

/* Out of descriptors, or of memory. The client waits in the kernel's queue, and the
 * listener stays readable for as long: without a pause the loop would spin. The
 * event ends with the base, which outlives http and does not run then. http: evhttp
 * made itself the argument of its listener's callbacks. */
static void accept_failed(struct evconnlistener *l, void *http)
{
	static const struct timeval pause = { ACCEPT_PAUSE_S, 0 };
	log_event(LOG_WARN, "accept_failed", LOG_S("cause", strerror(errno)),
		  LOG_T("wait", ACCEPT_PAUSE_S * USEC_PER_SEC),
		  LOG_S("next", "clients wait to be taken; where files are too many, raise LimitNOFILE="));
	if (event_base_once(evconnlistener_get_base(l), -1, EV_TIMEOUT, accept_again, http, &pause) == 0)
		listen_pause(http);
}

bool listen_is_inherited(const char *setting)
{
	return inherited(setting) >= 0;
}

static void last_bound(struct evhttp_bound_socket *s, void *out)
{
	*(struct evhttp_bound_socket **)out = s;
}

static struct evhttp_bound_socket *bound_of(struct evhttp *http)
{
	struct evhttp_bound_socket *s = NULL;
	evhttp_foreach_bound_socket(http, last_bound, &s);
	return s;
}

static void close_now(evutil_socket_t fd, short what, void *http)
{
	struct evhttp_bound_socket *s = bound_of(http);
	(void)fd;
	(void)what;
	if (s)
		evhttp_del_accept_socket(http, s);
}

/* Two steps: epoll forgets a socket when its last copy is closed, and others have
 * copies of this one. It is taken out in the loop's next turn, closed in the one after. */
void listen_close(struct evhttp *http, struct event_base *base)
{
	static const struct timeval a_turn = { 0, 1 };
	struct evhttp_bound_socket *s = bound_of(http);
	if (!s)
		return;
	struct evconnlistener *l = evhttp_bound_socket_get_listener(s);
	evconnlistener_disable(l);
	evconnlistener_set_cb(l, NULL, NULL); /* it is not resumed */
	(void)event_base_once(base, -1, EV_TIMEOUT, close_now, http, &a_turn);
}

static struct evconnlistener *listener_of(struct event_base *base, int fd)
{
	return evconnlistener_new(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE, 0, fd);
}

static struct evconnlistener *listener_at(struct event_base *base, const struct sockaddr *sa, int n)
{
	return evconnlistener_new_bind(base, NULL, NULL,
				       LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
				       BACKLOG, sa, n);
}

enum status listen_http(struct evhttp *http, struct event_base *base, const char *address,
			const char *setting, bool tls, struct listen_file *file, struct buf *url,
			struct buf *error)
{
	struct address a;
	union any_address sa = { .sa = { 0 } };
	socklen_t n = 0;
	const char *why = "not an address";
	if (address_parse(address, &a) != STATUS_OK)
		return fail(error, setting, address, "expected 127.0.0.1:7080, [::1]:7080 or unix:/path");
	enum status s = a.kind == ADDRESS_UNIX ? unix_address(&a, &sa, &n, &why) : resolve(&a, &sa, &n, &why);
	if (s != STATUS_OK)
		return fail(error, setting, address, why);
	int fd = inherited(setting);
	if (fd < 0 && a.kind == ADDRESS_UNIX)
		remove_stale(&sa.un);
	if (fd >= 0 && adopt(fd, &sa, n, &why) != STATUS_OK)
		return fail(error, setting, address, why);
	struct evconnlistener *l = fd >= 0 ? listener_of(base, fd) : listener_at(base, &sa.sa, (int)n);
	if (!l)
		return fail(error, setting, address, strerror(errno));
	if (fd < 0 && a.kind == ADDRESS_UNIX)
		remember_file(file, sa.un.sun_path);
	evconnlistener_set_error_cb(l, accept_failed);
	s = name_url(l, &a, tls, url);
	if (s != STATUS_OK || !evhttp_bind_listener(http, l)) {
		evconnlistener_free(l);
		return s == STATUS_OK ? STATUS_NO_MEMORY : s;
	}
	return STATUS_OK;
}
