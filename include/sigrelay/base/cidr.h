/* Networks as operators write them: 10.0.0.0/8, fd00::/8, 192.0.2.7. */
#ifndef SIGRELAY_BASE_CIDR_H
#define SIGRELAY_BASE_CIDR_H

#include <stdbool.h>
#include <stddef.h>

#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>

struct sockaddr;

struct cidr {
	unsigned char address[16]; /* IPv4 as IPv6 sees it: ::ffff:a.b.c.d */
	unsigned bits;             /* of 128 */
};

/* Bits of the address beyond the prefix must be 0: 10.0.0.1/8 is a slip. */
enum status cidr_parse(struct slice text, struct cidr *out) MUST_CHECK;
bool cidr_holds(const struct cidr *c, const struct sockaddr *address);

struct cidr_list {
	struct cidr *v;
	size_t n;
};

/* Commas and blanks between them. NULL and "" give the empty list.
 * STATUS_INVALID: *bad is the first that is none, a view of text. */
enum status cidr_list_parse(const char *text, struct cidr_list *out, struct slice *bad) MUST_CHECK;
/* An empty list holds everyone, and every list holds who comes by a UNIX socket. */
bool cidr_list_holds(const struct cidr_list *l, const struct sockaddr *address);
void cidr_list_release(struct cidr_list *l);

#endif
