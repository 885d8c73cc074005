/* Counters, gauges and histograms with Prometheus text exposition 0.0.4.
 *
 * A family is made once with its label names; each series (one combination of
 * label values) is made once and from then on is a pointer that the hot path
 * adds to. Series are shown from the moment they exist, at zero. Single thread. */
#ifndef SIGRELAY_BASE_METRICS_H
#define SIGRELAY_BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/clock.h>
#include <sigrelay/base/status.h>

#define METRIC_LABELS_MAX 3

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metrics;       /* all families; opaque */
struct metric_family; /* opaque, owned by its metrics */
struct metric;        /* one series; opaque, owned by its family */

struct metrics *metrics_new(void) MUST_CHECK; /* NULL: no memory */
void metrics_free(struct metrics *m);         /* with every family and series */

/* labels: a NULL-terminated list of at most METRIC_LABELS_MAX names, or NULL.
 * Strings are borrowed and must live as long as m. NULL: no memory. Histograms
 * use fixed buckets in seconds: 0.005 … 900. */
struct metric_family *metrics_family(struct metrics *m, const char *name, const char *help,
				     enum metric_type type, const char *const *labels) MUST_CHECK;
/* Finds or makes the series with these values (as many as the family has label
 * names; they are copied). NULL: no memory. */
struct metric *metrics_series(struct metric_family *f, const char *const *values) MUST_CHECK;

void metric_add(struct metric *s, int64_t n); /* NULL is fine: nothing happens */
void metric_set(struct metric *s, int64_t n);
/* Gauges and counters measured in time: kept in usec, shown in seconds. */
void metric_add_time(struct metric *s, usec t);
void metric_set_time(struct metric *s, usec t);
void metric_observe(struct metric *s, usec t); /* histograms */
int64_t metric_value(const struct metric *s);  /* a histogram's count */

enum status metrics_expose(const struct metrics *m, struct buf *out) MUST_CHECK;

#endif
