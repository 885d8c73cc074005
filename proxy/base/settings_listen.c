#include <sigrelay/base/settings.h>

#include <string.h>

#include <sigrelay/base/cidr.h>

#include "settings_load.h"

/* Beyond loopback who comes must be known: by a certificate, by where from, or not at all. */
static enum status check_one(struct settings_load *l, size_t id, const char *text, bool tls)
{
	struct address a;
	const struct settings *v = &l->values;
	const char *where = l->where[id];
	if (!text || address_parse(text, &a) != STATUS_OK || a.loopback)
		return STATUS_OK;
	if (v->allow_insecure_listen || v->allow_from || (tls && v->tls_client_ca_file))
		return STATUS_OK;
	return load_error(
	    l,
	    "%s%s%s = %s can be reached from other machines by anyone; listen on 127.0.0.1, or ask for "
	    "client "
	    "certificates (%stls_cert_file, tls_key_file, tls_client_ca_file), or name the networks that may "
	    "come (allow_from = 10.0.0.0/8), or set allow_insecure_listen = yes where the network is trusted",
	    where ? where : "", where ? ": " : "", settings_table[id].name, text,
	    id == SETTING_ID_admin_listen ? "admin_tls = yes, " : "");
}

static enum status check_networks(struct settings_load *l)
{
	struct cidr_list list;
	struct slice bad;
	const char *where = l->where[SETTING_ID_allow_from];
	enum status st = cidr_list_parse(l->values.allow_from, &list, &bad);
	if (st == STATUS_OK)
		cidr_list_release(&list);
	if (st != STATUS_INVALID)
		return st;
	return load_error(l,
			  "%s%sallow_from: '%.*s' is no network; expected 10.0.0.0/8, fd00::/8 or an "
			  "address, with no bit set behind the prefix",
			  where ? where : "", where ? ": " : "", (int)bad.n, bad.p);
}

/* One of the two without the other is a slip that would be found out at night. */
static enum status check_pair(struct settings_load *l, size_t a, const char *a_value, size_t b,
			      const char *b_value)
{
	if (!a_value == !b_value)
		return STATUS_OK;
	return load_error(l, "%s is set and %s is not; they belong together",
			  settings_table[a_value ? a : b].name, settings_table[a_value ? b : a].name);
}

static enum status check_tls(struct settings_load *l)
{
	const struct settings *v = &l->values;
	enum status st = check_pair(l, SETTING_ID_tls_cert_file, v->tls_cert_file, SETTING_ID_tls_key_file,
				    v->tls_key_file);
	if (st != STATUS_NO_MEMORY)
		st = load_worse(st, check_pair(l, SETTING_ID_upstream_cert_file, v->upstream_cert_file,
					       SETTING_ID_upstream_key_file, v->upstream_key_file));
	if (st == STATUS_OK && v->tls_client_ca_file && !v->tls_cert_file)
		st = load_error(l, "tls_client_ca_file is set and tls_cert_file is not: clients show "
				   "certificates only over TLS");
	if (st == STATUS_OK && v->admin_tls && !v->tls_cert_file)
		st = load_error(l, "admin_tls = yes needs tls_cert_file and tls_key_file");
	return st;
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

static enum status check_addresses(struct settings_load *l)
{
	const struct settings *v = &l->values;
	enum status st = check_one(l, SETTING_ID_listen, v->listen, v->tls_cert_file != NULL);
	if (st != STATUS_NO_MEMORY)
		st = load_worse(st, check_one(l, SETTING_ID_admin_listen, v->admin_listen,
					      v->tls_cert_file && v->admin_tls));
	if (st != STATUS_NO_MEMORY && v->listen && v->admin_listen &&
	    same_address(v->listen, v->admin_listen))
		st = load_worse(
		    st, load_error(l, "listen and admin_listen are both %s; give each its own", v->listen));
	return st;
}

enum status settings_check_listen(struct settings_load *l)
{
	enum status st = check_networks(l);
	if (st != STATUS_NO_MEMORY)
		st = load_worse(st, check_tls(l));
	if (st != STATUS_NO_MEMORY)
		st = load_worse(st, check_addresses(l));
	return st;
}
