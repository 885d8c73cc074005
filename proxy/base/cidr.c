#include <sigrelay/base/cidr.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <sigrelay/base/mem.h>

#define V4_BEFORE 12 /* bytes of ::ffff:0:0/96 */

static const unsigned char v4_prefix[V4_BEFORE] = { [10] = 0xff, [11] = 0xff };

/* How many bits stand before the text's own prefix length; < 0: no address. */
static int read_address(const char *text, unsigned char out[16])
{
	if (inet_pton(AF_INET6, text, out) == 1)
		return 0;
	if (inet_pton(AF_INET, text, out + V4_BEFORE) != 1)
		return -1;
	memcpy(out, v4_prefix, V4_BEFORE);
	return V4_BEFORE * 8;
}

static bool bit(const unsigned char a[16], unsigned i)
{
	return (a[i / 8] >> (7 - i % 8)) & 1;
}

enum status cidr_parse(struct slice text, struct cidr *out)
{
	char address[INET6_ADDRSTRLEN];
	struct cidr c = { .bits = 128 };
	const char *slash = text.n ? memchr(text.p, '/', text.n) : NULL;
	size_t n = slash ? (size_t)(slash - text.p) : text.n;
	uint64_t length = 0;
	if (n == 0 || n >= sizeof(address))
		return STATUS_INVALID;
	memcpy(address, text.p, n);
	address[n] = '\0';
	int before = strlen(address) == n ? read_address(address, c.address) : -1;
	if (before < 0)
		return STATUS_INVALID;
	if (slash) {
		struct slice rest = { slash + 1, text.n - n - 1 };
		if (rest.n == 0 || slice_u64(rest, &length) != STATUS_OK || length > 128u - (unsigned)before)
			return STATUS_INVALID;
		c.bits = (unsigned)length + (unsigned)before;
	}
	for (unsigned i = c.bits; i < 128; i++) {
		if (bit(c.address, i))
			return STATUS_INVALID;
	}
	*out = c;
	return STATUS_OK;
}

static bool is_within(const struct cidr *c, const unsigned char a[16])
{
	unsigned whole = c->bits / 8;
	if (memcmp(c->address, a, whole) != 0)
		return false;
	for (unsigned i = whole * 8; i < c->bits; i++) {
		if (bit(c->address, i) != bit(a, i))
			return false;
	}
	return true;
}

bool cidr_holds(const struct cidr *c, const struct sockaddr *address)
{
	unsigned char a[16];
	if (address->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, address, sizeof(in));
		memcpy(a, v4_prefix, V4_BEFORE);
		memcpy(a + V4_BEFORE, &in.sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 in;
		memcpy(&in, address, sizeof(in));
		memcpy(a, &in.sin6_addr, sizeof(a));
	} else {
		return false;
	}
	return is_within(c, a);
}

static enum status add(struct cidr_list *l, struct slice word)
{
	struct cidr c;
	enum status st = cidr_parse(word, &c);
	if (st != STATUS_OK)
		return st;
	struct cidr *v = mem_realloc(l->v, (l->n + 1) * sizeof(*v));
	if (!v)
		return STATUS_NO_MEMORY;
	l->v = v;
	v[l->n++] = c;
	return STATUS_OK;
}

enum status cidr_list_parse(const char *text, struct cidr_list *out, struct slice *bad)
{
	static const char between[] = ", \t";
	struct cidr_list l = { 0 };
	for (const char *p = text ? text : ""; *(p += strspn(p, between));) {
		struct slice word = { p, strcspn(p, between) };
		enum status st = add(&l, word);
		if (st != STATUS_OK) {
			cidr_list_release(&l);
			*bad = word;
			return st;
		}
		p += word.n;
	}
	*out = l;
	return STATUS_OK;
}

bool cidr_list_holds(const struct cidr_list *l, const struct sockaddr *address)
{
	if (l->n == 0 || address->sa_family == AF_UNIX)
		return true;
	for (size_t i = 0; i < l->n; i++) {
		if (cidr_holds(&l->v[i], address))
			return true;
	}
	return false;
}

void cidr_list_release(struct cidr_list *l)
{
	mem_free(l->v);
	*l = (struct cidr_list){ 0 };
}
