/* Opening a listener on an address of the settings' three forms. */
#ifndef SIGRELAY_RELAY_LISTEN_H
#define SIGRELAY_RELAY_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/status.h>

struct event_base;
struct evhttp;
struct evconnlistener;

/* The file of a UNIX socket that was made here, known by its inode. Zeros: none. */
struct listen_file {
	char path[108];
	dev_t device;
	ino_t inode;
};

/* Removes it, unless something else stands there by now. While the socket still listens
 * no other relay takes the file for a stale one. */
void listen_remove(struct listen_file *file);

/* Binds and hands the listener to http, which owns it from then on. url gets
 * "http://127.0.0.1:7080", "https://…" with tls, or "unix:/path" (the port that was
 * really taken).
 * setting: the setting's name, for error. A stale UNIX socket is replaced. A socket that
 * systemd passed under the setting's name (FileDescriptorName=listen; a single one
 * without a name is listen's) is taken in place of a new one; it must have that address. file: set where a
 * UNIX socket was made. */
enum status listen_http(struct evhttp *http, struct event_base *base, const char *address,
			const char *setting, bool tls, struct listen_file *file, struct buf *url,
			struct buf *error) MUST_CHECK;

/* Accepts nobody for a while: they wait in the kernel's queue. */
void listen_pause(struct evhttp *http);
void listen_resume(struct evhttp *http);

/* Does systemd hold the socket of that name? */
bool listen_is_inherited(const char *setting);
/* Closes this process's copy of its listener, soon and for good; it accepts nobody from
 * now on. Where systemd holds the socket they wait in it for the next process. */
void listen_close(struct evhttp *http, struct event_base *base);

#endif
