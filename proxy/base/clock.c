#include <sigrelay/base/clock.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

static usec read_clock(clockid_t id)
{
	struct timespec ts = { 0 };
	clock_gettime(id, &ts);
	return (usec)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

struct instant clock_now(void)
{
	return (struct instant){ .mono = read_clock(CLOCK_MONOTONIC), .wall = read_clock(CLOCK_REALTIME) };
}

usec usec_add(usec a, usec b)
{
	usec sum;
	return __builtin_add_overflow(a, b, &sum) ? USEC_NEVER : sum;
}

usec usec_min(usec a, usec b)
{
	return a < b ? a : b;
}

usec usec_max(usec a, usec b)
{
	return a > b ? a : b;
}

/* "10m 5s", "10m": the smaller unit only when there is some of it. */
static void format_two(char out[32], int64_t big, const char *big_unit, int64_t small, const char *small_unit)
{
	if (small != 0)
		snprintf(out, 32, "%lld%s %lld%s", (long long)big, big_unit, (long long)small, small_unit);
	else
		snprintf(out, 32, "%lld%s", (long long)big, big_unit);
}

static void format_positive(usec t, char out[32])
{
	int64_t tenths = t / 100000 + (t % 100000 >= 50000);
	int64_t seconds = t / USEC_PER_SEC + (t % USEC_PER_SEC >= USEC_PER_SEC / 2);
	if (t < USEC_PER_SEC)
		snprintf(out, 32, "%lldms", (long long)(t / USEC_PER_MSEC));
	else if (tenths < 600 && tenths % 10 != 0)
		snprintf(out, 32, "%lld.%llds", (long long)(tenths / 10), (long long)(tenths % 10));
	else if (seconds < 60)
		snprintf(out, 32, "%llds", (long long)seconds);
	else if (seconds < 3600)
		format_two(out, seconds / 60, "m", seconds % 60, "s");
	else
		format_two(out, seconds / 3600, "h", seconds % 3600 / 60, "m");
}

void usec_format(usec t, char out[32])
{
	if (t == USEC_NEVER) {
		memcpy(out, "never", sizeof("never"));
	} else if (t < 0) {
		char positive[32];
		format_positive(t == INT64_MIN ? INT64_MAX : -t, positive);
		snprintf(out, 32, "-%.30s", positive);
	} else {
		format_positive(t, out);
	}
}
