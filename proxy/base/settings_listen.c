#include <sigrelay/base/settings.h>

#include <string.h>

#include "settings_load.h"

static enum status check_one(struct settings_load *l, size_t id, const char *text)
{
	struct address a;
	const char *where = l->where[id];
	if (!text || address_parse(text, &a) != STATUS_OK || a.loopback || l->values.allow_insecure_listen)
		return STATUS_OK;
	return load_error(
	    l,
	    "%s%s%s = %s can be reached from other machines, without TLS; listen on 127.0.0.1, or "
	    "set allow_insecure_listen = yes where the network is trusted",
	    where ? where : "", where ? ": " : "", settings_table[id].name, text);
}

/* Port 0 takes any free port, a different one each time. */
static bool same_address(const char *x, const char *y)
{
	struct address a, b;
	if (address_parse(x, &a) != STATUS_OK || address_parse(y, &b) != STATUS_OK || a.kind != b.kind)
		return false;
	if (a.kind == ADDRESS_TCP && (a.port != b.port || a.port == 0))
		return false;
	return strcmp(a.host, b.host) == 0;
}

enum status settings_check_listen(struct settings_load *l)
{
	const char *listen = l->values.listen, *admin = l->values.admin_listen;
	enum status st = check_one(l, SETTING_ID_listen, listen);
	if (st != STATUS_NO_MEMORY)
		st = load_worse(st, check_one(l, SETTING_ID_admin_listen, admin));
	if (st != STATUS_NO_MEMORY && listen && admin && same_address(listen, admin))
		st = load_worse(
		    st, load_error(l, "listen and admin_listen are both %s; give each its own", listen));
	return st;
}
