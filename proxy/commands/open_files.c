#include <sigrelay/commands/open_files.h>

#include <sys/resource.h>

#include <sigrelay/base/clock.h>
#include <sigrelay/sigstore/operation.h>

#define OWN 64 /* listeners, the loop, resolver threads' pairs, standard streams, certificates */

int64_t open_files_raise(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return INT64_MAX;
	rlim_t soft = r.rlim_cur;
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) != 0)
		r.rlim_cur = soft;
	return r.rlim_cur == RLIM_INFINITY || r.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)r.rlim_cur;
}

/* Upstreams get half of it at most: no attempt is made for nobody. */
int64_t open_files_clients(int64_t limit, int64_t attempts_in_flight)
{
	int64_t upstreams = attempts_in_flight * SERVICE_COUNT;
	if (upstreams > limit / 2)
		upstreams = limit / 2;
	int64_t clients = limit - upstreams - OWN;
	return clients < 1 ? 1 : clients;
}
