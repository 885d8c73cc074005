#include <sigrelay/base/metrics.h>

#include <stdbool.h>
#include <string.h>

#include <sigrelay/base/mem.h>

/* Bucket bounds: the number as the exposition shows it, and as we compare it. */
static const struct {
	const char *text;
	usec at;
} buckets[] = {
	{ "0.005", 5000 },    { "0.01", 10000 },    { "0.025", 25000 },   { "0.05", 50000 },
	{ "0.1", 100000 },    { "0.25", 250000 },   { "0.5", 500000 },    { "1", 1000000 },
	{ "2.5", 2500000 },   { "5", 5000000 },     { "10", 10000000 },   { "30", 30000000 },
	{ "60", 60000000 },   { "120", 120000000 }, { "300", 300000000 }, { "600", 600000000 },
	{ "900", 900000000 },
};
#define BUCKETS (sizeof(buckets) / sizeof(buckets[0]))

struct metric {
	struct metric *next;
	char *values[METRIC_LABELS_MAX];
	int64_t value;   /* a histogram: how many observations */
	bool time;       /* value is in usec and shown in seconds */
	int64_t sum;     /* histogram: usec */
	int64_t *counts; /* histogram: BUCKETS of them, each without the smaller ones */
};

struct metric_family {
	struct metric_family *next;
	const char *name;
	const char *help;
	enum metric_type type;
	const char *labels[METRIC_LABELS_MAX];
	size_t label_count;
	struct metric *first;
	struct metric **last; /* where the next series goes: shown in the order they were made */
};

struct metrics {
	struct metric_family *first;
	struct metric_family **last;
};

struct metrics *metrics_new(void)
{
	struct metrics *m = mem_calloc(1, sizeof(*m));
	if (m)
		m->last = &m->first;
	return m;
}

static void series_free(struct metric *s)
{
	for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
		mem_free(s->values[i]);
	mem_free(s->counts);
	mem_free(s);
}

static void family_free(struct metric_family *f)
{
	while (f->first) {
		struct metric *s = f->first;
		f->first = s->next;
		series_free(s);
	}
	mem_free(f);
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	while (m->first) {
		struct metric_family *f = m->first;
		m->first = f->next;
		family_free(f);
	}
	mem_free(m);
}

struct metric_family *metrics_family(struct metrics *m, const char *name, const char *help,
				     enum metric_type type, const char *const *labels)
{
	/* HELP and TYPE may stand there once: a second call gets the first's. */
	for (struct metric_family *f = m->first; f; f = f->next) {
		if (strcmp(f->name, name) == 0)
			return f;
	}
	struct metric_family *f = mem_calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->name = name;
	f->help = help;
	f->type = type;
	f->last = &f->first;
	for (; labels && labels[f->label_count] && f->label_count < METRIC_LABELS_MAX; f->label_count++)
		f->labels[f->label_count] = labels[f->label_count];
	*m->last = f;
	m->last = &f->next;
	return f;
}

static bool same_values(const struct metric_family *f, const struct metric *s, const char *const *values)
{
	for (size_t i = 0; i < f->label_count; i++) {
		if (strcmp(s->values[i], values[i]) != 0)
			return false;
	}
	return true;
}

static struct metric *series_new(const struct metric_family *f, const char *const *values)
{
	struct metric *s = mem_calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	for (size_t i = 0; i < f->label_count; i++) {
		s->values[i] = mem_strdup(values[i]);
		if (!s->values[i])
			goto fail;
	}
	if (f->type == METRIC_HISTOGRAM) {
		s->counts = mem_calloc(BUCKETS, sizeof(*s->counts));
		if (!s->counts)
			goto fail;
	}
	return s;
fail:
	series_free(s);
	return NULL;
}

struct metric *metrics_series(struct metric_family *f, const char *const *values)
{
	for (struct metric *s = f->first; s; s = s->next) {
		if (same_values(f, s, values))
			return s;
	}
	struct metric *s = series_new(f, values);
	if (s) {
		*f->last = s;
		f->last = &s->next;
	}
	return s;
}

void metric_add(struct metric *s, int64_t n)
{
	if (s)
		s->value += n;
}

void metric_set(struct metric *s, int64_t n)
{
	if (s)
		s->value = n;
}

void metric_add_time(struct metric *s, usec t)
{
	metric_add(s, t);
	if (s)
		s->time = true;
}

void metric_set_time(struct metric *s, usec t)
{
	metric_set(s, t);
	if (s)
		s->time = true;
}

void metric_observe(struct metric *s, usec t)
{
	if (!s || !s->counts)
		return;
	s->value++;
	s->sum += t;
	for (size_t i = 0; i < BUCKETS; i++) {
		if (t <= buckets[i].at) {
			s->counts[i]++;
			return;
		}
	}
}

int64_t metric_value(const struct metric *s)
{
	return s ? s->value : 0;
}

/* HELP escapes backslash and newline; a label value the quote too. */
static enum status add_escaped(struct buf *out, const char *s, bool quote)
{
	enum status st = STATUS_OK;
	for (; *s && st == STATUS_OK; s++) {
		if (*s == '\n')
			st = buf_add_str(out, "\\n");
		else if (*s == '\\' || (*s == '"' && quote))
			st = buf_addf(out, "\\%c", *s);
		else
			st = buf_add(out, s, 1);
	}
	return st;
}

/* {service="rekor",le="0.5"}, or nothing when there is no label at all. */
static enum status add_labels(struct buf *out, const struct metric_family *f, const struct metric *s,
			      const char *le)
{
	enum status st = STATUS_OK;
	for (size_t i = 0; i < f->label_count && st == STATUS_OK; i++) {
		st = buf_addf(out, "%s%s=\"", i == 0 ? "{" : ",", f->labels[i]);
		if (st == STATUS_OK)
			st = add_escaped(out, s->values[i], true);
		if (st == STATUS_OK)
			st = buf_add_str(out, "\"");
	}
	if (le && st == STATUS_OK)
		st = buf_addf(out, "%sle=\"%s\"", f->label_count == 0 ? "{" : ",", le);
	if ((le || f->label_count > 0) && st == STATUS_OK)
		st = buf_add_str(out, "}");
	return st;
}

static enum status add_number(struct buf *out, int64_t v, bool time)
{
	if (!time)
		return buf_addf(out, " %lld\n", (long long)v);
	uint64_t positive = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	return buf_addf(out, " %s%llu.%06llu\n", v < 0 ? "-" : "", (unsigned long long)(positive / 1000000),
			(unsigned long long)(positive % 1000000));
}

static enum status add_sample(struct buf *out, const struct metric_family *f, const struct metric *s,
			      const char *suffix, const char *le, int64_t v, bool time)
{
	enum status st = buf_addf(out, "%s%s", f->name, suffix);
	if (st == STATUS_OK)
		st = add_labels(out, f, s, le);
	if (st == STATUS_OK)
		st = add_number(out, v, time);
	return st;
}

static enum status add_histogram(struct buf *out, const struct metric_family *f, const struct metric *s)
{
	enum status st = STATUS_OK;
	int64_t below = 0;
	for (size_t i = 0; i < BUCKETS && st == STATUS_OK; i++) {
		below += s->counts[i];
		st = add_sample(out, f, s, "_bucket", buckets[i].text, below, false);
	}
	if (st == STATUS_OK)
		st = add_sample(out, f, s, "_bucket", "+Inf", s->value, false);
	if (st == STATUS_OK)
		st = add_sample(out, f, s, "_sum", NULL, s->sum, true);
	if (st == STATUS_OK)
		st = add_sample(out, f, s, "_count", NULL, s->value, false);
	return st;
}

static enum status add_family(struct buf *out, const struct metric_family *f)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };
	enum status st = buf_addf(out, "# HELP %s ", f->name);
	if (st == STATUS_OK)
		st = add_escaped(out, f->help, false);
	if (st == STATUS_OK)
		st = buf_addf(out, "\n# TYPE %s %s\n", f->name, types[f->type]);
	for (const struct metric *s = f->first; s && st == STATUS_OK; s = s->next) {
		if (f->type == METRIC_HISTOGRAM)
			st = add_histogram(out, f, s);
		else
			st = add_sample(out, f, s, "", NULL, s->value, s->time);
	}
	return st;
}

enum status metrics_expose(const struct metrics *m, struct buf *out)
{
	size_t before = out->n;
	enum status st = STATUS_OK;
	for (const struct metric_family *f = m->first; f && st == STATUS_OK; f = f->next) {
		if (f->first)
			st = add_family(out, f);
	}
	if (st != STATUS_OK && out->p) {
		out->n = before;
		out->p[before] = '\0';
	}
	return st;
}
