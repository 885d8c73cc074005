#include <sigrelay/commands/commands.h>

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include <sigrelay/commands/options.h>

int command_version(int argc, char **argv)
{
	int wrong = options_take(&argc, argv, NULL, 0, 0);
	if (wrong)
		return wrong;
	printf("sigrelay %s\n", SIGRELAY_VERSION);
	printf("libevent %s\n", event_get_version());
	printf("%s\n", curl_version());
	printf("%s\n", OpenSSL_version(OPENSSL_VERSION));
	printf("cJSON %s\n", cJSON_Version());
	return EXIT_SUCCESS;
}
