#include "unit.h"

#include <stdio.h>

#include <sigrelay/commands/signing_config.h>

#define NOW "2026-11-24T06:40:01Z"
#define RELAY "http://127.0.0.1:4000"
#define HEAD "{\"mediaType\":\"application/vnd.dev.sigstore.signingconfig.v0.2+json\","
#define SERVICE_AT(url, version, start, rest)                                                                \
	"{\"url\":\"" url "\",\"majorApiVersion\":" #version ",\"validFor\":{\"start\":\"" start "\"" rest   \
	"},\"operator\":\"corp\"}"

static const bool all[SERVICE_COUNT] = { true, true, true };

static cJSON *parse(const char *text)
{
	cJSON *config = signing_config_parse(slice_str(text));
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	return config;
}

static void check_service(const char *text, enum service s, const char *url, int version)
{
	cJSON *config = parse(text);
	int got = 0;
	const char *chosen = signing_config_service(config, s, NOW, &got);
	if (url) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(chosen);
		CU_ASSERT_STRING_EQUAL(chosen, url);
		CU_ASSERT_EQUAL(got, version);
	} else {
		CU_ASSERT_PTR_NULL(chosen);
	}
	cJSON_Delete(config);
}

static void test_other_media_types_are_refused(void)
{
	CU_ASSERT_PTR_NULL(signing_config_parse(slice_str("{}")));
	CU_ASSERT_PTR_NULL(signing_config_parse(slice_str("no json")));
	CU_ASSERT_PTR_NULL(signing_config_parse(
	    slice_str("{\"mediaType\":\"application/vnd.dev.sigstore.signingconfig.v0.1+json\"}")));
}

static void test_the_newest_start_is_chosen(void)
{
	check_service(HEAD
		      "\"caUrls\":[" SERVICE_AT("https://old", 1, "2022-01-01T00:00:00Z", "") "," SERVICE_AT(
			  "https://new", 1, "2025-01-01T00:00:00Z", "") "]}",
		      SERVICE_FULCIO, "https://new", 1);
}

static void test_what_is_not_valid_now_is_not_chosen(void)
{
	check_service(HEAD
		      "\"caUrls\":[" SERVICE_AT("https://now", 1, "2022-01-01T00:00:00Z", "") "," SERVICE_AT(
			  "https://later", 1, "2027-01-01T00:00:00Z",
			  "") "," SERVICE_AT("https://over", 1, "2025-01-01T00:00:00Z",
					     ",\"end\":\"2026-01-01T00:00:00Z\"") "]}",
		      SERVICE_FULCIO, "https://now", 1);
}

static void test_a_log_of_v2_comes_before_one_of_v1(void)
{
	check_service(
	    HEAD "\"rekorTlogUrls\":[" SERVICE_AT("https://v1", 1, "2026-01-01T00:00:00Z", "") "," SERVICE_AT(
		"https://v2", 2, "2025-01-01T00:00:00Z", "") "]}",
	    SERVICE_REKOR, "https://v2", 2);
}

static void test_versions_that_no_cosign_speaks_are_passed_over(void)
{
	check_service(HEAD "\"rekorTlogUrls\":[" SERVICE_AT("https://v3", 3, "2026-01-01T00:00:00Z", "") "]}",
		      SERVICE_REKOR, NULL, 0);
	check_service(HEAD "\"caUrls\":[" SERVICE_AT("https://v2", 2, "2026-01-01T00:00:00Z", "") "]}",
		      SERVICE_FULCIO, NULL, 0);
	check_service(HEAD "\"caUrls\":[]}", SERVICE_FULCIO, NULL, 0);
	check_service(HEAD "\"caUrls\":[{\"majorApiVersion\":1}]}", SERVICE_FULCIO, NULL, 0);
}

/* Writes, reads back, and gives the result to look at. */
static cJSON *written(const char *text, const bool through[SERVICE_COUNT])
{
	struct buf out;
	cJSON *config = text ? parse(text) : NULL;
	buf_init(&out, 1 << 20);
	CU_ASSERT_EQUAL(signing_config_write(config, RELAY, through, NOW, &out), STATUS_OK);
	cJSON_Delete(config);
	cJSON *back = parse(out.p);
	buf_release(&out);
	return back;
}

static void check_url(const cJSON *config, enum service s, const char *url)
{
	int version = 0;
	const char *got = signing_config_service(config, s, NOW, &version);
	CU_ASSERT_PTR_NOT_NULL_FATAL(got);
	CU_ASSERT_STRING_EQUAL(got, url);
	CU_ASSERT_EQUAL(version, 1);
}

static void test_a_config_from_nothing_names_the_relay(void)
{
	cJSON *config = written(NULL, all);
	check_url(config, SERVICE_REKOR, RELAY);
	check_url(config, SERVICE_FULCIO, RELAY);
	check_url(config, SERVICE_TSA, RELAY "/api/v1/timestamp");
	CU_ASSERT_TRUE(slice_eq_str(json_str_at(config, "rekorTlogConfig", "selector", NULL), "ANY"));
	CU_ASSERT_TRUE(slice_eq_str(json_str_at(config, "tsaConfig", "selector", NULL), "ANY"));
	CU_ASSERT_EQUAL(cJSON_GetArraySize(json_at(config, "oidcUrls", NULL)), 1);
	cJSON_Delete(config);
}

static void test_a_service_not_sent_through_is_not_invented(void)
{
	static const bool no_tsa[SERVICE_COUNT] = { [SERVICE_REKOR] = true, [SERVICE_FULCIO] = true };
	cJSON *config = written(NULL, no_tsa);
	CU_ASSERT_EQUAL(cJSON_GetArraySize(json_at(config, "tsaUrls", NULL)), 0);
	cJSON_Delete(config);
}

static const char corp[] = HEAD "\"caUrls\":[" SERVICE_AT(
    "https://ca", 1, "2025-01-01T00:00:00Z",
    "") "],"
	"\"oidcUrls\":[" SERVICE_AT(
	    "https://login", 1, "2025-01-01T00:00:00Z",
	    "") "],"
		"\"rekorTlogUrls\":[" SERVICE_AT("https://log", 1, "2025-01-01T00:00:00Z", "") "," SERVICE_AT(
		    "https://log2", 1, "2024-01-01T00:00:00Z",
		    "") "],"
			"\"tsaUrls\":[" SERVICE_AT("https://tsa/api/v1/timestamp", 1, "2025-01-01T00:00:00Z",
						   "") "],"
						       "\"rekorTlogConfig\":{\"selector\":\"ANY\"},"
						       "\"tsaConfig\":{\"selector\":\"ALL\"}}";

static void test_the_rest_of_the_users_config_stays(void)
{
	cJSON *config = written(corp, all);
	const cJSON *login = cJSON_GetArrayItem(json_at(config, "oidcUrls", NULL), 0);
	CU_ASSERT_TRUE(slice_eq_str(json_str_at(login, "url", NULL), "https://login"));
	check_url(config, SERVICE_REKOR, RELAY);
	const cJSON *ca = cJSON_GetArrayItem(json_at(config, "caUrls", NULL), 0);
	CU_ASSERT_TRUE(slice_eq_str(json_str_at(ca, "operator", NULL), "corp"));
	CU_ASSERT_TRUE(slice_eq_str(json_str_at(config, "tsaConfig", "selector", NULL), "ALL"));
	cJSON_Delete(config);
}

/* Else cosign would choose the other one by chance, and go past the relay. */
static void test_one_of_any_is_the_only_one_left(void)
{
	cJSON *config = written(corp, all);
	CU_ASSERT_EQUAL(cJSON_GetArraySize(json_at(config, "rekorTlogUrls", NULL)), 1);
	cJSON_Delete(config);
}

static void test_of_all_the_others_stay(void)
{
	char text[sizeof(corp) + 64];
	const char *any = strstr(corp, "\"ANY\"");
	snprintf(text, sizeof(text), "%.*s\"ALL\"%s", (int)(any - corp), corp, any + 5);
	cJSON *config = written(text, all);
	CU_ASSERT_EQUAL(cJSON_GetArraySize(json_at(config, "rekorTlogUrls", NULL)), 2);
	check_url(config, SERVICE_REKOR, RELAY);
	cJSON_Delete(config);
}

static void test_what_is_not_sent_through_stays_direct(void)
{
	static const bool only_fulcio[SERVICE_COUNT] = { [SERVICE_FULCIO] = true };
	cJSON *config = written(corp, only_fulcio);
	check_url(config, SERVICE_REKOR, "https://log");
	check_url(config, SERVICE_FULCIO, RELAY);
	cJSON_Delete(config);
}

static void write_once(void *arg)
{
	struct buf out;
	cJSON *config = signing_config_parse(slice_str(arg));
	buf_init(&out, 1 << 20);
	enum status st = config ? signing_config_write(config, RELAY, all, NOW, &out) : STATUS_NO_MEMORY;
	CU_ASSERT(st == STATUS_OK || st == STATUS_NO_MEMORY);
	cJSON_Delete(config);
	buf_release(&out);
}

static void test_torture(void)
{
	char text[sizeof(corp)];
	memcpy(text, corp, sizeof(corp));
	unit_torture(write_once, text);
}

TEST_SUITE(commands_signing_config, TEST(test_other_media_types_are_refused),
	   TEST(test_the_newest_start_is_chosen), TEST(test_what_is_not_valid_now_is_not_chosen),
	   TEST(test_a_log_of_v2_comes_before_one_of_v1),
	   TEST(test_versions_that_no_cosign_speaks_are_passed_over),
	   TEST(test_a_config_from_nothing_names_the_relay),
	   TEST(test_a_service_not_sent_through_is_not_invented),
	   TEST(test_the_rest_of_the_users_config_stays), TEST(test_one_of_any_is_the_only_one_left),
	   TEST(test_of_all_the_others_stay), TEST(test_what_is_not_sent_through_stays_direct),
	   TEST(test_torture))
