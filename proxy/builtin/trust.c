/* What a client needs to trust this log: PEMs, and cosign 3's trusted root and
 * signing config (protobuf-specs sigstore_trustroot.proto). */
#include <stdio.h>
#include <time.h>

#include <sigrelay/builtin/inside.h>

#define START "2020-01-01T00:00:00Z"

/* cJSON's Add functions take a NULL parent and then give NULL, so that one test
 * at the end of a chain of them is enough. */
static cJSON *item(cJSON *list)
{
	cJSON *o = cJSON_CreateObject();
	if (o && cJSON_AddItemToArray(list, o))
		return o;
	cJSON_Delete(o);
	return NULL;
}

static bool add_base64(cJSON *o, const char *name, struct slice bytes)
{
	struct buf text;
	buf_init(&text, 64 * 1024);
	bool ok = base64_encode(bytes, &text) == STATUS_OK && cJSON_AddStringToObject(o, name, text.p);
	buf_release(&text);
	return ok;
}

static bool add_der(cJSON *o, EVP_PKEY *key, X509 *cert)
{
	struct buf der;
	buf_init(&der, 64 * 1024);
	enum status s = key ? key_der(key, &der) : cert_der(cert, &der);
	bool ok = s == STATUS_OK && add_base64(o, "rawBytes", buf_slice(&der));
	buf_release(&der);
	return ok;
}

static bool add_start(cJSON *o)
{
	cJSON *valid = cJSON_AddObjectToObject(o, "validFor");
	return cJSON_AddStringToObject(valid, "start", START) != NULL;
}

static bool add_log(const struct builtin_log *l, cJSON *root, const char *name, EVP_PKEY *key,
		    const struct digest *id)
{
	cJSON *o = item(cJSON_AddArrayToObject(root, name));
	bool ok = cJSON_AddStringToObject(o, "baseUrl", l->url) &&
		  cJSON_AddStringToObject(o, "hashAlgorithm", "SHA2_256");
	cJSON *public_key = cJSON_AddObjectToObject(o, "publicKey");
	ok = ok && public_key && add_der(public_key, key, NULL) &&
	     cJSON_AddStringToObject(public_key, "keyDetails", "PKIX_ECDSA_P256_SHA_256") &&
	     add_start(public_key);
	cJSON *log_id = cJSON_AddObjectToObject(o, "logId");
	return ok && log_id &&
	       add_base64(log_id, "keyId", (struct slice){ (const char *)id->b, SHA256_SIZE });
}

/* leaf NULL: the chain is the root alone. */
static bool add_authority(const struct builtin_log *l, cJSON *root, const char *name, const char *path,
			  X509 *leaf, X509 *ca)
{
	char uri[128];
	snprintf(uri, sizeof(uri), "%s%s", l->url, path);
	cJSON *o = item(cJSON_AddArrayToObject(root, name));
	cJSON *subject = cJSON_AddObjectToObject(o, "subject");
	bool ok = cJSON_AddStringToObject(subject, "organization", "sigrelay built-in") &&
		  cJSON_AddStringToObject(subject, "commonName", name) &&
		  cJSON_AddStringToObject(o, "uri", uri);
	cJSON *chain = cJSON_AddObjectToObject(o, "certChain");
	cJSON *list = cJSON_AddArrayToObject(chain, "certificates");
	ok = ok && (!leaf || add_der(item(list), NULL, leaf)) && add_der(item(list), NULL, ca);
	return ok && add_start(o);
}

static bool add_trusted_root(const struct builtin_log *l, cJSON *keys)
{
	cJSON *root = cJSON_AddObjectToObject(keys, "trusted_root");
	return cJSON_AddStringToObject(root, "mediaType",
				       "application/vnd.dev.sigstore.trustedroot+json;version=0.1") &&
	       add_log(l, root, "tlogs", l->keys.log, &l->keys.log_id) &&
	       add_authority(l, root, "certificateAuthorities", "", NULL, l->keys.ca_cert) &&
	       add_log(l, root, "ctlogs", l->keys.ct, &l->keys.ct_id) &&
	       add_authority(l, root, "timestampAuthorities", "/api/v1/timestamp", l->keys.tsa_cert,
			     l->keys.tsa_ca_cert);
}

static bool add_service(const struct builtin_log *l, cJSON *root, const char *name, const char *path)
{
	char url[128];
	snprintf(url, sizeof(url), "%s%s", l->url, path);
	cJSON *o = item(cJSON_AddArrayToObject(root, name));
	return cJSON_AddStringToObject(o, "url", url) && cJSON_AddNumberToObject(o, "majorApiVersion", 1) &&
	       add_start(o) && cJSON_AddStringToObject(o, "operator", "sigrelay.builtin");
}

static bool add_selector(cJSON *root, const char *name)
{
	return cJSON_AddStringToObject(cJSON_AddObjectToObject(root, name), "selector", "ANY") != NULL;
}

static bool add_signing_config(const struct builtin_log *l, cJSON *keys)
{
	cJSON *root = cJSON_AddObjectToObject(keys, "signing_config");
	return cJSON_AddStringToObject(root, "mediaType",
				       "application/vnd.dev.sigstore.signingconfig.v0.2+json") &&
	       add_service(l, root, "caUrls", "") && add_service(l, root, "oidcUrls", "") &&
	       add_service(l, root, "rekorTlogUrls", "") && add_selector(root, "rekorTlogConfig") &&
	       add_service(l, root, "tsaUrls", "/api/v1/timestamp") && add_selector(root, "tsaConfig");
}

static bool add_pem(cJSON *keys, const char *name, EVP_PKEY *key, X509 *first, X509 *second)
{
	struct buf pem;
	buf_init(&pem, 64 * 1024);
	enum status s = key ? key_pem(key, &pem) : cert_pem(first, &pem);
	if (s == STATUS_OK && second)
		s = cert_pem(second, &pem);
	bool ok = s == STATUS_OK && cJSON_AddStringToObject(keys, name, pem.p);
	buf_release(&pem);
	return ok;
}

cJSON *trust_keys(const struct builtin_log *l)
{
	char url[128];
	cJSON *keys = cJSON_CreateObject();
	snprintf(url, sizeof(url), "%s/actions/idtoken?api-version=2.0", l->url);
	bool ok = cJSON_AddStringToObject(keys, "issuer", l->url) &&
		  cJSON_AddStringToObject(keys, "actions_token_url", url) &&
		  cJSON_AddStringToObject(keys, "actions_request_token", l->request_token) &&
		  add_pem(keys, "rekor.pub", l->keys.log, NULL, NULL) &&
		  add_pem(keys, "ctfe.pub", l->keys.ct, NULL, NULL) &&
		  add_pem(keys, "fulcio.pem", NULL, l->keys.ca_cert, NULL) &&
		  add_pem(keys, "tsa.pem", NULL, l->keys.tsa_cert, l->keys.tsa_ca_cert) &&
		  add_trusted_root(l, keys) && add_signing_config(l, keys);
	if (ok)
		return keys;
	cJSON_Delete(keys);
	return NULL;
}
