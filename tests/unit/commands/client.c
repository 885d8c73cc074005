#include "unit.h"
#include "words.h"

#include <sigrelay/base/mem.h>
#include <sigrelay/commands/client.h>
#include <sigrelay/commands/signing_config.h>

#define RELAY "http://127.0.0.1:4000"
#define PUBLIC_REKOR "https://rekor.sigstore.dev"
#define PUBLIC_FULCIO "https://fulcio.sigstore.dev"

/* A case: what is known of the clients, the relay's upstreams, and the edits
 * that come of it. */
struct scene {
	struct client client;
	struct settings settings;
	struct environment_edits edits;
	struct buf past;
};

static void own(struct scene *sc, enum client_family f, const char *rekor, const char *fulcio,
		const char *tsa)
{
	const char *const urls[SERVICE_COUNT] = {
		[SERVICE_REKOR] = rekor, [SERVICE_FULCIO] = fulcio, [SERVICE_TSA] = tsa
	};
	for (int s = 0; s < SERVICE_COUNT; s++) {
		mem_free(sc->client.own[f][s]);
		sc->client.own[f][s] = urls[s] ? mem_strdup(urls[s]) : NULL;
	}
}

static void begin(struct scene *sc, enum client_style style, char *const *env)
{
	*sc = (struct scene){ .client = { .style = style, .env = env } };
	sc->settings.rekor_url = mem_strdup(PUBLIC_REKOR);
	sc->settings.fulcio_url = mem_strdup(PUBLIC_FULCIO);
	sc->settings.tsa_url = mem_strdup("https://timestamp.sigstore.dev");
	sc->settings.retry_for = 600 * USEC_PER_SEC;
	own(sc, FAMILY_COSIGN, PUBLIC_REKOR, PUBLIC_FULCIO, "");
	own(sc, FAMILY_GITSIGN, PUBLIC_REKOR, PUBLIC_FULCIO, "");
	buf_init(&sc->past, 4096);
}

static void upstream(struct scene *sc, const char *rekor)
{
	mem_free(sc->settings.rekor_url);
	sc->settings.rekor_url = mem_strdup(rekor);
}

static void edit(struct scene *sc)
{
	CU_ASSERT_EQUAL(
	    clients_edits(&sc->client, &sc->settings, RELAY, "/tmp/x/c.json", &sc->edits, &sc->past),
	    STATUS_OK);
}

static void finish(struct scene *sc)
{
	clients_release(&sc->client);
	settings_release(&sc->settings);
	environment_edits_release(&sc->edits);
	buf_release(&sc->past);
}

/* "" when the edits do not touch it, "-" when they take it out. */
static const char *edited(const struct scene *sc, const char *name)
{
	for (size_t i = 0; i < sc->edits.n; i++) {
		if (strcmp(sc->edits.v[i].name, name) == 0)
			return sc->edits.v[i].value ? sc->edits.v[i].value : "-";
	}
	return "";
}

static char *const no_env[] = { NULL };

static void test_cosign_2_is_pointed_by_urls(void)
{
	struct scene sc;
	begin(&sc, STYLE_URLS, no_env);
	edit(&sc);
	CU_ASSERT_STRING_EQUAL(edited(&sc, "COSIGN_REKOR_URL"), RELAY);
	CU_ASSERT_STRING_EQUAL(edited(&sc, "COSIGN_FULCIO_URL"), RELAY);
	CU_ASSERT_STRING_EQUAL(edited(&sc, "COSIGN_SIGNING_CONFIG"), "");
	CU_ASSERT_STRING_EQUAL(edited(&sc, "COSIGN_USE_SIGNING_CONFIG"), "false");
	CU_ASSERT_STRING_EQUAL(edited(&sc, "COSIGN_TIMEOUT"), "1380s");
	CU_ASSERT_STRING_EQUAL(edited(&sc, "SIGSTORE_REKOR_URL"), RELAY);
	CU_ASSERT_STRING_EQUAL(edited(&sc, "GITSIGN_FULCIO_URL"), RELAY);
	finish(&sc);
}

/* Set, it makes sign-blob fail for want of a place to put the timestamp. */
static void test_no_timestamp_is_asked_for_that_was_not_before(void)
{
	struct scene sc;
	begin(&sc, STYLE_URLS, no_env);
	sc.client.given[SERVICE_TSA] = true;
	edit(&sc);
	CU_ASSERT_STRING_EQUAL(edited(&sc, "COSIGN_TIMESTAMP_SERVER_URL"), "");
	CU_ASSERT_STRING_EQUAL(edited(&sc, "SIGSTORE_TIMESTAMP_SERVER_URL"), "");
	finish(&sc);
}

static void test_a_timestamp_that_was_asked_for_goes_through(void)
{
	char *const env[] = {
		W("COSIGN_TIMESTAMP_SERVER_URL=https://timestamp.sigstore.dev/api/v1/timestamp"), NULL
	};
	struct scene sc;
	begin(&sc, STYLE_URLS, env);
	own(&sc, FAMILY_COSIGN, PUBLIC_REKOR, PUBLIC_FULCIO, "https://timestamp.sigstore.dev");
	edit(&sc);
	CU_ASSERT_STRING_EQUAL(edited(&sc, "COSIGN_TIMESTAMP_SERVER_URL"), RELAY "/api/v1/timestamp");
	finish(&sc);
}

static void test_cosign_3_gets_a_file_and_no_url(void)
{
	char *const env[] = { W("COSIGN_REKOR_URL=" PUBLIC_REKOR), W("COSIGN_USE_SIGNING_CONFIG=true"),
			      NULL };
	struct scene sc;
	begin(&sc, STYLE_SIGNING_CONFIG, env);
	edit(&sc);
	CU_ASSERT_STRING_EQUAL(edited(&sc, "COSIGN_SIGNING_CONFIG"), "/tmp/x/c.json");
	CU_ASSERT_STRING_EQUAL(edited(&sc, "COSIGN_REKOR_URL"), "-");
	CU_ASSERT_STRING_EQUAL(edited(&sc, "COSIGN_FULCIO_URL"), "");
	CU_ASSERT_STRING_EQUAL(edited(&sc, "COSIGN_USE_SIGNING_CONFIG"), "-");
	finish(&sc);
}

static void test_cosign_left_alone_is_not_touched(void)
{
	struct scene sc;
	begin(&sc, STYLE_LEAVE, no_env);
	edit(&sc);
	for (size_t i = 0; i < sc.edits.n; i++)
		CU_ASSERT_NOT_EQUAL(strncmp(sc.edits.v[i].name, "COSIGN_", 7), 0);
	CU_ASSERT_STRING_EQUAL(edited(&sc, "SIGSTORE_REKOR_URL"), RELAY);
	finish(&sc);
}

/* The signature of a commit must not go to the log of the images. */
static void test_a_client_of_another_instance_is_left_alone(void)
{
	char *const env[] = { W("COSIGN_REKOR_URL=https://rekor.corp"),
			      W("GITSIGN_REKOR_URL=https://git.corp"), NULL };
	struct scene sc;
	begin(&sc, STYLE_URLS, env);
	own(&sc, FAMILY_COSIGN, "https://rekor.corp", PUBLIC_FULCIO, "");
	own(&sc, FAMILY_GITSIGN, "https://git.corp", PUBLIC_FULCIO, "");
	upstream(&sc, "https://rekor.corp");
	edit(&sc);
	CU_ASSERT_STRING_EQUAL(edited(&sc, "COSIGN_REKOR_URL"), RELAY);
	CU_ASSERT_STRING_EQUAL(edited(&sc, "GITSIGN_REKOR_URL"), "");
	CU_ASSERT_STRING_EQUAL(edited(&sc, "SIGSTORE_REKOR_URL"), "");
	CU_ASSERT_STRING_EQUAL(edited(&sc, "GITSIGN_FULCIO_URL"), RELAY);
	CU_ASSERT_STRING_EQUAL(sc.past.p, "GITSIGN_REKOR_URL");
	finish(&sc);
}

static void test_an_upstream_named_to_sigrelay_is_for_all(void)
{
	char *const env[] = { W("GITSIGN_REKOR_URL=https://git.corp"), NULL };
	struct scene sc;
	begin(&sc, STYLE_URLS, env);
	own(&sc, FAMILY_GITSIGN, "https://git.corp", PUBLIC_FULCIO, "");
	upstream(&sc, "https://other.corp");
	sc.client.given[SERVICE_REKOR] = true;
	edit(&sc);
	CU_ASSERT_STRING_EQUAL(edited(&sc, "COSIGN_REKOR_URL"), RELAY);
	CU_ASSERT_STRING_EQUAL(edited(&sc, "GITSIGN_REKOR_URL"), RELAY);
	CU_ASSERT_EQUAL(sc.past.n, 0);
	finish(&sc);
}

static void test_a_gitsign_that_speaks_v2_keeps_its_log(void)
{
	struct scene sc;
	begin(&sc, STYLE_URLS, no_env);
	sc.client.log_v2[FAMILY_GITSIGN] = true;
	sc.client.given[SERVICE_REKOR] = true;
	edit(&sc);
	CU_ASSERT_STRING_EQUAL(edited(&sc, "GITSIGN_REKOR_URL"), "");
	CU_ASSERT_STRING_EQUAL(edited(&sc, "COSIGN_REKOR_URL"), RELAY);
	finish(&sc);
}

static void test_beside_cosign_itself_nobody_else_is_pointed(void)
{
	struct scene sc;
	begin(&sc, STYLE_URLS, no_env);
	sc.client.direct = true;
	edit(&sc);
	CU_ASSERT_STRING_EQUAL(edited(&sc, "SIGSTORE_REKOR_URL"), "");
	finish(&sc);
}

static void test_a_time_out_of_the_user_stays(void)
{
	struct scene sc;
	begin(&sc, STYLE_URLS, no_env);
	sc.client.timeout = 300 * USEC_PER_SEC;
	edit(&sc);
	CU_ASSERT_STRING_EQUAL(edited(&sc, "COSIGN_TIMEOUT"), "");
	finish(&sc);
}

static void check_no_proxy(char *const *env, const char *upper, const char *lower)
{
	struct scene sc;
	begin(&sc, STYLE_LEAVE, env);
	edit(&sc);
	CU_ASSERT_STRING_EQUAL(edited(&sc, "NO_PROXY"), upper);
	CU_ASSERT_STRING_EQUAL(edited(&sc, "no_proxy"), lower);
	finish(&sc);
}

static void test_no_proxy_keeps_what_was_there(void)
{
	char *const both[] = { W("NO_PROXY=corp, localhost"), W("no_proxy=.lan"), NULL };
	char *const one[] = { W("no_proxy=.lan"), NULL };
	char *const star[] = { W("NO_PROXY=*"), NULL };
	check_no_proxy(no_env, "127.0.0.1,localhost", "127.0.0.1,localhost");
	check_no_proxy(both, "corp, localhost,127.0.0.1", ".lan,127.0.0.1,localhost");
	check_no_proxy(one, ".lan,127.0.0.1,localhost", ".lan,127.0.0.1,localhost");
	check_no_proxy(star, "*", "*");
}

static void check_base(enum service s, const char *url, const char *base)
{
	char *got = NULL;
	CU_ASSERT_EQUAL(clients_base_url(s, url, &got), STATUS_OK);
	CU_ASSERT_EQUAL(got == NULL, base == NULL);
	if (got && base) {
		CU_ASSERT_STRING_EQUAL(got, base);
	}
	mem_free(got);
}

static void test_base_urls(void)
{
	check_base(SERVICE_REKOR, "https://r/", "https://r");
	check_base(SERVICE_REKOR, "https://r/prefix//", "https://r/prefix");
	check_base(SERVICE_TSA, "https://t/api/v1/timestamp", "https://t");
	check_base(SERVICE_TSA, "https://t/x/api/v1/timestamp/", "https://t/x");
	check_base(SERVICE_TSA, "https://freetsa.org/tsr", NULL);
}

static void check_tsa_count(struct scene *sc, int count)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	CU_ASSERT_EQUAL(
	    clients_signing_config(&sc->client, &sc->settings, RELAY, "2026-11-24T06:40:01Z", &out),
	    STATUS_OK);
	cJSON *config = signing_config_parse(buf_slice(&out));
	CU_ASSERT_EQUAL(cJSON_GetArraySize(json_at(config, "tsaUrls", NULL)), count);
	cJSON_Delete(config);
	buf_release(&out);
}

/* A private log's trusted root does not know the public authority. */
static void test_a_public_tsa_goes_only_with_public_services(void)
{
	struct scene sc;
	begin(&sc, STYLE_SIGNING_CONFIG, no_env);
	own(&sc, FAMILY_COSIGN, PUBLIC_REKOR, PUBLIC_FULCIO, "https://timestamp.sigstore.dev");
	check_tsa_count(&sc, 1);
	upstream(&sc, "https://rekor.corp");
	sc.client.given[SERVICE_REKOR] = true;
	check_tsa_count(&sc, 0);
	sc.client.given[SERVICE_TSA] = true;
	check_tsa_count(&sc, 1);
	finish(&sc);
}

static void test_choices(void)
{
	enum client_choice c;
	CU_ASSERT_EQUAL(clients_choice_read(NULL, &c), STATUS_OK);
	CU_ASSERT_EQUAL(c, CLIENT_AUTO);
	CU_ASSERT_EQUAL(clients_choice_read("cosign3", &c), STATUS_OK);
	CU_ASSERT_EQUAL(c, CLIENT_COSIGN3);
	CU_ASSERT_EQUAL(clients_choice_read("cosign4", &c), STATUS_INVALID);
}

TEST_SUITE(commands_client, TEST(test_cosign_2_is_pointed_by_urls),
	   TEST(test_no_timestamp_is_asked_for_that_was_not_before),
	   TEST(test_a_timestamp_that_was_asked_for_goes_through), TEST(test_cosign_3_gets_a_file_and_no_url),
	   TEST(test_cosign_left_alone_is_not_touched), TEST(test_a_client_of_another_instance_is_left_alone),
	   TEST(test_an_upstream_named_to_sigrelay_is_for_all),
	   TEST(test_a_gitsign_that_speaks_v2_keeps_its_log),
	   TEST(test_beside_cosign_itself_nobody_else_is_pointed), TEST(test_a_time_out_of_the_user_stays),
	   TEST(test_no_proxy_keeps_what_was_there), TEST(test_base_urls),
	   TEST(test_a_public_tsa_goes_only_with_public_services), TEST(test_choices))
