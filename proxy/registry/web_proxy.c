#include <stdlib.h>

#include "web_inside.h"

static const char *proxy_setting(bool tls)
{
	/* Upper-case HTTP_PROXY is a request header's name in CGI: libcurl does not read it. */
	static const char *const for_tls[] = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" };
	static const char *const for_plain[] = { "http_proxy", "all_proxy", "ALL_PROXY" };
	const char *const *names = tls ? for_tls : for_plain;
	size_t count = tls ? sizeof(for_tls) / sizeof(*for_tls) : sizeof(for_plain) / sizeof(*for_plain);
	for (size_t i = 0; i < count; i++) {
		const char *value = getenv(names[i]);
		if (value && *value)
			return value;
	}
	return NULL;
}

bool web_is_proxy(bool tls, long port)
{
	const char *setting = proxy_setting(tls);
	char *text = NULL;
	long proxy_port = 1080; /* libcurl's, where none is named */
	CURLU *u = setting ? curl_url() : NULL;
	if (!u)
		return false;
	if (curl_url_set(u, CURLUPART_URL, setting, CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME) ==
		CURLUE_OK &&
	    curl_url_get(u, CURLUPART_PORT, &text, 0) == CURLUE_OK)
		proxy_port = strtol(text, NULL, 10);
	curl_free(text);
	curl_url_cleanup(u);
	return port == proxy_port;
}
