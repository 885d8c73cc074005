#include "unit.h"
#include "words.h"

#include <sigrelay/commands/fixed_token.h>

/* {"exp":1000} and {"exp":2000} between a header and a signature that nobody reads. */
#define T1000 "e30.eyJleHAiOjEwMDB9.c2ln"
#define T2000 "e30.eyJleHAiOjIwMDB9.c2ln"

static void finds(char *const *argv, char *const *env, int64_t wanted, const char *wanted_where)
{
	int64_t exp = -1;
	const char *where = NULL;
	enum status st = fixed_token_end(argv, env, &exp, &where);
	CU_ASSERT_EQUAL(st, wanted_where ? STATUS_OK : STATUS_NOT_FOUND);
	CU_ASSERT_EQUAL(exp, wanted);
	CU_ASSERT_TRUE(wanted_where ? where && strcmp(where, wanted_where) == 0 : !where);
}

static void test_where_it_stands(void)
{
	char *const none[] = { NULL };
	char *const bare[] = { W("cosign"), W("sign"), NULL };
	char *const joined[] = { W("cosign"), W("sign"), W("--identity-token=" T1000), NULL };
	char *const apart[] = { W("cosign"), W("--identity-token"), W(T1000), W("sign"), NULL };
	char *const cosign[] = { W("SIGSTORE_ID_TOKEN=" T2000), W("COSIGN_IDENTITY_TOKEN=" T1000), NULL };
	char *const any[] = { W("SIGSTORE_ID_TOKEN=" T2000), NULL };
	char *const python[] = { W("SIGSTORE_IDENTITY_TOKEN=" T2000), NULL };
	finds(bare, none, -1, NULL);
	finds(joined, none, 1000, "--identity-token");
	finds(apart, any, 1000, "--identity-token");
	finds(bare, cosign, 1000, "COSIGN_IDENTITY_TOKEN");
	finds(bare, any, 2000, "SIGSTORE_ID_TOKEN");
	finds(bare, python, 2000, "SIGSTORE_IDENTITY_TOKEN");
}

static void test_what_is_no_fixed_token(void)
{
	char *const none[] = { NULL };
	char *const any[] = { W("SIGSTORE_ID_TOKEN=" T2000), NULL };
	char *const path[] = { W("cosign"), W("--identity-token=/run/token"), NULL };
	char *const last[] = { W("cosign"), W("--identity-token"), NULL };
	char *const other[] = { W("x"), W("--identity-tokens=" T1000), NULL };
	finds(path, any, -1, NULL); /* the flag wins, and its file may be renewed */
	finds(last, none, -1, NULL);
	finds(other, none, -1, NULL);
}

TEST_SUITE(commands_fixed_token, TEST(test_where_it_stands), TEST(test_what_is_no_fixed_token))
