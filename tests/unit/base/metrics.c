#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/base/metrics.h>

static const char *const labels[] = { "service", "operation", "code", NULL };

static char *expose(const struct metrics *m)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	CU_ASSERT_EQUAL_FATAL(metrics_expose(m, &out), STATUS_OK);
	CU_ASSERT_EQUAL(buf_add_str(&out, ""), STATUS_OK);
	/* By hand: SIGRELAY_TEST_METRICS=FILE unit base_metrics, then
	 * promtool check metrics < FILE. */
	const char *file = getenv("SIGRELAY_TEST_METRICS");
	FILE *f = file ? fopen(file, "w") : NULL;
	if (f) {
		fwrite(out.p, 1, out.n, f);
		fclose(f);
	}
	return buf_take(&out);
}

static struct metric *series3(struct metric_family *f, const char *a, const char *b, const char *c)
{
	return metrics_series(f, (const char *const[]){ a, b, c });
}

static void test_counters_stand_at_zero(void)
{
	struct metrics *m = metrics_new();
	struct metric_family *f =
	    metrics_family(m, "sigrelay_requests_total", "Requests.", METRIC_COUNTER, labels);
	struct metric *s = series3(f, "rekor", "rekor.create", "201");
	struct metric *zero = series3(f, "fulcio", "fulcio.sign", "200");
	CU_ASSERT_PTR_EQUAL(series3(f, "rekor", "rekor.create", "201"), s);
	CU_ASSERT_PTR_EQUAL(metrics_family(m, "sigrelay_requests_total", "Requests.", METRIC_COUNTER, labels),
			    f);
	metric_add(s, 2);
	metric_add(s, 1);
	CU_ASSERT_EQUAL(metric_value(s), 3);
	CU_ASSERT_EQUAL(metric_value(zero), 0);
	char *text = expose(m);
	CU_ASSERT_STRING_EQUAL(
	    text, "# HELP sigrelay_requests_total Requests.\n"
		  "# TYPE sigrelay_requests_total counter\n"
		  "sigrelay_requests_total{service=\"rekor\",operation=\"rekor.create\",code=\"201\"} 3\n"
		  "sigrelay_requests_total{service=\"fulcio\",operation=\"fulcio.sign\",code=\"200\"} 0\n");
	mem_free(text);
	metrics_free(m);
}

static void test_time_is_kept_in_usec_and_shown_in_seconds(void)
{
	struct metrics *m = metrics_new();
	struct metric *s = metrics_series(metrics_family(m, "t", "T.", METRIC_GAUGE, NULL), NULL);
	metric_add_time(s, 1500 * USEC_PER_MSEC);
	metric_add_time(s, 1);
	char *text = expose(m);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nt 1.500001\n"));
	mem_free(text);
	metric_set_time(s, -250 * USEC_PER_MSEC);
	text = expose(m);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nt -0.250000\n"));
	mem_free(text);
	metrics_free(m);
}

static void test_escapes(void)
{
	static const char *const one[] = { "v", NULL };
	struct metrics *m = metrics_new();
	struct metric_family *f =
	    metrics_family(m, "e", "back\\slash \"quoted\"\nnew line", METRIC_GAUGE, one);
	metric_set(metrics_series(f, (const char *const[]){ "a\"b\\c\nd" }), -7);
	char *text = expose(m);
	CU_ASSERT_STRING_EQUAL(text, "# HELP e back\\\\slash \"quoted\"\\nnew line\n# TYPE e gauge\n"
				     "e{v=\"a\\\"b\\\\c\\nd\"} -7\n");
	mem_free(text);
	metrics_free(m);
}

static void test_histogram_is_cumulative(void)
{
	static const char *const one[] = { "service", NULL };
	struct metrics *m = metrics_new();
	struct metric_family *f = metrics_family(m, "d_seconds", "D.", METRIC_HISTOGRAM, one);
	struct metric *s = metrics_series(f, (const char *const[]){ "rekor" });
	metric_observe(s, 5000);                /* on the bound: in it */
	metric_observe(s, 5001);                /* just beyond */
	metric_observe(s, 900 * USEC_PER_SEC);  /* the last bound */
	metric_observe(s, 1000 * USEC_PER_SEC); /* only +Inf */
	CU_ASSERT_EQUAL(metric_value(s), 4);
	char *text = expose(m);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "d_seconds_bucket{service=\"rekor\",le=\"0.005\"} 1\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "d_seconds_bucket{service=\"rekor\",le=\"0.01\"} 2\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "d_seconds_bucket{service=\"rekor\",le=\"600\"} 2\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "d_seconds_bucket{service=\"rekor\",le=\"900\"} 3\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "d_seconds_bucket{service=\"rekor\",le=\"+Inf\"} 4\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "d_seconds_sum{service=\"rekor\"} 1900.010001\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "d_seconds_count{service=\"rekor\"} 4\n"));
	size_t lines = 0;
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	CU_ASSERT_EQUAL(lines, 2 + 18 + 2);
	mem_free(text);
	metrics_free(m);
}

static void test_histogram_without_labels(void)
{
	struct metrics *m = metrics_new();
	metric_observe(metrics_series(metrics_family(m, "h_seconds", "H.", METRIC_HISTOGRAM, NULL), NULL), 1);
	char *text = expose(m);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "h_seconds_bucket{le=\"0.005\"} 1\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "h_seconds_sum 0.000001\nh_seconds_count 1\n"));
	mem_free(text);
	metrics_free(m);
}

static void test_null_series_are_fine(void)
{
	metric_add(NULL, 1);
	metric_set(NULL, 1);
	metric_add_time(NULL, 1);
	metric_set_time(NULL, 1);
	metric_observe(NULL, 1);
	CU_ASSERT_EQUAL(metric_value(NULL), 0);
	metrics_free(NULL);
}

static void torture(void *arg)
{
	(void)arg;
	struct buf out;
	buf_init(&out, 1 << 16);
	struct metrics *m = metrics_new();
	if (!m)
		return;
	struct metric_family *f = metrics_family(m, "d_seconds", "D.", METRIC_HISTOGRAM, labels);
	struct metric *s = f ? series3(f, "a", "b", "c") : NULL;
	metric_observe(s, 1);
	s = f ? series3(f, "a", "b", "d") : NULL;
	metric_observe(s, 2);
	enum status st = metrics_expose(m, &out);
	CU_ASSERT_TRUE(st == STATUS_OK || (st == STATUS_NO_MEMORY && out.n == 0));
	buf_release(&out);
	metrics_free(m);
}

static void test_torture(void)
{
	unit_torture(torture, NULL);
}

TEST_SUITE(base_metrics, TEST(test_counters_stand_at_zero),
	   TEST(test_time_is_kept_in_usec_and_shown_in_seconds), TEST(test_escapes),
	   TEST(test_histogram_is_cumulative), TEST(test_histogram_without_labels),
	   TEST(test_null_series_are_fine), TEST(test_torture))
