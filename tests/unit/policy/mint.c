#include "unit.h"

#include <sigrelay/policy/mint.h>

#define S USEC_PER_SEC

static struct breaker breaker_in(enum breaker_state state)
{
	struct breaker b = { .state = state, .interval = 5 * S, .next_probe = 20 * S };
	limit_init(&b.limit, 1);
	return b;
}

static void test_a_closed_log_lets_everyone_through(void)
{
	struct mint m = { 0 };
	struct breaker b = breaker_in(BREAKER_CLOSED);
	usec wake;
	for (int i = 0; i < 1000; i++) {
		CU_ASSERT(mint_may(&m, &b, 10, 0, &wake));
		mint_went(&m, &b, 0);
		mint_used(&m);
	}
	CU_ASSERT_EQUAL(m.count, 0);
}

static void test_a_long_line_of_creates_holds_certificates_back(void)
{
	struct mint m = { 0 };
	struct breaker b = breaker_in(BREAKER_CLOSED);
	usec wake = 0;
	limit_init(&b.limit, 100);
	CU_ASSERT(mint_may(&m, &b, 199, 0, &wake));
	CU_ASSERT_FALSE(mint_may(&m, &b, 200, 0, &wake));
	CU_ASSERT_EQUAL(wake, USEC_NEVER); /* a create that leaves the line says so */
	mint_went(&m, &b, 0);
	CU_ASSERT_FALSE(mint_may(&m, &b, 199, 0, &wake));
	CU_ASSERT_EQUAL(wake, MINT_FORGET);
}

static void test_an_open_log_lets_one_through_each_interval(void)
{
	struct mint m = { 0 };
	struct breaker b = breaker_in(BREAKER_OPEN);
	usec wake = 0;
	CU_ASSERT_FALSE(mint_may(&m, &b, 0, 10 * S, &wake));
	CU_ASSERT_EQUAL(wake, 20 * S);
	CU_ASSERT(mint_may(&m, &b, 0, 20 * S, &wake));
	mint_went(&m, &b, 20 * S);
	CU_ASSERT_FALSE(mint_may(&m, &b, 0, 20 * S, &wake));
	CU_ASSERT_EQUAL(wake, 25 * S);
	/* Its client never posts: the next one goes all the same. */
	CU_ASSERT(mint_may(&m, &b, 0, 25 * S, &wake));
}

static void test_a_create_in_line_is_probe_enough(void)
{
	struct mint m = { 0 };
	struct breaker b = breaker_in(BREAKER_OPEN);
	usec wake = 0;
	CU_ASSERT_FALSE(mint_may(&m, &b, 1, 30 * S, &wake));
	CU_ASSERT_EQUAL(wake, USEC_NEVER);
}

static void test_half_open_waits_for_the_probe(void)
{
	struct mint m = { 0 };
	struct breaker b = breaker_in(BREAKER_HALF_OPEN);
	usec wake = 0;
	CU_ASSERT_FALSE(mint_may(&m, &b, 0, 30 * S, &wake));
	CU_ASSERT_EQUAL(wake, USEC_NEVER);
}

static void test_in_a_fleet_one_goes_for_each_lease(void)
{
	struct mint m = { 0 };
	struct breaker b = breaker_in(BREAKER_OPEN);
	usec wake = 0;
	b.by_lease = true;
	CU_ASSERT_FALSE(mint_wants_lease(&m, &b, 0, 19 * S));
	CU_ASSERT_FALSE(mint_wants_lease(&m, &b, 1, 20 * S)); /* a create is probe enough */
	CU_ASSERT(mint_wants_lease(&m, &b, 0, 20 * S));
	CU_ASSERT_FALSE(mint_may(&m, &b, 0, 20 * S, &wake));
	CU_ASSERT_EQUAL(wake, USEC_NEVER); /* the lease says so */
	mint_lease(&m, 25 * S);
	CU_ASSERT_FALSE(mint_wants_lease(&m, &b, 0, 20 * S));
	CU_ASSERT(mint_may(&m, &b, 0, 20 * S, &wake));
	mint_went(&m, &b, 20 * S);
	CU_ASSERT_FALSE(mint_wants_lease(&m, &b, 0, 24 * S));
	CU_ASSERT(mint_wants_lease(&m, &b, 0, 25 * S));
}

static void test_another_relays_lease_puts_off_until_the_outage_ends(void)
{
	struct mint m = { 0 };
	struct breaker b = breaker_in(BREAKER_OPEN), closed = breaker_in(BREAKER_CLOSED);
	usec wake = 0;
	b.by_lease = true;
	mint_put_off(&m, 60 * S);
	CU_ASSERT_FALSE(mint_wants_lease(&m, &b, 0, 59 * S));
	CU_ASSERT_FALSE(mint_may(&m, &b, 0, 59 * S, &wake));
	CU_ASSERT_EQUAL(wake, 60 * S);
	CU_ASSERT(mint_may(&m, &closed, 0, 59 * S, &wake));
	CU_ASSERT(mint_wants_lease(&m, &b, 0, 59 * S));
	mint_put_off(&m, 90 * S);
	mint_alone(&m);
	b.by_lease = false;
	CU_ASSERT(mint_may(&m, &b, 0, 59 * S, &wake));
}

static void test_a_ramp_bounds_what_is_minted_ahead(void)
{
	struct mint m = { 0 };
	struct breaker b = breaker_in(BREAKER_CLOSED);
	usec wake = 0;
	limit_init(&b.limit, 100);
	b.limit.window = 2;
	for (int i = 0; i < 4; i++) {
		CU_ASSERT(mint_may(&m, &b, 0, i * S, &wake));
		mint_went(&m, &b, i * S);
	}
	CU_ASSERT_FALSE(mint_may(&m, &b, 0, 4 * S, &wake));
	CU_ASSERT_EQUAL(wake, MINT_FORGET);
	mint_used(&m); /* a create came, and went out at once */
	CU_ASSERT(mint_may(&m, &b, 0, 4 * S, &wake));
	CU_ASSERT_FALSE(mint_may(&m, &b, 1, 4 * S, &wake)); /* … or stands in line */
	CU_ASSERT(mint_may(&m, &b, 3, 14 * S, &wake));      /* the rest never came */
}

static void test_a_lost_certificate_gives_its_slot_back(void)
{
	struct mint m = { 0 };
	struct breaker b = breaker_in(BREAKER_CLOSED);
	mint_went(&m, &b, 0);
	mint_went(&m, &b, 5 * S);
	mint_lost(&m, 5 * S, 6 * S);
	CU_ASSERT_EQUAL(m.count, 1);
	mint_went(&m, &b, 6 * S);
	mint_lost(&m, 0, MINT_FORGET); /* it is counted no more */
	CU_ASSERT_EQUAL(m.count, 2);
}

static void test_many_certificates_are_counted_without_bound_of_memory(void)
{
	struct mint m = { 0 };
	struct breaker b = breaker_in(BREAKER_OPEN);
	for (int i = 0; i < 3 * MINT_OUT_MAX; i++)
		mint_went(&m, &b, i);
	CU_ASSERT_EQUAL(m.count, MINT_OUT_MAX);
	CU_ASSERT_EQUAL(m.out[m.first], 2 * MINT_OUT_MAX);
}

TEST_SUITE(policy_mint, TEST(test_a_closed_log_lets_everyone_through),
	   TEST(test_a_long_line_of_creates_holds_certificates_back),
	   TEST(test_an_open_log_lets_one_through_each_interval), TEST(test_a_create_in_line_is_probe_enough),
	   TEST(test_half_open_waits_for_the_probe), TEST(test_in_a_fleet_one_goes_for_each_lease),
	   TEST(test_another_relays_lease_puts_off_until_the_outage_ends),
	   TEST(test_a_ramp_bounds_what_is_minted_ahead), TEST(test_a_lost_certificate_gives_its_slot_back),
	   TEST(test_many_certificates_are_counted_without_bound_of_memory))
